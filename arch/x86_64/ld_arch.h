/* ld_arch.h, x86_64: facts of the machine and its psABI (System V ABI, AMD64 supplement 1.0). */
#ifndef LD_ARCH_H
#define LD_ARCH_H

#define LD_ARCH_BITS 64
#define LD_ARCH_MACHINE 62 /* EM_X86_64 */
#define LD_ARCH_R_RELATIVE 8
#define LD_ARCH_PAGE_MAX 4096 /* largest page size the architecture uses */
#define LD_ARCH_TLS_ABOVE 0 /* variant II: blocks lie below the thread pointer */
#define LD_ARCH_TLS_GAP 0
#define LD_ARCH_TPOFF_BIAS 0
#define LD_ARCH_DTPOFF_BIAS 0
#define LD_ARCH_INIT_FINI 1 /* DT_INIT and DT_FINI are honoured */
#define LD_ARCH_SEAL 1 /* mseal(2) exists */
#define LD_ARCH_TLSDESC_SWAPPED 0
#define LD_ARCH_FEATURE_1 0xc0000002 /* GNU_PROPERTY_X86_FEATURE_1_AND */

/* code of the loader's entry: calls function, which does not return, with the initial stack pointer */
#define LD_ARCH_ENTRY(function) "xor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall " function

/* leave for the program: sp is its argc, rdx must be 0 (else _start registers it with atexit) */
#define LD_ARCH_JUMP(entry, sp)                                                                    \
	__asm__ __volatile__("mov %1, %%rsp\n\txor %%edx, %%edx\n\tjmp *%0"                        \
			     :                                                                     \
			     : "r"(entry), "r"(sp)                                                 \
			     : "memory", "rdx")

#endif
