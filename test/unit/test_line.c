/* test_line.c: report lines: every event, and that no name can pretend to be another field or line. */
#include "unit.h"

#include "line.h"

static const struct ld_line plain = {
	.event = LD_EV_REFUSE, .subject = "/usr/lib/x.so", .subject_len = 13, .needed_by = "/usr/bin/y",
	.reason = "mode", .mode = 0644, .securebits = 0x300, .pid = 4242};

static char text[LD_LINE_MAX];

static const char *line_of(const struct ld_line *l)
{
	struct ld_text t;

	ld_text_init(&t, text, sizeof text);
	ld_line_format(&t, l);
	assert_int_equal(t.len, strlen(text));
	return text;
}

static const char *word_of(const char *s, size_t len)
{
	struct ld_text t;

	ld_text_init(&t, text, sizeof text);
	ld_text_word(&t, s, len);
	return text;
}

#define REST " needed-by=/usr/bin/y reason=mode mode=0644 securebits=0x300 pid=4242"

static void events(void **state)
{
	static const struct {
		enum ld_event event;
		int applied;
		const char *words;
	} want[] = {
		{LD_EV_REFUSE, 0, "would refuse"}, {LD_EV_REFUSE, 1, "refused"},
		{LD_EV_IGNORE, 0, "would ignore"}, {LD_EV_IGNORE, 1, "ignored"},
		{LD_EV_DROP, 0, "would drop"},     {LD_EV_DROP, 1, "dropped"},
		{LD_EV_LOADED, 0, "loaded"},       {LD_EV_NOTED, 0, "noted"},
		{LD_EV_FAILED, 0, "failed"},       {LD_EV_SUPPRESSED, 1, "suppressed"},
	};
	unsigned seen = 0;

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(want); i++) {
		struct ld_line l = plain;
		char full[256];

		l.event = want[i].event;
		l.applied = want[i].applied;
		snprintf(full, sizeof full, "ward: audit: %s /usr/lib/x.so" REST, want[i].words);
		assert_string_equal(line_of(&l), full);
		seen |= 1u << l.event;
	}
	assert_int_equal(seen, (1u << LD_EV_CNT) - 1);
}

/* what is not known is "-"; what was lost is told last */
static void unknown(void **state)
{
	struct ld_line l = {.event = LD_EV_SUPPRESSED, .reason = "limit", .mode = -1, .lost = 7};

	(void)state;
	assert_string_equal(line_of(&l), "ward: audit: suppressed - needed-by=- reason=limit mode=- "
					 "securebits=0x0 pid=0 lost=7");
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(word_of("a=b", 3), "a=b");
	assert_string_equal(word_of("a b", 3), "a\\x20b");
	assert_string_equal(word_of("a\\x20b", 6), "a\\x5cx20b");
	assert_string_equal(word_of("\033[31m\n\t\r\x7f\xff~!", 12), "\\x1b[31m\\x0a\\x09\\x0d\\x7f\\xff~!");
	assert_string_equal(word_of("a\0b", 3), "a\\x00b");
	assert_string_equal(word_of(NULL, 3), "-");
	assert_string_equal(word_of("x", 0), "-");
	assert_string_equal(word_of("-", 1), "\\x2d");
	assert_string_equal(word_of("--", 2), "--");
	assert_string_equal(word_of("abcdef", 3), "abc");
}

/* a file named like the rest of a line stays one word */
static void no_second_field(void **state)
{
	static const char name[] = "/tmp/x needed-by=/bin/init reason=ok pid=1\nward: audit: loaded /y";
	struct ld_line l = plain;
	const char *p;
	int blanks = 0;

	(void)state;
	l.subject = l.needed_by = name;
	l.subject_len = sizeof name - 1;
	for (p = line_of(&l); *p; p++) {
		blanks += *p == ' ';
		assert_true(*p >= 0x20 && *p < 0x7f);
	}
	assert_int_equal(blanks, 3 + 6); /* "ward: audit: would refuse X" and five fields */
}

/* the longest names: the line is whole, ends as it must, and its cut words say so */
static void longest(void **state)
{
	char name[5000];
	struct ld_line l = plain;

	(void)state;
	memset(name, 1, sizeof name);
	name[sizeof name - 1] = 0;
	l.subject = l.needed_by = name;
	l.subject_len = sizeof name - 1;
	l.mode = 07777;
	l.securebits = UINT32_MAX;
	l.pid = l.lost = UINT64_MAX;
	line_of(&l);
	assert_true(strlen(text) + 2 <= LD_LINE_MAX); /* newline and NUL */
	assert_non_null(strstr(text, "\\x01\\... needed-by="));
	assert_non_null(strstr(text, "\\x01\\... reason=mode mode=7777 securebits=0xffffffff "
				     "pid=18446744073709551615 lost=18446744073709551615"));
}

/* the same words about the same make the same hash, whatever else differs */
static void hashes(void **state)
{
	struct ld_line other[7], same = plain;

	(void)state;
	same.mode = 0755;
	same.pid = same.lost = 1;
	assert_true(ld_line_hash(&plain) == ld_line_hash(&same));
	for (size_t i = 0; i < LD_COUNTOF(other); i++)
		other[i] = plain;
	other[0].event = LD_EV_DROP;
	other[1].applied = 1;
	other[2].subject_len--;
	other[3].needed_by = NULL;
	other[4].reason = "noexec";
	other[5].subject = "/usr/lib/x.so/";
	other[5].subject_len = 14;
	other[6].needed_by = "";
	for (size_t i = 0; i + 1 < LD_COUNTOF(other); i++)
		assert_true(ld_line_hash(&other[i]) != ld_line_hash(&plain));
	/* nobody and an empty name are one word, "-" */
	assert_true(ld_line_hash(&other[6]) == ld_line_hash(&other[3]));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(events),
	cmocka_unit_test(unknown),
	cmocka_unit_test(words),
	cmocka_unit_test(no_second_field),
	cmocka_unit_test(longest),
	cmocka_unit_test(hashes),
};
UNIT_RUN(line, tests)
