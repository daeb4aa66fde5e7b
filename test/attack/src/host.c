/*
 * The program that most rows attack: it does what its arguments say, one after the other, and
 * prints one line for each, so that a row can be written without a program of its own.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PR_GET_MDWE_ = 66 };

extern char **environ;
static void *last;

/* For libraries whose constructors are somebody else's code. */
void host_hook(void)
{
	if (write(1, "hook ran\n", 9) < 0) _exit(99);
}

static void open_lib(const char *path, int flags)
{
	void *h = dlopen(path, flags);
	if (h) last = h;
	printf("open %s: %s\n", path, h ? "ok" : dlerror());
}

static void call(const char *sym, void *h)
{
	const char *(*f)(void) = (const char *(*)(void))dlsym(h, sym);
	if (f) printf("%s: %s\n", sym, f());
	else printf("%s: %s\n", sym, dlerror());
}

static void copy(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	if (fd < 0) abort();
	fflush(stdout);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		if (write(1, buf, n) != n) abort();
	close(fd);
}

static void list_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	char name[300], to[4096];
	if (!d) abort();
	while ((e = readdir(d))) {
		if (*e->d_name == '.' || atoi(e->d_name) == dirfd(d)) continue;
		snprintf(name, sizeof name, "/proc/self/fd/%s", e->d_name);
		ssize_t n = readlink(name, to, sizeof to - 1);
		if (n < 0) abort();
		to[n] = 0;
		printf("fd %s %s\n", e->d_name, to);
	}
	closedir(d);
}

static void list_env(void)
{
	for (char **e = environ; *e; e++) printf("env %.80s\n", *e);
}

static void list_objects(void);

static int print_object(struct dl_phdr_info *i, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	printf("object %s\n", i->dlpi_name);
	return 0;
}

static void list_objects(void)
{
	dl_iterate_phdr(print_object, 0);
}

/* Jump to one `ret` instruction on the stack, in a child. */
static void run_on_stack(void)
{
	fflush(stdout);
	pid_t pid = fork();
	int st;
	if (!pid) {
		volatile unsigned char code[16] = { 0xc3 };
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		((void (*)(void))(unsigned long)code)();
		_exit(code[0] == 0xc3 ? 0 : 1);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid) abort();
	if (WIFSIGNALED(st)) printf("stack code: signal %d\n", WTERMSIG(st));
	else printf("stack code: ran %d\n", WEXITSTATUS(st));
}

#ifdef __x86_64__
static unsigned long canary(void)
{
	unsigned long v;
	__asm__("mov %%fs:0x28, %0" : "=r"(v));
	return v;
}
#else
extern unsigned long __stack_chk_guard;
static unsigned long canary(void)
{
	return __stack_chk_guard;
}
#endif

/* Grow the break by a page and use it; musl's sbrk() itself always says no. */
static void grow_break(void)
{
	long at = syscall(SYS_brk, 0);
	if (syscall(SYS_brk, at + 4096) != at + 4096) {
		printf("break: stays at %#lx\n", at);
		return;
	}
	memset((void *)at, 1, 4096);
	printf("break: grown\n");
}

/* Memory of the program's own, where the kernel likes: below all that was mapped so far. */
static void map_some(size_t len)
{
	void *p = mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("map: %s\n", p == MAP_FAILED ? strerror(errno) : "ok");
}

static void list_ids(void)
{
	printf("ids %d %d %d %d\n", getuid(), geteuid(), getgid(), getegid());
}

/* What a setuid program does that passes its work on to a helper. */
static void pass_on(const char *prog)
{
	struct rlimit r;
	getrlimit(RLIMIT_DATA, &r);
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_DATA, &r) || setuid(0)) abort();
	fflush(stdout);
	execv(prog, (char *[]){ (char *)prog, "call=who", 0 });
	printf("exec %s: %s\n", prog, strerror(errno));
}

static char *arg_of(char *word, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(word, name, n) && word[n] == '=' ? word + n + 1 : 0;
}

static void run_word(char *w)
{
	char *a;
	if ((a = arg_of(w, "open"))) open_lib(a, RTLD_NOW);
	else if ((a = arg_of(w, "global"))) open_lib(a, RTLD_NOW | RTLD_GLOBAL);
	else if ((a = arg_of(w, "lazy"))) printf("lazy "), open_lib(a, RTLD_LAZY);
	else if ((a = arg_of(w, "call"))) call(a, RTLD_DEFAULT);
	else if ((a = arg_of(w, "lastcall"))) call(a, last);
	else if ((a = arg_of(w, "passon"))) pass_on(a);
	else if ((a = arg_of(w, "cat"))) copy(a);
	else if (!strcmp(w, "maps")) copy("/proc/self/maps");
	else if (!strcmp(w, "fds")) list_fds();
	else if (!strcmp(w, "env")) list_env();
	else if (!strcmp(w, "objects")) list_objects();
	else if (!strcmp(w, "close")) printf("close: %d\n", dlclose(last));
	else if (!strcmp(w, "stack")) run_on_stack();
	else if ((a = arg_of(w, "map"))) map_some(strtoul(a, 0, 0));
	else if (!strcmp(w, "ids")) list_ids();
	else if (!strcmp(w, "break")) grow_break();
	else if (!strcmp(w, "locale")) printf("locale %s\n", setlocale(LC_ALL, ""));
	else if (!strcmp(w, "canary")) printf("canary %#lx\n", canary());
	else if (!strcmp(w, "hwcap"))
		printf("hwcap %#lx %#lx\n", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
	else if (!strcmp(w, "lockfuture"))
		printf("lockfuture: %s\n", mlockall(MCL_FUTURE) ? strerror(errno) : "ok");
	else if (!strcmp(w, "lockall"))
		printf("lockall: %s\n", mlockall(MCL_CURRENT | MCL_FUTURE) ? strerror(errno) : "ok");
	else if (!strcmp(w, "mdwe")) printf("mdwe %d\n", prctl(PR_GET_MDWE_, 0, 0, 0, 0));
	else if (!strcmp(w, "persona")) printf("persona %#x\n", personality(0xffffffff));
	else if (!strcmp(w, "auxv")) printf("auxv page %lu random %d\n", getauxval(AT_PAGESZ), getauxval(AT_RANDOM) != 0);
	else if (!strcmp(w, "secure")) printf("secure %lu\n", getauxval(AT_SECURE));
	else printf("unknown word %s\n", w), exit(98);
}

int main(int argc, char **argv)
{
	printf("host argc %d\n", argc);
	for (int i = 1; i < argc; i++) run_word(argv[i]);
	puts("host done");
	return 0;
}
