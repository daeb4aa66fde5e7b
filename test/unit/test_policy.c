/* test_policy.c: the policy grammar: words, presets, tightening, what a source may set. */
#include "unit.h"

#include "policy.h"

static struct ld_span span(const char *s)
{
	return (struct ld_span){(const unsigned char *)s, strlen(s)};
}

/* "check=audit missing=report ...": all keys */
static const char *show(const struct ld_policy *p)
{
	static char text[256];
	size_t used = 0;

	for (unsigned k = 0; k < LD_KEY_CNT; k++) {
		const char *value = ld_policy_value_name(k, p->v[k]);

		assert_non_null(value);
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%s", k ? " " : "",
					 ld_policy_key_name(k), value);
		assert_true(used < sizeof text);
	}
	return text;
}

#define DEFAULT                                                                                    \
	"check=audit missing=report direct=allow seal=code vdso=seal text=private lockdown=none "  \
	"report=quiet"
#define WATCH                                                                                      \
	"check=audit missing=report direct=allow seal=code vdso=seal text=private lockdown=none "  \
	"report=denials"
#define ENFORCE                                                                                    \
	"check=enforce missing=refuse direct=allow seal=code vdso=seal text=private "              \
	"lockdown=none report=denials"
#define STRICT                                                                                     \
	"check=enforce missing=refuse direct=deny seal=code vdso=seal text=shared lockdown=exec "  \
	"report=denials"
#define LAX                                                                                        \
	"check=off missing=report direct=allow seal=off vdso=keep text=private lockdown=none "     \
	"report=quiet"
#define FULL                                                                                       \
	"check=enforce missing=refuse direct=deny seal=all vdso=seal text=shared lockdown=exec "   \
	"report=all"

/* name, words, tighten, keys, number of wrong words, result from the default */
#define CASES(X)                                                                                   \
	X(no_words, "", 0, LD_KEYS_ALL, 0, DEFAULT)                                                \
	X(separators_only, " ,\t, \n", 0, LD_KEYS_ALL, 0, DEFAULT)                                 \
	X(preset_watch, "watch", 0, LD_KEYS_ALL, 0, WATCH)                                         \
	X(preset_enforce, "enforce", 0, LD_KEYS_ALL, 0, ENFORCE)                                   \
	X(preset_strict, "strict", 0, LD_KEYS_ALL, 0, STRICT)                                      \
	X(all_lax, LAX, 0, LD_KEYS_ALL, 0, LAX)                                                    \
	X(all_full, FULL, 0, LD_KEYS_ALL, 0, FULL)                                                 \
	X(all_full_tighten, FULL, 1, LD_KEYS_ALL, 0, FULL)                                         \
	X(lax_tighten, LAX, 1, LD_KEYS_ALL, 0, DEFAULT)                                            \
	X(commas, "check=enforce,missing=refuse,\tdirect=deny", 0, LD_KEYS_ALL, 0,                 \
	  "check=enforce missing=refuse direct=deny seal=code vdso=seal text=private "             \
	  "lockdown=none report=quiet")                                                            \
	X(last_word_counts, "check=enforce check=off", 0, LD_KEYS_ALL, 0,                          \
	  "check=off missing=report direct=allow seal=code vdso=seal text=private lockdown=none "  \
	  "report=quiet")                                                                          \
	X(strictest_counts, "check=enforce check=off", 1, LD_KEYS_ALL, 0,                          \
	  "check=enforce missing=report direct=allow seal=code vdso=seal text=private "            \
	  "lockdown=none report=quiet")                                                            \
	X(report_both_ways, "report=all report=denials", 1, LD_KEYS_ALL, 0, WATCH)                 \
	X(preset_then_key, "strict seal=all report=all", 1, LD_KEYS_ALL, 0, FULL)                  \
	X(unknown_key, "chek=enforce", 0, LD_KEYS_ALL, 1, DEFAULT)                                 \
	X(unknown_value, "check=maybe", 0, LD_KEYS_ALL, 1, DEFAULT)                                \
	X(unknown_preset, "paranoid", 0, LD_KEYS_ALL, 1, DEFAULT)                                  \
	X(value_of_other_key, "check=deny", 0, LD_KEYS_ALL, 1, DEFAULT)                            \
	X(empty_value, "check=", 0, LD_KEYS_ALL, 1, DEFAULT)                                       \
	X(empty_key, "=enforce", 0, LD_KEYS_ALL, 1, DEFAULT)                                       \
	X(only_equals, "=", 0, LD_KEYS_ALL, 1, DEFAULT)                                            \
	X(key_alone, "check", 0, LD_KEYS_ALL, 1, DEFAULT)                                          \
	X(case_matters, "Check=enforce check=ENFORCE", 0, LD_KEYS_ALL, 2, DEFAULT)                 \
	X(prefixes, "che=enforce check=enf enforc", 0, LD_KEYS_ALL, 3, DEFAULT)                    \
	X(longer, "checks=enforce check=enforced enforces", 0, LD_KEYS_ALL, 3, DEFAULT)            \
	X(two_equals, "check=enforce=x", 0, LD_KEYS_ALL, 1, DEFAULT)                               \
	X(carriage_return, "check=enforce\r", 0, LD_KEYS_ALL, 1, DEFAULT)                          \
	X(wrong_are_skipped, "x check=enforce y missing=refuse z report=denials", 0, LD_KEYS_ALL,  \
	  3, ENFORCE)                                                                              \
	X(environment, "check=enforce seal=all report=all", 1, LD_KEYS_ENV, 0,                     \
	  "check=enforce missing=report direct=allow seal=all vdso=seal text=private "             \
	  "lockdown=none report=all")                                                              \
	X(environment_lax, "check=off seal=off", 1, LD_KEYS_ENV, 0, DEFAULT)                       \
	X(environment_others, "missing=refuse direct=deny vdso=seal text=shared lockdown=wx", 1,   \
	  LD_KEYS_ENV, 5, DEFAULT)                                                                 \
	X(no_half_preset, "strict", 1, LD_KEYS_ENV, 1, DEFAULT)                                    \
	X(no_keys, "check=enforce", 1, 0, 1, DEFAULT)

