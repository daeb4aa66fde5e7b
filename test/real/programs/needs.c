/*
 * needs.c: a program with a library in DT_NEEDED. Says what the library says.
 */
#include <stdio.h>

const char *greet(void);

int main(void)
{
	puts(greet());
	return 0;
}
