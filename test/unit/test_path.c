/* test_path.c: search paths: what is skipped, what $ORIGIN may become, bounds of the buffer. */
#include "unit.h"

#include "path.h"

/* all results, joined by '|': what the loader would try to open, in order */
static const char *tried(const char *path, const char *origin, int flags)
{
	static char all[1024];
	char buf[64];
	size_t len, used = 0;
	const char *pos = path;

	all[0] = 0;
	while ((len = ld_path_next(&pos, origin, "x", flags, buf, sizeof buf))) {
		assert_int_equal(strlen(buf), len);
		assert_true(used + len + 2 < sizeof all);
		if (used)
			all[used++] = '|';
		memcpy(all + used, buf, len + 1);
		used += len;
	}
	assert_int_equal(*pos, 0);
	assert_int_equal(ld_path_next(&pos, origin, "x", flags, buf, sizeof buf), 0);
	return all;
}

#define NL LD_PATH_NEWLINE

/* name, path, origin, flags, what is tried */
#define CASES(X)                                                                                   \
	X(nothing, "", NULL, 0, "")                                                                \
	X(one, "/a", NULL, 0, "/a/x")                                                              \
	X(order, "/a:/b:/c", NULL, 0, "/a/x|/b/x|/c/x")                                            \
	X(empty_entries, ":/a::/b:", NULL, 0, "/a/x|/b/x")                                         \
	X(only_separators, ":::", NULL, 0, "")                                                     \
	X(relative, "a:.:/b", NULL, 0, "a/x|./x|/b/x")                                             \
	X(newline_is_no_separator, "/a\n/evil:/b", NULL, 0, "/b/x")                                \
	X(newline_in_file, "/a\n/b:/c\n\n", NULL, NL, "/a/x|/b/x|/c/x")                            \
	X(control_bytes, "/a\033:/b\r:/c\177:/d\001:/e", NULL, NL, "/e/x")                         \
	X(high_bytes, "/\303\244:/b", NULL, 0, "/\303\244/x|/b/x")                                 \
	X(origin, "$ORIGIN", "/o", 0, "/o/x")                                                      \
	X(origin_braces, "${ORIGIN}", "/o", 0, "/o/x")                                             \
	X(origin_below, "$ORIGIN/../lib:/b", "/o/p", 0, "/o/p/../lib/x|/b/x")                      \
	X(origin_twice, "$ORIGIN$ORIGIN:$ORIGIN/$ORIGIN:/b", "/o", 0, "/b/x")                      \
	X(origin_longer_word, "$ORIGINx:$ORIGINAL/l:/b", "/o", 0, "/b/x")                          \
	X(origin_open_brace, "${ORIGIN:${ORIGIN/l:/b", "/o", 0, "/b/x")                            \
	X(origin_not_first, "/a$ORIGIN:/a/$ORIGIN:./$ORIGIN:/b", "/o", 0, "/b/x")                  \
	X(other_words, "$LIB:${PLATFORM}/l:/a$:$:/b", "/o", 0, "/b/x")                             \
	X(origin_unknown, "$ORIGIN:$ORIGIN/../l:/b", NULL, 0, "/b/x")                              \
	X(origin_empty, "$ORIGIN:$ORIGIN/l:/b", "", 0, "/b/x")                                     \
	X(origin_relative, "$ORIGIN/l:/b", "o", 0, "/b/x")                                         \
	X(origin_control, "$ORIGIN/l:/b", "/o\n", 0, "/b/x")                                       \
	X(origin_colon, "$ORIGIN/l:/b", "/o:/evil", 0, "/o:/evil/l/x|/b/x")                        \
	X(origin_dollar, "$ORIGIN/l:/b", "/$ORIGIN", 0, "/$ORIGIN/l/x|/b/x")                       \
	X(origin_root, "$ORIGIN/l", "/", 0, "//l/x")                                               \
	X(too_long, "/123456789012345678901234567890123456789012345678901234567890123:/b", NULL,   \
	  0, "/b/x")                                                                               \
	X(fits_exactly, "/1234567890123456789012345678901234567890123456789012345678901:/b", NULL, \
	  0, "/b/x")                                                                               \
	X(fits, "/123456789012345678901234567890123456789012345678901234567890", NULL, 0,          \
	  "/123456789012345678901234567890123456789012345678901234567890/x")

