/* What looks like a second C library: the two names that tell one, and a constructor. */
#include <unistd.h>

void *stdin;

int __libc_start_main(void);
int __libc_start_main(void)
{
	return 0;
}

__attribute__((constructor)) static void begin(void)
{
	static const char line[] = "second libc ran\n";
	if (write(1, line, sizeof line - 1) < 0) _exit(99);
}
