/* ld_sys.h, aarch64: how a system call is made, and the numbers (asm-generic/unistd.h). */
#ifndef LD_SYS_H
#define LD_SYS_H

#define LD_NR_READ 63
#define LD_NR_WRITE 64
#define LD_NR_OPENAT 56
#define LD_NR_CLOSE 57
#define LD_NR_MMAP 222
#define LD_NR_MPROTECT 226
#define LD_NR_MUNMAP 215
#define LD_NR_PREAD64 67
#define LD_NR_MADVISE 233
#define LD_NR_NANOSLEEP 101
#define LD_NR_GETPID 172
#define LD_NR_GETEUID 175
#define LD_NR_FCNTL 25
#define LD_NR_READLINKAT 78
#define LD_NR_PERSONALITY 92
#define LD_NR_FSTATFS 44
#define LD_NR_PRCTL 167
#define LD_NR_EXIT_GROUP 94
#define LD_NR_EXECVEAT 281
#define LD_NR_STATX 291
#define LD_NR_FACCESSAT2 439
#define LD_NR_MSEAL 462
#define LD_NR_SOCKET 198
#define LD_NR_SENDTO 206
#define LD_NR_RT_SIGPENDING 136
#define LD_NR_RT_SIGPROCMASK 135
#define LD_NR_RT_SIGTIMEDWAIT 137
#define LD_NR_PPOLL 73
#define LD_NR_PWRITEV2 287
#define LD_NR_LANDLOCK_CREATE_RULESET 444

#define LD_SIGSET_LEN 8 /* bytes of a signal set, as the kernel counts */

/* flags of open(2) that differ between architectures */
#define LD_O_DIRECTORY 040000
#define LD_O_NOFOLLOW 0100000

static inline long ld_sys6(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ __volatile__("svc #0"
			     : "+r"(x0)
			     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			     : "memory", "cc");
	return x0;
}

/*
 * Ask valgrind for request[0], with five words of arguments: it recognises these instructions (its
 * manual, "The Client Request mechanism"). On a processor they do nothing, and the answer is 0.
 */
static inline unsigned long ld_sys_valgrind(const unsigned long request[6])
{
	register unsigned long x3 __asm__("x3") = 0;
	register const unsigned long *x4 __asm__("x4") = request;

	__asm__ __volatile__("ror x12, x12, #3; ror x12, x12, #13; ror x12, x12, #51; ror x12, x12, #61\n\t"
			     "orr x10, x10, x10"
			     : "+r"(x3)
			     : "r"(x4)
			     : "cc", "memory");
	return x3;
}

#endif
