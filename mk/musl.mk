# musl.mk: the source tree, its objects, and stock musl of the same build (positive control, and
# the base of the benchmarks). Results used elsewhere: MUSL, MUSL_OBJ, STOCK, the stamp.

MUSL := $(B)/musl
MUSL_OBJ := $(B)/musl-obj
STOCK := $(B)/stock
STOCK_STAMP := $(B)/stamp/stock
# What musl is compiled with; the tests set it to keep the objects when ward's compiler changes.
MUSL_CC := $(CC)
# Frames for debuggers and profilers, in a section that is never loaded: musl is compiled without unwind
# tables, and a backtrace would end in the C library. Only clang writes frames and nothing else.
MUSL_CFLAGS := $(if $(findstring clang,$(MUSL_CC)),-fforce-dwarf-frame)
MUSL_SRC := $(if $(MUSL_DIR),$(MUSL_DIR),../src/musl-$(MUSL_VERSION))

$(B)/stamp $(B)/gen:
	@mkdir -p $@

ifneq ($(MUSL_BUILD),)
# Another build directory's, as it is there.
$(STOCK_STAMP): $(MUSL_BUILD)/stamp/stock | $(B)/stamp $(B)/gen
	@for f in musl musl-obj stock gen/musl-objects.txt; do \
		ln -sfn '$(abspath $(MUSL_BUILD))'/$$f $(B)/$$f || exit 1; done
	@touch $@

$(B)/stamp/musl-src: $(STOCK_STAMP)
	@touch $@
else

ifeq ($(MUSL_DIR),)
build/src/musl-$(MUSL_VERSION):
	@$(say) FETCH musl-$(MUSL_VERSION)
	$(Q)tools/fetch-musl $(MUSL_VERSION) $@
$(B)/stamp/musl-src: | build/src/musl-$(MUSL_VERSION)
endif

$(B)/gen/musl.flags: FORCE
	@$(call keep,$(MUSL_CC) $(MUSL_CFLAGS) | $(MUSL_SRC))

$(B)/stamp/musl-src: $(B)/gen/musl.flags | $(B)/stamp
	@ln -sfn $(MUSL_SRC) $(MUSL)
	@touch $@

# Paths given to configure are relative, so that no object depends on where it was built.
$(B)/stamp/musl-conf: $(B)/stamp/musl-src
	@$(say) CONF musl
	@rm -rf $(MUSL_OBJ) && mkdir -p $(MUSL_OBJ)
	$(Q)cd $(MUSL_OBJ) && CC='$(MUSL_CC)' AR='$(AR)' RANLIB='$(RANLIB)' \
		CFLAGS='$(MUSL_CFLAGS)' LDFLAGS='$(LINKER)' \
		../musl/configure --srcdir=../musl --prefix='$(abspath $(STOCK))' \
		--syslibdir='$(abspath $(STOCK))/lib' --target=$(ARCH)-linux-musl \
		$(if $(CROSS),CROSS_COMPILE=$(CROSS),--build=$(ARCH)-linux-musl) \
		$(if $(CROSS),,--enable-wrapper=$(CC_FAMILY)) \
		>configure.log 2>&1 || { cat configure.log; exit 1; }
	@touch $@

$(STOCK_STAMP): $(B)/stamp/musl-conf
	@$(say) MAKE musl
	$(Q)+$(MAKE) -s -C $(MUSL_OBJ) >$(MUSL_OBJ)/make.log 2>&1 || \
		{ tail -n 40 $(MUSL_OBJ)/make.log; exit 1; }
	$(Q)rm -rf $(STOCK)
	$(Q)+$(MAKE) -s -C $(MUSL_OBJ) install >$(MUSL_OBJ)/install.log
	$(Q)ln -sf libc.so $(STOCK)/lib/ld-musl-$(ARCH).so.1
	$(Q)MAKEFLAGS= $(MAKE) -s -C $(MUSL_OBJ) \
		--eval='ward-list:;@printf "%s\n" $$(LOBJS)' ward-list >$(B)/gen/musl-objects.txt
	@touch $@
endif

#: make stock           only stock musl, in build/ARCH/stock
.PHONY: stock
stock: $(STOCK_STAMP)
