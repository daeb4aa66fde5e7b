/*
 * Writes into an object's code or constants past all page protection.
 *
 *   pokemem LIB proc     through /proc/self/mem
 *   pokemem LIB ptrace   by a parent that traces
 *
 * Prints "write: ok" or "write: errno N", then what who() answers.
 */
#include <sys/ptrace.h>

#include "where.h"

static const char *owned(void)
{
	return "owned";
}

static int by_proc(void *at, const void *code, size_t len)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0) return errno;
	errno = 0;
	return pwrite(fd, code, len, (off_t)(uintptr_t)at) == (ssize_t)len ? 0 : errno;
}

/* Returns in the child, which is the victim and has the same addresses; the parent ends here. */
static void by_ptrace(void *at, const void *code, size_t len)
{
	long words[2] = { 0 };
	int st, err = 0;
	memcpy(words, code, len);
	fflush(stdout);
	pid_t child = fork();
	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0)) _exit(97);
		raise(SIGSTOP);
		return;
	}
	if (child < 0 || waitpid(child, &st, 0) != child || !WIFSTOPPED(st)) fail("child");
	for (int i = 0; i < 2 && !err; i++)
		if (ptrace(PTRACE_POKETEXT, child, (char *)at + 8 * i, words[i])) err = errno;
	if (ptrace(PTRACE_DETACH, child, 0, 0)) fail("detach");
	if (waitpid(child, &st, 0) != child) fail("wait");
	printf("write: %s %d\n", err ? "errno" : "ok", err);
	exit(WIFEXITED(st) ? WEXITSTATUS(st) : 95);
}

int main(int argc, char **argv)
{
	unsigned char code[12] = { 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0 };
	const void *to = (const void *)owned;
	void *h = argc == 3 ? dlopen(argv[1], RTLD_NOW) : 0;
	void *f = h ? dlsym(h, "who") : 0;
	if (!f) fail("who");
	memcpy(code + 2, &to, 8);
	if (!strcmp(argv[2], "proc")) {
		int err = by_proc(f, code, sizeof code);
		printf("write: %s %d\n", err ? "errno" : "ok", err);
	} else {
		by_ptrace(f, code, sizeof code);
	}
	printf("who: %s\n", ((const char *(*)(void))f)());
	return 0;
}
