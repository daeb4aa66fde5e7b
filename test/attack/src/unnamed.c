/* Needs a function of any name: -DNAME="..." as a C string. */
#include <stdio.h>

int hostile(void) __asm__(NAME);

int main(void)
{
	hostile();
	puts("unnamed");
	return 0;
}
