/*
 * One memory call against a page of a loaded object, in a child. For every architecture.
 *
 *   wipe LIB CALL ...    prints "CALL PLACE: ok|EPERM|errno N|signal N" for each place
 *
 * CALL is mprotect, munmap, mmap, mremap, dontneed or mem (a store through /proc/self/mem); the
 * places are the library's relocated constants, its code, the loader's code and the vdso.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
	const char *name;
	char *at;
	size_t len;
};

static size_t page;

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "wipe: %s\n", what);
	exit(96);
}

/* The whole vdso, which cannot be split. */
static struct place vdso(void)
{
	uintptr_t at = getauxval(AT_SYSINFO_EHDR);
	FILE *f = fopen("/proc/self/maps", "re");
	char line[600];
	unsigned long a, b;
	struct place p = { "vdso", 0, 0 };
	if (!f) fail("maps");
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%lx-%lx", &a, &b) == 2 && a == at)
			p = (struct place){ "vdso", (char *)a, b - a };
	fclose(f);
	if (!p.at) fail("no vdso");
	return p;
}

static struct place around(const char *name, const void *at)
{
	return (struct place){ name, (char *)((uintptr_t)at & -page), page };
}

static int store(char *at)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0) return -1;
	return pwrite(fd, at, 1, (off_t)(uintptr_t)at) == 1 ? 0 : -1;
}

static int act(const char *call, struct place p, char *mine)
{
	const int rw = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	if (!strcmp(call, "mprotect")) return mprotect(p.at, p.len, rw);
	if (!strcmp(call, "munmap")) return munmap(p.at, p.len);
	if (!strcmp(call, "mmap"))
		return mmap(p.at, p.len, rw, flags, -1, 0) == MAP_FAILED ? -1 : 0;
	if (!strcmp(call, "mremap"))
		return mremap(p.at, p.len, p.len, MREMAP_MAYMOVE | MREMAP_FIXED, mine) == MAP_FAILED
			? -1 : 0;
	if (!strcmp(call, "dontneed")) return madvise(p.at, p.len, MADV_DONTNEED);
	if (!strcmp(call, "mem")) return store(p.at);
	fail(call);
}

/* The child answers through its exit status; a call that succeeded may well kill it, or not. */
static void try_call(const char *call, struct place p)
{
	char *mine = mmap(0, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int st;
	if (mine == MAP_FAILED) fail("mmap");
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		_exit(act(call, p, mine) ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid) fail("wait");
	munmap(mine, 16 * page);
	printf("%s %s: ", call, p.name);
	if (WIFSIGNALED(st) || !WEXITSTATUS(st)) printf("ok\n");
	else if (WEXITSTATUS(st) == EPERM) printf("EPERM\n");
	else printf("errno %d\n", WEXITSTATUS(st));
}

int main(int argc, char **argv)
{
	if (argc < 3) return 98;
	page = sysconf(_SC_PAGESIZE);
	void *h = dlopen(argv[1], RTLD_NOW);
	if (!h) fail(dlerror());
	const struct place places[] = {
		around("relro", dlsym(h, "tag_table")), around("text", dlsym(h, "who")),
		around("loader", dlsym(RTLD_DEFAULT, "qsort")), vdso(),
	};
	for (int i = 2; i < argc; i++)
		for (size_t k = 0; k < sizeof places / sizeof *places; k++)
			try_call(argv[i], places[k]);
	puts("wipe done");
	return 0;
}
