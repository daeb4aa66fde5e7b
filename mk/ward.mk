# ward.mk: our objects, and the loader: musl's shared C library with our files in place of the
# musl objects that ldso/replace/DROP names (and of dynlink, always). libc.a stays musl's own.

LDSO := $(B)/lib/ld-ward-$(ARCH).so.1

LD_SRCS := $(sort $(wildcard src/*.c ldso/*.c ldso/replace/*.c arch/$(ARCH)/*.c arch/$(ARCH)/*.S))
LD_OBJS := $(addsuffix .o,$(addprefix $(B)/obj/,$(basename $(LD_SRCS))))

# Link order is page order, and a page that a start touches is what it pays for. In front what every
# start uses: area first, its memory must lie at the front of RELRO; then, behind the hot objects of
# musl, the room a load works in; last what most starts never call.
LD_HOT := ldso/area ldso/born ldso/replace/__init_tls ldso/musl ldso/debug ldso/publish ldso/init \
	ldso/stage ldso/anon ldso/start ldso/facts ldso/policy ldso/refuse ldso/program ldso/repair \
	ldso/load ldso/search ldso/origin ldso/open ldso/vet ldso/map ldso/place ldso/link ldso/seal ldso/vdso \
	ldso/tls src/apply src/arena src/dyn src/ehdr src/phdr src/graph src/layout src/lfs64 src/note \
	src/os_linux src/path src/policy src/registry src/sym src/tlslayout src/tlsrel src/verdict src/err \
	ldso/replace/malloc ldso/dlapi ldso/deferred
LD_ROOM := ldso/room
LD_HOT_OBJS := $(filter $(LD_OBJS),$(LD_HOT:%=$(B)/obj/%.o))
LD_ROOM_OBJS := $(LD_ROOM:%=$(B)/obj/%.o)
LD_COLD_OBJS := $(filter-out $(LD_HOT_OBJS) $(LD_ROOM_OBJS),$(LD_OBJS))

# Only these see musl's internals; all others compile without any C library header in reach.
LD_MUSL_OBJS := $(filter $(B)/obj/ldso/musl.o $(B)/obj/ldso/replace/%,$(LD_OBJS))

# Files that run before there is a thread pointer, or before the GOT is relocated: one of them leads to
# the stack protector's canary.
LD_NO_SSP := ldso/born.c ldso/stage.c ldso/area.c ldso/musl.c ldso/replace/__init_tls.c src/os_linux.c

CFLAGS_LD := -std=c11 -O2 -gdwarf-4 -pipe -ffreestanding -fPIC -fvisibility=hidden \
	-fno-strict-aliasing -fwrapv -ffunction-sections -fdata-sections -fno-common \
	-fno-unwind-tables -fno-asynchronous-unwind-tables \
	-Wall -Wextra -Wshadow -Wundef -Wpointer-arith -Wwrite-strings -Wno-missing-field-initializers \
	-Werror=vla -Werror=strict-prototypes -Werror=missing-prototypes -Werror=unused-result \
	-Werror=return-type -Werror=int-conversion -Werror=incompatible-pointer-types \
	-Werror=implicit-function-declaration -Werror=implicit-int \
	$(CFLAGS_HARD) -ffile-prefix-map=$(CURDIR)=. $(CFLAGS_USER)
INCLUDES_LD := -iquote src -iquote ldso -iquote arch/$(ARCH) -iquote $(B)/gen -iquote include
INCLUDES_MUSL := -nostdinc -D_XOPEN_SOURCE=700 $(patsubst %,-isystem %,\
	$(MUSL)/arch/$(ARCH) $(MUSL)/arch/generic $(MUSL_OBJ)/obj/src/internal \
	$(MUSL)/src/include $(MUSL)/src/internal $(MUSL_OBJ)/obj/include $(MUSL)/include)

$(LD_OBJS): LD_ENV := $(CFLAGS_FREE)
$(LD_MUSL_OBJS): LD_ENV := $(INCLUDES_MUSL)
$(LD_OBJS): LD_SSP := -fstack-protector-strong
$(addsuffix .o,$(addprefix $(B)/obj/,$(basename $(LD_NO_SSP)))): LD_SSP := -fno-stack-protector

CC_LD = $(CC) $(CFLAGS_LD) $(LD_SSP) $(LD_ENV) $(INCLUDES_LD)

$(B)/gen/ward.flags: FORCE
	@$(call keep,$(CC) $(CFLAGS_LD) $(INCLUDES_LD) $(CFLAGS_FREE) $(LINKER) $(LDFLAGS_SO) \
		| $(LD_NO_SSP) | $(LD_HOT))

$(B)/gen/ld_config.h: FORCE $(B)/stamp/musl-src VERSION tools/gen-config
	@ARCH='$(ARCH)' PREFIX='$(PREFIX)' SYSLIBDIR='$(SYSLIBDIR)' POLICY='$(POLICY)' \
		FLOOR='$(FLOOR)' STATIC_TLS='$(STATIC_TLS)' tools/gen-config $(MUSL) >$@.$$$$ && \
		if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi

$(LD_OBJS): $(B)/gen/ward.flags $(STOCK_STAMP) | $(B)/gen/ld_config.h

$(B)/obj/%.o: %.c
	@$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC_LD) -MMD -MP -c -o $@ $<

$(B)/obj/%.o: %.S
	@$(say) AS $<
	@mkdir -p $(@D)
	$(Q)$(CC_LD) -MMD -MP -c -o $@ $<

-include $(LD_OBJS:.o=.d)

# The lists of musl objects to link: all of libc.so's but those we replace.
$(B)/gen/link-%.txt: $(STOCK_STAMP) $(wildcard ldso/replace/DROP) tools/link-list mk/hot-musl.txt
	$(Q)tools/link-list $* $(MUSL_OBJ) $(B)/gen/musl-objects.txt ldso/replace/DROP \
		mk/hot-musl.txt >$@.$$$$ && mv $@.$$$$ $@

# The last step is one rename: programs that run on the old loader, and a failed link, keep it.
.PRECIOUS: $(LDSO)
$(LDSO): $(LD_OBJS) $(B)/gen/link-hot.txt $(B)/gen/link-rest.txt tools/link-contract test/contract/required.txt \
		mk/ward.ld tools/loader-image
	@$(say) LINK $(@F)
	@mkdir -p $(@D)
	$(Q)new=$@.new.$$$$; trap 'rm -f $$new' EXIT; \
	$(CC) $(LINKER) -nostdlib -shared $(LDFLAGS_SO) -Wl,-T,mk/ward.ld -Wl,-e,ld_entry \
		-Wl,--dynamic-list=$(MUSL)/dynamic.list -Wl,-Map=$(B)/gen/link.map -o $$new \
		$(LD_HOT_OBJS) @$(B)/gen/link-hot.txt $(LD_ROOM_OBJS) @$(B)/gen/link-rest.txt \
		$(LD_COLD_OBJS) -lgcc && \
	READELF='$(READELF)' NM='$(NM)' tools/loader-image anonymous $$new && \
	tools/link-contract $(B) $(NM) $(LD_OBJS) && \
	mv $$new $@ && ln -f $@ $(@D)/libc.so

# What ward-cc needs beside the loader: crt files, static libraries, headers.
KERNEL_HEADERS := $(if $(CROSS),/usr/$(ARCH)-linux-gnu/include,/usr/include)
KERNEL_ASM := $(firstword $(wildcard /usr/include/$(ARCH)-linux-gnu/asm $(KERNEL_HEADERS)/asm))

$(B)/stamp/sysroot: $(STOCK_STAMP) $(wildcard include/*.h) tools/ward-gcc.specs
	@mkdir -p $(B)/lib $(B)/include $(B)/kernel-include
	@cp $(STOCK)/lib/*.o $(STOCK)/lib/*.a tools/ward-gcc.specs $(B)/lib/
	@cp -R $(STOCK)/include/. $(B)/include/
	@$(if $(wildcard include/*.h),cp $(wildcard include/*.h) $(B)/include/)
	@$(foreach d,linux asm-generic mtd,ln -sfn $(KERNEL_HEADERS)/$(d) $(B)/kernel-include/$(d);)
	@$(if $(KERNEL_ASM),ln -sfn $(KERNEL_ASM) $(B)/kernel-include/asm)
	@touch $@

$(B)/bin/ward-cc: tools/ward-cc.in tools/gen-ward-cc $(B)/config.mk
	@mkdir -p $(@D)
	@ARCH='$(ARCH)' CC='$(CC)' CROSS='$(CROSS)' FAMILY='$(CC_FAMILY)' tools/gen-ward-cc >$@.tmp
	@chmod +x $@.tmp && mv $@.tmp $@

#: make sysroot         ward-cc and what it links with, without the loader
.PHONY: all sysroot
sysroot: $(B)/stamp/sysroot $(B)/bin/ward-cc
all: $(LDSO) sysroot
