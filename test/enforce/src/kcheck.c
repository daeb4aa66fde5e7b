/*
 * What the kernel itself says about a file.
 *
 *   kcheck PATH    prints "check N nlink N control N": errno of the check on an open descriptor, 0 =
 *                  allowed; errno of a call that the kernel itself answers with ENOTDIR
 *   kcheck -x PATH executes it; prints "execve N" when the kernel refuses
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EMPTY_PATH = 0x1000, EXECVE_CHECK = 0x10000 };

int main(int argc, char **argv)
{
	struct stat st;
	if (argc == 3 && !strcmp(argv[1], "-x")) {
		execve(argv[2], (char *[]){ argv[2], 0 }, (char *[]){ 0 });
		printf("execve %d\n", errno);
		return 0;
	}
	if (argc != 2) return 98;
	int fd = open(argv[1], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		printf("open %d\n", errno);
		return 1;
	}
	char *const args[] = { "", 0 };
	int bad = syscall(SYS_execveat, fd, "", args, 0, EMPTY_PATH | EXECVE_CHECK) < 0;
	int check = bad ? errno : 0;
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC); /* surely a regular file */
	bad = syscall(SYS_execveat, self, "x", args, 0, EMPTY_PATH | EXECVE_CHECK) < 0;
	printf("check %d nlink %lu control %d\n", check, (unsigned long)st.st_nlink, bad ? errno : 0);
	return 0;
}
