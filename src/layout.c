/* layout.c: see layout.h. Pure. */
#include "layout.h"

/* writable segments up to this many file bytes become anonymous memory as a whole */
#define ANON_WHOLE (128 * 1024)
/* and anonymous memory is populated in one go unless more than this much of it is not read from the file */
#define POPULATE_REST (32 * 1024)

static struct ld_op *add(struct ld_plan *p, enum ld_op_kind kind, uint64_t va, uint64_t len)
{
	struct ld_op *op = &p->op[p->cnt++];

	*op = (struct ld_op){.kind = kind, .va = va, .len = len};
	return op;
}

struct bounds {
	uint64_t lo, file_end, hi; /* pages of the segment: start, end of file part, end */
	uint64_t anon_end;         /* [lo, anon_end) of the file part is anonymous memory */
};

static struct bounds seg_bounds(const struct ld_image *img, const struct ld_seg *s, uint64_t page,
				int of_file)
{
	struct bounds b;

	b.lo = ld_align_down(s->va, page);
	b.file_end = s->filesz ? ld_align_up(s->va + s->filesz, page) : b.lo;
	b.hi = ld_align_up(s->va + s->memsz, page);
	b.anon_end = b.lo;
	if (!(s->prot & LD_PROT_W) || of_file)
		return b;
	if (b.file_end - b.lo <= ANON_WHOLE)
		b.anon_end = b.file_end;
	else if (img->relro_len && img->relro_va >= b.lo && img->relro_va < b.hi)
		b.anon_end = img->relro_va + img->relro_len;
	if (b.anon_end > b.file_end)
		b.anon_end = b.file_end;
	return b;
}

/*
 * Anonymous memory at [va, va + len), of which read_len bytes are read from the file. lld keeps RELRO and
 * data in two segments that follow each other: in one piece they cost half.
 */
static void add_anon(struct ld_plan *out, uint64_t va, uint64_t len, uint64_t read_len)
{
	uint32_t populate = len - read_len <= POPULATE_REST;
	struct ld_op *before = NULL, *op;

	for (uint32_t i = 0; i < out->cnt; i++)
		if (out->op[i].kind == LD_OP_ANON && out->op[i].va + out->op[i].len == va)
			before = &out->op[i];
	if (before && before->populate && populate) {
		before->len += len;
		return;
	}
	op = add(out, LD_OP_ANON, va, len);
	op->populate = populate;
}

/* the anonymous parts of a writable segment, and what is read into them */
static void plan_early(const struct ld_image *img, const struct ld_seg *s, uint64_t page, int of_file,
		       struct ld_plan *out)
{
	struct bounds b = seg_bounds(img, s, page, of_file);
	uint64_t end = b.anon_end == b.file_end ? b.hi : b.anon_end;
	uint64_t read_end = s->va + s->filesz;

	if (read_end > b.anon_end)
		read_end = b.anon_end;
	if (end > b.lo)
		add_anon(out, b.lo, end - b.lo, read_end > b.lo ? read_end - b.lo : 0);
	if (b.anon_end != b.file_end && b.hi > b.file_end)
		add_anon(out, b.file_end, b.hi - b.file_end, 0);
	if (read_end > s->va) {
		struct ld_op *op = add(out, LD_OP_READ, s->va, read_end - s->va);

		op->off = s->off;
		if (img->dyn_va >= s->va && img->dyn_va + img->dyn_len <= read_end)
			out->dyn_early = 1;
	}
}

static void plan_file(const struct ld_image *img, const struct ld_seg *s, uint64_t page, int of_file,
		      struct ld_plan *out)
{
	struct bounds b = seg_bounds(img, s, page, of_file);

	if (b.file_end > b.anon_end) {
		struct ld_op *op = add(out, LD_OP_FILE, b.anon_end, b.file_end - b.anon_end);

		op->prot = s->prot;
		op->off = ld_align_down(s->off, page) + (b.anon_end - b.lo);
		if ((s->prot & LD_PROT_W) && s->memsz > s->filesz &&
		    b.file_end > s->va + s->filesz)
			add(out, LD_OP_ZERO, s->va + s->filesz, b.file_end - (s->va + s->filesz));
	}
}

void ld_layout_plan(const struct ld_image *img, uint64_t page, int of_file, struct ld_plan *out)
{
	uint64_t at = img->lo_va;

	out->cnt = 0;
	out->dyn_early = 0;
	/* an image at address 0 has no room for a guard in link-time numbers: wrapping is intended */
	out->guard = page;
	out->lo_va = img->lo_va - page;
	out->len = img->hi_va - img->lo_va + page;
	for (uint32_t i = 0; i < img->seg_cnt; i++)
		if (img->seg[i].prot & LD_PROT_W)
			plan_early(img, &img->seg[i], page, of_file, out);
	add(out, LD_OP_NONE, out->lo_va, page);
	for (uint32_t i = 0; i < img->seg_cnt; i++) {
		uint64_t lo = ld_align_down(img->seg[i].va, page);

		if (lo > at)
			add(out, LD_OP_NONE, at, lo - at);
		at = ld_align_up(img->seg[i].va + img->seg[i].memsz, page);
	}
	out->early = out->cnt;
	for (uint32_t i = 0; i < img->seg_cnt; i++)
		plan_file(img, &img->seg[i], page, of_file, out);
}

int ld_plan_is_valid(const struct ld_plan *plan, const struct ld_image *img, uint64_t page)
{
	uint64_t covered = 0;

	for (uint32_t i = 0; i < plan->cnt; i++) {
		const struct ld_op *a = &plan->op[i];

		if (a->kind == LD_OP_READ || a->kind == LD_OP_ZERO) {
			if (a->va < img->lo_va || !ld_range_ok(a->va - img->lo_va, a->len, img->hi_va - img->lo_va))
				return 0;
			continue;
		}
		if (a->va % page || a->len % page || !a->len || a->off % page)
			return 0;
		if ((a->prot & LD_PROT_W) && (a->prot & LD_PROT_X))
			return 0;
		if (!ld_range_ok(a->va - plan->lo_va, a->len, plan->len))
			return 0;
		covered += a->len;
		for (uint32_t j = 0; j < i; j++) {
			const struct ld_op *b = &plan->op[j];

			if (b->kind == LD_OP_READ || b->kind == LD_OP_ZERO)
				continue;
			if (a->va - plan->lo_va < b->va - plan->lo_va + b->len &&
			    b->va - plan->lo_va < a->va - plan->lo_va + a->len)
				return 0;
		}
	}
	return covered == plan->len;
}
