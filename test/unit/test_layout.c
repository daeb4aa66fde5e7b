/*
 * test_layout.c: mapping plans. Each plan is carried out on plain memory and the result compared
 * with what the segments say; pages are counted by hand, not with ld_plan_is_valid alone.
 */
#include "unit.h"

#include "elfbuild.h"
#include "layout.h"

enum { PAGE = EB_PAGE, FILE_LEN = 200 * PAGE };

static unsigned char file_byte(uint64_t off)
{
	return (unsigned char)(1 + off % 251);
}

/* carry the plan out; mem stands for [img->lo_va, img->hi_va) */
static void carry_out(const struct ld_plan *plan, const struct ld_image *img, unsigned char *mem,
		      const struct ld_op **page_op)
{
	for (uint32_t i = 0; i < plan->cnt; i++) {
		const struct ld_op *op = &plan->op[i];
		uint64_t at = op->va - img->lo_va;

		if (op->kind == LD_OP_NONE && op->va == plan->lo_va) {
			assert_int_equal(op->len, plan->guard);
			continue;
		}
		assert_true(ld_range_ok(at, op->len, img->hi_va - img->lo_va));
		if (op->kind != LD_OP_READ && op->kind != LD_OP_ZERO) {
			assert_int_equal(op->va % PAGE, 0);
			assert_int_equal(op->len % PAGE, 0);
			for (uint64_t p = at; p < at + op->len; p += PAGE) {
				assert_null(page_op[p / PAGE]);
				page_op[p / PAGE] = op;
			}
		}
		for (uint64_t k = 0; k < op->len; k++) {
			const struct ld_op *under = page_op[(at + k) / PAGE];

			switch (op->kind) {
			case LD_OP_ANON:
				mem[at + k] = 0;
				break;
			case LD_OP_READ:
				assert_true(under && under->kind == LD_OP_ANON);
				mem[at + k] = file_byte(op->off + k);
				break;
			case LD_OP_FILE:
				mem[at + k] = file_byte(op->off + k);
				break;
			case LD_OP_ZERO:
				assert_true(under && under->kind == LD_OP_FILE);
				assert_true(under->prot & LD_PROT_W);
				mem[at + k] = 0;
				break;
			case LD_OP_NONE:
				break;
			}
		}
	}
}

static void check_seg(const struct ld_image *img, const struct ld_seg *s, const unsigned char *mem,
		      const struct ld_op *const *page_op, int of_file)
{
	const unsigned char *at = mem + (s->va - img->lo_va);
	uint64_t first = ld_align_down(s->va, PAGE), end = ld_align_up(s->va + s->memsz, PAGE);

	for (uint64_t k = 0; k < s->filesz; k++)
		if (at[k] != file_byte(s->off + k))
			fail_msg("byte %#lx is not the file's", (unsigned long)(s->va + k));
	/* behind the file bytes: zeros, up to the end of the last page where that is writable */
	if (s->prot & LD_PROT_W)
		for (uint64_t k = s->filesz; s->va + k < end; k++)
			if (s->va + k < s->va + s->memsz && at[k])
				fail_msg("byte %#lx is not zero", (unsigned long)(s->va + k));
	for (uint64_t va = first; va < end; va += PAGE) {
		const struct ld_op *op = page_op[(va - img->lo_va) / PAGE];

		assert_non_null(op);
		assert_true(op->kind == LD_OP_ANON || op->kind == LD_OP_FILE);
		/* what the loader is going to write and seal is anonymous, but where files must be seen */
		if (of_file)
			assert_int_equal(op->kind, s->filesz && va < s->va + s->filesz ? LD_OP_FILE
									       : LD_OP_ANON);
		else if (img->relro_len && va >= img->relro_va &&
			 va < img->relro_va + img->relro_len)
			assert_int_equal(op->kind, LD_OP_ANON);
		if (!(s->prot & LD_PROT_W))
			assert_int_equal(op->kind, LD_OP_FILE);
		if (op->kind == LD_OP_FILE)
			assert_int_equal(op->prot, s->prot);
	}
}

