/*
 * hello.c: a program without a library of its own, to be started by the loader directly.
 */
#include <stdio.h>

int main(void)
{
	puts("hello from a program");
	return 0;
}
