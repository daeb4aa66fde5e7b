/* A static program that loads: prints what came of it, and its stack guard. */
#include <dlfcn.h>
#include <stdio.h>
#include <sys/auxv.h>

int main(int argc, char **argv)
{
	unsigned long guard;
	__asm__("mov %%fs:0x28, %0" : "=r"(guard));
	printf("secure %lu\ncanary %#lx\n", getauxval(AT_SECURE), guard);
	for (int i = 1; i < argc; i++)
		printf("open %s: %s\n", argv[i], dlopen(argv[i], RTLD_NOW) ? "ok" : dlerror());
	return 0;
}
