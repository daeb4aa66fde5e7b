/*
 * reuse DATABASE LIBRARY...: closes descriptor 2, opens a database that gets its number, then loads
 * libraries that a loader may want to say something about. Prints on descriptor 1.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const char content[] = "precious\n";
	if (argc < 2) return 98;
	close(2);
	int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd != 2 || write(fd, content, sizeof content - 1) != sizeof content - 1) abort();
	for (int i = 2; i < argc; i++) {
		void *h = dlopen(argv[i], RTLD_NOW);
		printf("open %s: %s\n", argv[i], h ? "ok" : dlerror());
	}
	puts("reuse done");
	return 0;
}
