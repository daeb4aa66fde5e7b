/*
 * link.c: from a loaded group to a sealed one: relocate, copy what is called later, make read-only,
 * seal, run indirect functions, publish. All work that can fail for want of memory comes before the
 * first seal.
 */
#include "dso.h"
#include "musl.h"

#define MUT_POOL 32

/* mutable halves of the first objects; later groups that do not fit get memory of their own */
static struct ld_mut mut_pool[MUT_POOL];

static uint64_t page_down(uint64_t v)
{
	return ld_align_down(v, ld_state.page);
}

static uint64_t page_up(uint64_t v)
{
	return ld_align_up(v, ld_state.page);
}

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
	long r;

	if (!(o->flags & LD_OBJ_KERNEL) || (o->flags & (LD_OBJ_LIBC | LD_OBJ_VDSO)) || !o->relro_len)
		return LD_OK;
	r = ld_anonymize(o->relro_addr, o->relro_len, o->relro_addr, o->relro_len);
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
	uint32_t i = 0;

	for (struct ld_new *n = g->first; n; n = n->next)
		for (i = 0; i < n->o->seg_cnt; i++)
			if ((n->o->seg[i].prot & LD_PROT_X) &&
			    addr - n->o->base - n->o->seg[i].va < n->o->seg[i].memsz)
				return 1;
	for (; c; c = ld_chunk_next(c))
		for (uint32_t k = 0; k < c->obj_cnt; k++)
			for (i = 0; i < c->objs[k]->seg_cnt; i++)
				if ((c->objs[k]->seg[i].prot & LD_PROT_X) &&
				    addr - c->objs[k]->base - c->objs[k]->seg[i].va <
					    c->objs[k]->seg[i].memsz)
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

/* ---- what stays open: pages with slots that are written once more ---- */

static void widen(uintptr_t *lo, uintptr_t *hi, uintptr_t place)
{
	uintptr_t p = page_down(place);

	if (!*hi || p < *lo)
		*lo = p;
	if (p + ld_state.page > *hi)
		*hi = p + ld_state.page;
}

static int in_relro(const struct ld_obj *o, uintptr_t place)
{
	return place - o->relro_addr < o->relro_len;
}

static ld_st mark_open_pages(struct ld_group *g)
{
	for (struct ld_ifunc *f = g->lk.ifuncs; f; f = f->next) {
		struct ld_new *n = ld_group_find(g, f->obj);

		if (!ld_addr_is_code(g, f->resolver)) {
			ld_err_context(&g->err, f->obj->name, NULL);
			return ld_err_set(&g->err, LD_E_REL_IFUNC, 0, f->resolver, 0);
		}
		if (n && in_relro(f->obj, f->place)) {
			widen(&n->open_lo, &n->open_hi, f->place);
			widen(&n->ifunc_lo, &n->ifunc_hi, f->place);
		}
	}
	for (struct ld_deferred *d = g->lk.deferred; d; d = d->next) {
		struct ld_new *n = ld_group_find(g, d->obj);

		if (n && in_relro(d->obj, d->place)) {
			widen(&n->open_lo, &n->open_hi, d->place);
			n->o->flags |= LD_OBJ_LAZYPAGE;
		}
	}
	return LD_OK;
}

/*
 * Whole pages that hold nothing but PLT slots, outside RELRO (objects linked without -z now). They
 * can be read-only too unless a slot still waits for its symbol.
 */
static void got_pages(const struct ld_group *g, const struct ld_new *n, uintptr_t *lo, uintptr_t *hi)
{
	uint64_t ent = n->dyn.plt_is_rela ? sizeof(struct ld_elf_rela) : sizeof(struct ld_elf_rel);
	uintptr_t from = n->o->base + n->dyn.pltgot_va;
	uintptr_t to = from + (3 + n->dyn.pltrelsz / ent) * sizeof(ld_word);

	*lo = *hi = 0;
	if (!n->dyn.pltgot_va || !n->dyn.pltrelsz || (n->o->flags & (LD_OBJ_LIBC | LD_OBJ_VDSO)))
		return;
	if (in_relro(n->o, from)) /* GNU ld leaves the three reserved slots to RELRO */
		from = n->o->relro_addr + n->o->relro_len;
	if (page_up(from) >= page_down(to))
		return;
	for (struct ld_deferred *d = g->lk.deferred; d; d = d->next)
		if (d->obj == n->o && d->place - from < to - from)
			return;
	for (struct ld_ifunc *f = g->lk.ifuncs; f; f = f->next)
		if (f->obj == n->o && f->place - from < to - from)
			return;
	for (uint32_t i = 0; i < n->o->seg_cnt; i++) {
		const struct ld_seg *s = &n->o->seg[i];

		if (!(s->prot & LD_PROT_W) || page_up(from) < n->o->base + s->va ||
		    page_down(to) > n->o->base + s->va + s->filesz)
			continue;
		*lo = page_up(from);
		*hi = page_down(to);
	}
}

