/*
 * Starts a program in another mount namespace, in the working directory of the same name.
 *
 *   inside /proc/PID/ns/mnt program [arg ...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static int die(const char *what)
{
	dprintf(2, "inside: %s: %s\n", what, strerror(errno));
	return 125;
}

int main(int argc, char **argv)
{
	char here[4096];
	if (argc < 3) {
		dprintf(2, "usage: inside NAMESPACE program [arg ...]\n");
		return 125;
	}
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) return die(argv[1]);
	if (!getcwd(here, sizeof here)) return die("getcwd");
	if (setns(fd, CLONE_NEWNS)) return die("setns");
	if (chdir(here)) return die(here);
	execve(argv[2], argv + 2, environ);
	dprintf(2, "inside: execve %s: errno %d %s\n", argv[2], errno, strerror(errno));
	return 126;
}