#define TEST(name, words, tighten, keys, wrong, want)                                              \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct ld_policy p;                                                                \
                                                                                                   \
		(void)state;                                                                       \
		ld_policy_default(&p);                                                             \
		assert_int_equal(ld_policy_words(&p, span(words), tighten, keys, NULL), wrong);    \
		assert_string_equal(show(&p), want);                                               \
	}
CASES(TEST)

static void first_wrong_word(void **state)
{
	const char *words = " check=enforce,chek=off bad2";
	struct ld_span bad = {NULL, 7};
	struct ld_policy p;

	(void)state;
	ld_policy_default(&p);
	assert_int_equal(ld_policy_words(&p, span(words), 0, LD_KEYS_ALL, &bad), 2);
	assert_ptr_equal(bad.p, words + 15);
	assert_int_equal(bad.len, 8);
	assert_int_equal(ld_policy_words(&p, span("seal=all"), 0, LD_KEYS_ALL, &bad), 0);
	assert_null(bad.p);
	assert_int_equal(bad.len, 0);
}

/* a NUL among the words is a byte of a wrong word; nothing behind the span is read */
static void exact_span(void **state)
{
	static const char bytes[] = {'s', 'e', 'a', 'l', '=', 'a', 'l', 'l', 0, ' ', 'x'};
	struct ld_span all = {(const unsigned char *)bytes, sizeof bytes};
	char *copy = malloc(8);
	struct ld_policy p;

	(void)state;
	assert_non_null(copy);
	ld_policy_default(&p);
	assert_int_equal(ld_policy_words(&p, all, 0, LD_KEYS_ALL, NULL), 2);
	assert_string_equal(show(&p), DEFAULT);
	memcpy(copy, bytes, 8);
	assert_int_equal(ld_policy_words(&p, (struct ld_span){(unsigned char *)copy, 8}, 0,
					 LD_KEYS_ALL, NULL),
			 0);
	assert_int_equal(p.v[LD_KEY_SEAL], LD_SEAL_ALL);
	free(copy);
}

static void raise_to_floor(void **state)
{
	struct ld_policy p, floor;

	(void)state;
	ld_policy_default(&p);
	ld_policy_default(&floor);
	assert_int_equal(ld_policy_words(&p, span(LAX), 0, LD_KEYS_ALL, NULL), 0);
	assert_int_equal(ld_policy_words(&floor, span(FULL), 0, LD_KEYS_ALL, NULL), 0);
	ld_policy_raise(&p, &floor);
	assert_string_equal(show(&p),
			    "check=enforce missing=refuse direct=deny seal=all vdso=seal "
			    "text=shared lockdown=exec report=quiet");
	assert_int_equal(ld_policy_words(&floor, span(LAX), 0, LD_KEYS_ALL, NULL), 0);
	ld_policy_raise(&p, &floor);
	assert_int_equal(p.v[LD_KEY_CHECK], LD_CHECK_ENFORCE);
	assert_int_equal(p.v[LD_KEY_LOCKDOWN], LD_LOCKDOWN_EXEC);
}

static void names_out_of_range(void **state)
{
	(void)state;
	assert_null(ld_policy_key_name(LD_KEY_CNT));
	assert_null(ld_policy_value_name(LD_KEY_CNT, 0));
	assert_null(ld_policy_value_name(LD_KEY_CHECK, 3));
	assert_null(ld_policy_value_name(LD_KEY_MISSING, 2));
	assert_null(ld_policy_value_name(LD_KEY_CHECK, UINT32_MAX));
}

#define ENTRY(name, words, tighten, keys, wrong, want) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	CASES(ENTRY)
	cmocka_unit_test(first_wrong_word),
	cmocka_unit_test(exact_span),
	cmocka_unit_test(raise_to_floor),
	cmocka_unit_test(names_out_of_range),
};
UNIT_RUN(policy, tests)
