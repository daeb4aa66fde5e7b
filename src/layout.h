/*
 * layout.h: from a checked image to the list of mapping operations. Plans are data: they are
 * printed, tested and proven; map.c only carries them out.
 *
 * Every page the loader writes and later seals must be anonymous: MADV_DONTNEED gives file-backed private
 * pages their file content back even when they are sealed (mm/madvise.c can_madvise_modify). So the
 * RELRO part of a writable segment is anonymous memory filled by pread; its data part too while that is
 * not large (one operation less, no copy-on-write faults).
 *
 * valgrind knows a library by its mappings: it reads names, and puts its malloc in the C library's place,
 * when it has seen a file mapped executable and once more writable. There writable segments are mapped
 * from the file.
 */
#ifndef LD_LAYOUT_H
#define LD_LAYOUT_H

#include "err.h"
#include "phdr.h"

enum ld_op_kind {
	LD_OP_ANON, /* anonymous memory, readable and writable */
	LD_OP_READ, /* fill anonymous memory from the file: va and len are exact, not page-aligned */
	LD_OP_FILE, /* map the file with prot */
	LD_OP_ZERO, /* zero the rest of a file page after the last file byte: exact */
	LD_OP_NONE, /* hole: reserved, inaccessible */
};

struct ld_op {
	enum ld_op_kind kind;
	uint32_t prot;     /* LD_OP_FILE: LD_PROT_* */
	uint32_t populate; /* LD_OP_ANON: touch all pages at once */
	uint64_t va, len;  /* link-time address */
	uint64_t off;      /* file offset (LD_OP_READ, LD_OP_FILE) */
};

#define LD_OPS_OF(seg_cnt) (5 * (seg_cnt) + 1) /* at most, for an image of that many segments */
#define LD_MAX_OPS LD_OPS_OF(LD_MAX_SEGS)

struct ld_plan {
	uint32_t cnt;
	uint32_t early;       /* the first early operations map nothing of the file */
	int dyn_early;        /* PT_DYNAMIC is in memory once those are done */
	uint64_t lo_va, len;  /* page-aligned span, a guard page below it included */
	uint64_t guard;       /* bytes of that guard */
	struct ld_op *op;     /* the caller's */
	uint32_t op_max;
};

/*
 * out->op is the caller's, with room for LD_OPS_OF(img->seg_cnt). page: page size. of_file: file bytes of writable segments are mapped, none is read into anonymous
 * memory. img has been checked, so this cannot fail.
 */
void ld_layout_plan(const struct ld_image *img, uint64_t page, int of_file, struct ld_plan *out);

/* does the plan cover [lo_va, lo_va + len) exactly once, with nothing W+X? (tests, proofs) */
int ld_plan_is_valid(const struct ld_plan *plan, const struct ld_image *img, uint64_t page);

#endif