static void check_plan(const struct ld_image *img, int of_file)
{
	uint64_t len = img->hi_va - img->lo_va;
	const struct ld_op **page_op = calloc(len / PAGE, sizeof(void *));
	unsigned char *mem = malloc(len), *in_seg = calloc(len / PAGE, 1);
	uint32_t max = LD_OPS_OF(img->seg_cnt);
	/* exactly as much as is promised to be enough: valgrind and ASan see what goes beyond */
	struct ld_op *ops = malloc(max * sizeof *ops);
	struct ld_plan room, *plan = &room;

	assert_true(mem && page_op && ops && in_seg);
	memset(mem, 0xee, len);
	memset(ops, 0xee, max * sizeof *ops);
	memset(plan, 0xee, sizeof *plan);
	plan->op = ops;
	plan->op_max = max;
	ld_layout_plan(img, PAGE, of_file, plan);
	assert_true(plan->cnt <= max);
	assert_true(ld_plan_is_valid(plan, img, PAGE));
	for (uint32_t i = 0; i < plan->cnt; i++) {
		const struct ld_op *op = &plan->op[i];

		assert_false(op->prot & LD_PROT_W && op->prot & LD_PROT_X);
		assert_int_equal(i < plan->early, op->kind != LD_OP_FILE && op->kind != LD_OP_ZERO);
	}
	carry_out(plan, img, mem, page_op);
	for (uint32_t i = 0; i < img->seg_cnt; i++) {
		const struct ld_seg *s = &img->seg[i];

		check_seg(img, s, mem, page_op, of_file);
		for (uint64_t va = ld_align_down(s->va, PAGE); va < s->va + s->memsz; va += PAGE)
			in_seg[(va - img->lo_va) / PAGE] = 1;
	}
	for (uint64_t p = 0; p < len / PAGE; p++)
		if (!in_seg[p])
			assert_true(page_op[p] && page_op[p]->kind == LD_OP_NONE);
	free(mem);
	free(in_seg);
	free(page_op);
	free(ops);
}

static void check(const struct ld_image *img)
{
	check_plan(img, 0);
	check_plan(img, 1);
}

static void built_object(void **state)
{
	struct eb *b = eb_valid();
	struct ld_err err = {0};
	struct ld_image img;
	struct ld_op ops[LD_MAX_OPS];
	struct ld_plan plan = {.op = ops, .op_max = LD_MAX_OPS};

	(void)state;
	expect_ok(eb_scan(b, &img, &err), &err);
	check(&img);
	ld_layout_plan(&img, PAGE, 0, &plan);
	assert_true(plan.dyn_early);
	assert_int_equal(plan.guard, PAGE);
	assert_int_equal(plan.len, EB_MEM_END + PAGE);
	eb_free(b);
}

static struct ld_elf_phdr load(uint32_t flags, uint64_t va, uint64_t off, uint64_t filesz,
			       uint64_t memsz)
{
	return (struct ld_elf_phdr){
		.p_type = LD_PT_LOAD,
		.p_flags = flags,
		.p_offset = off,
		.p_vaddr = va,
		.p_filesz = filesz,
		.p_memsz = memsz,
	};
}

static void scan_and_check(const struct ld_elf_phdr *ph, uint32_t cnt)
{
	struct ld_err err = {0};
	struct ld_image img;

	expect_ok(ld_phdr_scan(ph, cnt, FILE_LEN, FILE_LEN, PAGE, &img, &err), &err);
	check(&img);
}

