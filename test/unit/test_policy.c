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

		if (k == LD_KEY_STATIC_TLS) {
			assert_null(value); /* shown by the tests that are about it */
			continue;
		}
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
#define REPORT_ALL                                                                                 \
	"check=audit missing=report direct=allow seal=code vdso=seal text=private lockdown=none "  \
	"report=all"
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

static const struct ld_policy_rights set_all = {LD_FROM_CONF, LD_KEYS_ALL, LD_KEYS_ALL};
static const struct ld_policy_rights tighten = {LD_FROM_COMMAND, LD_KEYS_ALL, 0};
/* the same, where the caller may speak of reports as he likes */
static const struct ld_policy_rights command = {LD_FROM_COMMAND, LD_KEYS_ALL,
						LD_KEY_BIT(LD_KEY_REPORT)};
static const struct ld_policy_rights environment_of = {LD_FROM_ENV, LD_KEYS_ENV,
						       LD_KEY_BIT(LD_KEY_REPORT)};
static const struct ld_policy_rights note = {LD_FROM_NOTE, LD_KEYS_ALL, LD_KEYS_NOTE_LOWER};
static const struct ld_policy_rights nothing = {LD_FROM_ENV, 0, LD_KEYS_ALL};

/* name, words, rights, number of wrong words, result from the default */
#define CASES(X)                                                                                   \
	X(no_words, "", &set_all, 0, DEFAULT)                                                      \
	X(separators_only, " ,\t, \n", &set_all, 0, DEFAULT)                                       \
	X(preset_watch, "watch", &set_all, 0, WATCH)                                               \
	X(preset_enforce, "enforce", &set_all, 0, ENFORCE)                                         \
	X(preset_strict, "strict", &set_all, 0, STRICT)                                            \
	X(all_lax, LAX, &set_all, 0, LAX)                                                          \
	X(all_full, FULL, &set_all, 0, FULL)                                                       \
	X(all_full_tighten, FULL, &tighten, 0, FULL)                                               \
	X(lax_tighten, LAX, &tighten, 0, DEFAULT)                                                  \
	X(commas, "check=enforce,missing=refuse,\tdirect=deny", &set_all, 0,                       \
	  "check=enforce missing=refuse direct=deny seal=code vdso=seal text=private "             \
	  "lockdown=none report=quiet")                                                            \
	X(last_word_counts, "check=enforce check=off", &set_all, 0,                                \
	  "check=off missing=report direct=allow seal=code vdso=seal text=private lockdown=none "  \
	  "report=quiet")                                                                          \
	X(strictest_counts, "check=enforce check=off", &tighten, 0,                                \
	  "check=enforce missing=report direct=allow seal=code vdso=seal text=private "            \
	  "lockdown=none report=quiet")                                                            \
	X(report_only_up, "report=all report=denials", &tighten, 0, REPORT_ALL)                    \
	X(report_both_ways, "report=all report=denials", &command, 0, WATCH)                       \
	X(preset_then_key, "strict seal=all report=all", &tighten, 0, FULL)                        \
	X(unknown_key, "chek=enforce", &set_all, 1, DEFAULT)                                       \
	X(unknown_value, "check=maybe", &set_all, 1, DEFAULT)                                      \
	X(unknown_preset, "paranoid", &set_all, 1, DEFAULT)                                        \
	X(value_of_other_key, "check=deny", &set_all, 1, DEFAULT)                                  \
	X(empty_value, "check=", &set_all, 1, DEFAULT)                                             \
	X(empty_key, "=enforce", &set_all, 1, DEFAULT)                                             \
	X(only_equals, "=", &set_all, 1, DEFAULT)                                                  \
	X(key_alone, "check", &set_all, 1, DEFAULT)                                                \
	X(case_matters, "Check=enforce check=ENFORCE", &set_all, 2, DEFAULT)                       \
	X(prefixes, "che=enforce check=enf enforc", &set_all, 3, DEFAULT)                          \
	X(longer, "checks=enforce check=enforced enforces", &set_all, 3, DEFAULT)                  \
	X(two_equals, "check=enforce=x", &set_all, 1, DEFAULT)                                     \
	X(carriage_return, "check=enforce\r", &set_all, 1, DEFAULT)                                \
	X(wrong_are_skipped, "x check=enforce y missing=refuse z report=denials", &set_all,        \
	  3, ENFORCE)                                                                              \
	X(environment, "check=enforce seal=all report=all", &environment_of, 0,                    \
	  "check=enforce missing=report direct=allow seal=all vdso=seal text=private "             \
	  "lockdown=none report=all")                                                              \
	X(environment_lax, "check=off seal=off", &environment_of, 0, DEFAULT)                      \
	X(environment_others, "missing=refuse direct=deny vdso=seal text=shared lockdown=wx",      \
	  &environment_of, 5, DEFAULT)                                                             \
	X(no_half_preset, "strict", &environment_of, 1, DEFAULT)                                   \
	X(environment_quiet, "report=all report=quiet", &environment_of, 0, DEFAULT)               \
	X(note_relaxes, "seal=off vdso=keep text=shared text=private", &note, 0,                   \
	  "check=audit missing=report direct=allow seal=off vdso=keep text=private lockdown=none " \
	  "report=quiet")                                                                          \
	X(note_tightens, FULL, &note, 0, FULL)                                                     \
	X(note_relaxes_no_more, "check=off " FULL " " LAX, &note, 0,                               \
	  "check=enforce missing=refuse direct=deny seal=off vdso=keep text=private "              \
	  "lockdown=exec report=quiet")                                                            \
	X(no_keys, "check=enforce", &nothing, 1, DEFAULT)

