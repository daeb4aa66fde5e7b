/* A library whose constructor lists the descriptors that are open while it runs. */
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void begin(void)
{
	char name[32], to[300], line[400];
	for (int fd = 0; fd < 64; fd++) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(name, to, sizeof to - 1);
		if (n < 0) continue;
		to[n] = 0;
		int len = snprintf(line, sizeof line, "ctor fd %d %s\n", fd, to);
		if (write(1, line, len) != len) _exit(99);
	}
}
