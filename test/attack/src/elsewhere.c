/*
 * A program whose surroundings change after its start, and which loads a library then:
 *
 * chroot=DIR     another root directory
 * bind=FROM:TO   a mount namespace of its own in which TO is FROM
 * rename=FROM:TO
 * open=NAME      dlopen, and print what its who() returns
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static int is(const char *word, const char *name)
{
	return !strncmp(word, name, strlen(name));
}

static int open_lib(const char *name)
{
	void *h = dlopen(name, RTLD_NOW);
	const char *(*who)(void) = h ? (const char *(*)(void))dlsym(h, "who") : 0;
	if (who) printf("who: %s\n", who());
	else printf("open %s: %s\n", name, dlerror());
	return 0;
}

static int change(char *word)
{
	char *arg = strchr(word, '=') + 1, *to = strchr(arg, ':');
	if (is(word, "chroot=")) return chroot(arg) || chdir("/");
	errno = EINVAL;
	if (!to) return -1;
	*to++ = 0;
	if (is(word, "rename=")) return rename(arg, to);
	if (!is(word, "bind=")) return -1;
	return unshare(CLONE_NEWNS) || mount("none", "/", 0, MS_REC | MS_PRIVATE, 0)
		|| mount(arg, to, 0, MS_BIND, 0);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (is(argv[i], "open=")) open_lib(argv[i] + 5);
		else if (change(argv[i])) return printf("%s: %s\n", argv[i], strerror(errno)), 98;
	}
	puts("elsewhere done");
	return 0;
}
