/* ld_sys.h, x86_64: how a system call is made, and the numbers (arch/x86/entry/syscalls). */
#ifndef LD_SYS_H
#define LD_SYS_H

#define LD_NR_READ 0
#define LD_NR_WRITE 1
#define LD_NR_OPENAT 257
#define LD_NR_CLOSE 3
#define LD_NR_MMAP 9
#define LD_NR_MPROTECT 10
#define LD_NR_MUNMAP 11
#define LD_NR_PREAD64 17
#define LD_NR_MADVISE 28
#define LD_NR_NANOSLEEP 35
#define LD_NR_GETPID 39
#define LD_NR_GETEUID 107
#define LD_NR_FCNTL 72
#define LD_NR_READLINKAT 267
#define LD_NR_PERSONALITY 135
#define LD_NR_FSTATFS 138
#define LD_NR_PRCTL 157
#define LD_NR_EXIT_GROUP 231
#define LD_NR_EXECVEAT 322
#define LD_NR_STATX 332
#define LD_NR_FACCESSAT2 439
#define LD_NR_MSEAL 462
#define LD_NR_SOCKET 41
#define LD_NR_SENDTO 44
#define LD_NR_RT_SIGPENDING 127
#define LD_NR_RT_SIGPROCMASK 14
#define LD_NR_RT_SIGTIMEDWAIT 128
#define LD_NR_PPOLL 271
#define LD_NR_PWRITEV2 328
#define LD_NR_LANDLOCK_CREATE_RULESET 444

#define LD_SIGSET_LEN 8 /* bytes of a signal set, as the kernel counts */

/* flags of open(2) that differ between architectures */
#define LD_O_DIRECTORY 0200000
#define LD_O_NOFOLLOW 0400000

static inline long ld_sys6(long n, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ __volatile__("syscall"
			     : "=a"(ret)
			     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			     : "rcx", "r11", "memory");
	return ret;
}

/*
 * Ask valgrind for request[0], with five words of arguments: it recognises these instructions (its
 * manual, "The Client Request mechanism"). On a processor they do nothing, and the answer is 0.
 */
static inline unsigned long ld_sys_valgrind(const unsigned long request[6])
{
	unsigned long ret = 0;

	__asm__ __volatile__("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi\n\t"
			     "xchgq %%rbx, %%rbx"
			     : "+d"(ret)
			     : "a"(request)
			     : "cc", "memory");
	return ret;
}

#endif
