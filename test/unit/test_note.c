/* test_note.c: property notes: read when well-formed, "no properties" whenever anything is odd. */
#include "unit.h"

#include "elf.h"
#include "note.h"

enum { ROOM = 512 };

/* a note under construction; exact-size copies are handed out, so that ASan sees a byte too far */
struct note {
	unsigned char bytes[ROOM];
	size_t len;
};

static void put(struct note *n, const void *p, size_t len)
{
	assert_true(n->len + len <= ROOM);
	memcpy(n->bytes + n->len, p, len);
	n->len += len;
}

static void word(struct note *n, uint32_t v)
{
	put(n, &v, sizeof v);
}

static void head(struct note *n, uint32_t desc_len, uint32_t type)
{
	word(n, 4);
	word(n, desc_len);
	word(n, type);
	put(n, "GNU", 4);
}

static void feature(struct note *n, uint32_t bits)
{
	word(n, LD_ARCH_FEATURE_1);
	word(n, 4);
	word(n, bits);
	word(n, 0); /* padding to a word */
}

static void seal(struct note *n)
{
	word(n, LD_GNU_PROPERTY_MEMORY_SEAL);
	word(n, 0);
}

static struct ld_props read_note(const struct note *n)
{
	unsigned char *copy = malloc(n->len ? n->len : 1);
	struct ld_props props = {77, 77};

	assert_non_null(copy);
	memcpy(copy, n->bytes, n->len);
	ld_note_props((struct ld_span){copy, n->len}, &props);
	free(copy);
	return props;
}

#define expect(n, seal_want, feature_want)                                                         \
	do {                                                                                       \
		struct ld_props got = read_note(n);                                                \
		assert_int_equal(got.memory_seal, seal_want);                                      \
		assert_int_equal(got.feature_1, feature_want);                                     \
	} while (0)

static void both(void **state)
{
	struct note n = {.len = 0};

	(void)state;
	head(&n, 24, LD_NT_GNU_PROPERTY_TYPE_0);
	seal(&n);
	feature(&n, 3);
	expect(&n, 1, 3);
}

static void seal_alone(void **state)
{
	struct note n = {.len = 0};

	(void)state;
	head(&n, 8, LD_NT_GNU_PROPERTY_TYPE_0);
	seal(&n);
	expect(&n, 1, 0);
}

/* other notes may stand before it */
static void after_others(void **state)
{
	struct note n = {.len = 0};

	(void)state;
	head(&n, 20, 3); /* a build id of 20 bytes, padded to 24 */
	put(&n, "01234567890123456789\0\0\0", 24);
	head(&n, 16, LD_NT_GNU_PROPERTY_TYPE_0);
	feature(&n, 1);
	expect(&n, 0, 1);
}

/* the same number with another owner, and the owner with another number */
static void others_only(void **state)
{
	struct note n = {.len = 0};

	(void)state;
	word(&n, 4);
	word(&n, 8);
	word(&n, LD_NT_GNU_PROPERTY_TYPE_0);
	put(&n, "XYZ", 4);
	seal(&n);
	head(&n, 8, 1);
	seal(&n);
	expect(&n, 0, 0);
}

static void unknown_property(void **state)
{
	struct note n = {.len = 0};

	(void)state;
	head(&n, 40, LD_NT_GNU_PROPERTY_TYPE_0);
	word(&n, 1); /* stack size, 8 bytes */
	word(&n, 8);
	put(&n, "\0\0\1\0\0\0\0", 8);
	seal(&n);
	feature(&n, 1);
	expect(&n, 1, 1);
}

static void empty(void **state)
{
	struct note n = {.len = 0};

	(void)state;
	expect(&n, 0, 0);
	head(&n, 0, LD_NT_GNU_PROPERTY_TYPE_0);
	expect(&n, 0, 0);
}

/* cut anywhere, a note has no properties at all: not even those that came before the cut */
static void every_truncation(void **state)
{
	struct note n = {.len = 0};
	size_t whole;

	(void)state;
	head(&n, 24, LD_NT_GNU_PROPERTY_TYPE_0);
	seal(&n);
	feature(&n, 3);
	whole = n.len;
	for (n.len = 0; n.len < whole; n.len++)
		expect(&n, 0, 0);
	expect(&n, 1, 3);
}

#define CASES(X)                                                                                   \
	X(name_len_huge, 0, UINT32_MAX)                                                            \
	X(desc_len_huge, 1, UINT32_MAX)                                                            \
	X(desc_len_more, 1, 25)                                                                    \
	X(desc_len_cuts_data, 1, 18)                                                               \
	X(desc_len_cuts_head, 1, 12)                                                               \
	X(seal_with_data, 5, 4)                                                                    \
	X(data_len_huge, 7, UINT32_MAX)                                                            \
	X(data_len_8, 7, 8)                                                                        \
	X(data_len_0, 7, 0)                                                                        \
	X(not_ascending, 4, 0xffffffff)                                                            \
	X(same_twice, 4, LD_ARCH_FEATURE_1)

