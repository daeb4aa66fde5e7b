/* ld_arch.h, aarch64: facts of the machine and its psABI (ELF for the Arm 64-bit Architecture). */
#ifndef LD_ARCH_H
#define LD_ARCH_H

#define LD_ARCH_BITS 64
#define LD_ARCH_MACHINE 183 /* EM_AARCH64 */
#define LD_ARCH_R_RELATIVE 1027
#define LD_ARCH_PAGE_MAX 65536
#define LD_ARCH_TLS_ABOVE 1 /* variant I: blocks lie above the thread pointer */
#define LD_ARCH_TLS_GAP 16
#define LD_ARCH_TPOFF_BIAS 0
#define LD_ARCH_DTPOFF_BIAS 0
#define LD_ARCH_INIT_FINI 0
#define LD_ARCH_SEAL 1
#define LD_ARCH_TLSDESC_SWAPPED 0
#define LD_ARCH_FEATURE_1 0xc0000000 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND */

/* code of the loader's entry: calls function, which does not return, with the initial stack pointer */
#define LD_ARCH_ENTRY(function) "mov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tbl " function

/* leave for the program through x16: an entry that starts with "bti c" accepts it */
#define LD_ARCH_JUMP(entry, sp)                                                                    \
	do {                                                                                       \
		register void *ld_entry_ __asm__("x16") = (void *)(entry);                         \
		__asm__ __volatile__("mov sp, %1\n\tmov x0, #0\n\tbr %0"                           \
				     :                                                             \
				     : "r"(ld_entry_), "r"(sp)                                     \
				     : "memory", "x0");                                            \
	} while (0)

#endif
