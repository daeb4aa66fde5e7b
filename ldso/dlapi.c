/*
 * dlapi.c: dlopen and its kin. Everything but dlopen reads the sealed registry without a lock, so it works
 * in crash handlers, in profilers and in constructors. A handle is the address of an object's shadow
 * link_map: it is looked up, never followed.
 */
#include "dso.h"
#include "format.h"
#include "musl.h"
#include "path.h"

enum { RTLD_LAZY_ = 1, RTLD_NOLOAD_ = 4, RTLD_GLOBAL_ = 0x100 };
#define RTLD_NEXT_ ((void *)-1)

/* the public structures of <dlfcn.h> and <link.h>; their layout is ABI */
typedef struct {
	const char *dli_fname;
	void *dli_fbase;
	const char *dli_sname;
	void *dli_saddr;
} Dl_info;

struct dl_phdr_info {
	uintptr_t dlpi_addr;
	const char *dlpi_name;
	const struct ld_elf_phdr *dlpi_phdr;
	uint16_t dlpi_phnum;
	unsigned long long dlpi_adds, dlpi_subs;
	size_t dlpi_tls_modid;
	void *dlpi_tls_data;
};

LD_PUBLIC void *dlopen(const char *file, int mode);
LD_PUBLIC int dladdr(const void *addr, Dl_info *info);
LD_PUBLIC int dl_iterate_phdr(int (*cb)(struct dl_phdr_info *, size_t, void *), void *data);

/* ---- handles ---- */

static const struct ld_obj *handle_obj(const void *h)
{
	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c)) {
		uintptr_t off = (uintptr_t)h - (uintptr_t)c->mut;

		if (off < c->obj_cnt * sizeof *c->mut)
			return off % sizeof *c->mut ? NULL : c->objs[off / sizeof *c->mut];
	}
	return NULL;
}

int __dl_invalid_handle(void *h)
{
	struct ld_text t;
	char buf[64];

	if (handle_obj(h))
		return 0;
	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "Invalid library handle ");
	ld_text_hex(&t, (uintptr_t)h);
	ld_rt_seterr(buf);
	return 1;
}

/* the chunk that holds root's dependency order; NULL = no dlopen was asked for root yet */
static const struct ld_chunk *bfs_chunk(const struct ld_obj *root)
{
	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c))
		if (c->bfs.root == root)
			return c;
	return NULL;
}

/* ---- dlopen ---- */

static void seterr_group(const struct ld_group *g)
{
	struct ld_text t;
	char buf[1024];

	ld_text_init(&t, buf, sizeof buf);
	ld_format_err(&t, &g->err);
	ld_rt_seterr(buf);
}

static void seterr_name(const char *a, const char *name, const char *b)
{
	struct ld_text t;
	char buf[512];

	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, a);
	ld_text_raw(&t, name);
	ld_text_str(&t, b);
	ld_rt_seterr(buf);
}

static const char *requester(struct ld_group *g)
{
	static const char words[] = "dlopen in ";
	size_t n = ld_strlen(ld_state.main->name);
	char *s = ld_alloc(&g->scratch, sizeof words + n, 1);

	if (!s)
		return ld_state.main->name;
	memcpy(s, words, sizeof words - 1);
	memcpy(s + sizeof words - 1, ld_state.main->name, n + 1);
	return s;
}

static struct ld_group *begin(int mode)
{
	const struct ld_chunk *c = ld_state.log.first, *n;
	struct ld_group *g = ld_group_init();

	while ((n = ld_chunk_next(c)))
		c = n;
	ld_facts_now(&g->facts);
	g->runtime = 1;
	g->newest = c;
	g->obj_first = c->obj_first + c->obj_cnt;
	g->tls = c->tls_totals;
	g->global = !!(mode & RTLD_GLOBAL_);
	g->noload = mode & RTLD_NOLOAD_;
	g->lk.defer = mode & RTLD_LAZY_;
	g->requester = requester(g);
	return g;
}

/* are root and all it needs in the global scope already? */
static int all_global(struct ld_group *g, const struct ld_bfs *bfs)
{
	uint8_t *mark = ld_alloc(&g->scratch, g->obj_first + 1, 1);

	if (!mark)
		return 0;
	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c))
		for (uint32_t i = 0; i < c->scope_cnt; i++)
			mark[c->scope[i].obj->idx] = 1;
	for (uint32_t i = 0; i < bfs->cnt; i++)
		if (!mark[bfs->list[i]->idx])
			return 0;
	return 1;
}

