/*
 * Where an object lies in this process: the pages of its parts, found without the loader's
 * private data. Also the few raw calls that must work while libc's own pages are under attack.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };
#define DOWN(x) ((uintptr_t)(x) & -(uintptr_t)PAGE)
#define UP(x) DOWN((uintptr_t)(x) + PAGE - 1)

struct range {
	uintptr_t start, end; /* whole pages */
};

struct where {
	const char *name; /* "main", or the end of its path */
	int seen, found;
	uintptr_t base;
	struct range header, text, relro, data, span, hole;
	const ElfW(Dyn) *dyn;
};

__attribute__((unused, noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "%s: errno %d\n", what, errno);
	exit(96);
}

static void add_segment(struct where *w, const ElfW(Phdr) *p)
{
	struct range r = { DOWN(w->base + p->p_vaddr), UP(w->base + p->p_vaddr + p->p_memsz) };
	if (!w->span.end) w->span.start = r.start;
	else if (r.start > w->span.end && !w->hole.end)
		w->hole = (struct range){ w->span.end, r.start };
	w->span.end = r.end;
	if (p->p_flags & PF_X) w->text = r;
	else if (p->p_flags & PF_W) w->data = r;
	else if (!w->header.end) w->header = r;
}

static int find_one(struct dl_phdr_info *i, size_t size, void *arg)
{
	struct where *w = arg;
	size_t n = strlen(w->name), len = strlen(i->dlpi_name);
	int is_main = !w->seen++; /* the program comes first */
	(void)size;
	if (w->found) return 0;
	if (!strcmp(w->name, "main") ? !is_main
		: is_main || len < n || strcmp(i->dlpi_name + len - n, w->name)) return 0;
	w->found = 1;
	w->base = i->dlpi_addr;
	for (int k = 0; k < i->dlpi_phnum; k++) {
		const ElfW(Phdr) *p = i->dlpi_phdr + k;
		uintptr_t at = w->base + p->p_vaddr;
		if (p->p_type == PT_LOAD) add_segment(w, p);
		if (p->p_type == PT_GNU_RELRO)
			w->relro = (struct range){ DOWN(at), DOWN(at + p->p_memsz) };
		if (p->p_type == PT_DYNAMIC) w->dyn = (const void *)at;
	}
	return 0;
}

static int each_object(struct dl_phdr_info *i, size_t size, void *arg)
{
	return find_one(i, size, arg);
}

__attribute__((unused)) static struct where find(const char *name)
{
	struct where w = { .name = name };
	dl_iterate_phdr(each_object, &w);
	if (!w.found) {
		fprintf(stderr, "no object %s\n", name);
		exit(97);
	}
	return w;
}

/* The mapping that holds an address, from /proc/self/maps; perms may be null. */
__attribute__((unused)) static struct range mapping(uintptr_t at, char perms[5])
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[600], p[5];
	struct range r = { 0, 0 };
	unsigned long a, b;
	if (!f) fail("maps");
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%lx-%lx %4s", &a, &b, p) == 3 && a <= at && at < b) {
			r = (struct range){ a, b };
			if (perms) memcpy(perms, p, 5);
		}
	fclose(f);
	return r;
}

/* A system call made from this very place, so that libc's text is not needed. */
__attribute__((unused)) static inline long raw(long n, long a, long b, long c, long d, long e,
					       long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;
	__asm__ volatile("syscall" : "=a"(ret)
		: "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		: "rcx", "r11", "memory");
	return ret;
}

/* mov $to, %rax; jmp *%rax */
__attribute__((unused)) static void write_jump(void *at, const void *to)
{
	unsigned char code[12] = { 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0 };
	memcpy(code + 2, &to, 8);
	memcpy(at, code, sizeof code);
}
