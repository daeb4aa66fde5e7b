/*
 * One misdirected memory call against the pages of an object, in a child.
 *
 *   remap LIB {call OBJECT PLACE} ...   prints "CALL OBJECT PLACE: ok|EPERM|errno N|signal N"
 *   remap LIB effect NAME               prints what an attacker gains from it
 *
 * LIB is loaded by dlopen first. OBJECT is main, lib, loader or vdso; PLACE is header, text, relro,
 * data, own (data without relro), hole or all. "ok" also means that the child died of what it had
 * done.
 */
#include "where.h"

static const char *lib_path;

static const char *owned(void)
{
	return "owned";
}

static struct range vdso_range(void)
{
	struct range r = mapping(getauxval(AT_SYSINFO_EHDR), 0);
	if (!r.start) fail("vdso");
	return r;
}

static struct range place_of(const char *object, const char *place)
{
	if (!strcmp(object, "vdso")) return vdso_range();
	struct where w = find(!strcmp(object, "lib") ? lib_path
		: !strcmp(object, "loader") ? "ld.so" : "main");
	struct range r = !strcmp(place, "header") ? w.header : !strcmp(place, "text") ? w.text
		: !strcmp(place, "relro") ? w.relro : !strcmp(place, "data") ? w.data
		: !strcmp(place, "hole") ? w.hole
		: !strcmp(place, "own") ? (struct range){ w.relro.end, w.data.end } : w.span;
	if (r.start >= r.end) {
		fprintf(stderr, "%s has no %s\n", object, place);
		exit(97);
	}
	return r;
}

/* madvise by way of the process's own descriptor */
static long by_process(long at, long len, int advice)
{
	struct {
		long start, len;
	} v = { at, len };
	long fd = raw(434 /* pidfd_open */, raw(SYS_getpid, 0, 0, 0, 0, 0, 0), 0, 0, 0, 0, 0);
	if (fd < 0) return fd;
	return raw(440 /* process_madvise */, fd, (long)&v, 1, advice, 0, 0);
}

/* The vdso and its data go away, and are asked for at another place, as checkpointing tools do. */
static long map_vdso(void)
{
	enum { ARCH_MAP_VDSO_64 = 0x2003 };
	FILE *f = fopen("/proc/self/maps", "re");
	char line[600];
	unsigned long a[8], b[8];
	int n = 0;
	if (!f) fail("maps");
	while (fgets(line, sizeof line, f))
		if ((strstr(line, "[vdso]") || strstr(line, "[vvar")) && n < 8
		    && sscanf(line, "%lx-%lx", &a[n], &b[n]) == 2) n++;
	fclose(f);
	for (int i = 0; i < n; i++) raw(SYS_munmap, a[i], b[i] - a[i], 0, 0, 0, 0);
	long ret = raw(SYS_arch_prctl, ARCH_MAP_VDSO_64, 0x10000000, 0, 0, 0, 0);
	return ret == -EEXIST ? -EPERM : ret > 0 ? 0 : ret; /* EEXIST: there is one */
}

