/* test_arena.c: bump allocation: aligned, zeroed, disjoint; growth, its limits, its failures. */
#include "unit.h"

#include "arena.h"
#include "elf.h"
#include "os_fake.h"

enum { REGION = 64 * LD_ARCH_PAGE_MAX };

/* allocate cnt blocks of growing size and alignment; they must not overlap and must be zero */
static void allocate_many(struct ld_arena *a, unsigned cnt, size_t step)
{
	for (unsigned i = 0; i < cnt; i++) {
		size_t align = (size_t)1 << i % 7, len = 1 + i * step;
		unsigned char *p = ld_alloc(a, len, align);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % align, 0);
		/* zero now, marked afterwards: a later block over it would not be zero */
		for (size_t k = 0; k < len; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xee, len);
	}
}

static void scratch_grows(void **state)
{
	struct ld_arena a;
	char first[64];

	(void)state;
	memset(first, 0x77, sizeof first);
	os_fake_fail(0, 0);
	ld_scratch_init(&a, first, sizeof first);
	assert_ptr_equal(ld_alloc(&a, 8, 1), first);
	allocate_many(&a, 200, 50);
	assert_true(os_fake_mapped > 0);
	ld_scratch_free(&a);
	assert_int_equal(os_fake_mapped, 0);
}

static void scratch_from_nothing(void **state)
{
	struct ld_arena a;
	size_t large = 3 << 20;
	char *p;

	(void)state;
	os_fake_fail(0, 0);
	ld_scratch_init(&a, NULL, 0);
	p = ld_alloc(&a, large, 64);
	assert_non_null(p);
	memset(p, 1, large);
	ld_scratch_free(&a);
	assert_int_equal(os_fake_mapped, 0);
}

/* the n-th mapping fails, for every n: NULL, what was allocated stays, all is given back */
static void scratch_failures(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 4; n++) {
		struct ld_arena a;
		unsigned good = 0;

		ld_scratch_init(&a, NULL, 0);
		os_fake_fail(n, 12);
		while (ld_alloc(&a, 200 << 10, 8))
			good++;
		assert_int_equal(good, n - 1);
		/* the next try may succeed: nothing is damaged */
		assert_non_null(ld_alloc(&a, 200 << 10, 8));
		ld_scratch_free(&a);
		assert_int_equal(os_fake_mapped, 0);
		os_fake_fail(0, 0);
	}
}

static void sizes_that_wrap(void **state)
{
	struct ld_arena a;
	char first[64];

	(void)state;
	ld_scratch_init(&a, first, sizeof first);
	assert_null(ld_alloc(&a, SIZE_MAX, 1));
	assert_null(ld_alloc(&a, SIZE_MAX - 8, 16));
	assert_null(ld_alloc_n(&a, SIZE_MAX / 8 + 2, 8, 8));
	assert_null(LD_NEW_N(&a, uint64_t, (size_t)1 << 62));
	assert_ptr_equal(ld_alloc(&a, 1, 1), first);
	assert_int_equal(os_fake_mapped, 0);
}

static void strings(void **state)
{
	struct ld_arena a;
	char first[64];
	char *s;

	(void)state;
	ld_scratch_init(&a, first, sizeof first);
	s = ld_alloc_str(&a, "abcdef", 3);
	assert_string_equal(s, "abc");
	s = ld_alloc_str(&a, "", 0);
	assert_string_equal(s, "");
	assert_null(ld_alloc_str(&a, "x", SIZE_MAX / 2));
}

/* registry memory: first the area, then the region, which becomes writable only as far as used */
static void keep_grows(void **state)
{
	unsigned char *region = os_fake_region(REGION);
	struct ld_arena a;
	uint64_t area[8] = {0};
	char *p;

	(void)state;
	os_fake_fail(0, 0);
	ld_keep_init(&a, area, sizeof area, region, region + REGION);
	assert_ptr_equal(ld_alloc(&a, 16, 8), area);
	assert_false(os_fake_readable(region));
	p = ld_alloc(&a, 64, 8);
	assert_ptr_equal(p, region);
	memset(p, 1, 64);
	assert_false(os_fake_readable(region + REGION / 2));
	allocate_many(&a, 100, 20);
	while ((p = ld_alloc(&a, 1000, 16)))
		assert_true((unsigned char *)p >= region &&
			    (unsigned char *)p + 1000 <= region + REGION);
	/* not a byte behind the limit, and what was given out is still there */
	assert_int_equal(region[0], 1);
	os_fake_region_free(region, REGION);
}

static void keep_without_area(void **state)
{
	unsigned char *region = os_fake_region(REGION);
	struct ld_arena a;

	(void)state;
	os_fake_fail(0, 0);
	ld_keep_init(&a, NULL, 0, region, region + REGION);
	assert_ptr_equal(ld_alloc(&a, 1, 1), region);
	assert_null(ld_alloc(&a, REGION, 1));
	assert_non_null(ld_alloc(&a, 1, 1));
	os_fake_region_free(region, REGION);
}

static void keep_failure(void **state)
{
	unsigned char *region = os_fake_region(REGION);
	struct ld_arena a;

	(void)state;
	ld_keep_init(&a, NULL, 0, region, region + REGION);
	os_fake_fail(1, 12);
	assert_null(ld_alloc(&a, 1, 1));
	assert_false(os_fake_readable(region));
	os_fake_fail(0, 0);
	assert_ptr_equal(ld_alloc(&a, 1, 1), region);
	os_fake_region_free(region, REGION);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(scratch_grows),
	cmocka_unit_test(scratch_from_nothing),
	cmocka_unit_test(scratch_failures),
	cmocka_unit_test(sizes_that_wrap),
	cmocka_unit_test(strings),
	cmocka_unit_test(keep_grows),
	cmocka_unit_test(keep_without_area),
	cmocka_unit_test(keep_failure),
};
UNIT_RUN(arena, tests)
