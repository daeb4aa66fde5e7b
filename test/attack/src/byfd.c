/*
 * Runs a program by its descriptor, so that its name is not what the kernel is given.
 *
 *   byfd fexecve|proc|deleted FILE [ARG ...]
 *
 * fexecve: execveat with an empty path. proc: by /proc/self/fd/N. deleted: fexecve after unlink.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	char name[64];
	int fd = argc > 2 ? open(argv[2], O_RDONLY) : -1;
	if (fd < 0) return dprintf(2, "byfd: cannot open the file\n"), 125;
	if (!strcmp(argv[1], "deleted") && unlink(argv[2])) return dprintf(2, "byfd: unlink\n"), 125;
	if (!strcmp(argv[1], "proc")) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		execve(name, argv + 2, environ);
	} else {
		fexecve(fd, argv + 2, environ);
	}
	dprintf(2, "byfd: %s: %s\n", argv[2], strerror(errno));
	return 126;
}
