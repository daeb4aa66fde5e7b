# install.mk: the loader to SYSLIBDIR, what ward-cc needs to PREFIX. DESTDIR goes before both.
# tools/install-ward does it, and says how.

LDSO_NAME := ld-ward-$(ARCH).so.1
MUSL_NAME := ld-musl-$(ARCH).so.1
BINDIR := $(PREFIX)/bin
MANDIR := $(PREFIX)/share/man

# The programs of the self-test, linked for the names that the loader has before it has its own.
SELFTEST := $(if $(CROSS),,$(addprefix $(B)/selftest/,named musl plugin.so))
selftest_cc = $(B)/bin/ward-cc -O1 -Wall -Wextra -o $@
all: $(SELFTEST)

$(B)/gen/selftest.flags: FORCE
	@$(call keep,$(SYSLIBDIR))

$(SELFTEST): $(B)/gen/selftest.flags $(B)/bin/ward-cc $(B)/stamp/sysroot $(LDSO) | $(B)/selftest

$(B)/selftest:
	@mkdir -p $@

$(B)/selftest/named: tools/selftest/program.c
	@$(say) LINK selftest/$(@F)
	$(Q)$(selftest_cc) $< -pthread '-Wl,-dynamic-linker,$(SYSLIBDIR)/.$(LDSO_NAME).new'

$(B)/selftest/musl: tools/selftest/program.c
	@$(say) LINK selftest/$(@F)
	$(Q)$(selftest_cc) $< -pthread '-Wl,-dynamic-linker,$(SYSLIBDIR)/.$(MUSL_NAME).new'

$(B)/selftest/plugin.so: tools/selftest/plugin.c
	@$(say) LINK selftest/$(@F)
	$(Q)$(selftest_cc) -shared -fPIC $<

INSTALL_ENV = BUILD='$(B)' ARCH='$(ARCH)' LOADER='$(LDSO)' SYSLIBDIR='$(SYSLIBDIR)' \
	PREFIX='$(PREFIX)' BINDIR='$(BINDIR)' MANDIR='$(MANDIR)' STRIP='$(STRIP)' \
	READELF='$(READELF)' NM='$(NM)' CC='$(CC)' \
	CROSS='$(CROSS)' FAMILY='$(CC_FAMILY)' DESTDIR='$(DESTDIR)' AS_MUSL='$(as-musl)'
INSTALL_WARD = $(INSTALL_ENV) tools/install-ward

#: make install         DESTDIR=DIR for packages; as-musl=yes: in musl's place, too
#: make install-loader  only the loader
#: make uninstall       takes it away; what had musl's name before has it again
.PHONY: install install-loader uninstall
install: all
	@$(INSTALL_WARD) install

install-loader: all
	@$(INSTALL_WARD) loader

uninstall:
	@$(INSTALL_WARD) uninstall

DEB_DIR := $(B)/deb

#: make deb             Debian packages below build/ARCH/deb: ward, ward-dev, ward-as-musl
.PHONY: deb
deb: all
	@$(INSTALL_ENV) tools/make-deb '$(DEB_DIR)'