#define TEST(name, words, rights, wrong, want)                                                     \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct ld_policy p;                                                                \
                                                                                                   \
		(void)state;                                                                       \
		ld_policy_default(&p);                                                             \
		assert_int_equal(ld_policy_words(&p, span(words), rights, NULL), wrong);           \
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
	assert_int_equal(ld_policy_words(&p, span(words), &set_all, &bad), 2);
	assert_ptr_equal(bad.p, words + 15);
	assert_int_equal(bad.len, 8);
	assert_int_equal(ld_policy_words(&p, span("seal=all"), &set_all, &bad), 0);
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
	assert_int_equal(ld_policy_words(&p, all, &set_all, NULL), 2);
	assert_string_equal(show(&p), DEFAULT);
	memcpy(copy, bytes, 8);
	assert_int_equal(ld_policy_words(&p, (struct ld_span){(unsigned char *)copy, 8}, &set_all, NULL),
			 0);
	assert_int_equal(p.v[LD_KEY_SEAL], LD_SEAL_ALL);
	free(copy);
}

/* each key remembers who set it last; a word that changes nothing leaves no trace */
static void who_set_it(void **state)
{
	struct ld_policy p, floor;

	(void)state;
	ld_policy_default(&p);
	for (unsigned k = 0; k < LD_KEY_CNT; k++)
		assert_int_equal(p.from[k], LD_FROM_BUILD);
	assert_int_equal(ld_policy_words(&p, span("watch seal=code"), &set_all, NULL), 0);
	assert_int_equal(p.from[LD_KEY_CHECK], LD_FROM_CONF);
	assert_int_equal(p.from[LD_KEY_SEAL], LD_FROM_CONF);
	assert_int_equal(p.from[LD_KEY_MISSING], LD_FROM_BUILD);
	assert_int_equal(ld_policy_words(&p, span("seal=off text=shared"), &tighten, NULL), 0);
	assert_int_equal(p.from[LD_KEY_SEAL], LD_FROM_CONF);
	assert_int_equal(p.from[LD_KEY_TEXT], LD_FROM_COMMAND);
	floor = p;
	floor.v[LD_KEY_CHECK] = LD_CHECK_ENFORCE;
	floor.v[LD_KEY_REPORT] = LD_REPORT_ALL;
	ld_policy_raise(&p, &floor);
	assert_int_equal(p.from[LD_KEY_CHECK], LD_FROM_FLOOR);
	assert_int_equal(p.from[LD_KEY_REPORT], LD_FROM_CONF);
	assert_int_equal(p.from[LD_KEY_TEXT], LD_FROM_COMMAND);
}

