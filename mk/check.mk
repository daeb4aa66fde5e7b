# check.mk: the tests. A suite is one command, test/SUITE/run BUILD_DIR, that ends with the line
# `N passed, N failed, N skipped`; tools/check runs several and adds them up.

CHECK_SUITES := unit integ enforce attack floor contract tools install

#: make demo            install what is missing (as root), build, show what ward does
.PHONY: demo
demo:
	@tools/install-deps build demo
	@$(MAKE) -j$(JOBS) ARCH=$(ARCH) all
	@test/real/demo $(B)

#: make check           unit, integ, enforce, attack, floor, contract, tools, install; or one alone: make check-unit
.PHONY: check check-real check-full $(CHECK_SUITES:%=check-%)
check:
	@tools/install-deps build test
	@$(MAKE) -j$(JOBS) ARCH=$(ARCH) all
	@tools/check $(B) $(CHECK_SUITES)

$(CHECK_SUITES:%=check-%): check-%: all
	@test/$*/run $(B)

#: make check-real      real programs: Lua, SQLite, CPython, C++, Go, Bun, npm; REAL=large: larger ones
check-real:
	@tools/install-deps build real $(REAL:%=real-%)
	@$(MAKE) -j$(JOBS) ARCH=$(ARCH) all
	@test/real/run $(B) $(REAL:%=--%)

#: make check-musl      check and check-real again, with musl 1.2.6 as base
.PHONY: check-musl
check-musl:
	@tools/install-deps build test real
	@test -e $(B)/config.mk || ./configure --arch=$(ARCH) --dir=$(B)
	@test/musl/run $(B) 1.2.6

#: make check-full      all of these, check-cross, check-real-aarch64 and check-vm
check-full: all
	@tools/check $(B) $(CHECK_SUITES) real
	@$(MAKE) check-real REAL=large
	@$(MAKE) check-cross
	@$(MAKE) check-real-aarch64 LONG=1
	@$(MAKE) check-musl
	@$(MAKE) check-vm check-vm-aarch64

#: make check-cross     build for aarch64 and test there under QEMU
.PHONY: check-cross
check-cross:
	@tools/install-deps cross
	@$(MAKE) -j$(JOBS) ARCH=aarch64 all
	@test/cross/run build/aarch64

#: make check-real-aarch64  real programs for aarch64 under QEMU; LONG=1: the long ones too
.PHONY: check-real-aarch64
check-real-aarch64:
	@tools/install-deps build cross real
	@$(MAKE) -j$(JOBS) ARCH=aarch64 all
	@test/real/run build/aarch64 $(LONG:%=--long)

# What is missing, and cannot be installed, is for the suite to skip.
#: make check-vm        other kernels in virtual machines: BPF LSM, securebits, old kernels
.PHONY: check-vm check-vm-aarch64
check-vm:
	@tools/install-deps build
	@tools/install-deps vm || echo "check-vm: going on with what is there"
	@$(MAKE) -j$(JOBS) ARCH=$(ARCH) all
	@test/vm/run $(B)

#: make check-vm-aarch64  seals and check of a cross-built ward in a virtual machine
check-vm-aarch64:
	@tools/install-deps build cross
	@tools/install-deps vm || echo "check-vm: going on with what is there"
	@$(MAKE) -j$(JOBS) ARCH=aarch64 all
	@test/vm/run build/aarch64

#: make bench           against stock musl of the same build; BENCH=full for the large workloads
.PHONY: bench
bench: all
	@test/bench/run $(B)
