/*
 * securebits.c: set the securebits of the process and start a command under them.
 *
 * usage: securebits BITS [NAME=VALUE...] COMMAND [ARGS...]
 *						BITS in hexadecimal; 0: leave them as they are
 *        securebits --kernel			exit status: 1 no AT_EXECVE_CHECK | 2 no mseal
 *
 * Linked statically, so that no loader takes part in it and the variables reach only the command.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXECVE_CHECK 0x10000
#define EMPTY_PATH 0x1000
#define SYSCALL_MSEAL 462

/* Support shows without a file: a kernel that knows the flag complains about the descriptor. */
static int kernel_lacks(void)
{
	int lacks = 0;

	syscall(SYS_execveat, -1, "", NULL, NULL, EMPTY_PATH | EXECVE_CHECK);
	if (errno != EBADF)
		lacks |= 1;
	if (syscall(SYSCALL_MSEAL, 0, 0, 0) != 0)
		lacks |= 2;
	return lacks;
}

int main(int argc, char **argv)
{
	unsigned long bits;
	char *end;
	int i = 2;

	if (argc == 2 && strcmp(argv[1], "--kernel") == 0)
		return kernel_lacks();
	while (i < argc && strchr(argv[i], '='))
		i++;
	if (i >= argc) {
		fprintf(stderr, "usage: securebits BITS [NAME=VALUE...] COMMAND [ARGS...]\n");
		return 125;
	}
	bits = strtoul(argv[1], &end, 16);
	if (*end) {
		fprintf(stderr, "securebits: %s is not a number\n", argv[1]);
		return 125;
	}
	if (bits && prctl(PR_SET_SECUREBITS, bits) != 0) {
		fprintf(stderr, "securebits: cannot set %#lx: %s\n", bits, strerror(errno));
		return 125;
	}
	for (char **variable = argv + 2; variable < argv + i; variable++)
		putenv(*variable);
	execvp(argv[i], argv + i);
	fprintf(stderr, "securebits: %s: %s\n", argv[i], strerror(errno));
	return 125;
}
