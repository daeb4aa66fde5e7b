# ward: build, test, install. `make help` lists the targets.
#
# Everything built lies under build/ARCH/, or the directory that `make B=DIR` names (configure --dir). mk/musl.mk makes the C library's objects and stock musl,
# mk/ward.mk the loader, mk/check.mk runs the tests, mk/install.mk installs.

ARCH ?= $(shell uname -m)
B := build/$(ARCH)
JOBS := $(shell nproc 2>/dev/null || echo 1)

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/sh

ifeq ($(V),1)
Q :=
say := :
else
Q := @
say := printf '  %-5s %s\n'
endif

# $(call keep,text): write the target only when its text changes, which rebuilds what depends on it
keep = mkdir -p $(@D); \
	printf '%s\n' '$(1)' | cmp -s - $@ || printf '%s\n' '$(1)' >$@

.PHONY: default help clean distclean FORCE
default: all

help:
	@sed -n 's/^#: //p' Makefile $(wildcard mk/*.mk)

#: make                 build for this machine, or ARCH=aarch64
#: make clean           remove what was built for ARCH; fetched sources and the corpus stay
clean:
	rm -rf $(B)

#: make distclean       remove build/
distclean:
	rm -rf build

# These run before a compiler is there, or only start other makes.
ifneq ($(filter-out help clean distclean demo check check-real check-real-aarch64 check-musl check-cross check-vm check-vm-aarch64,$(or $(MAKECMDGOALS),all)),)
include $(B)/config.mk
$(B)/config.mk: configure
	@./configure --arch=$(ARCH) --dir=$(B) $(CONFIGURE_ARGS)
include mk/musl.mk mk/ward.mk mk/install.mk
endif
include mk/check.mk
