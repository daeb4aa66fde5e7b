/*
 * Enters a user namespace in mid-life, and tells what it has.
 *
 *   nest WORD ...
 *
 * open=PATH  dlopen, prints "open PATH: ok" or the error
 * newuser    unshare(CLONE_NEWUSER), prints "newuser N" (errno)
 * bits       prints "bits 0xN", the securebits
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "open=", 5)) {
			void *h = dlopen(argv[i] + 5, RTLD_NOW);
			printf("open %s: %s\n", argv[i] + 5, h ? "ok" : dlerror());
		} else if (!strcmp(argv[i], "newuser"))
			printf("newuser %d\n", unshare(CLONE_NEWUSER) ? errno : 0);
		else if (!strcmp(argv[i], "bits"))
			printf("bits %#x\n", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
		else
			return 98;
	}
	return 0;
}