/* one word: what is wrong with it is told apart */
static void kinds_of_wrong(void **state)
{
	static const struct {
		const char *word;
		const struct ld_policy_rights *rights;
		enum ld_policy_word want;
	} cases[] = {
		{"check=enforce", &set_all, LD_WORD_OK},
		{"strict", &set_all, LD_WORD_OK},
		{"strickt", &set_all, LD_WORD_UNKNOWN},
		{"", &set_all, LD_WORD_UNKNOWN},
		{"chek=enforce", &set_all, LD_WORD_KEY},
		{"=", &set_all, LD_WORD_KEY},
		{"check=", &set_all, LD_WORD_VALUE},
		{"check=on", &set_all, LD_WORD_VALUE},
		{"strict", &environment_of, LD_WORD_DENIED},
		{"direct=deny", &environment_of, LD_WORD_DENIED},
		{"direct=maybe", &environment_of, LD_WORD_DENIED},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(cases); i++) {
		struct ld_policy p;

		ld_policy_default(&p);
		if (ld_policy_word(&p, span(cases[i].word), cases[i].rights) != cases[i].want)
			fail_msg("\"%s\": expected %d", cases[i].word, (int)cases[i].want);
		if (cases[i].want != LD_WORD_OK)
			assert_string_equal(show(&p), DEFAULT);
	}
}

/* the one key with a number: who may lower other keys may lower it, all others raise it */
static void bytes(void **state)
{
	static const struct {
		const char *words;
		const struct ld_policy_rights *rights;
		unsigned wrong;
		uint32_t want; /* from 512 */
	} cases[] = {
		{"static-tls=4096", &set_all, 0, 4096},
		{"static-tls=0", &set_all, 0, 0},
		{"static-tls=00064", &set_all, 0, 64},
		{"static-tls=1048576", &set_all, 0, 1048576},
		{"static-tls=1048577", &set_all, 1, 512},
		{"static-tls=4294967297", &set_all, 1, 512},
		{"static-tls=18446744073709551617", &set_all, 1, 512},
		{"static-tls=", &set_all, 1, 512},
		{"static-tls=-1", &set_all, 1, 512},
		{"static-tls=0x10", &set_all, 1, 512},
		{"static-tls=1k", &set_all, 1, 512},
		{"static-tls=enforce", &set_all, 1, 512},
		{"check=4096 static-tls", &set_all, 2, 512},
		{"static-tls=4096 static-tls=100", &set_all, 0, 100},
		{"static-tls=4096 static-tls=100", &tighten, 0, 4096},
		{"static-tls=100", &note, 0, 512},
		{"static-tls=4096", &note, 0, 4096},
		{"static-tls=4096", &environment_of, 1, 512},
		{"strict", &set_all, 0, 512},
		{"enforce", &tighten, 0, 512},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(cases); i++) {
		struct ld_policy p, floor;
		unsigned wrong;

		ld_policy_default(&p);
		p.v[LD_KEY_STATIC_TLS] = 512;
		wrong = ld_policy_words(&p, span(cases[i].words), cases[i].rights, NULL);
		if (wrong != cases[i].wrong || p.v[LD_KEY_STATIC_TLS] != cases[i].want)
			fail_msg("\"%s\": %u wrong, %u bytes", cases[i].words, wrong,
				 p.v[LD_KEY_STATIC_TLS]);
		ld_policy_default(&floor);
		floor.v[LD_KEY_STATIC_TLS] = 2048;
		ld_policy_raise(&p, &floor);
		assert_int_equal(p.v[LD_KEY_STATIC_TLS], cases[i].want < 2048 ? 2048 : cases[i].want);
	}
}

static void raise_to_floor(void **state)
{
	struct ld_policy p, floor;

	(void)state;
	ld_policy_default(&p);
	ld_policy_default(&floor);
	assert_int_equal(ld_policy_words(&p, span(LAX), &set_all, NULL), 0);
	assert_int_equal(ld_policy_words(&floor, span(FULL), &set_all, NULL), 0);
	ld_policy_raise(&p, &floor);
	assert_string_equal(show(&p),
			    "check=enforce missing=refuse direct=deny seal=all vdso=seal "
			    "text=shared lockdown=exec report=quiet");
	assert_int_equal(ld_policy_words(&floor, span(LAX), &set_all, NULL), 0);
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

#define ENTRY(name, words, rights, wrong, want) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	CASES(ENTRY)
	cmocka_unit_test(first_wrong_word),
	cmocka_unit_test(exact_span),
	cmocka_unit_test(bytes),
	cmocka_unit_test(raise_to_floor),
	cmocka_unit_test(who_set_it),
	cmocka_unit_test(kinds_of_wrong),
	cmocka_unit_test(names_out_of_range),
};
UNIT_RUN(policy, tests)
