/* Loads the libraries named by its arguments, prints what failed and how many did not. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int loaded = 0;

	for (int i = 1; i < argc; i++) {
		if (dlopen(argv[i], RTLD_NOW))
			loaded++;
		else
			printf("%s\n", dlerror());
	}
	printf("loaded %d of %d\n", loaded, argc - 1);
	return 0;
}
