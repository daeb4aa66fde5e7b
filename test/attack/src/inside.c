/*
 * Starts a program in another mount namespace, in the working directory of the same name.
 *
 *   inside /proc/PID/ns/mnt [-a NAME] program [arg ...]
 *
 * NAME takes the place of argv[0].
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
	char **cmd = argv + 2, *name = 0;
	if (argc > 4 && !strcmp(argv[2], "-a")) {
		name = argv[3];
		cmd += 2;
	}
	if (argc < 3) {
		dprintf(2, "usage: inside NAMESPACE [-a NAME] program [arg ...]\n");
		return 125;
	}
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0) return die(argv[1]);
	if (!getcwd(here, sizeof here)) return die("getcwd");
	if (setns(fd, CLONE_NEWNS)) return die("setns");
	if (chdir(here)) return die(here);
	const char *file = *cmd;
	if (name) *cmd = name;
	execve(file, cmd, environ);
	dprintf(2, "inside: execve %s: errno %d %s\n", file, errno, strerror(errno));
	return 126;
}
