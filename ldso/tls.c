/*
 * tls.c: thread-local storage of all modules, from the sealed registry. Called by the C library for
 * every new thread (replace/__init_tls.c), by dlopen for the running ones.
 */
#include "dso.h"
#include "musl.h"

static uint64_t place(struct ld_tls_totals *t, const struct ld_obj *o)
{
	return ld_tls_place(t, (uintptr_t)o->tls.image - o->base, o->tls.memsz, o->tls.align);
}

void ld_tls_assign(struct ld_group *g, struct ld_obj *o)
{
	o->tls.id = ++g->tls.cnt;
	if (g->runtime)
		return; /* relocation finds out whether it must be static */
	o->tls.offset = place(&g->tls, o);
	o->flags |= LD_OBJ_STATIC_TLS;
}

void ld_tls_settle(struct ld_group *g)
{
	if (!g->runtime) {
		ld_tls_reserve(&g->tls, ld_state.policy.v[LD_KEY_STATIC_TLS]);
		return;
	}
	for (struct ld_new *n = g->first; n; n = n->next) {
		struct ld_obj *o = n->o;

		if (o->tls.id && !(o->flags & LD_OBJ_STATIC_TLS))
			o->tls.offset = place(&g->tls, o);
	}
}

/* [from, from + len) in bytes from the thread pointer, whichever side of it the blocks are on */
static int lies_in(const struct ld_tls *t, uint64_t lo, uint64_t hi)
{
	uint64_t from = LD_ARCH_TLS_ABOVE ? t->offset : t->offset - t->memsz;

	return from >= lo && hi >= lo && ld_range_ok(from - lo, t->memsz, hi - lo);
}

int ld_tls_is_valid(const struct ld_chunk *c, const struct ld_chunk *before)
{
	const struct ld_tls_totals *now = &c->tls_totals, *was = &before->tls_totals;

	if (c->tls_first != before->tls_first + before->tls_cnt || now->cnt != c->tls_first + c->tls_cnt ||
	    now->spare_end != was->spare_end || now->spare_align != was->spare_align ||
	    now->spare > now->spare_end || now->align < was->align ||
	    c->tls_block_len != ld_tls_block_len(now, ld_rt_pthread_len()))
		return 0;
	for (uint32_t i = 0; i < c->tls_cnt; i++) {
		const struct ld_obj *o = c->tls[i];
		int fixed = o->flags & LD_OBJ_STATIC_TLS;

		if (o->tls.id != c->tls_first + i + 1 || o->tls.filesz > o->tls.memsz ||
		    !ld_obj_holds(o, (uintptr_t)o->tls.image, o->tls.filesz, LD_PROT_R) ||
		    !lies_in(&o->tls, fixed ? was->spare : was->offset, fixed ? now->spare : now->offset))
			return 0;
	}
	return 1;
}

static unsigned char *static_block(unsigned char *tp, const struct ld_tls *t)
{
	return LD_ARCH_TLS_ABOVE ? tp + t->offset : tp - t->offset;
}

static const struct ld_chunk *newest(void)
{
	const struct ld_chunk *c = ld_state.log.first, *n;

	while (c && (n = ld_chunk_next(c)))
		c = n;
	return c;
}

uint64_t ld_tls_block(uint64_t *align, uint32_t *cnt)
{
	const struct ld_chunk *c = newest();

	if (!c) {
		*align = sizeof(uintptr_t);
		*cnt = 0;
		return 0;
	}
	*align = c->tls_totals.align;
	*cnt = c->tls_totals.cnt;
	return c->tls_block_len;
}

uint32_t ld_tls_fill(unsigned char *mem, uintptr_t *dtv)
{
	uint32_t cnt = 0;

	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c)) {
		for (uint32_t i = 0; i < c->tls_cnt; i++) {
			const struct ld_tls *t = &c->tls[i]->tls;
			unsigned char *block = static_block(mem, t);

			memcpy(block, t->image, t->filesz);
			dtv[t->id] = (uintptr_t)block + LD_ARCH_DTPOFF_BIAS;
			cnt++;
		}
	}
	return cnt;
}