/* name, then PT_LOADs: flags, address, offset, file bytes, memory bytes */
enum { FR = LD_PF_R, FRX = LD_PF_R | LD_PF_X, FRW = LD_PF_R | LD_PF_W };
#define LIST(...) __VA_ARGS__
#define CASES(X)                                                                                   \
	X(one_segment, LIST(load(FRX, 0, 0, 0x1234, 0x1234)))                                      \
	X(not_at_zero, LIST(load(FR, 0x400000, 0, 0x200, 0x200),                                   \
			    load(FRW, 0x402000, 0x2000, 8, 0x3000)))                               \
	X(unaligned, LIST(load(FR, 0x10, 0x10, 0x1000, 0x1000),                                    \
			  load(FRW, 0x3fff, 0x2fff, 2, 2)))                                        \
	X(same_file_page, LIST(load(FR, 0, 0, 0x800, 0x800),                                       \
			       load(FRX, 0x1800, 0x800, 0x100, 0x100),                             \
			       load(FRW, 0x2900, 0x900, 0x100, 0x200)))                            \
	X(bss_in_last_page, LIST(load(FRW, 0, 0, 0x1800, 0x1c00)))                                 \
	X(bss_beyond, LIST(load(FRW, 0, 0, 0x1800, 0x5000)))                                       \
	X(bss_only, LIST(load(FR, 0, 0, 0x100, 0x100), load(FRW, 0x1008, 3, 0, 0x2000)))           \
	X(file_ends_on_page, LIST(load(FRW, 0, 0, 0x2000, 0x2001)))                                \
	X(large_data, LIST(load(FRW, 0, 0, 60 * PAGE + 9, 70 * PAGE)))                             \
	X(large_data_no_bss, LIST(load(FRW, 0x800, 0x800, 60 * PAGE, 60 * PAGE)))                  \
	X(large_data_page_end, LIST(load(FRW, 0, 0, 60 * PAGE, 60 * PAGE)))                        \
	X(large_hole, LIST(load(FR, 0, 0, 1, 1), load(FRX, 50 * PAGE, 0, 1, 1)))                   \
	X(no_access, LIST(load(0, 0, 0, 0x1000, 0x1000), load(FRX, 0x1000, 0, 1, 1)))              \
	X(large_relro, LIST(load(FR, 0, 0, 1, 1), load(FRW, 0x1000, 0x1000, 60 * PAGE, 80 * PAGE), \
			    relro(0x1000, 40 * PAGE)))                                             \
	X(large_relro_all, LIST(load(FRW, 0x800, 0x800, 60 * PAGE, 60 * PAGE),                     \
				relro(0x800, 60 * PAGE + 0x800)))                                  \
	X(large_relro_into_bss, LIST(load(FRW, 0, 0, 40 * PAGE, 50 * PAGE), relro(0, 45 * PAGE)))  \
	X(large_relro_later, LIST(load(FRW, 0, 0, 60 * PAGE, 60 * PAGE),                           \
				  relro(10 * PAGE, 20 * PAGE)))                                    \
	X(relro_other_segment, LIST(load(FRW, 0, 0, 2 * PAGE, 2 * PAGE), relro(0, 2 * PAGE),       \
				    load(FRW, 3 * PAGE, 2 * PAGE, 50 * PAGE, 51 * PAGE)))

static struct ld_elf_phdr relro(uint64_t va, uint64_t len)
{
	return (struct ld_elf_phdr){.p_type = LD_PT_GNU_RELRO, .p_vaddr = va, .p_memsz = len};
}

#define TEST(name, list)                                                                           \
	static void name(void **state)                                                             \
	{                                                                                          \
		const struct ld_elf_phdr ph[] = {list};                                            \
                                                                                                   \
		(void)state;                                                                       \
		scan_and_check(ph, LD_COUNTOF(ph));                                                \
	}
CASES(TEST)

