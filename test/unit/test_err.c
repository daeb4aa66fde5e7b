/* test_err.c: the first error wins; context fills only what is empty; the table is complete. */
#include "unit.h"

static void first_wins(void **state)
{
	struct ld_err err = {0};

	(void)state;
	assert_int_equal(ld_err_set(&err, LD_E_SHORT, 1, 2, 3).code, LD_E_SHORT);
	assert_int_equal(ld_err_set(&err, LD_E_EHDR_MAGIC, 4, 5, 6).code, LD_E_SHORT);
	assert_int_equal(ld_err_sys(&err, LD_E_OPEN, 13).code, LD_E_SHORT);
	assert_int_equal(err.code, LD_E_SHORT);
	assert_int_equal(err.at, 1);
	assert_int_equal(err.got, 2);
	assert_int_equal(err.want, 3);
	assert_int_equal(err.sys, 0);
}

static void system_error(void **state)
{
	struct ld_err err = {0};

	(void)state;
	assert_int_equal(ld_err_sys(&err, LD_E_OPEN, 13).code, LD_E_OPEN);
	assert_int_equal(ld_err_sys(&err, LD_E_READ, 5).code, LD_E_OPEN);
	assert_int_equal(err.sys, 13);
}

static void context(void **state)
{
	struct ld_err err = {0};

	(void)state;
	ld_err_context(&err, NULL, "inner");
	ld_err_context(&err, "object", "outer");
	ld_err_context(&err, "other", NULL);
	assert_string_equal(err.object, "object");
	assert_string_equal(err.needed_by, "inner");
}

static void table(void **state)
{
	(void)state;
	for (int code = 1; code < LD_E_CNT; code++) {
		assert_non_null(ld_err_text(code));
		assert_true(ld_err_kind(code) <= LD_K_LINK);
		/* only one text is empty: its errno says it all */
		assert_int_equal(*ld_err_text(code) == 0, code == LD_E_NOT_FOUND);
	}
	assert_int_equal(ld_err_kind(LD_E_PHDR_WX), LD_K_REFUSED);
	assert_int_equal(ld_err_kind(LD_E_OPEN), LD_K_SYSTEM);
	assert_string_equal(ld_err_text(LD_E_NONE), "");
	assert_string_equal(ld_err_text(-1), "");
	assert_string_equal(ld_err_text(LD_E_CNT), "");
	assert_int_equal(ld_err_kind(-1), LD_K_BAD);
	assert_int_equal(ld_err_kind(LD_E_CNT), LD_K_BAD);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(first_wins),
	cmocka_unit_test(system_error),
	cmocka_unit_test(context),
	cmocka_unit_test(table),
};
UNIT_RUN(err, tests)
