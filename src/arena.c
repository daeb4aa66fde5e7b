/* arena.c: see arena.h. Kernel face: asks os.h for memory. */
#include "arena.h"
#include "elf.h"
#include "os.h"

#define SCRATCH_BLOCK (256 * 1024)
#define KEEP_STEP (32 * 1024)
#define KEEP_STEP_MAX (256 * 1024)

struct block {
	struct block *prev;
	size_t len;
};

void ld_scratch_init(struct ld_arena *a, void *p, size_t len)
{
	*a = (struct ld_arena){.cur = p, .end = (unsigned char *)p + len, .used = 1};
}

void ld_scratch_free(struct ld_arena *a)
{
	for (struct block *b = a->blocks, *prev; b; b = prev) {
		prev = b->prev;
		(void)ld_os_munmap(b, b->len);
	}
	*a = (struct ld_arena){0};
}

void ld_keep_init(struct ld_arena *a, void *p, size_t len, void *next, void *limit)
{
	*a = (struct ld_arena){
		.cur = p, .end = (unsigned char *)p + len, .next = next, .limit = limit,
		/* a dlopen of one library needs a page; what is not used has to be closed again */
		.step = p ? KEEP_STEP : LD_ARCH_PAGE_MAX};
}

static int grow_scratch(struct ld_arena *a, size_t need)
{
	size_t len = need + sizeof(struct block) + 64;
	struct block *b;
	long r;

	len = len < SCRATCH_BLOCK ? SCRATCH_BLOCK : ld_align_up(len, LD_ARCH_PAGE_MAX);
	r = ld_os_map_anon(0, len, 0);
	if (ld_os_failed(r))
		return -1;
	b = (struct block *)r;
	b->prev = a->blocks;
	b->len = len;
	a->blocks = b;
	a->used = 0;
	a->cur = (unsigned char *)(b + 1);
	a->end = (unsigned char *)b + len;
	return 0;
}

static int grow_keep(struct ld_arena *a, size_t need)
{
	size_t have = a->end == a->next ? (size_t)(a->end - a->cur) : 0, len;

	len = ld_align_up(need - (need < have ? need : have), LD_ARCH_PAGE_MAX);
	if (len < a->step)
		len = a->step < (size_t)(a->limit - a->next) ? a->step : (size_t)(a->limit - a->next);
	if (a->step < KEEP_STEP_MAX)
		a->step *= 2;
	if (!len || len > (size_t)(a->limit - a->next))
		return -1;
	if (ld_os_mprotect(a->next, len, LD_PROT_RW))
		return -1;
	if (a->end != a->next)
		a->cur = a->next;
	a->next += len;
	a->end = a->next;
	return 0;
}

void *ld_alloc(struct ld_arena *a, size_t len, size_t align)
{
	for (int tries = 0; tries < 2; tries++) {
		size_t pad = -(uintptr_t)a->cur & (align - 1);

		if (a->cur && (size_t)(a->end - a->cur) >= pad && (size_t)(a->end - a->cur) - pad >= len) {
			unsigned char *p = a->cur + pad;

			a->cur = p + len;
			if (a->used)
				memset(p, 0, len);
			return p;
		}
		if (len > SIZE_MAX / 4)
			return NULL;
		if (a->limit ? grow_keep(a, len + align) : grow_scratch(a, len + align))
			return NULL;
	}
	return NULL;
}

void *ld_alloc_n(struct ld_arena *a, size_t cnt, size_t len, size_t align)
{
	size_t total;

	if (__builtin_mul_overflow(cnt, len, &total))
		return NULL;
	return ld_alloc(a, total, align);
}

char *ld_alloc_str(struct ld_arena *a, const char *s, size_t len)
{
	char *p = ld_alloc(a, len + 1, 1);

	if (p)
		memcpy(p, s, len); /* fresh memory is zero: the NUL is there */
	return p;
}