/* ---- protection and seals ---- */

static ld_st protect(struct ld_group *g, uintptr_t lo, uintptr_t hi, uint32_t prot)
{
	long r = lo < hi ? ld_os_mprotect((void *)lo, hi - lo, prot) : 0;

	return r ? ld_err_sys(&g->err, LD_E_PROTECT, (int)-r) : LD_OK;
}

static ld_st seal(struct ld_group *g, uintptr_t lo, uintptr_t hi)
{
	long r = lo < hi && ld_state.have_seal ? ld_os_mseal((void *)lo, hi - lo) : 0;

	return r ? ld_err_sys(&g->err, LD_E_SEAL, (int)-r) : LD_OK;
}

static ld_st seal_except(struct ld_group *g, const struct ld_new *n, uintptr_t lo, uintptr_t hi)
{
	uintptr_t a = n->open_lo, b = n->open_hi;
	ld_st st;

	if (!b || b <= lo || a >= hi)
		return seal(g, lo, hi);
	st = seal(g, lo, a);
	return ld_failed(st) ? st : seal(g, b, hi);
}

static int seals_data(const struct ld_obj *o)
{
	if (o->flags & LD_OBJ_MUTABLE)
		return 0;
	return ld_state.policy.v[LD_KEY_SEAL] == LD_SEAL_ALL || (o->flags & LD_OBJ_SEALDATA) ||
	       (o->flags & LD_OBJ_LIBC);
}

/* how far a writable segment's read-only part reaches from its start */
static uintptr_t sealed_end(const struct ld_new *n, uintptr_t lo, uintptr_t hi)
{
	const struct ld_obj *o = n->o;

	if (seals_data(o))
		return hi;
	if (o->relro_len && o->relro_addr >= lo && o->relro_addr < hi)
		return o->relro_addr + o->relro_len;
	return lo;
}

/*
 * Seal one object: its guard, text, constants, RELRO, holes; data where asked for. Ranges are made as long
 * as possible: usually one call for an object.
 */
static ld_st seal_object(struct ld_group *g, struct ld_new *n)
{
	const struct ld_obj *o = n->o;
	uintptr_t from = n->span_addr, at = o->map_addr, got_lo, got_hi;
	ld_st st = LD_OK;

	for (uint32_t i = 0; i < o->seg_cnt && !ld_failed(st); i++) {
		uintptr_t lo = page_down(o->base + o->seg[i].va);
		uintptr_t hi = page_up(o->base + o->seg[i].va + o->seg[i].memsz);
		uintptr_t end = o->seg[i].prot & LD_PROT_W ? sealed_end(n, lo, hi) : hi;

		if (lo > at && (o->flags & LD_OBJ_KERNEL) && ld_os_failed(ld_os_map_none(at, lo - at))) {
			/* a hole the kernel left and somebody filled: seal around it */
			st = seal_except(g, n, from, at);
			from = lo;
		}
		at = hi;
		if (end == hi)
			continue;
		if (!ld_failed(st))
			st = seal_except(g, n, from, end);
		from = hi;
	}
	if (!ld_failed(st))
		st = seal_except(g, n, from, at);
	got_pages(g, n, &got_lo, &got_hi);
	if (!ld_failed(st) && got_lo < got_hi && !seals_data(o))
		st = seal(g, got_lo, got_hi);
	return st;
}

static ld_st protect_object(struct ld_group *g, struct ld_new *n)
{
	const struct ld_obj *o = n->o;
	uintptr_t lo, hi;
	ld_st st = LD_OK;

	if (o->flags & (LD_OBJ_LIBC | LD_OBJ_VDSO))
		return LD_OK; /* ward's own RELRO comes last: the state lies in it */
	if (o->relro_len)
		st = protect(g, o->relro_addr, o->relro_addr + o->relro_len, LD_PROT_R);
	got_pages(g, n, &lo, &hi);
	if (ld_failed(st) || lo >= hi)
		return st;
	for (uint32_t i = 0; i < o->seg_cnt; i++) {
		long r = 0;

		/* large data segments are file pages: what is sealed must not be */
		if (lo - o->base - o->seg[i].va < o->seg[i].memsz && o->seg[i].filesz > 65536)
			r = ld_anonymize(lo, hi - lo, lo, hi - lo);
		if (r)
			return ld_err_sys(&g->err, LD_E_MAP, (int)-r);
	}
	return protect(g, lo, hi, LD_PROT_R);
}

