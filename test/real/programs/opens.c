/*
 * opens.c: a program that loads a library by dlopen, or says why it could not.
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	const char *(*greet)(void);
	void *library;

	if (argc != 2)
		return 2;
	library = dlopen(argv[1], RTLD_NOW);
	if (!library) {
		printf("dlopen: %s\n", dlerror());
		return 1;
	}
	greet = (const char *(*)(void))dlsym(library, "greet");
	if (!greet) {
		printf("dlsym: %s\n", dlerror());
		return 1;
	}
	puts(greet());
	return 0;
}
