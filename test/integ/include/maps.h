/*
 * maps.h: /proc/self/smaps as an array, for programs that look at their own memory.
 *
 * Reads with raw descriptors into static memory, so that a constructor may use it and the picture
 * is not changed by taking it. Include check.h first.
 */
#ifndef MAPS_H
#define MAPS_H

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>

struct map {
	unsigned long start, end, inode;
	char perm[5], name[128];
	long rss, anonymous; /* bytes present; bytes that are this process's own copy */
	int sealed;
};

static struct map maps[400];
static int map_cnt;
static char maps_text[1 << 19];

/* take a new picture */
static inline void maps_read(void)
{
	long n, len = 0;
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	while ((n = read(fd, maps_text + len, sizeof maps_text - 1 - len)) > 0) len += n;
	close(fd);
	CHECK(len < (long)sizeof maps_text - 1);
	maps_text[len] = 0;
	map_cnt = 0;
	struct map *m = 0;
	for (char *p = maps_text, *e; *p; p = e + 1) {
		e = strchr(p, '\n');
		*e = 0;
		unsigned long a, b, ino;
		char perm[5];
		int at = 0;
		if (sscanf(p, "%lx-%lx %4s %*x %*s %lu %n", &a, &b, perm, &ino, &at) == 4) {
			CHECK(map_cnt < (int)(sizeof maps / sizeof *maps));
			m = &maps[map_cnt++];
			*m = (struct map){ .start = a, .end = b, .inode = ino };
			memcpy(m->perm, perm, 5);
			snprintf(m->name, sizeof m->name, "%s", p + at);
		} else if (!strncmp(p, "Rss:", 4)) {
			m->rss = strtol(p + 4, 0, 10) * 1024;
		} else if (!strncmp(p, "Anonymous:", 10)) {
			m->anonymous = strtol(p + 10, 0, 10) * 1024;
		} else if (!strncmp(p, "VmFlags:", 8)) {
			m->sealed = strstr(p, " sl") != 0;
		}
	}
}

/* the mapping that holds an address, or null */
static inline struct map *maps_find(unsigned long addr)
{
	for (int i = 0; i < map_cnt; i++)
		if (addr >= maps[i].start && addr < maps[i].end) return &maps[i];
	return 0;
}

#define MAP_BAD(m, what) \
	check_fail(__FILE__, __LINE__, "%lx-%lx %s %s: %s", (m)->start, (m)->end, (m)->perm, \
		(m)->name, what)

/*
 * One object: from its first to its last segment no hole, everything that is not writable sealed,
 * the RELRO range read-only, sealed, anonymous and populated. data_too: writable parts sealed too.
 */
static inline void maps_check_object(const struct dl_phdr_info *o, int data_too)
{
	unsigned long lo = -1, hi = 0;
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		unsigned long a = o->dlpi_addr + p->p_vaddr, b = a + p->p_memsz;
		if (p->p_type == PT_LOAD && (a & -4096ul) < lo) lo = a & -4096ul;
		if (p->p_type == PT_LOAD && b > hi) hi = b;
	}
	for (unsigned long at = lo; at < hi;) {
		struct map *m = maps_find(at);
		if (!m) check_fail(__FILE__, __LINE__, "hole at %lx in %s", at, o->dlpi_name);
		if (m->perm[1] == 'w' && m->perm[2] == 'x') MAP_BAD(m, "writable and executable");
		if ((m->perm[1] != 'w' || data_too) && !m->sealed) MAP_BAD(m, "not sealed");
		at = m->end;
	}
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		if (p->p_type != PT_GNU_RELRO) continue;
		unsigned long a = (o->dlpi_addr + p->p_vaddr) & -4096ul;
		unsigned long b = (o->dlpi_addr + p->p_vaddr + p->p_memsz) & -4096ul;
		while (a < b) {
			struct map *m = maps_find(a);
			if (!m || strcmp(m->perm, "r--p")) MAP_BAD(m, "RELRO is not read-only");
			if (!m->sealed) MAP_BAD(m, "RELRO is not sealed");
			if (m->inode) MAP_BAD(m, "RELRO is file-backed");
			if (m->rss != (long)(m->end - m->start)) MAP_BAD(m, "RELRO is not populated");
			a = m->end;
		}
	}
}

/* everything in the process that must carry the seal, objects or not */
static inline void maps_check_all(void)
{
	for (int i = 0; i < map_cnt; i++) {
		struct map *m = &maps[i];
		if (m->perm[1] == 'w' || !strcmp(m->name, "[vsyscall]")) continue;
		int kernel = !strncmp(m->name, "[v", 2);
		if ((m->inode || kernel || m->perm[0] == 'r') && !m->sealed) MAP_BAD(m, "not sealed");
		if (!m->inode && !kernel && m->perm[0] == 'r' && m->rss != (long)(m->end - m->start))
			MAP_BAD(m, "sealed but not populated");
		if (m->inode && m->anonymous) MAP_BAD(m, "written, sealed and file-backed");
	}
}

#endif
