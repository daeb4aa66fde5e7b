/*
 * publish.c: the end of a load: the registry chunk is filled, frozen and re-validated, everything is
 * sealed, and one counter makes it visible. All that can fail for want of memory comes before the
 * first seal.
 */
#include "musl.h"
#include "seal.h"

uint32_t ld_published;
uint32_t ld_loads;

#define MUT_POOL 16

/* mutable halves of the first objects; then come pages, each for as many groups as fit */
static struct ld_mut mut_pool[MUT_POOL];

static struct ld_mut *new_muts(struct ld_group *g, struct ld_chunk *c)
{
	struct ld_mut *pool = g->newest ? g->newest->mut_spare : mut_pool;
	uint64_t left = g->newest ? g->newest->mut_left : MUT_POOL;

	if (g->cnt > left) {
		uint64_t len = ld_page_up(g->cnt * sizeof *pool);
		long r = ld_os_map_anon(0, len, 0);

		if (ld_os_failed(r))
			return NULL;
		g->muts = (uintptr_t)r;
		pool = (struct ld_mut *)r;
		left = len / sizeof *pool;
	}
	c->mut_left = (uint32_t)(left - g->cnt);
	c->mut_spare = pool + g->cnt;
	return pool;
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
	ld_tls_settle(g);
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

ld_st ld_link_finish(struct ld_group *g)
{
	struct ld_chunk *c = g->b.chunk;
	ld_st st = fill_chunk(g);

	if (!ld_failed(st))
		st = ld_seal_mark_open(g);
	if (!ld_failed(st))
		st = ld_builder_freeze(&g->b, &g->err);
	if (!ld_failed(st) && !g->runtime) {
		/* from here on the start set can be read like any other chunk */
		ld_state.log.first = c;
		ld_published = 1;
		if (ld_rt_main_tls(c->tls_block_len, g->tls.align, g->tls.cnt))
			st = ld_err_set(&g->err, LD_E_MEMORY, 0, c->tls_block_len, 0);
		if (!ld_failed(st))
			st = ld_seal_protect_self(g);
	}
	if (!ld_failed(st) && (!ld_chunk_is_valid(&ld_state.log, c, c->idx) ||
			       (g->runtime && !ld_tls_is_valid(c, g->newest))))
		st = ld_err_set(&g->err, LD_E_REGISTRY, 0, 0, 0);
	if (!ld_failed(st) && g->runtime && c->tls_cnt)
		st = ld_tls_prepare(g);
	for (struct ld_new *n = g->first; n && !ld_failed(st); n = n->next)
		st = ld_seal_protect(g, n);
	if (!ld_failed(st))
		st = ld_seal_group(g);
	if (!ld_failed(st))
		st = ld_seal_ifuncs(g);
	if (ld_failed(st)) {
		ld_tls_abandon(g);
		return st;
	}
	if (g->runtime) {
		ld_tls_install(g);
		__atomic_store_n(&ld_published, c->idx + 1, __ATOMIC_RELEASE);
		ld_tls_commit(g);
	}
	ld_place_keep(g);
	g->muts = 0; /* published: not ours to give back any more */
	return LD_OK;
}