void ld_tls_reset(uintptr_t *dtv)
{
	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c)) {
		for (uint32_t i = 0; i < c->tls_cnt; i++) {
			const struct ld_tls *t = &c->tls[i]->tls;
			unsigned char *block;

			if (t->id > dtv[0])
				return;
			block = (unsigned char *)dtv[t->id] - LD_ARCH_DTPOFF_BIAS;
			memcpy(block, t->image, t->filesz);
			memset(block + t->filesz, 0, t->memsz - t->filesz);
		}
	}
}

/* what every running thread gets when a dlopen brings modules: a longer dtv, and the blocks */
struct ld_tls_ext {
	unsigned char *area; /* threads * each bytes, never given back: handlers may hold either dtv */
	size_t each, area_len;
	uint32_t threads, old_cnt, cnt;
	const struct ld_chunk *chunk;
};

ld_st ld_tls_prepare(struct ld_group *g)
{
	struct ld_tls_ext *x = LD_NEW(&g->scratch, struct ld_tls_ext);
	const struct ld_chunk *c = g->b.chunk;
	long r;

	if (!x)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	g->tls_ext = x;
	x->threads = ld_rt_threads_begin();
	x->chunk = c;
	x->old_cnt = c->tls_first;
	x->cnt = c->tls_totals.cnt;
	x->each = ((size_t)x->cnt + 1) * sizeof(uintptr_t);
	for (uint32_t i = 0; i < c->tls_cnt; i++)
		if (!(c->tls[i]->flags & LD_OBJ_STATIC_TLS))
			x->each += c->tls[i]->tls.memsz + 2 * c->tls[i]->tls.align;
	x->each = ld_align_up(x->each, 64);
	x->area_len = ld_align_up(x->each * x->threads, ld_state.page);
	r = ld_os_map_anon(0, x->area_len, 0);
	if (ld_os_failed(r))
		return ld_err_sys(&g->err, LD_E_MAP, (int)-r);
	x->area = (unsigned char *)r;
	return LD_OK;
}

static uintptr_t *dtv_of(void *ctx, uint32_t i)
{
	struct ld_tls_ext *x = ctx;

	if (i >= x->threads)
		ld_bug();
	return (uintptr_t *)(x->area + i * x->each);
}

/*
 * The part of the reserve that a static module gets is zero and nobody's until the group is published: a
 * thread may run on while its block is written.
 */
static void prepare_thread(void *ctx, uint32_t i, const uintptr_t *old, unsigned char *tp)
{
	struct ld_tls_ext *x = ctx;
	uintptr_t *dtv = dtv_of(ctx, i);
	unsigned char *at = (unsigned char *)(dtv + x->cnt + 1);

	memcpy(dtv, old, (x->old_cnt + 1) * sizeof *dtv);
	dtv[0] = x->cnt;
	for (uint32_t k = 0; k < x->chunk->tls_cnt; k++) {
		const struct ld_obj *o = x->chunk->tls[k];
		const struct ld_tls *t = &o->tls;
		unsigned char *block = static_block(tp, t);

		if (!(o->flags & LD_OBJ_STATIC_TLS)) {
			block = at + (((uintptr_t)t->image - o->base - (uintptr_t)at) & (t->align - 1));
			at = block + t->memsz;
		}
		memcpy(block, t->image, t->filesz);
		dtv[t->id] = (uintptr_t)block + LD_ARCH_DTPOFF_BIAS;
	}
}

void ld_tls_install(struct ld_group *g)
{
	static const struct ld_rt_walk walk = {prepare_thread, dtv_of};
	struct ld_tls_ext *x = g->tls_ext;

	if (x)
		ld_rt_threads_install(&walk, x);
}

void ld_tls_commit(struct ld_group *g)
{
	struct ld_tls_ext *x = g->tls_ext;

	if (!x)
		return;
	ld_rt_tls_totals(x->chunk->tls_block_len, x->chunk->tls_totals.align, x->cnt);
	ld_rt_threads_end();
	g->tls_ext = NULL;
}

void ld_tls_abandon(struct ld_group *g)
{
	struct ld_tls_ext *x = g->tls_ext;

	if (!x)
		return;
	if (x->area)
		(void)ld_os_munmap(x->area, x->area_len);
	ld_rt_threads_end();
	g->tls_ext = NULL;
}