uintptr_t ld_ifunc_call(uintptr_t resolver)
{
	uintptr_t hwcap = 0;

	for (const uintptr_t *a = ld_state.auxv; a && *a; a += 2)
		if (*a == LD_AT_HWCAP)
			hwcap = a[1];
	return ((uintptr_t (*)(uintptr_t))resolver)(hwcap);
}

/* the one foreign code that runs before everything is sealed: it sees no writable relocated page */
static ld_st run_ifuncs(struct ld_group *g)
{
	ld_st st = LD_OK;

	if (!g->lk.ifuncs)
		return LD_OK;
	for (struct ld_ifunc *f = g->lk.ifuncs; f; f = f->next)
		f->value = ld_ifunc_call(f->resolver) + f->addend;
	for (struct ld_new *n = g->first; n && !ld_failed(st); n = n->next)
		st = protect(g, n->ifunc_lo, n->ifunc_hi, LD_PROT_RW);
	for (struct ld_ifunc *f = g->lk.ifuncs; f && !ld_failed(st); f = f->next)
		*(uintptr_t *)f->place = f->value;
	for (struct ld_new *n = g->first; n && !ld_failed(st); n = n->next) {
		st = protect(g, n->ifunc_lo, n->ifunc_hi, LD_PROT_R);
		/* pages that also wait for a deferred symbol stay unsealed */
		if (!ld_failed(st) && !(n->o->flags & LD_OBJ_LAZYPAGE))
			st = seal(g, n->ifunc_lo, n->ifunc_hi);
	}
	return st;
}

/* ---- the chunk ---- */

static struct ld_mut *new_muts(struct ld_group *g, struct ld_chunk *c)
{
	uint32_t used = g->newest ? g->newest->mut_used : 0;
	long r;

	c->mut_used = used;
	if (g->cnt <= MUT_POOL - used) {
		c->mut_used = used + g->cnt;
		return mut_pool + used;
	}
	r = ld_os_map_anon(0, page_up(g->cnt * sizeof(struct ld_mut)), 0);
	if (ld_os_failed(r))
		return NULL;
	g->muts = (uintptr_t)r;
	return (struct ld_mut *)r;
}

static ld_st fill_chunk(struct ld_group *g)
{
	struct ld_chunk *c = g->b.chunk;
	const struct ld_obj **objs = LD_NEW_N(&g->b.keep, const struct ld_obj *, g->cnt + 1);
	const struct ld_obj **tls = LD_NEW_N(&g->b.keep, const struct ld_obj *, g->cnt + 1);
	struct ld_mut *mut = new_muts(g, c);

	if (!objs || !tls || !mut)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	c->idx = g->newest ? g->newest->idx + 1 : 0;
	c->obj_first = g->obj_first;
	c->obj_cnt = g->cnt;
	c->objs = objs;
	c->mut = mut;
	c->tls = tls;
	c->tls_first = g->newest ? g->newest->tls_first + g->newest->tls_cnt : 0;
	for (struct ld_new *n = g->first; n; n = n->next) {
		objs[n->o->idx - g->obj_first] = n->o;
		n->o->mut = &mut[n->o->idx - g->obj_first];
		if (n->o->tls.id)
			tls[c->tls_cnt++] = n->o;
	}
	c->tls_totals = g->tls;
	c->tls_block_len = ld_tls_block_len(&g->tls, ld_rt_pthread_len());
	if (!g->runtime || g->global) {
		c->scope = g->probes;
		c->scope_cnt = g->probe_cnt;
	}
	if (g->runtime)
		c->bfs = (struct ld_bfs){g->root, g->bfs, g->bfs_cnt};
	c->deferred = g->lk.deferred;
	c->order = g->order;
	c->order_cnt = g->order_cnt;
	return LD_OK;
}

static ld_st protect_self(struct ld_group *g)
{
	return protect(g, ld_self.relro_addr, ld_self.relro_addr + ld_self.relro_len, LD_PROT_R);
}

