/*
 * A program whose surroundings change after its start, and which loads a library then:
 *
 * chroot=DIR     another root directory
 * bind=FROM:TO   a mount namespace of its own in which TO is FROM
 * rename=FROM:TO
 * renew=FROM:TO  TO is deleted and made again from FROM; says whether it has its old inode number
 * open=NAME      dlopen, and print what its who() returns, or its tag[]
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int is(const char *word, const char *name)
{
	return !strncmp(word, name, strlen(name));
}

static int open_lib(const char *name)
{
	void *h = dlopen(name, RTLD_NOW);
	const char *(*who)(void) = h ? (const char *(*)(void))dlsym(h, "who") : 0;
	const char *tag = h ? dlsym(h, "tag") : 0;
	if (who || tag) printf("who: %s\n", who ? who() : tag);
	else printf("open %s: %s\n", name, dlerror());
	return 0;
}

static int renew(const char *from, const char *to)
{
	static char buf[1 << 20];
	struct stat old, new;
	int in = open(from, O_RDONLY), out;
	ssize_t n = read(in, buf, sizeof buf);
	if (n <= 0 || close(in) || stat(to, &old) || unlink(to)) return -1;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0755);
	if (write(out, buf, n) != n || fstat(out, &new) || close(out)) return -1;
	printf("renew: %s number\n", old.st_ino == new.st_ino ? "same" : "another");
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
	if (is(word, "renew=")) return renew(arg, to);
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