/* One page of the place; all of the vdso, which cannot be split. */
static long attack(const char *call, struct range r, int whole)
{
	long at = r.start, len = whole ? (long)(r.end - r.start) : PAGE;
	long flags = MAP_PRIVATE | MAP_ANONYMOUS;
	long mine = raw(SYS_mmap, 0, 16 * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (!strcmp(call, "mprotect-w"))
		return raw(SYS_mprotect, at, len, PROT_READ | PROT_WRITE, 0, 0, 0);
	if (!strcmp(call, "mprotect-wx"))
		return raw(SYS_mprotect, at, len, PROT_READ | PROT_WRITE | PROT_EXEC, 0, 0, 0);
	if (!strcmp(call, "munmap")) return raw(SYS_munmap, at, len, 0, 0, 0, 0);
	if (!strcmp(call, "mmap-fixed"))
		return raw(SYS_mmap, at, len, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
	if (!strcmp(call, "mremap-away"))
		return raw(SYS_mremap, at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, mine, 0);
	if (!strcmp(call, "mremap-onto"))
		return raw(SYS_mremap, mine, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, at, 0);
	if (!strcmp(call, "mremap-grow"))
		return raw(SYS_mremap, at, len, 2 * len, MREMAP_MAYMOVE, 0, 0);
	if (!strcmp(call, "dontneed")) return raw(SYS_madvise, at, len, MADV_DONTNEED, 0, 0, 0);
	if (!strncmp(call, "madvise-", 8))
		return raw(SYS_madvise, at, len, atoi(call + 8), 0, 0, 0);
	if (!strcmp(call, "mprotect-x"))
		return raw(SYS_mprotect, at, len, PROT_READ | PROT_EXEC, 0, 0, 0);
	if (!strcmp(call, "pkey-mprotect"))
		return raw(SYS_pkey_mprotect, at, len, PROT_READ | PROT_WRITE, -1, 0, 0);
	if (!strcmp(call, "mremap-dontunmap"))
		return raw(SYS_mremap, at, len, len, MREMAP_MAYMOVE | 4, 0, 0);
	if (!strcmp(call, "mremap-zero")) return raw(SYS_mremap, at, 0, len, MREMAP_MAYMOVE, 0, 0);
	if (!strcmp(call, "process-madvise")) return by_process(at, len, MADV_DONTNEED);
	if (!strcmp(call, "map-vdso")) return map_vdso();
	fail(call);
	return -1;
}

static void try_call(const char *call, const char *object, const char *place)
{
	struct range r = place_of(object, place);
	int st;
	fflush(stdout);
	pid_t pid = fork();
	if (!pid) {
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		long ret = attack(call, r, !strcmp(object, "vdso"));
		raw(SYS_exit_group, ret < 0 && ret > -4096 ? -ret : 0, 0, 0, 0, 0, 0);
	}
	if (pid < 0 || waitpid(pid, &st, 0) != pid) fail("wait");
	printf("%s %s %s: ", call, object, place);
	if (WIFSIGNALED(st) || !WEXITSTATUS(st)) printf("ok\n");
	else if (WEXITSTATUS(st) == EPERM) printf("EPERM\n");
	else printf("errno %d\n", WEXITSTATUS(st));
}

/* The victim's read-only relocated table is made writable and changed. */
static const char *patch_table(void *h)
{
	const char **table = dlsym(h, "tag_table");
	if (mprotect((void *)DOWN(table), PAGE, PROT_READ | PROT_WRITE)) return "mprotect refused";
	table[0] = "owned";
	return 0;
}

/* The victim's code is made writable and changed. */
static const char *patch_code(void *h)
{
	void *f = dlsym(h, "who");
	if (mprotect((void *)DOWN(f), 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC))
		return "mprotect refused";
	write_jump(f, (const void *)owned);
	return 0;
}

/* A new page lies where the victim's table was. */
static const char *cover_table(void *h)
{
	uintptr_t *table = dlsym(h, "tag_table"), page = DOWN(table);
	unsigned char copy[PAGE];
	memcpy(copy, (void *)page, PAGE);
	if (mmap((void *)page, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) return "mmap refused";
	memcpy((void *)page, copy, PAGE);
	table[0] = (uintptr_t)"owned";
	return 0;
}

/*
 * House of Muney: the page of symbols is unmapped, as a forged chunk given to free() would do it,
 * comes back with other content, and the next lookup finds what the attacker likes.
 */
static const char *muney(void *h)
{
	struct where w = find(lib_path);
	const ElfW(Sym) *syms = 0;
	const char *strs = 0;
	(void)h;
	for (const ElfW(Dyn) *d = w.dyn; d->d_tag; d++) {
		uintptr_t at = d->d_un.d_ptr < w.base ? w.base + d->d_un.d_ptr : d->d_un.d_ptr;
		if (d->d_tag == DT_SYMTAB) syms = (const void *)at;
		if (d->d_tag == DT_STRTAB) strs = (const void *)at;
	}
	size_t len = w.header.end - w.header.start, shift = (uintptr_t)syms - w.header.start;
	unsigned char *copy = malloc(len);
	if (!syms || !strs || !copy || shift >= len) fail("symbols");
	memcpy(copy, (void *)w.header.start, len);
	ElfW(Sym) *mine = (void *)(copy + shift);
	for (size_t i = 1; (unsigned char *)(mine + i) < copy + len; i++)
		if (mine[i].st_name && !strcmp(strs + mine[i].st_name, "who")) {
			mine[i].st_value = (uintptr_t)owned - w.base;
			break;
		}
	if (munmap((void *)w.header.start, len)) return "munmap refused";
	if (mmap((void *)w.header.start, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0) != (void *)w.header.start) fail("mmap at the same place");
	memcpy((void *)w.header.start, copy, len);
	return 0;
}

/* The victim's relocated table falls back to what the file says. */
static const char *forget(void *h)
{
	const char *const *table = dlsym(h, "tag_table"), *was = table[0];
	if (madvise((void *)DOWN(table), PAGE, MADV_DONTNEED)) return "madvise refused";
	return table[0] == was ? "same content" : "owned";
}

static void effect(const char *name)
{
	void *h = dlopen(lib_path, RTLD_NOW);
	const char *why, *(*who)(void);
	if (!h) fail(dlerror());
	why = !strcmp(name, "patch-table") ? patch_table(h)
		: !strcmp(name, "patch-code") ? patch_code(h)
		: !strcmp(name, "cover-table") ? cover_table(h)
		: !strcmp(name, "muney") ? muney(h) : !strcmp(name, "forget") ? forget(h) : "what?";
	who = (const char *(*)(void))dlsym(h, "who");
	printf("effect %s: %s\n", name, why ? why : who());
	if (why && strcmp(why, "owned")) printf("who: %s\n", who());
}

int main(int argc, char **argv)
{
	if (argc < 3) return 98;
	lib_path = argv[1];
	if (!dlopen(lib_path, RTLD_NOW)) fail(dlerror());
	if (argc == 4 && !strcmp(argv[2], "effect")) effect(argv[3]);
	else for (int i = 2; i + 2 < argc; i += 3) try_call(argv[i], argv[i + 1], argv[i + 2]);
	puts("remap done");
	fflush(stdout);
	_exit(0); /* past destructors: their code may be what was replaced */
}
