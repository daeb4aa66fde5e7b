/* A library whose indirect function announces that it is resolved, before any other code runs. */
#include <unistd.h>

static int answer(void)
{
	return 42;
}

__attribute__((used)) static void *resolve(void)
{
	static const char line[] = "resolver ran\n";
	if (write(1, line, sizeof line - 1) < 0) _exit(99);
	return (void *)answer;
}

int ifunc_answer(void) __attribute__((ifunc("resolve")));

int (*const volatile ifunc_pointer)(void) = ifunc_answer;