/* two writable segments side by side are one piece of memory while they are small, and two reads */
static void side_by_side(void **state)
{
	struct ld_elf_phdr ph[] = {load(FR, 0, 0, 1, 1), load(FRW, PAGE, PAGE, 2 * PAGE, 2 * PAGE),
				   relro(PAGE, 2 * PAGE), load(FRW, 3 * PAGE, 3 * PAGE, 8, 2 * PAGE)};
	struct ld_op ops[LD_MAX_OPS];
	struct ld_plan plan = {.op = ops, .op_max = LD_MAX_OPS};
	struct ld_err err = {0};
	struct ld_image img;
	uint32_t pieces[2] = {0}, reads = 0;

	(void)state;
	for (int far = 0; far < 2; far++) {
		expect_ok(ld_phdr_scan(ph, LD_COUNTOF(ph), FILE_LEN, FILE_LEN, PAGE, &img, &err), &err);
		check(&img);
		ld_layout_plan(&img, PAGE, 0, &plan);
		for (uint32_t i = 0; i < plan.cnt; i++) {
			pieces[far] += ops[i].kind == LD_OP_ANON;
			reads += ops[i].kind == LD_OP_READ;
		}
		if (!far)
			assert_int_equal(ops[0].len, 4 * PAGE);
		ph[3].p_vaddr += PAGE;
	}
	assert_int_equal(pieces[0], 1);
	assert_int_equal(pieces[1], 2);
	assert_int_equal(reads, 4);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void random_images(void **state)
{
	static const uint32_t kinds[] = {FR, FRX, FRW, FRW};
	uint32_t seed = 3;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct ld_elf_phdr ph[8];
		uint32_t cnt = 1 + next_random(&seed) % 6, n = 0;
		uint64_t va = next_random(&seed) % 3 * PAGE;
		int big = 0, has_relro = 0;

		while (n < cnt) {
			uint32_t flags = kinds[next_random(&seed) % LD_COUNTOF(kinds)];
			uint64_t in_page = next_random(&seed) % 3 ? 0 : next_random(&seed) % PAGE;
			uint64_t filesz = 1 + next_random(&seed) % (3 * PAGE), memsz;

			if (!big && next_random(&seed) % 4 == 0) {
				filesz += 40 * PAGE;
				big = 1;
			}
			memsz = filesz + (flags == FRW ? next_random(&seed) % (2 * PAGE) : 0);
			ph[n++] = load(flags, va + in_page,
				       next_random(&seed) % 20 * PAGE + in_page, filesz, memsz);
			if (flags == FRW && !has_relro && next_random(&seed) % 2) {
				ph[n++] = relro(va + in_page, 1 + next_random(&seed) % memsz);
				has_relro = 1;
			}
			va = ld_align_up(va + in_page + memsz, PAGE) +
			     next_random(&seed) % 3 * PAGE;
		}
		scan_and_check(ph, n);
	}
}

/* the judge itself: plans with one thing wrong */
static void judge(void **state)
{
	struct eb *b = eb_valid();
	struct ld_err err = {0};
	struct ld_image img;
	struct ld_op good_ops[LD_MAX_OPS], bad_ops[LD_MAX_OPS];
	struct ld_plan good = {.op = good_ops, .op_max = LD_MAX_OPS}, bad;
	uint32_t file = 0;

	(void)state;
	expect_ok(eb_scan(b, &img, &err), &err);
	ld_layout_plan(&img, PAGE, 0, &good);
	while (good.op[file].kind != LD_OP_FILE)
		file++;
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		bad = good;                                                                        \
		bad.op = memcpy(bad_ops, good_ops, sizeof good_ops);                               \
		change;                                                                            \
		assert_false(ld_plan_is_valid(&bad, &img, PAGE));                                  \
	} while (0)
	assert_true(ld_plan_is_valid(&good, &img, PAGE));
	REFUSED(bad.op[file].prot = LD_PROT_W | LD_PROT_X);
	REFUSED(bad.op[file].va += 8);
	REFUSED(bad.op[file].va += PAGE);
	REFUSED(bad.op[file].len += PAGE);
	REFUSED(bad.op[file].len -= PAGE);
	REFUSED(bad.op[file].len = 0);
	REFUSED(bad.op[file].off += 1);
	REFUSED(bad.cnt--);
	REFUSED(bad.op[file].va = img.hi_va);
	REFUSED(bad.len += PAGE);
	eb_free(b);
}

#define ENTRY(name, list) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	cmocka_unit_test(built_object),
	CASES(ENTRY)
	cmocka_unit_test(side_by_side),
	cmocka_unit_test(random_images),
	cmocka_unit_test(judge),
};
UNIT_RUN(layout, tests)
