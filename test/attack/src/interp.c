/* An interpreter that is no loader: it says so and ends. Freestanding, so that it needs nothing. */
#include <sys/syscall.h>

static long call(long n, long a, const void *b, long c)
{
	long ret;
	__asm__ volatile("syscall" : "=a"(ret) : "a"(n), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return ret;
}

void _start(void)
{
	static const char line[] = "interpreter owned\n";
	call(SYS_write, 1, line, sizeof line - 1);
	call(SYS_exit_group, 0, 0, 0);
}
