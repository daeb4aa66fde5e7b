/*
 * Lets a dlopen fail at each of its steps in turn, and looks what is left of it.
 *
 *   faults call LIB SYM NR ERRNO   the n-th system call NR inside dlopen(LIB) fails, n = 1, 2, ...
 *   faults as LIB SYM              RLIMIT_AS grows by a page at a time until dlopen(LIB) succeeds
 *   faults data LIB SYM            the same with RLIMIT_DATA
 *
 * After a failure the mappings, the descriptors and the list of objects must be what they were
 * before, and the next dlopen must succeed, in this thread and in a new one, and SYM() must work.
 * Prints one line for each kind of breach, then "faults: N failed cleanly, N otherwise".
 *
 * call works through ptrace, one child for each n; the heap and the stack are not compared, the
 * C library may grow them for what dlerror() returns.
 */
#include "where.h"
#include <pthread.h>
#include <stdarg.h>
#include <sys/ptrace.h>
#include <sys/user.h>

enum { CLEAN = 0, OPENED = 10, CHANGED = 11, STUCK = 12, WRONG = 13, MAX_TRIES = 400 };
enum { SYSGOOD = SIGTRAP | 0x80 };

static const char *lib, *sym;

struct state {
	char text[60000];
	size_t len;
};
static struct state before, after;

static void add(struct state *s, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(s->text + s->len, sizeof s->text - s->len, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof s->text - s->len) fail("state too large");
	s->len += n;
}

static int add_object(struct dl_phdr_info *i, size_t size, void *arg)
{
	(void)size;
	add(arg, "object %s adds %llu tls %zu\n", i->dlpi_name, i->dlpi_adds, i->dlpi_tls_modid);
	return 0;
}

/* Lines of /proc/self/maps, by raw calls and without malloc. */
static void add_maps(struct state *s)
{
	static char text[60000];
	size_t len = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n;
	if (fd < 0) fail("maps");
	while ((n = read(fd, text + len, sizeof text - 1 - len)) > 0) len += n;
	close(fd);
	text[len] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n"))
		if (!strstr(line, "[heap]") && !strstr(line, "[stack]")) add(s, "%s\n", line);
}

static void take(struct state *s)
{
	s->len = 0;
	add_maps(s);
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0) add(s, "fd %d\n", fd);
	dl_iterate_phdr(add_object, s);
}

/* What a program does anyway before it loads: so the C library has its memory. */
static void warm(void)
{
	static char buf[4096];
	setvbuf(stdout, buf, _IOLBF, sizeof buf);
	dlopen("/nonexistent/warm.so", RTLD_NOW);
	dlerror();
	free(malloc(600));
	take(&before);
}

static void *use(void *arg)
{
	void *h = dlopen(lib, RTLD_NOW);
	const char *(*f)(void) = h ? (const char *(*)(void))dlsym(h, sym) : 0;
	(void)arg;
	return f && !strcmp(f(), "good") ? (void *)"good" : 0;
}

static int has_line(const char *text, const char *line, size_t len)
{
	for (; *text; text += strcspn(text, "\n") + 1)
		if (strcspn(text, "\n") == len && !memcmp(text, line, len)) return 1;
	return 0;
}

/* Prints a line of a that b does not have; lax: but for anonymous memory, which malloc gives back. */
static int missing(const char *word, const char *a, const char *b, int lax)
{
	for (; *a; a += strcspn(a, "\n") + 1) {
		int len = strcspn(a, "\n");
		if (has_line(b, a, len) || (lax && memmem(a, len, " rw-p 00000000 00:00 0 ", 23)))
			continue;
		printf("%s: %.*s\n", word, len, a);
		return 1;
	}
	return 0;
}

static int changed(void)
{
	return missing("new", after.text, before.text, 0) || missing("gone", before.text, after.text, 1);
}

/* what is left of a failed dlopen */
static int look(int compare_maps)
{
	pthread_t t;
	void *r = 0;
	take(&after);
	if (compare_maps && changed()) return CHANGED;
	if (!compare_maps && strcmp(strstr(before.text, "\nfd "), strstr(after.text, "\nfd ")))
		return CHANGED;
	if (!use(0)) return STUCK;
	if (pthread_create(&t, 0, use, 0) || pthread_join(t, &r) || !r) return STUCK;
	return CLEAN;
}

