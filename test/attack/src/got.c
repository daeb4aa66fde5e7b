/*
 * Overwrites the slot through which a library calls who(), and looks for a lazy resolver.
 *
 *   got LIB write      store to the slot, call ask()
 *   got LIB resolver   print the two words behind DT_PLTGOT that a lazy resolver would own
 */
#include "where.h"
#include <setjmp.h>

static jmp_buf back;

static const char *owned(void)
{
	return "owned";
}

static void on_fault(int sig)
{
	(void)sig;
	longjmp(back, 1);
}

static uintptr_t dyn_addr(const struct where *w, int tag)
{
	for (const ElfW(Dyn) *d = w->dyn; d->d_tag; d++)
		if (d->d_tag == tag) return d->d_un.d_val < w->base && tag != DT_PLTRELSZ
			? w->base + d->d_un.d_val : d->d_un.d_val;
	return 0;
}

static uintptr_t *slot_of(const struct where *w, const char *name)
{
	const ElfW(Rela) *rel = (const void *)dyn_addr(w, DT_JMPREL);
	const ElfW(Sym) *syms = (const void *)dyn_addr(w, DT_SYMTAB);
	const char *strs = (const void *)dyn_addr(w, DT_STRTAB);
	size_t cnt = dyn_addr(w, DT_PLTRELSZ) / sizeof *rel;
	for (size_t i = 0; rel && i < cnt; i++)
		if (!strcmp(strs + syms[ELF64_R_SYM(rel[i].r_info)].st_name, name))
			return (uintptr_t *)(w->base + rel[i].r_offset);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3) return 98;
	void *h = dlopen(argv[1], RTLD_NOW);
	if (!h) fail(dlerror());
	struct where w = find(argv[1]);
	const char *(*ask)(void) = (const char *(*)(void))dlsym(h, "ask");
	if (!strcmp(argv[2], "resolver")) {
		const uintptr_t *got = (const void *)dyn_addr(&w, DT_PLTGOT);
		if (!got) fail("no DT_PLTGOT");
		printf("resolver: %#lx %#lx\n", (long)got[1], (long)got[2]);
	} else {
		uintptr_t *slot = slot_of(&w, "who");
		struct sigaction sa = { .sa_handler = on_fault };
		if (!slot) fail("no slot");
		sigaction(SIGSEGV, &sa, 0);
		if (!setjmp(back)) *(volatile uintptr_t *)slot = (uintptr_t)owned;
		else printf("store refused\n");
	}
	printf("ask: %s\n", ask());
	return 0;
}
