/*
 * link.c: relocation of a group: where its references look, each object in turn, and copies of what
 * will be called later. Nothing is protected yet.
 */
#include "dso.h"
#include "musl.h"

/* ---- scopes ---- */

const struct ld_scope *ld_scope_published(struct ld_arena *a, const struct ld_scope *tail)
{
	const struct ld_scope *head = tail;
	struct ld_scope *last = NULL;

	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c)) {
		struct ld_scope *s;

		if (!c->scope_cnt)
			continue;
		s = LD_NEW(a, struct ld_scope);
		if (!s)
			return NULL;
		*s = (struct ld_scope){c->scope, c->scope_cnt, tail};
		if (last)
			last->next = s;
		else
			head = s;
		last = s;
	}
	return head;
}

/* which objects are global already, as one byte for each index */
static uint8_t *global_marks(struct ld_group *g)
{
	uint8_t *mark = ld_alloc(&g->scratch, g->obj_first + g->cnt + 1, 1);

	for (const struct ld_chunk *c = g->newest && mark ? ld_state.log.first : NULL; c;
	     c = ld_chunk_next(c))
		for (uint32_t i = 0; i < c->scope_cnt; i++)
			mark[c->scope[i].obj->idx] = 1;
	return mark;
}

static ld_st build_scope(struct ld_group *g)
{
	struct ld_scope *own = LD_NEW_N(&g->scratch, struct ld_scope, 2);
	uint8_t *mark = global_marks(g);
	uint32_t max = g->bfs_cnt ? g->bfs_cnt : g->cnt;

	g->probes = LD_NEW_N(&g->b.keep, struct ld_probe, max);
	if (!own || !mark || !g->probes)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	if (g->runtime) {
		for (uint32_t i = 0; i < g->bfs_cnt; i++)
			if (!mark[g->bfs[i]->idx] && !(g->bfs[i]->flags & LD_OBJ_VDSO))
				ld_probe_init(&g->probes[g->probe_cnt++], g->bfs[i]);
	} else {
		for (struct ld_new *n = g->first; n; n = n->next)
			if (!(n->o->flags & LD_OBJ_VDSO))
				ld_probe_init(&g->probes[g->probe_cnt++], n->o);
	}
	own[0] = (struct ld_scope){g->probes, g->probe_cnt, NULL};
	own[1] = (struct ld_scope){g->probes + 1, g->probe_cnt - 1, NULL};
	g->lk.scope = g->lk.copy_scope = &own[0];
	if (!g->runtime) {
		g->lk.copy_scope = &own[1]; /* main comes first, and copies from others only */
		return LD_OK;
	}
	g->lk.scope = g->lk.copy_scope = ld_scope_published(&g->scratch, own);
	return g->lk.scope ? LD_OK : ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
}

/* ---- relocation ---- */

/* the kernel mapped RELRO from the file; what we write and seal must be anonymous memory */
static ld_st prepare_kernel_mapped(struct ld_group *g, const struct ld_obj *o)
{
	uintptr_t from = o->relro_addr, end = from + o->relro_len;
	long r;

	if (!(o->flags & LD_OBJ_KERNEL) || (o->flags & (LD_OBJ_LIBC | LD_OBJ_VDSO)) || !o->relro_len)
		return LD_OK;
	/* what lies in front of the segment on its first page is not part of it */
	for (uint32_t i = 0; i < o->seg_cnt; i++)
		if (o->base + o->seg[i].va - from < o->relro_len)
			from = o->base + o->seg[i].va;
	r = ld_anonymize(&g->scratch, o->relro_addr, o->relro_len, from, end - from);
	return r ? ld_err_sys(&g->err, LD_E_MAP, (int)-r) : LD_OK;
}

static ld_st relocate(struct ld_group *g, struct ld_new *n)
{
	ld_st st = prepare_kernel_mapped(g, n->o);

	if (!ld_failed(st) && n->o->dyn)
		st = ld_apply_object(&g->lk, n->o, &n->dyn);
	if (ld_failed(st))
		ld_err_context(&g->err, n->o->name, NULL);
	return st;
}

int ld_addr_is_code(const struct ld_group *g, uintptr_t addr)
{
	const struct ld_chunk *c = g->newest ? ld_state.log.first : NULL;

	for (struct ld_new *n = g->first; n; n = n->next)
		if (ld_obj_holds(n->o, addr, 1, LD_PROT_X))
			return 1;
	for (; c; c = ld_chunk_next(c))
		for (uint32_t k = 0; k < c->obj_cnt; k++)
			if (ld_obj_holds(c->objs[k], addr, 1, LD_PROT_X))
				return 1;
	return 0;
}

/* init and fini arrays as they are after relocation, in the registry: nothing writable is called later */
static ld_st copy_array(struct ld_group *g, const struct ld_obj *o, uint64_t va, uint64_t len,
			const uintptr_t **out, uint32_t *cnt)
{
	uint64_t n = len / sizeof(uintptr_t);
	const uintptr_t *from = (const uintptr_t *)(o->base + va);
	uintptr_t *to;

	if (!n)
		return LD_OK;
	if (n > LD_MAX_INIT)
		return ld_err_set(&g->err, LD_E_DYN_INITCNT, va, n, LD_MAX_INIT);
	to = LD_NEW_N(&g->b.keep, uintptr_t, n);
	if (!to)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	for (uint64_t i = 0; i < n; i++) {
		to[i] = from[i];
		if (!ld_addr_is_code(g, to[i]))
			return ld_err_set(&g->err, LD_E_DYN_INIT, va + i * sizeof *to, to[i], 0);
	}
	*out = to;
	*cnt = (uint32_t)n;
	return LD_OK;
}

static ld_st copy_inits(struct ld_group *g, struct ld_new *n)
{
	struct ld_obj *o = n->o;
	ld_st st = copy_array(g, o, n->dyn.init_array_va, n->dyn.init_array_len, &o->init_array,
			      &o->init_cnt);

	if (!ld_failed(st))
		st = copy_array(g, o, n->dyn.fini_array_va, n->dyn.fini_array_len, &o->fini_array,
				&o->fini_cnt);
	if (ld_failed(st))
		ld_err_context(&g->err, o->name, NULL);
	return st;
}

ld_st ld_link_relocate(struct ld_group *g)
{
	struct ld_new *main_obj = NULL;
	ld_st st = build_scope(g);

	g->lk.libc = &ld_self;
	g->lk.tlsdesc_static = ld_rt_tlsdesc(0);
	g->lk.tlsdesc_dynamic = ld_rt_tlsdesc(1);
	g->lk.tls = g->runtime ? &g->tls : NULL;
	g->lk.tls_first = g->obj_first;
	for (struct ld_new *n = g->first; n && !ld_failed(st); n = n->next) {
		if (n->o->flags & LD_OBJ_MAIN)
			main_obj = n; /* last: it may copy what relocation puts into libraries */
		else if (!(n->o->flags & LD_OBJ_VDSO))
			st = relocate(g, n);
	}
	if (main_obj && !ld_failed(st))
		st = relocate(g, main_obj);
	if (!ld_failed(st) && g->lk.undef_cnt) {
		g->err.symbol = g->lk.undefs->symbol;
		st = ld_err_set(&g->err, LD_E_REL_UNDEF, 0, 0, 0);
		ld_err_context(&g->err, g->lk.undefs->obj->name, NULL);
	}
	for (struct ld_new *n = g->first; n && !ld_failed(st); n = n->next)
		if (!(n->o->flags & (LD_OBJ_VDSO | LD_OBJ_LIBC)))
			st = copy_inits(g, n);
	return st;
}
