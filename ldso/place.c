/*
 * place.c: a plan (layout.h) carried out: where in the address space, and each operation.
 *
 * Pieces are mapped side by side at addresses we compute (MAP_FIXED_NOREPLACE), because mapping
 * pieces over a reservation costs nearly twice as much. Another thread may take such an address first:
 * then all is undone and tried again elsewhere.
 */
#include "dso.h"

#define PLACE_STEP ((64u << 20) + 4096 * 16) /* no multiple of a huge page: see LD_REGION_LEN */
#define MALLOC_ROOM (1u << 20)

/*
 * Where the next dlopen may find room: below what was placed last, whose guard then serves both; after the
 * start a little lower, since malloc's memory goes directly below. Only a guess, tried once:
 * NOREPLACE tells. So it may lie in writable memory.
 */
static uintptr_t next_place;
static int next_has_guard;

void ld_place_keep(const struct ld_group *g)
{
	uintptr_t lowest = 0;

	for (const struct ld_new *n = g->first; n; n = n->next)
		if (n->mapped && !n->is_exec && (!lowest || n->mapped < lowest))
			lowest = n->mapped;
	if (!g->runtime)
		next_place = (lowest ? lowest : g->place_cur) - MALLOC_ROOM;
	else if (lowest)
		next_place = lowest;
	else
		return; /* what a dlopen named was there already */
	next_has_guard = g->runtime;
}

static int guess_room(struct ld_group *g, uint64_t len)
{
	uintptr_t at = next_place;

	next_place = 0;
	if (!g->runtime || !at || at % ld_state.page || at < 2 * len)
		return 0;
	if (!next_has_guard) {
		if (ld_os_failed(ld_os_map_none(at, ld_state.page)))
			return 0;
		g->guard = at;
	}
	g->place_lo = 0;
	g->place_cur = at;
	return 1;
}

/*
 * A range of free address space of at least len bytes, as the kernel would choose it. Its topmost page
 * stays mapped: whatever lies above, an object that is placed here has a guard on that side too.
 */
static ld_st find_room(struct ld_group *g, uint64_t len)
{
	uint64_t page = ld_state.page, want = len > PLACE_STEP ? len : PLACE_STEP;
	long r = ld_os_map_none(0, want + page);

	if (ld_os_failed(r) && want > len) {
		want = len;
		r = ld_os_map_none(0, want + page);
	}
	if (ld_os_failed(r))
		return ld_err_sys(&g->err, LD_E_MAP, (int)-r);
	(void)ld_os_munmap((void *)r, want);
	ld_place_guard_undo(g);
	g->place_lo = (uintptr_t)r;
	g->place_cur = g->guard = (uintptr_t)r + want;
	return LD_OK;
}

void ld_place_guard_undo(struct ld_group *g)
{
	if (g->guard)
		(void)ld_os_munmap((void *)g->guard, ld_state.page);
	g->guard = 0;
}

static int is_mapping(const struct ld_op *op)
{
	return op->kind == LD_OP_ANON || op->kind == LD_OP_FILE || op->kind == LD_OP_NONE;
}

static long do_op(const struct ld_op *op, uintptr_t base, int fd, int shared)
{
	uintptr_t at = base + op->va;
	long r;

	switch (op->kind) {
	case LD_OP_ANON:
		return ld_os_map_anon(at, op->len, op->populate);
	case LD_OP_NONE:
		return ld_os_map_none(at, op->len);
	case LD_OP_FILE:
		return ld_os_map_file(at, op->len, op->prot, shared && !(op->prot & LD_PROT_W), fd,
				      op->off);
	case LD_OP_READ:
		r = ld_os_pread(fd, (void *)at, op->len, op->off);
		return r < 0 || (uint64_t)r == op->len ? r : -LD_EIO;
	case LD_OP_ZERO:
		memset((void *)at, 0, op->len);
		return 0;
	}
	return -LD_EINVAL;
}

void ld_place_undo(const struct ld_plan *plan, uint32_t cnt, uintptr_t base)
{
	while (cnt--)
		if (is_mapping(&plan->op[cnt]))
			(void)ld_os_munmap((void *)(base + plan->op[cnt].va), plan->op[cnt].len);
}

/* operations [from, to); returns 0 or -errno, *done counts what was carried out from 0 on */
static long run_ops(struct ld_plan *plan, uint32_t from, uint32_t to, uintptr_t base, int fd, int shared,
		    uint32_t *done)
{
	for (uint32_t i = from; i < to; i++) {
		struct ld_op *op = &plan->op[i];
		long r;

		if (ld_state.list)
			op->prot &= ~(uint32_t)LD_PROT_X;
		r = do_op(op, base, fd, shared);
		if (ld_os_failed(r))
			return r;
		*done = i + 1;
	}
	return 0;
}

ld_st ld_place_early(struct ld_group *g, int fixed, int fd, uintptr_t *base)
{
	long r = -LD_EEXIST;

	for (int tries = 0; r == -LD_EEXIST && tries < LD_PLACE_TRIES; tries++) {
		uint32_t done = 0;
		ld_st st = LD_OK;

		if (fixed) {
			*base = 0;
		} else {
			if (tries || (g->place_cur - g->place_lo < g->buf->plan.len &&
				      !guess_room(g, g->buf->plan.len)))
				st = find_room(g, g->buf->plan.len);
			if (ld_failed(st))
				return st;
			*base = g->place_cur - g->buf->plan.len - g->buf->plan.lo_va;
		}
		r = run_ops(&g->buf->plan, 0, g->buf->plan.early, *base, fd, 0, &done);
		if (!ld_os_failed(r)) {
			if (!fixed)
				g->place_cur -= g->buf->plan.len;
			return LD_OK;
		}
		ld_place_undo(&g->buf->plan, done, *base);
		if (fixed)
			break;
	}
	return ld_err_sys(&g->err, LD_E_MAP, (int)-r);
}

long ld_place_rest(struct ld_plan *plan, uintptr_t base, int fd, int shared, uint32_t *done)
{
	return run_ops(plan, plan->early, plan->cnt, base, fd, shared, done);
}
