/*
 * Writes to what the loader publishes for debuggers, and looks what follows.
 *
 *   forge LIB exit-dynamic    DT_DEBUG -> r_debug -> link_map: l_ld of all objects points to a
 *                             dynamic table with a destructor of ours; then exit
 *   forge LIB exit-base       dlinfo -> link_map: l_addr moves DT_FINI_ARRAY onto our array; exit
 *   forge LIB lookup          l_addr moves what dlsym finds
 *   forge LIB append          a forged object behind the last one, counted by dl_iterate_phdr
 *   forge LIB name            l_name, seen by dladdr
 *
 * A store that faults is answered by "store refused".
 */
#include "where.h"
#include <setjmp.h>

static jmp_buf back;
static int objects, forged_seen;

static void owned(void)
{
	if (write(1, "owned\n", 6) < 0) _exit(99);
	_exit(0);
}

static void on_fault(int sig)
{
	(void)sig;
	longjmp(back, 1);
}

/* volatile: the store must happen although nobody here reads it back */
static void store(void *at, uintptr_t value)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER }, was;
	sigaction(SIGSEGV, &sa, &was);
	if (!setjmp(back)) *(volatile uintptr_t *)at = value;
	else printf("store refused\n");
	sigaction(SIGSEGV, &was, 0);
}

static struct r_debug *debug_of_main(void)
{
	for (const ElfW(Dyn) *d = find("main").dyn; d->d_tag; d++)
		if (d->d_tag == DT_DEBUG) return (void *)d->d_un.d_ptr;
	return 0;
}

static struct link_map *map_of(void *h)
{
	struct link_map *m;
	if (dlinfo(h, RTLD_DI_LINKMAP, &m)) fail(dlerror());
	return m;
}

static uintptr_t dyn_value(const ElfW(Dyn) *d, int tag)
{
	for (; d->d_tag; d++)
		if (d->d_tag == tag) return d->d_un.d_val;
	return 0;
}

static uintptr_t targets[1] = { (uintptr_t)owned };

static void exit_dynamic(void)
{
	struct r_debug *r = debug_of_main();
	if (!r) {
		printf("no r_debug\n");
		return;
	}
	for (struct link_map *m = r->r_map; m; m = m->l_next) {
		ElfW(Dyn) *d = calloc(4, sizeof *d);
		d[0] = (ElfW(Dyn)){ DT_FINI_ARRAY, { (uintptr_t)targets - m->l_addr } };
		d[1] = (ElfW(Dyn)){ DT_FINI_ARRAYSZ, { sizeof targets } };
		store(&m->l_ld, (uintptr_t)d);
	}
}

static void exit_base(struct link_map *m)
{
	uintptr_t va = dyn_value(m->l_ld, DT_FINI_ARRAY);
	uintptr_t cnt = dyn_value(m->l_ld, DT_FINI_ARRAYSZ) / sizeof(uintptr_t);
	uintptr_t *fake = calloc(cnt + 1, sizeof *fake);
	if (!va || !fake) fail("no fini array");
	for (uintptr_t i = 0; i < cnt; i++) fake[i] = (uintptr_t)owned;
	if (va >= m->l_addr) va -= m->l_addr;
	store(&m->l_addr, (uintptr_t)fake - va);
}

static void lookup(void *h, struct link_map *m)
{
	uintptr_t was = (uintptr_t)dlsym(h, "who");
	store(&m->l_addr, m->l_addr + 64);
	printf("lookup %s\n", (uintptr_t)dlsym(h, "who") == was ? "unchanged" : "moved");
	_exit(0);
}

static int count(struct dl_phdr_info *i, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	objects++;
	forged_seen += !strcmp(i->dlpi_name, "forged");
	return 0;
}

static void append(struct link_map *m)
{
	enum { COPY = 256, ROOM = 640 }; /* what stock musl keeps behind the five public words */
	struct link_map *last = m;
	while (last->l_next) last = last->l_next;
	struct link_map *fake = calloc(1, ROOM);
	memcpy(fake, m, COPY);
	fake->l_name = "forged";
	fake->l_next = 0;
	fake->l_prev = last;
	store(&last->l_next, (uintptr_t)fake);
	dl_iterate_phdr(count, 0);
	printf("%d objects, forged %d\n", objects, forged_seen);
	_exit(0);
}

static void rename_object(void *h, struct link_map *m)
{
	Dl_info i;
	store(&m->l_name, (uintptr_t)"forged");
	if (!dladdr(dlsym(h, "who"), &i)) fail("dladdr");
	printf("name %s\n", i.dli_fname);
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc != 3) return 98;
	setvbuf(stdout, 0, _IONBF, 0);
	void *h = dlopen(argv[1], RTLD_NOW);
	if (!h) fail(dlerror());
	struct link_map *m = map_of(h);
	const char *(*who)(void) = (const char *(*)(void))dlsym(h, "who");
	if (!who) fail(dlerror());
	if (!strcmp(argv[2], "exit-dynamic")) exit_dynamic();
	else if (!strcmp(argv[2], "exit-base")) exit_base(m);
	else if (!strcmp(argv[2], "lookup")) lookup(h, m);
	else if (!strcmp(argv[2], "append")) append(m);
	else if (!strcmp(argv[2], "name")) rename_object(h, m);
	else return 98;
	printf("who: %s\n", who());
	dlopen("/nonexistent", RTLD_NOW);
	printf("forge done\n");
	exit(0);
}