#define TEST(name, path, origin, flags, want)                                                      \
	static void name(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		assert_string_equal(tried(path, origin, flags), want);                             \
	}
CASES(TEST)

/* every buffer length: what does not fit is left out, nothing is written behind the end */
static void every_buffer(void **state)
{
	const char *want = "/origin/lib/libname.so";
	size_t need = strlen(want) + 1;

	(void)state;
	for (size_t len = 0; len <= need + 1; len++) {
		const char *pos = "$ORIGIN/lib";
		char *buf = malloc(len ? len : 1);
		size_t got;

		assert_non_null(buf);
		got = ld_path_next(&pos, "/origin", "libname.so", 0, buf, len);
		assert_int_equal(got, len >= need ? need - 1 : 0);
		if (got)
			assert_string_equal(buf, want);
		free(buf);
	}
}

static void dir_len(void **state)
{
	(void)state;
	assert_int_equal(ld_path_dir_len("/a/b"), 2);
	assert_int_equal(ld_path_dir_len("/b"), 1);
	assert_int_equal(ld_path_dir_len("b"), 0);
	assert_int_equal(ld_path_dir_len(""), 0);
	assert_int_equal(ld_path_dir_len("a/b"), 1);
	assert_int_equal(ld_path_dir_len("/a//b"), 2);
	assert_int_equal(ld_path_dir_len("//b"), 1);
	assert_int_equal(ld_path_dir_len("/a/"), 2);
}

static void base(void **state)
{
	(void)state;
	assert_string_equal(ld_path_base("/a/b"), "b");
	assert_string_equal(ld_path_base("b"), "b");
	assert_string_equal(ld_path_base("/a/"), "");
	assert_string_equal(ld_path_base(""), "");
}

static void reasons(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= LD_DIR_CNT; i++) {
		int known = i != LD_DIR_OK && i < LD_DIR_CNT;

		assert_int_equal(*ld_dir_word(i) != 0, known);
		assert_int_equal(*ld_dir_phrase(i) != 0, known);
	}
	assert_string_equal(ld_dir_word(LD_DIR_WRITABLE), "writable");
	assert_string_equal(ld_dir_word(LD_DIR_OWNER), "owner");
	assert_string_equal(ld_dir_word(LD_DIR_RELATIVE), "relative");
}

static void libc_names(void **state)
{
	static const char *const yes[] = {"libc.so", "libc.musl-x86_64.so.1", "libc.so.6",
					  "libpthread.so.0", "librt.so.1", "libm.so.6",
					  "libdl.so.2", "libutil.so.1", "libxnet.so.1", "libc."};
	static const char *const no[] = {"", "lib", "libc", "libcrypto.so", "libmvec.so.1", "c.so",
					 "libutils.so", "libz.so", "xlibc.so", "libresolv.so.2",
					 "/lib/libc.so", "./libc.so", "libc.x/../evil.so"};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(yes); i++)
		if (!ld_path_is_libc(yes[i]))
			fail_msg("\"%s\" is the C library's name", yes[i]);
	for (size_t i = 0; i < LD_COUNTOF(no); i++)
		if (ld_path_is_libc(no[i]))
			fail_msg("\"%s\" is not the C library's name", no[i]);
}

#define ENTRY(name, path, origin, flags, want) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	CASES(ENTRY)
	cmocka_unit_test(every_buffer),
	cmocka_unit_test(dir_len),
	cmocka_unit_test(base),
	cmocka_unit_test(reasons),
	cmocka_unit_test(libc_names),
};
UNIT_RUN(path, tests)
