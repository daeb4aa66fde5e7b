/*
 * tlslayout.c: where modules' thread-local storage lies relative to the thread pointer.
 *
 * May call: nothing. Owns: no data. Facts: ELF Handling for Thread-Local Storage (Drepper),
 * sections 3.4 and 4; the thread pointer itself is aligned to the largest alignment.
 * Sizes were limited by phdr.c (LD_MAX_TLS, LD_MAX_TLS_ALIGN) and objects by LD_MAX_OBJS, so no
 * sum here can wrap: 2^28 * 2^14 is far below 2^64.
 */
#include "tlslayout.h"

enum {
	WORD_LEN = LD_ARCH_BITS / 8,
	SPARE_ALIGN = 64, /* a cache line: what allocators ask for; of real libraries none asks for more */
};

void ld_tls_totals_init(struct ld_tls_totals *t)
{
	t->offset = LD_ARCH_TLS_GAP;
	t->align = WORD_LEN; /* the thread descriptor's own */
	t->cnt = 0;
	t->spare = t->spare_end = 0;
	t->spare_align = 0;
}

/* the offset of a block that begins at from or beyond; *end: the first offset behind it */
static uint64_t fit(uint64_t from, uint64_t image_va, uint64_t memsz, uint64_t align, uint64_t *end)
{
	const uint64_t mask = align - 1;
	uint64_t offset;

	if (LD_ARCH_TLS_ABOVE) {
		/* the first offset not in use that is congruent to the image */
		offset = from + ((image_va - from) & mask);
		*end = offset + memsz;
	} else {
		/* the block ends where the one before it begins, or up to align - 1 lower */
		offset = from + memsz;
		offset += -(offset + image_va) & mask;
		*end = offset;
	}
	return offset;
}

uint64_t ld_tls_place(struct ld_tls_totals *t, uint64_t image_va, uint64_t memsz, uint64_t align)
{
	if (align > t->align)
		t->align = align;
	return fit(t->offset, image_va, memsz, align, &t->offset);
}

void ld_tls_reserve(struct ld_tls_totals *t, uint64_t len)
{
	if (len && t->align < SPARE_ALIGN)
		t->align = SPARE_ALIGN;
	t->spare = t->offset;
	t->spare_end = t->offset += len;
	t->spare_align = t->align;
}

int ld_tls_place_spare(struct ld_tls_totals *t, uint64_t image_va, uint64_t memsz, uint64_t align,
		       uint64_t *offset)
{
	uint64_t end, at = fit(t->spare, image_va, memsz, align, &end);

	if (end > t->spare_end)
		return 0;
	*offset = at;
	t->spare = end;
	return 1;
}

uint64_t ld_tls_block_len(const struct ld_tls_totals *t, uint64_t pthread_len)
{
	uint64_t dtv_len = (1 + (uint64_t)t->cnt) * WORD_LEN;

	return ld_align_up(dtv_len + t->offset + pthread_len + 2 * t->align, t->align);
}
