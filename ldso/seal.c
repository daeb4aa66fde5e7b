/*
 * seal.c: what becomes read-only, and what is sealed: guards, text, constants, RELRO, holes, slots of
 * the PLT, and data where it is asked for. Pages with slots that are written once more stay open.
 */
#include "seal.h"

/* ---- what stays open: pages with slots that are written once more ---- */

ld_st ld_seal_mark_open(struct ld_group *g)
{
	for (struct ld_ifunc *f = g->lk.ifuncs; f; f = f->next) {
		struct ld_new *n = ld_group_find(g, f->obj);

		if (!ld_addr_is_code(g, f->resolver)) {
			ld_err_context(&g->err, f->obj->name, NULL);
			return ld_err_set(&g->err, LD_E_REL_IFUNC, 0, f->resolver, 0);
		}
		if (n && ld_in_relro(f->obj, f->place)) {
			ld_pages_widen(&n->open_lo, &n->open_hi, f->place);
			ld_pages_widen(&n->ifunc_lo, &n->ifunc_hi, f->place);
		}
	}
	for (struct ld_deferred *d = g->lk.deferred; d; d = d->next) {
		struct ld_new *n = ld_group_find(g, d->obj);

		if (n && ld_in_relro(d->obj, d->place)) {
			ld_pages_widen(&n->open_lo, &n->open_hi, d->place);
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
	if (ld_in_relro(n->o, from)) /* GNU ld leaves the three reserved slots to RELRO */
		from = n->o->relro_addr + n->o->relro_len;
	if (ld_page_up(from) >= ld_page_down(to))
		return;
	for (struct ld_deferred *d = g->lk.deferred; d; d = d->next)
		if (d->obj == n->o && d->place - from < to - from)
			return;
	for (struct ld_ifunc *f = g->lk.ifuncs; f; f = f->next)
		if (f->obj == n->o && f->place - from < to - from)
			return;
	for (uint32_t i = 0; i < n->o->seg_cnt; i++) {
		const struct ld_seg *s = &n->o->seg[i];

		if (!(s->prot & LD_PROT_W) || ld_page_up(from) < n->o->base + s->va ||
		    ld_page_down(to) > n->o->base + s->va + s->filesz)
			continue;
		*lo = ld_page_up(from);
		*hi = ld_page_down(to);
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
	long r = lo < hi && ld_sealing() ? ld_os_mseal((void *)lo, hi - lo) : 0;

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
 * The kernel left a hole and put something into it: on machines whose objects are laid out for larger
 * pages than they have, that is vvar and vdso in the loader's own. Close what lies around that.
 */
LD_COLD static void close_around(uintptr_t *lo, uintptr_t *hi)
{
	uintptr_t page = ld_state.page;

	while (*lo < *hi && !ld_os_failed(ld_os_map_none(*lo, page)))
		*lo += page;
	while (*lo < *hi && !ld_os_failed(ld_os_map_none(*hi - page, page)))
		*hi -= page;
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
		uintptr_t lo = ld_page_down(o->base + o->seg[i].va);
		uintptr_t hi = ld_page_up(o->base + o->seg[i].va + o->seg[i].memsz);
		uintptr_t end = o->seg[i].prot & LD_PROT_W ? sealed_end(n, lo, hi) : hi;

		if (lo > at && (o->flags & LD_OBJ_KERNEL) && ld_os_failed(ld_os_map_none(at, lo - at))) {
			uintptr_t hole_end = lo;

			close_around(&at, &hole_end);
			st = seal_except(g, n, from, at);
			from = hole_end;
		}
		at = hi;
		if (end == hi)
			continue;
		if (!ld_failed(st))
			st = seal_except(g, n, from, end);
		from = hi;
	}
	if (at < n->span_addr + n->span_len)
		at = n->span_addr + n->span_len; /* with the guard above */
	if (!ld_failed(st))
		st = seal_except(g, n, from, at);
	got_pages(g, n, &got_lo, &got_hi);
	if (!ld_failed(st) && got_lo < got_hi && !seals_data(o))
		st = seal(g, got_lo, got_hi);
	return st;
}

ld_st ld_seal_protect(struct ld_group *g, struct ld_new *n)
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
			r = ld_anonymize(&g->scratch, lo, hi - lo, lo, hi - lo);
		if (r)
			return ld_err_sys(&g->err, LD_E_MAP, (int)-r);
	}
	return protect(g, lo, hi, LD_PROT_R);
}

uintptr_t ld_ifunc_call(uintptr_t resolver)
{
	return ((uintptr_t (*)(uintptr_t))resolver)(ld_aux(ld_state.auxv, LD_AT_HWCAP));
}

/* the one foreign code that runs before everything is sealed: it sees no writable relocated page */
ld_st ld_seal_ifuncs(struct ld_group *g)
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

ld_st ld_seal_protect_self(struct ld_group *g)
{
	return protect(g, ld_self.relro_addr, ld_self.relro_addr + ld_self.relro_len, LD_PROT_R);
}

ld_st ld_seal_group(struct ld_group *g)
{
	struct ld_builder *b = &g->b;
	ld_st st = LD_OK;

	if (!ld_sealing())
		return LD_OK;
	for (struct ld_new *n = g->first; n && !ld_failed(st); n = n->next)
		if (!(n->o->flags & LD_OBJ_VDSO))
			st = seal_object(g, n);
	/* last: if a seal fails, the log can still be continued at this place */
	if (b->mark > b->start && !ld_failed(st))
		st = seal(g, b->start, b->mark);
	return st;
}
