/*
 * What becomes of the loader when its writable memory loses its content, each time in a child.
 *
 *   zero LIB restricted   a dlopen of LIB sees a securebit; each word that is not 0 is set to 0,
 *                         and a thread without the bit opens LIB: "loaded" when it gets it
 *   zero LIB replay       each word behind the handle of LIB is set to 0, and LIB opened again:
 *                         its constructor says when it runs once more
 *   zero LIB loader       each writable page is dropped, then the functions of <dlfcn.h> are used:
 *                         "signal N" for each child that dies of it, and
 *                         whether the page held the main thread's control block
 *   zero LIB threads      the same, then threads and fork are used
 */
#include <pthread.h>
#include <sys/prctl.h>

#include "where.h"

enum { BEHIND_HANDLE = 64 };

static const char *lib;
static int tried;

static void *open_it(void *go)
{
	char c;
	int fd = *(int *)go;
	if (read(fd, &c, 1) != 1) _exit(95);
	if (dlopen(lib, RTLD_NOW)) printf("loaded\n");
	fflush(stdout);
	_exit(0);
}

static void *nothing(void *arg)
{
	return arg;
}

static int count(struct dl_phdr_info *i, size_t size, void *arg)
{
	(void)i;
	(void)size;
	++*(int *)arg;
	return 0;
}

static void use_loader(void)
{
	Dl_info info;
	int n = 0;
	void *h = dlopen(lib, RTLD_NOW);
	if (h) dlsym(h, "who");
	dlsym(RTLD_DEFAULT, "nobody");
	dladdr((void *)nothing, &info);
	dl_iterate_phdr(count, &n);
	dlopen("/nonexistent/lib.so", RTLD_NOW);
}

static void use_threads(void)
{
	pthread_t t;
	void *r = 0;
	if (!pthread_create(&t, 0, nothing, 0)) pthread_join(t, &r);
	pid_t pid = fork();
	if (!pid) raw(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	if (pid > 0) waitpid(pid, 0, 0);
}

/* Run `then` in a child after `spoil`; the child has a second thread only when it needs one. */
static void in_child(uintptr_t at, const char *how)
{
	int ends[2], st;
	pthread_t t;
	tried++;
	fflush(stdout);
	if (pipe(ends)) fail("pipe");
	pid_t pid = fork();
	if (!pid) {
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		alarm(5);
		if (!strcmp(how, "restricted")) {
			if (pthread_create(&t, 0, open_it, &ends[0])) _exit(94);
			if (prctl(PR_SET_SECUREBITS, 0x100, 0, 0, 0)) _exit(93);
			if (dlopen(lib, RTLD_NOW)) printf("loaded at once\n");
			*(uintptr_t *)at = 0;
			if (raw(SYS_write, ends[1], (long)"", 1, 0, 0, 0) != 1) _exit(92);
			for (;;) raw(SYS_pause, 0, 0, 0, 0, 0, 0);
		} else if (!strcmp(how, "replay")) {
			*(uintptr_t *)at = 0;
			dlopen(lib, RTLD_NOW);
		} else {
			raw(SYS_madvise, at, PAGE, MADV_DONTNEED, 0, 0, 0);
			use_loader();
			if (!strcmp(how, "threads")) use_threads();
		}
		raw(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid) fail("wait");
	close(ends[0]);
	close(ends[1]);
	if (WIFSIGNALED(st))
		printf("signal %d at %#lx%s\n", WTERMSIG(st), (long)at,
		       at == DOWN(pthread_self()) ? ", thread block" : "");
	else if (WEXITSTATUS(st)) printf("status %d\n", WEXITSTATUS(st));
}

static void each_page(const char *how)
{
	struct where w = find("ld.so");
	char perms[5] = "";
	for (uintptr_t page = w.data.start; page < w.data.end; page += PAGE) {
		mapping(page, perms);
		if (perms[1] != 'w') continue;
		if (strcmp(how, "restricted")) {
			in_child(page, how);
			continue;
		}
		for (uintptr_t at = page; at < page + PAGE; at += sizeof(uintptr_t))
			if (*(uintptr_t *)at) in_child(at, how);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) return 98;
	lib = argv[1];
	if (strcmp(argv[2], "replay")) {
		each_page(argv[2]);
	} else {
		uintptr_t *h = dlopen(lib, RTLD_NOW);
		if (!h) fail(dlerror());
		for (int i = 0; i < BEHIND_HANDLE; i++)
			if (h[i]) in_child((uintptr_t)(h + i), argv[2]);
	}
	printf("%d tried\n", tried);
	return 0;
}