static void child(int nr)
{
	warm();
	alarm(10);
	if (ptrace(PTRACE_TRACEME, 0, 0, 0)) fail("traceme");
	raise(SIGSTOP);
	void *h = dlopen(lib, RTLD_NOW);
	raise(SIGSTOP);
	/* a seal that is set is never lifted: mappings may remain, nothing else may */
	int r = h ? OPENED : look(nr != 462 && nr != SYS_munmap);
	fflush(stdout);
	_exit(r);
}

/* the child's way from one SIGSTOP to the next; returns how often it called nr */
static int run_dlopen(pid_t pid, int nr, int err, int which)
{
	struct user_regs_struct r;
	int st, seen = 0, entry = 1, hit = 0;
	if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st)) fail("first stop");
	if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD)) fail("options");
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, 0)) fail("go on");
		if (waitpid(pid, &st, 0) != pid) fail("wait");
		if (!WIFSTOPPED(st)) fail("the child is gone");
		if (WSTOPSIG(st) == SIGSTOP) return seen;
		if (WSTOPSIG(st) != SYSGOOD) {
			printf("signal %d inside dlopen\n", WSTOPSIG(st));
			return -1;
		}
		if (ptrace(PTRACE_GETREGS, pid, 0, &r)) fail("getregs");
		if (entry && (int)r.orig_rax == nr && ++seen == which) {
			r.orig_rax = -1;
			hit = 1;
			if (ptrace(PTRACE_SETREGS, pid, 0, &r)) fail("setregs");
		} else if (!entry && hit) {
			r.rax = -err;
			hit = 0;
			if (ptrace(PTRACE_SETREGS, pid, 0, &r)) fail("setregs");
		}
		entry = !entry;
	}
}

static int counts[16];

static int each_call(int nr, int err)
{
	int n;
	for (n = 1; n <= MAX_TRIES; n++) {
		int st;
		fflush(stdout);
		pid_t pid = fork();
		if (!pid) child(nr);
		int seen = run_dlopen(pid, nr, err, n);
		if (seen < 0) {
			kill(pid, SIGKILL);
			waitpid(pid, &st, 0);
			counts[WRONG]++;
			continue;
		}
		if (ptrace(PTRACE_DETACH, pid, 0, 0) || waitpid(pid, &st, 0) != pid) fail("end");
		if (seen < n) break;
		if (!WIFEXITED(st)) printf("call %d: signal %d after dlopen\n", n, WTERMSIG(st));
		else if (WEXITSTATUS(st) > OPENED)
			printf("call %d: %s\n", n, WEXITSTATUS(st) == CHANGED ? "state changed"
				: "a later dlopen fails");
		counts[WIFEXITED(st) && WEXITSTATUS(st) < 16 ? WEXITSTATUS(st) : WRONG]++;
	}
	return n - 1;
}

static long pages(int field)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long v[7];
	if (!f || fscanf(f, "%ld %ld %ld %ld %ld %ld %ld", v, v + 1, v + 2, v + 3, v + 4, v + 5,
			 v + 6) != 7) fail("statm");
	fclose(f);
	return v[field];
}

/* the limit leaves n pages more than there are now */
static int each_limit(int what)
{
	struct rlimit was, now;
	int n;
	warm();
	getrlimit(what, &was);
	for (n = 1; n < 20000; n += n < 600 ? 1 : 200) {
		now = was;
		now.rlim_cur = (what == RLIMIT_AS ? pages(0) : 0) * PAGE + (rlim_t)n * PAGE;
		if (setrlimit(what, &now)) fail("setrlimit");
		void *h = dlopen(lib, RTLD_NOW);
		if (setrlimit(what, &was)) fail("setrlimit");
		if (h) break;
		take(&after);
		counts[changed() ? CHANGED : CLEAN]++;
		before = after;
	}
	int r = look(0);
	if (r == STUCK) counts[STUCK]++;
	return n;
}

int main(int argc, char **argv)
{
	if (argc < 4) return 98;
	lib = argv[2];
	sym = argv[3];
	if (!strcmp(argv[1], "call") && argc == 6) each_call(atoi(argv[4]), atoi(argv[5]));
	else if (!strcmp(argv[1], "as")) each_limit(RLIMIT_AS);
	else if (!strcmp(argv[1], "data")) each_limit(RLIMIT_DATA);
	else return 98;
	printf("faults: %d failed cleanly, %d loaded, %d left traces, %d stuck, %d wrong\n",
		counts[CLEAN], counts[OPENED], counts[CHANGED], counts[STUCK], counts[WRONG]);
	return 0;
}
