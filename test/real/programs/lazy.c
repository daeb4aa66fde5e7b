/*
 * lazy.c: opens a library in both modes and says what came of it. It exports nothing the library
 * wants: a lazy open leaves functions unresolved, an immediate one fails. Each mode has a process
 * of its own, by the first argument: lazy or now.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	void *library;

	if (argc < 3)
		return 2;
	library = dlopen(argv[2], strcmp(argv[1], "lazy") ? RTLD_NOW : RTLD_LAZY);
	if (!library) {
		printf("dlopen: %s\n", dlerror());
		return 1;
	}
	puts("opened");
	for (int i = 3; i < argc; i++)
		printf("%s: %s\n", argv[i], dlsym(library, argv[i]) ? "found" : dlerror());
	return 0;
}
