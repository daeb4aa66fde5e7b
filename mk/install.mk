# install.mk: the loader to SYSLIBDIR, what ward-cc needs to PREFIX. DESTDIR goes before both.

P := $(DESTDIR)$(PREFIX)
LDSO_NAME := ld-ward-$(ARCH).so.1
INSTALLED_LIBS := $(notdir $(wildcard $(STOCK)/lib/*.o $(STOCK)/lib/*.a))

# doc/NAME.SECTION goes to share/man/manSECTION
MANUALS := $(notdir $(wildcard doc/*.[158]))
manual = share/man/man$(subst .,,$(suffix $(1)))/$(1)

#: make install         DESTDIR=DIR for packages; make uninstall takes away what this put there
.PHONY: install uninstall
install: all
	install -d '$(DESTDIR)$(SYSLIBDIR)' '$(P)/bin' '$(P)/lib' '$(P)/include' '$(P)/kernel-include'
	install -m 755 $(LDSO) '$(DESTDIR)$(SYSLIBDIR)/.$(LDSO_NAME).new'
	$(STRIP) --strip-debug '$(DESTDIR)$(SYSLIBDIR)/.$(LDSO_NAME).new'
	mv '$(DESTDIR)$(SYSLIBDIR)/.$(LDSO_NAME).new' '$(DESTDIR)$(SYSLIBDIR)/$(LDSO_NAME)'
	install -m 644 $(STOCK)/lib/*.o $(STOCK)/lib/*.a tools/ward-gcc.specs '$(P)/lib'
	ln -sfn '$(SYSLIBDIR)/$(LDSO_NAME)' '$(P)/lib/libc.so'
	cp -R $(B)/include/. '$(P)/include'
	cp -P $(B)/kernel-include/* '$(P)/kernel-include'
	ARCH='$(ARCH)' CC='$(CC)' CROSS='$(CROSS)' FAMILY='$(CC_FAMILY)' \
		tools/gen-ward-cc '$(SYSLIBDIR)/$(LDSO_NAME)' >'$(P)/bin/ward-cc'
	chmod 755 '$(P)/bin/ward-cc'
	$(foreach m,$(MANUALS),install -D -m 644 doc/$(m) '$(P)/$(call manual,$(m))' &&) :

uninstall:
	rm -f '$(DESTDIR)$(SYSLIBDIR)/$(LDSO_NAME)' '$(P)/bin/ward-cc' '$(P)/lib/libc.so'
	cd '$(P)' && rm -f $(foreach m,$(MANUALS),$(call manual,$(m)))
	cd '$(P)' && rm -f lib/ward-gcc.specs $(addprefix lib/,$(INSTALLED_LIBS))
	cd '$(P)' && (cd '$(CURDIR)/$(B)/include' && find . -type f) | sed 's|^|include/|' | xargs rm -f
	cd '$(P)' && rm -f kernel-include/*
	-find '$(P)' -depth -type d -empty -delete
