/* test_span.c: the one range check and what is built on it; the helpers of base.h. */
#include "unit.h"

#include "span.h"

static void ranges(void **state)
{
	(void)state;
	assert_true(ld_range_ok(0, 0, 0));
	assert_true(ld_range_ok(0, 8, 8));
	assert_true(ld_range_ok(8, 0, 8));
	assert_false(ld_range_ok(9, 0, 8));
	assert_false(ld_range_ok(1, 8, 8));
	assert_false(ld_range_ok(UINT64_MAX, 1, 8));
	assert_false(ld_range_ok(1, UINT64_MAX, 8));
	assert_false(ld_range_ok(UINT64_MAX, UINT64_MAX, 8));
	assert_true(ld_range_ok(UINT64_MAX, 0, UINT64_MAX));
	assert_true(ld_range_ok(1, UINT64_MAX - 1, UINT64_MAX));
}

static void spans(void **state)
{
	const unsigned char bytes[4] = {'a', 0, 'b', 'c'};
	struct ld_span s = {bytes, sizeof bytes}, none = {NULL, 0};

	(void)state;
	assert_ptr_equal(ld_span_at(s, 1, 3), bytes + 1);
	assert_null(ld_span_at(s, 1, 4));
	assert_null(ld_span_at(none, 0, 1));
	assert_string_equal(ld_span_str(s, 0), "a");
	assert_string_equal(ld_span_str(s, 1), "");
	assert_null(ld_span_str(s, 2));
	assert_null(ld_span_str(s, 4));
	assert_null(ld_span_str(s, UINT64_MAX));
}

static void arithmetic(void **state)
{
	(void)state;
	assert_int_equal(ld_align_up(0, 16), 0);
	assert_int_equal(ld_align_up(1, 16), 16);
	assert_int_equal(ld_align_up(16, 16), 16);
	assert_int_equal(ld_align_down(31, 16), 16);
	assert_false(ld_is_pow2(0));
	assert_true(ld_is_pow2(1));
	assert_false(ld_is_pow2(3));
	assert_true(ld_is_pow2(1ull << 63));
}

static void strings(void **state)
{
	const char *s = "prefix-rest";

	(void)state;
	assert_int_equal(ld_strlen(""), 0);
	assert_int_equal(ld_strlen("abc"), 3);
	assert_true(ld_streq("abc", "abc"));
	assert_false(ld_streq("abc", "abcd"));
	assert_false(ld_streq("abcd", "abc"));
	assert_ptr_equal(ld_after(s, "prefix"), s + 6);
	assert_ptr_equal(ld_after(s, ""), s);
	assert_null(ld_after("pre", "prefix"));
	assert_null(ld_after("", "p"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(ranges),
	cmocka_unit_test(spans),
	cmocka_unit_test(arithmetic),
	cmocka_unit_test(strings),
};
UNIT_RUN(span, tests)