static ld_st seal_group(struct ld_group *g)
{
	struct ld_builder *b = &g->b;
	ld_st st = LD_OK;

	if (ld_state.policy.v[LD_KEY_SEAL] == LD_SEAL_OFF || !ld_state.have_seal)
		return LD_OK;
	for (struct ld_new *n = g->first; n && !ld_failed(st); n = n->next)
		if (!(n->o->flags & LD_OBJ_VDSO))
			st = seal_object(g, n);
	/* last: if a seal fails, the log can still be continued at this place */
	if (b->mark > b->start && !ld_failed(st))
		st = seal(g, b->start, b->mark);
	return st;
}

ld_st ld_link_finish(struct ld_group *g)
{
	struct ld_chunk *c = g->b.chunk;
	ld_st st = fill_chunk(g);

	if (!ld_failed(st))
		st = mark_open_pages(g);
	if (!ld_failed(st) && g->runtime && c->tls_cnt)
		st = ld_tls_prepare(g);
	if (!ld_failed(st))
		st = ld_builder_freeze(&g->b, &g->err);
	if (!ld_failed(st) && !g->runtime) {
		/* from here on the start set can be read like any other chunk */
		ld_state.log.first = c;
		ld_published = 1;
		if (ld_rt_main_tls(c->tls_block_len, g->tls.align, g->tls.cnt))
			st = ld_err_set(&g->err, LD_E_MEMORY, 0, c->tls_block_len, 0);
		if (!ld_failed(st))
			st = protect_self(g);
	}
	if (!ld_failed(st) && !ld_chunk_is_valid(&ld_state.log, c, c->idx))
		st = ld_err_set(&g->err, LD_E_REGISTRY, 0, 0, 0);
	for (struct ld_new *n = g->first; n && !ld_failed(st); n = n->next)
		st = protect_object(g, n);
	if (!ld_failed(st))
		st = seal_group(g);
	if (!ld_failed(st))
		st = run_ifuncs(g);
	if (ld_failed(st)) {
		ld_tls_abandon(g);
		return st;
	}
	if (g->runtime) {
		ld_tls_install(g);
		__atomic_store_n(&ld_published, c->idx + 1, __ATOMIC_RELEASE);
		ld_tls_commit(g);
	}
	g->muts = 0; /* published: not ours to give back any more */
	return LD_OK;
}

/* ---- deferred slots ---- */

static int is_waiting(const struct ld_deferred *d)
{
	return *(const uintptr_t *)d->place == d->initial;
}

/* the RELRO pages of o that still wait, or were waiting when it was loaded */
static void waiting_pages(const struct ld_chunk *c, const struct ld_obj *o, uintptr_t *lo, uintptr_t *hi,
			  int *waiting)
{
	*lo = *hi = 0;
	*waiting = 0;
	for (const struct ld_deferred *d = c->deferred; d; d = d->next) {
		if (d->obj != o || !in_relro(o, d->place))
			continue;
		widen(lo, hi, d->place);
		*waiting |= is_waiting(d);
	}
}

static void store_deferred(const struct ld_chunk *c, const struct ld_deferred *d, uintptr_t value)
{
	uintptr_t page = page_down(d->place), lo, hi;
	int waiting;

	if (!in_relro(d->obj, d->place)) {
		*(uintptr_t *)d->place = value;
		return;
	}
	if (ld_os_mprotect((void *)page, ld_state.page, LD_PROT_RW))
		return;
	*(uintptr_t *)d->place = value;
	(void)ld_os_mprotect((void *)page, ld_state.page, LD_PROT_R);
	waiting_pages(c, d->obj, &lo, &hi, &waiting);
	if (!waiting && ld_state.have_seal && ld_state.policy.v[LD_KEY_SEAL] != LD_SEAL_OFF)
		(void)ld_os_mseal((void *)lo, hi - lo);
}

void ld_deferred_retry(struct ld_group *g)
{
	const struct ld_scope *scope = NULL;

	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c)) {
		for (const struct ld_deferred *d = c->deferred; d; d = d->next) {
			uintptr_t value;

			if (!is_waiting(d))
				continue;
			if (!scope)
				scope = ld_scope_published(&g->scratch, NULL);
			if (!scope)
				return;
			if (ld_apply_deferred(scope, &ld_self, d, &value))
				store_deferred(c, d, value);
		}
	}
}