static ld_st link_and_publish(struct ld_group *g)
{
	ld_st st = ld_group_begin(g);

	if (ld_failed(st))
		return st;
	g->bfs = ld_bfs_list(g, &g->b.keep, g->root, &g->bfs_cnt);
	g->order = ld_ctor_list(g, &g->b.keep, g->root, &g->order_cnt);
	if (!g->bfs || !g->order)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	st = ld_link_relocate(g);
	if (!ld_failed(st))
		st = ld_link_finish(g);
	if (!ld_failed(st))
		ld_debug_publish(g->b.chunk);
	return st;
}

/* constructors of a dependency that a fork cut short can never be finished */
static ld_st check_dead(struct ld_group *g, const struct ld_chunk *c)
{
	for (uint32_t i = 0; i < c->order_cnt; i++) {
		if (!ld_init_dead(c->order[i]))
			continue;
		ld_err_context(&g->err, c->order[i]->name, NULL);
		return ld_err_set(&g->err, LD_E_FORKED, 0, 0, 0);
	}
	return LD_OK;
}

static ld_st load(struct ld_group *g, const char *file, const struct ld_chunk **order)
{
	const struct ld_obj *root = NULL;
	ld_st st;

	*order = NULL;
	if (ld_exiting) {
		ld_err_context(&g->err, file, NULL);
		return ld_err_set(&g->err, LD_E_EXITING, 0, 0, 0);
	}
	st = ld_load_name(g, file, ld_state.main, &root);
	if (!ld_failed(st))
		st = ld_load_deps(g);
	if (ld_failed(st))
		return st;
	g->root = root;
	*order = g->cnt ? NULL : bfs_chunk(root);
	if (!*order || (g->global && !all_global(g, &(*order)->bfs))) {
		st = link_and_publish(g);
		if (ld_failed(st))
			return st;
		*order = g->b.chunk;
		ld_deferred_retry(g);
	}
	return check_dead(g, *order);
}

void *dlopen(const char *file, int mode)
{
	const struct ld_chunk *order = NULL;
	struct ld_group *g;
	void *handle = NULL;
	int cancel;

	if (!file)
		return ld_state.main->mut;
	cancel = ld_rt_cancel_off();
	ld_rt_lock();
	ld_debug_state(1);
	g = begin(mode);
	if (ld_failed(load(g, file, &order))) {
		if (g->noload && g->err.code == LD_E_NOT_FOUND)
			seterr_name("Library ", file, " is not already loaded");
		else
			seterr_group(g);
		ld_group_undo(g);
	} else {
		handle = g->root->mut;
		ld_loads++;
		ld_scratch_free(&g->scratch);
	}
	ld_debug_state(0);
	ld_rt_unlock();
	if (handle && !ld_init_done(order->bfs.root))
		ld_init_run(order->order, order->order_cnt);
	ld_rt_cancel_restore(cancel);
	return handle;
}

/* ---- addresses and symbols ---- */

/* 1 = *out holds addr in one of its segments; 0 = nobody, or a hole inside somebody */
static int obj_by_addr(uintptr_t addr, const struct ld_obj **out)
{
	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c)) {
		for (uint32_t i = 0; i < c->obj_cnt; i++) {
			const struct ld_obj *o = c->objs[i];

			if (addr - o->map_addr >= o->map_len)
				continue;
			for (uint32_t k = 0; k < o->seg_cnt; k++) {
				if (addr - o->base - o->seg[k].va < o->seg[k].memsz) {
					*out = o;
					return 1;
				}
			}
			return 0;
		}
	}
	return 0;
}

static struct ld_def def_in(const struct ld_obj *o, struct ld_name *n)
{
	const struct ld_elf_sym *sym = ld_symtab_find(&o->sym, n);

	if (sym && ld_sym_usable(sym, 0))
		return (struct ld_def){sym, o};
	return (struct ld_def){NULL, NULL};
}

/* the global scope, from the object after `after` on (NULL = from the start) */
static struct ld_def find_global(struct ld_name *n, const struct ld_obj *from)
{
	struct ld_def def = {NULL, NULL};

	for (const struct ld_chunk *c = ld_state.log.first; c && !def.sym; c = ld_chunk_next(c)) {
		uint32_t i = 0;

		if (from) {
			while (i < c->scope_cnt && c->scope[i].obj != from)
				i++;
			if (i == c->scope_cnt)
				continue;
			from = NULL;
		}
		def = ld_scope_find(&(struct ld_scope){c->scope + i, c->scope_cnt - i, NULL}, n, 0);
	}
	return def;
}

static int is_global(const struct ld_obj *o)
{
	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c))
		for (uint32_t i = 0; i < c->scope_cnt; i++)
			if (c->scope[i].obj == o)
				return 1;
	return 0;
}

/* RTLD_NEXT: the object loaded after the caller's, then along the global scope */
static struct ld_def find_next(struct ld_name *n, uintptr_t caller)
{
	const struct ld_obj *o = NULL;
	struct ld_def def;

