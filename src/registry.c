/* registry.c: see registry.h. Kernel face: mprotect, mmap. */
#include "registry.h"
#include "elf.h"
#include "os.h"

#define MAGIC 0x776172646c6f6701ull /* "wardlog", version 1 */
enum { PAGE_LEAST = 4096 }; /* of any machine */

const struct ld_chunk *ld_log_next(const struct ld_log *log, const struct ld_chunk *c,
				   uint32_t published)
{
	const struct ld_chunk *n = (const struct ld_chunk *)c->next;

	if (c->idx + 1 >= published)
		return NULL;
	if (c->next < log->lo || c->next > log->hi - sizeof *n)
		return NULL;
	return n->magic == MAGIC && n->self == n && n->idx == c->idx + 1 ? n : NULL;
}

int ld_chunk_is_valid(const struct ld_log *log, const struct ld_chunk *c, uint32_t idx)
{
	if (c->magic != MAGIC || c->self != c || c->idx != idx)
		return 0;
	if (c->next < log->lo || c->next > log->hi || c->next % LD_ARCH_PAGE_MAX)
		return 0;
	for (uint32_t i = 0; i < c->obj_cnt; i++)
		if (c->objs[i]->idx != c->obj_first + i || c->objs[i]->mut != &c->mut[i])
			return 0;
	return c->obj_first + c->obj_cnt <= LD_MAX_OBJS;
}

ld_st ld_builder_begin(struct ld_builder *b, void *area, size_t area_len, uintptr_t start,
		       uintptr_t limit, struct ld_err *err)
{
	if (start >= limit) /* the reserved address space is used up */
		return ld_err_set(err, LD_E_MEMORY, 0, 0, 0);
	ld_keep_init(&b->keep, area, area_len, (void *)start, (void *)limit);
	b->start = start;
	b->chunk = LD_NEW(&b->keep, struct ld_chunk);
	if (!b->chunk)
		return ld_err_set(err, LD_E_REGISTRY, start, 0, 0);
	b->chunk->magic = MAGIC;
	b->chunk->self = b->chunk;
	return LD_OK;
}

ld_st ld_builder_freeze(struct ld_builder *b, struct ld_err *err)
{
	uintptr_t writable = (uintptr_t)b->keep.next, used = b->start;
	long r;

	if (b->keep.end == b->keep.next && writable > b->start)
		used = ld_align_up((uintptr_t)b->keep.cur, LD_ARCH_PAGE_MAX);
	b->mark = used;
	b->chunk->next = used;
	/*
	 * A page never touched could be filled through userfaultfd after it was sealed. The pages of
	 * this machine may be smaller than the largest that the architecture has.
	 */
	for (uintptr_t p = b->start; p < used; p += PAGE_LEAST) {
		volatile unsigned char *touch = (volatile unsigned char *)p;

		*touch = *touch;
	}
	if (used > b->start) {
		r = ld_os_mprotect((void *)b->start, used - b->start, LD_PROT_R);
		if (r)
			return ld_err_sys(err, LD_E_PROTECT, (int)-r);
	}
	if (writable > used) {
		r = ld_os_mprotect((void *)used, writable - used, 0);
		if (r)
			return ld_err_sys(err, LD_E_PROTECT, (int)-r);
	}
	return LD_OK;
}

void ld_builder_abort(struct ld_builder *b)
{
	uintptr_t writable = (uintptr_t)b->keep.next;

	if (writable > b->start)
		(void)ld_os_remap_none(b->start, writable - b->start);
}
