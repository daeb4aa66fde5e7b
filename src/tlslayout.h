/* tlslayout.h: where modules' thread-local storage lies relative to the thread pointer. */
#ifndef LD_TLSLAYOUT_H
#define LD_TLSLAYOUT_H

#include "base.h"
#include "ld_arch.h"

/* running totals; start with ld_tls_totals_init */
struct ld_tls_totals {
	uint64_t offset; /* bytes used so far */
	uint64_t align;  /* largest alignment so far, >= 1 */
	uint32_t cnt;    /* modules; counted by the caller */
	/* the reserve for initial-exec modules of later dlopens; none before ld_tls_reserve */
	uint64_t spare, spare_end; /* offsets: what is left of it lies between */
	uint64_t spare_align;      /* every thread's block has this alignment, also the first one's */
};

void ld_tls_totals_init(struct ld_tls_totals *t);

/*
 * Place one module of memsz bytes whose image lies at address image_va modulo align (a power of
 * two). Below the thread pointer (x86_64) the block occupies [tp - offset, tp - offset + memsz) and
 * tp - offset is congruent to the image; above it [tp + offset, ...) likewise. The main program
 * comes first and gets what its static linker assumed: image_va is its p_vaddr. Updates *t; returns
 * the module's offset.
 */
uint64_t ld_tls_place(struct ld_tls_totals *t, uint64_t image_va, uint64_t memsz, uint64_t align);

/*
 * Once, when the start set is placed: keep len bytes for modules that come later and must have one
 * offset in all threads, those that run included. What ld_tls_place adds from then on lies beyond.
 */
void ld_tls_reserve(struct ld_tls_totals *t, uint64_t len);

/*
 * Place a module in the reserve: 1 and *offset, or 0 and nothing changed when it does not fit. The caller
 * has compared align with t->spare_align.
 */
int ld_tls_place_spare(struct ld_tls_totals *t, uint64_t image_va, uint64_t memsz, uint64_t align,
		       uint64_t *offset);

/*
 * Bytes of one thread's static block: (1 + cnt) words of dtv, the blocks, struct pthread of
 * pthread_len bytes, slop of 2 * align, rounded to align (musl's pthread_create gives none).
 */
uint64_t ld_tls_block_len(const struct ld_tls_totals *t, uint64_t pthread_len);

#endif
