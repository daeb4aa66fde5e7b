/*
 * Every writable word of the loader's own memory that holds the address of its code is replaced in
 * a child by the address of owned(); then the child calls all of <dlfcn.h>. Prints how many such
 * words there are and how many of them let the attacker in.
 *
 *   words LIB LIB2    LIB is loaded before, LIB2 by the children
 */
#include "where.h"

enum { MAX_WORDS = 4096, OWNED = 77 };
static uintptr_t slots[MAX_WORDS];
static int slot_cnt;

__attribute__((noreturn)) static void owned(void)
{
	raw(SYS_exit_group, OWNED, 0, 0, 0, 0, 0);
	for (;;) {}
}

static int nothing(struct dl_phdr_info *i, size_t size, void *arg)
{
	(void)i;
	(void)size;
	(void)arg;
	return 0;
}

static void use_all(const char *lib, const char *lib2)
{
	Dl_info info;
	void *h = dlopen(lib, RTLD_NOW);
	dlsym(h, "who");
	dlsym(h, "nobody");
	dlsym(RTLD_DEFAULT, "who");
	dlsym(RTLD_NEXT, "nobody");
	dladdr((void *)nothing, &info);
	dl_iterate_phdr(nothing, 0);
	dlopen("/nonexistent/lib.so", RTLD_NOW);
	dlopen("libnonexistent.so", RTLD_NOW);
	dlopen(lib2, RTLD_NOW | RTLD_GLOBAL);
	dlclose(&info);
	dlerror();
}

static void scan(struct range data, struct range text)
{
	char perms[5];
	for (uintptr_t page = data.start; page < data.end; page += PAGE) {
		mapping(page, perms);
		if (perms[1] != 'w') continue;
		for (uintptr_t at = page; at < page + PAGE; at += sizeof(uintptr_t)) {
			uintptr_t v = *(uintptr_t *)at;
			if (v >= text.start && v < text.end && slot_cnt < MAX_WORDS)
				slots[slot_cnt++] = at;
		}
	}
}

int main(int argc, char **argv)
{
	int hits = 0;
	if (argc != 3) return 98;
	if (!dlopen(argv[1], RTLD_NOW)) fail(dlerror());
	dlopen("/nonexistent/first.so", RTLD_NOW);
	struct where w = find("ld.so");
	scan(w.data, w.text);
	for (int i = 0; i < slot_cnt; i++) {
		int st;
		pid_t pid = fork();
		if (!pid) {
			struct rlimit none = { 0, 0 };
			setrlimit(RLIMIT_CORE, &none);
			alarm(2);
			*(uintptr_t *)slots[i] = (uintptr_t)owned;
			use_all(argv[1], argv[2]);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &st, 0) != pid) fail("wait");
		if (WIFEXITED(st) && WEXITSTATUS(st) == OWNED) {
			hits++;
			printf("owned through ld.so+%#lx\n", (long)(slots[i] - w.base));
		}
	}
	printf("%d words, %d calls\n", slot_cnt, hits);
	return 0;
}
