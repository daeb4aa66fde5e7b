/* prices.c: what the kernel charges for each step of loading a library.
 *
 *   prices LIBRARY...
 *
 * Does every step for all libraries, ROUNDS times over, and prints the median and the first
 * decile of the CPU time of one such step in microseconds. The libraries must have their
 * headers and program headers in the first HEAD bytes and one writable segment, the last.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define AT_EXECVE_CHECK 0x10000

enum { ROUNDS = 40, MOST = 400, HEAD = 896, PAGE = 4096, ANON = 512, SEALED = 20 };

#define DOWN(x) ((x) & -(size_t)PAGE)
#define UP(x) DOWN((x) + PAGE - 1)

struct piece {
	size_t at, len, file_off;
	int prot;
};

struct lib {
	const char *path;
	int fd, count;
	struct piece piece[8];
	size_t span;
	char *base;
};

/* Where a new group of mappings goes: never used twice, so that sealed ones are no trouble. */
static char *place = (char *)0x200000000000;

static struct {
	const char *name;
	int count;
	double sample[ROUNDS];
} price[40];

static int row;		/* the step now measured, reset in every round */
static double begun;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	fprintf(stderr, "prices: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(int good, const char *what)
{
	if (!good)
		die(what);
}

static void begin(void)
{
	begun = now();
}

/* Ends what begin began: name was done times over. */
static void end(const char *name, int times)
{
	double t = now() - begun;

	price[row].name = name;
	price[row].sample[price[row].count++] = t / times;
	row++;
}

/* Reads from the program headers what is to be mapped where. */
static void plan(struct lib *l)
{
	unsigned char head[HEAD];
	Elf64_Ehdr e;
	Elf64_Phdr p;

	l->fd = open(l->path, O_RDONLY | O_CLOEXEC);
	must(l->fd >= 0 && pread(l->fd, head, HEAD, 0) == HEAD, l->path);
	memcpy(&e, head, sizeof e);
	if (e.e_phoff + e.e_phnum * sizeof p > HEAD) {
		fprintf(stderr, "prices: %s: program headers too far away\n", l->path);
		exit(1);
	}
	for (int i = 0; i < e.e_phnum && l->count < 8; i++) {
		size_t first;

		memcpy(&p, head + e.e_phoff + i * sizeof p, sizeof p);
		if (p.p_type != PT_LOAD)
			continue;
		first = DOWN(p.p_vaddr);
		l->span = UP(p.p_vaddr + p.p_memsz);
		l->piece[l->count++] = (struct piece){
			.at = first, .len = l->span - first, .file_off = DOWN(p.p_offset),
			.prot = (p.p_flags & PF_R ? PROT_READ : 0) |
			        (p.p_flags & PF_W ? PROT_WRITE : 0) |
			        (p.p_flags & PF_X ? PROT_EXEC : 0),
		};
	}
	close(l->fd);
}

static char *writable(const struct lib *l)
{
	return l->base + l->piece[l->count - 1].at;
}

static void files(struct lib *l, int n)
{
	struct stat st;
	char head[HEAD];

	begin();
	for (int i = 0; i < n; i++)
		l[i].fd = open(l[i].path, O_RDONLY | O_CLOEXEC);
	end("openat", n);
	must(l[n - 1].fd >= 0, "open");
	begin();
	for (int i = 0; i < n; i++)
		must(!fstat(l[i].fd, &st), "fstat");
	end("fstat", n);
	begin();
	for (int i = 0; i < n; i++)
		must(pread(l[i].fd, head, HEAD, 0) == HEAD, "pread");
	end("pread of 896 bytes", n);
	begin();
	for (int i = 0; i < n; i++)
		must(!syscall(SYS_execveat, l[i].fd, "", NULL, NULL,
		              AT_EMPTY_PATH | AT_EXECVE_CHECK), "execveat check");
	end("execveat check", n);
	begin();
	for (int i = 0; i < n; i++)
		syscall(SYS_execveat, l[i].fd, "x", NULL, NULL, AT_EMPTY_PATH | AT_EXECVE_CHECK);
	end("execveat control (ENOTDIR)", n);
}

static void map_piece(const struct lib *l, int k, int fixed)
{
	const struct piece *p = &l->piece[k];

	must(mmap(l->base + p->at, p->len, p->prot, MAP_PRIVATE | fixed, l->fd,
	          (off_t)p->file_off) != MAP_FAILED, "mmap");
}

/* The span first, then the other segments over it, as musl does. */
static void map_over(struct lib *l, int n)
{
	begin();
	for (int i = 0; i < n; i++) {
		l[i].base = mmap(NULL, l[i].span, PROT_READ, MAP_PRIVATE, l[i].fd, 0);
		must(l[i].base != MAP_FAILED, "mmap");
		for (int k = 1; k < l[i].count; k++)
			map_piece(&l[i], k, MAP_FIXED);
	}
	end("map: span, then segments over it", n);
	begin();
	for (int i = 0; i < n; i++)
		must(!munmap(l[i].base, l[i].span), "munmap");
	end("munmap of the library", n);
}

static void unmap(const struct lib *l, int n)
{
	for (int i = 0; i < n; i++)
		must(!munmap(l[i].base, l[i].span), "munmap");
}

static void map_beside(struct lib *l, int n)
{
	begin();
	for (int i = 0; i < n; i++) {
		l[i].base = place;
		place += l[i].span;
		for (int k = 0; k < l[i].count; k++)
			map_piece(&l[i], k, MAP_FIXED_NOREPLACE);
	}
	end("map: segments side by side", n);
	begin();
	for (int i = 0; i < n; i++)
		*(volatile char *)(l[i].base + 64);
	end("first read of a page of the file", n);
}

static void copy_on_write(struct lib *l, int n)
{
	begin();
	for (int i = 0; i < n; i++)
		*(volatile char *)writable(&l[i]) = 1;
	end("write to a private file page (fault)", n);
	begin();
	for (int i = 0; i < n; i++)
		must(!mprotect(writable(&l[i]), PAGE, PROT_READ), "mprotect");
	end("mprotect of its first page (split)", n);
	unmap(l, n);
}

/* The same with anonymous memory behind the writable segment, filled by pread; flags may hold
 * MAP_POPULATE. */
static void anonymous(struct lib *l, int n, int flags, const char *map, const char *fill)
{
	for (int i = 0; i < n; i++) {
		l[i].base = place;
		place += l[i].span;
		for (int k = 0; k < l[i].count - 1; k++)
			map_piece(&l[i], k, MAP_FIXED_NOREPLACE);
	}
	begin();
	for (int i = 0; i < n; i++) {
		const struct piece *p = &l[i].piece[l[i].count - 1];

		must(mmap(l[i].base + p->at, p->len, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		          MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | flags, -1, 0) != MAP_FAILED, "mmap");
	}
	end(map, n);
	begin();
	for (int i = 0; i < n; i++)
		must(pread(l[i].fd, writable(&l[i]), PAGE,
		           (off_t)l[i].piece[l[i].count - 1].file_off) > 0, "pread");
	end(fill, n);
	for (int i = 0; i < n; i++)
		must(!mprotect(writable(&l[i]), PAGE, PROT_READ), "mprotect");
}

/* Sealed memory stays until the process ends, so not in every round. */
static void seal(struct lib *l, int n, int round)
{
	int some = n < SEALED ? n : SEALED;

	begin();
	for (int i = 0; i < some; i++)
		must(!syscall(SYS_mseal, l[i].base, l[i].span, 0), "mseal");
	end("mseal of a library", some);
	if (round % 4 == 0 && n >= 3 * SEALED) {
		size_t len = l[n - 1].base + l[n - 1].span - l[n - SEALED].base;

		begin();
		must(!syscall(SYS_mseal, l[n - SEALED].base, len, 0), "mseal");
		end("mseal of 20 libraries at once, each", SEALED);
		n -= SEALED;
	}
	unmap(l + some, n - some);
}

static char *pages(void)
{
	char *p = mmap(NULL, ANON * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	               -1, 0);

	must(p != MAP_FAILED && !madvise(p, ANON * PAGE, MADV_NOHUGEPAGE), "mmap");
	return p;
}

/* Flushing a few pages one by one, as mprotect does up to 33 of them, is dear on some virtual
 * machines. */
static void protect(int touched, const char *name)
{
	char *p = pages();

	for (int i = 0; i < touched; i++)
		*(volatile char *)(p + i * PAGE) = 1;
	begin();
	must(!mprotect(p, touched * PAGE, PROT_READ), "mprotect");
	end(name, 1);
	munmap(p, ANON * PAGE);
}

static void memory(void)
{
	char *p = pages();

	begin();
	for (int i = 0; i < ANON; i++)
		*(volatile char *)(p + i * PAGE) = 1;
	end("anonymous page, by fault", ANON);
	munmap(p, ANON * PAGE);
	p = pages();
	begin();
	must(!madvise(p, ANON * PAGE, MADV_POPULATE_WRITE), "madvise");
	end("anonymous page, populated", ANON);
	begin();
	for (int i = 0; i < ANON; i++)
		*(volatile char *)(p + i * PAGE) = 1;
	end("... and then written first", ANON);
	munmap(p, ANON * PAGE);
	begin();
	for (int i = 0; i < ANON; i++)
		syscall(SYS_getppid);
	end("getppid", ANON);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct lib lib[MOST];
	int n = argc - 1 < MOST ? argc - 1 : MOST;

	if (n < 1) {
		fprintf(stderr, "usage: prices LIBRARY...\n");
		return 2;
	}
	setpriority(PRIO_PROCESS, 0, -20);
	for (int i = 0; i < n; i++) {
		lib[i].path = argv[i + 1];
		plan(&lib[i]);
	}
	for (int round = 0; round < ROUNDS; round++) {
		row = 0;
		memory();
		protect(1, "mprotect of 1 touched page");
		protect(4, "mprotect of 4 touched pages");
		protect(64, "mprotect of 64 touched pages");
		files(lib, n);
		map_over(lib, n);
		map_beside(lib, n);
		copy_on_write(lib, n);
		anonymous(lib, n, 0, "anonymous writable segment: mmap", "... pread into its first page");
		unmap(lib, n);
		anonymous(lib, n, MAP_POPULATE, "the same populated: mmap", "... pread into its first page");
		seal(lib, n, round);
		for (int i = 0; i < n; i++)
			close(lib[i].fd);
	}
	printf("%-40s %8s %8s us\n", "", "median", "p10");
	for (int k = 0; k < (int)(sizeof price / sizeof *price) && price[k].name; k++) {
		qsort(price[k].sample, price[k].count, sizeof(double), ascending);
		printf("%-40s %8.2f %8.2f\n", price[k].name, price[k].sample[price[k].count / 2],
		       price[k].sample[price[k].count / 10]);
	}
	return 0;
}