	if (!obj_by_addr(caller, &o))
		o = ld_state.main;
	o = ld_obj_at(o->idx + 1);
	if (!o)
		return (struct ld_def){NULL, NULL};
	if (is_global(o))
		return find_global(n, o);
	def = def_in(o, n);
	return def;
}

static struct ld_def find_in_bfs(const struct ld_obj *o, struct ld_name *n)
{
	const struct ld_chunk *c = bfs_chunk(o);
	struct ld_def def = {NULL, NULL};

	if (!c) {
		/* a handle that no dlopen returned (a link_map from a list): itself and direct dependencies */
		def = def_in(o, n);
		for (uint32_t i = 0; i < o->deps_cnt && !def.sym; i++)
			def = def_in(o->deps[i], n);
		return def;
	}
	for (uint32_t i = 0; i < c->bfs.cnt && !def.sym; i++)
		def = def_in(c->bfs.list[i], n);
	return def;
}

void *__dlsym(void *restrict h, const char *restrict name, void *restrict ra)
{
	struct ld_def def;
	struct ld_name n;
	const struct ld_obj *o;

	ld_name_init(&n, name);
	if (!h || h == ld_state.main->mut) {
		def = find_global(&n, NULL);
	} else if (h == RTLD_NEXT_) {
		def = find_next(&n, (uintptr_t)ra);
	} else {
		o = handle_obj(h);
		if (!o) {
			(void)__dl_invalid_handle(h);
			return NULL;
		}
		def = find_in_bfs(o, &n);
	}
	if (!def.sym) {
		seterr_name("Symbol not found: ", name, "");
		return NULL;
	}
	if (LD_ST_TYPE(def.sym->st_info) == LD_STT_TLS)
		return ld_rt_tls_addr(def.obj->tls.id, def.sym->st_value - LD_ARCH_DTPOFF_BIAS);
	if (LD_ST_TYPE(def.sym->st_info) == LD_STT_GNU_IFUNC)
		return (void *)ld_ifunc_call(def.obj->base + def.sym->st_value);
	return (void *)(def.obj->base + def.sym->st_value);
}

/* 32-bit time_t exists on no architecture ward runs on yet */
void *__dlsym_redir_time64(void *restrict h, const char *restrict name, void *restrict ra)
{
	return __dlsym(h, name, ra);
}

/* the symbol nearest below addr, by value */
static const struct ld_elf_sym *nearest(const struct ld_obj *o, uintptr_t addr)
{
	uint32_t cnt = o->sym.syms ? ld_symtab_count(&o->sym) : 0;
	const struct ld_elf_sym *best = NULL;

	for (uint32_t i = 0; i < cnt; i++) {
		const struct ld_elf_sym *s = &o->sym.syms[i];

		if (!s->st_value || LD_ST_TYPE(s->st_info) == LD_STT_TLS || !ld_sym_usable(s, 0))
			continue;
		if (o->base + s->st_value > addr || (best && s->st_value <= best->st_value))
			continue;
		best = s;
	}
	/* an address behind the symbol's end belongs to nothing; a size of 0 means unknown */
	if (best && best->st_size && addr - o->base - best->st_value >= best->st_size)
		best = NULL;
	return best;
}

int dladdr(const void *addr, Dl_info *info)
{
	const struct ld_elf_sym *sym;
	const struct ld_obj *o;

	if (!obj_by_addr((uintptr_t)addr, &o))
		return 0;
	sym = nearest(o, (uintptr_t)addr);
	info->dli_fname = o->name;
	info->dli_fbase = (void *)o->map_addr;
	info->dli_sname = sym ? ld_sym_name(&o->sym, sym) : NULL;
	info->dli_saddr = sym ? (void *)(o->base + sym->st_value) : NULL;
	return 1;
}

int dl_iterate_phdr(int (*cb)(struct dl_phdr_info *, size_t, void *), void *data)
{
	struct dl_phdr_info info;
	int r = 0;

	for (const struct ld_chunk *c = ld_state.log.first; c && !r; c = ld_chunk_next(c)) {
		for (uint32_t i = 0; i < c->obj_cnt && !r; i++) {
			const struct ld_obj *o = c->objs[i];

			info = (struct dl_phdr_info){
				.dlpi_addr = o->base, .dlpi_name = o->name, .dlpi_phdr = o->phdr,
				.dlpi_phnum = (uint16_t)o->phnum,
				.dlpi_adds = __atomic_load_n(&ld_loads, __ATOMIC_RELAXED),
				.dlpi_tls_modid = o->tls.id,
				.dlpi_tls_data = o->tls.id ? ld_rt_tls_addr(o->tls.id, 0 - LD_ARCH_DTPOFF_BIAS) : NULL,
			};
			r = cb(&info, sizeof info, data);
		}
	}
	return r;
}