/* the 32-bit word at index at is changed to val */
#define TEST(name, at, val)                                                                        \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct note n = {.len = 0};                                                        \
		uint32_t v = val;                                                                  \
                                                                                                   \
		(void)state;                                                                       \
		head(&n, 24, LD_NT_GNU_PROPERTY_TYPE_0);                                           \
		seal(&n);                                                                          \
		feature(&n, 3);                                                                    \
		memcpy(n.bytes + 4 * (at), &v, sizeof v);                                          \
		expect(&n, 0, 0);                                                                  \
	}
CASES(TEST)

/* ---- the policy of a program ---- */

static void named(struct note *n, const char *owner, uint32_t name_len, const char *words,
		  uint32_t desc_len, uint32_t type, size_t align)
{
	static const char zero[8];

	word(n, name_len);
	word(n, desc_len);
	word(n, type);
	put(n, owner, name_len);
	put(n, zero, (align - n->len % align) % align);
	put(n, words, desc_len);
	put(n, zero, (align - n->len % align) % align);
}

/* the words found in an exact-size copy, "" = there is no such note */
static const char *words_of(const struct note *n, uint64_t align)
{
	static char text[ROOM];
	unsigned char *copy = malloc(n->len ? n->len : 1);
	struct ld_span words;

	assert_non_null(copy);
	memcpy(copy, n->bytes, n->len);
	words = ld_note_policy((struct ld_span){copy, n->len}, align);
	if (words.p)
		assert_true(words.p >= copy && words.p + words.len <= copy + n->len);
	snprintf(text, sizeof text, "%.*s", (int)words.len, words.p ? (const char *)words.p : "");
	free(copy);
	return text;
}

static void policy_words(void **state)
{
	(void)state;
	for (uint64_t align = 4; align <= 8; align += 4) {
		struct note n = {.len = 0};

		named(&n, "GNU", 4, "0123456789", 10, 3, align);
		named(&n, "ward", 5, "seal=all", 8, LD_NT_WARD_POLICY, align);
		assert_string_equal(words_of(&n, align), "seal=all");
	}
}

/* only owner "ward" with its NUL, and only type 1; the first one counts; NULs at the end do not */
static void policy_owner(void **state)
{
	struct note n = {.len = 0};

	(void)state;
	named(&n, "ward", 5, "a", 1, 2, 4);
	named(&n, "ward", 4, "b", 1, LD_NT_WARD_POLICY, 4);
	named(&n, "warde", 5, "c", 1, LD_NT_WARD_POLICY, 4);
	assert_string_equal(words_of(&n, 4), "");
	named(&n, "ward", 5, "watch\0\0", 7, LD_NT_WARD_POLICY, 4);
	named(&n, "ward", 5, "strict", 6, LD_NT_WARD_POLICY, 4);
	assert_string_equal(words_of(&n, 4), "watch");
}

/* cut anywhere, or with any length field changed, nothing outside is read (ASan sees it) */
static void policy_damaged(void **state)
{
	static const uint32_t lens[] = {0, 1, 4, 6, 8, 9, 255, 0x7fffffff, 0xfffffff0, 0xffffffff};
	struct note whole = {.len = 0}, n;

	(void)state;
	named(&whole, "GNU", 4, "0123", 4, 3, 4);
	named(&whole, "ward", 5, "seal=all", 8, LD_NT_WARD_POLICY, 4);
	for (n = whole, n.len = 0; n.len < whole.len; n.len++)
		assert_string_equal(words_of(&n, 4), "");
	for (size_t i = 0; i < LD_COUNTOF(lens); i++) {
		for (size_t at = 0; at < 8; at += 4) {
			n = whole;
			memcpy(n.bytes + at, &lens[i], 4);
			(void)words_of(&n, 4);
			(void)words_of(&n, 8);
		}
	}
	assert_string_equal(words_of(&whole, 4), "seal=all");
}

#define ENTRY(name, at, val) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	cmocka_unit_test(both),
	cmocka_unit_test(seal_alone),
	cmocka_unit_test(after_others),
	cmocka_unit_test(others_only),
	cmocka_unit_test(unknown_property),
	cmocka_unit_test(empty),
	cmocka_unit_test(every_truncation),
	CASES(ENTRY)
	cmocka_unit_test(policy_words),
	cmocka_unit_test(policy_owner),
	cmocka_unit_test(policy_damaged),
};
UNIT_RUN(note, tests)
