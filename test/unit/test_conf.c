/* test_conf.c: the system file: every kind of line, every way to be wrong, and any bytes at all. */
#include "unit.h"

#include "conf.h"
#include "limits.h"

static const struct ld_policy_rights set_all = {LD_FROM_CONF, LD_KEYS_ALL, LD_KEYS_ALL};
static const struct ld_policy_rights tighten = {LD_FROM_SECTION, LD_KEYS_ALL, 0};

/* the items of a file, one a line: "3 words check=off", "4 [/bin/sh]", "7 unknown key ..." */
static const char *items(const void *bytes, size_t len)
{
	static char out[4096];
	unsigned char *copy = malloc(len ? len : 1); /* exact: ASan sees a byte too far */
	struct ld_conf_item item;
	struct ld_conf c;
	size_t n = 0;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	ld_conf_begin(&c, (struct ld_span){copy, len});
	out[0] = 0;
	while (ld_conf_next(&c, &item)) {
		struct ld_text t;
		char buf[512];

		ld_text_init(&t, buf, sizeof buf);
		if (item.kind == LD_CONF_WRONG)
			ld_conf_describe(&t, &item);
		else
			ld_text_span(&t, item.text);
		n += (size_t)snprintf(out + n, sizeof out - n,
				      item.kind == LD_CONF_SECTION ? "%u [%s]\n" : "%u %s\n",
				      item.line, buf);
		assert_true(n < sizeof out);
	}
	assert_int_equal(item.kind, LD_CONF_END);
	free(copy);
	return out;
}

#define IGNORED ", line ignored\n"
#define SKIPPED ", all lines up to the next header ignored\n"

/* name, file, what is read */
#define CASES(X)                                                                                   \
	X(empty, "", "")                                                                           \
	X(blank_lines, "\n \n\t\n\n", "")                                                          \
	X(comments, "# all of it\n  # indented \xc3\xa4\n#", "")                                   \
	X(one_line, "check=enforce", "1 check=enforce\n")                                          \
	X(last_newline, "check=enforce\n", "1 check=enforce\n")                                    \
	X(comment_behind, "check=enforce # why", "1 check=enforce # why\n")                        \
	X(two_lines, "watch\n\nseal=all,vdso=keep\n", "1 watch\n3 seal=all,vdso=keep\n")           \
	X(preload, "preload=/a.so:/b,c.so report=all", "1 preload=/a.so:/b,c.so report=all\n")     \
	X(no_preload, "preload=", "1 preload=\n")                                                  \
	X(report_to, "report-to=/run/x\nreport-to=stderr", "1 report-to=/run/x\n"                  \
	  "2 report-to=stderr\n")                                                                  \
	X(section, "[/bin/sh]\ncheck=off", "1 [/bin/sh]\n2 check=off\n")                           \
	X(section_comment, " [/bin/sh] \t # shell", "1 [/bin/sh]\n")                               \
	X(section_odd_path, "[/a b]c]", "1 [/a b]c]\n")                                            \
	X(unknown_key, "chek=off", "1 unknown key \"chek\"" IGNORED)                               \
	X(unknown_value, "check=on", "1 unknown value \"on\" of check" IGNORED)                    \
	X(static_tls, "static-tls=4096,watch", "1 static-tls=4096,watch\n")                        \
	X(static_tls_large, "static-tls=1048577",                                                  \
	  "1 unknown value \"1048577\" of static-tls (bytes, at most 1048576)" IGNORED)            \
	X(unknown_word, "paranoid", "1 unknown word \"paranoid\"" IGNORED)                         \
	X(no_value, "check=", "1 unknown value \"\" of check" IGNORED)                             \
	X(no_key, "=off", "1 unknown key \"\"" IGNORED)                                            \
	X(spaced, "check = off", "1 unknown word \"check\"" IGNORED)                               \
	X(hash_inside, "check=off#", "1 unknown value \"off#\" of check" IGNORED)                  \
	X(whole_line, "check=off seal=of\nwatch", "1 unknown value \"of\" of seal" IGNORED         \
	  "2 watch\n")                                                                             \
	X(crlf, "check=off\r\nwatch", "1 control byte 0xd" IGNORED "2 watch\n")                    \
	X(escape, "\x1b[2J", "1 control byte 0x1b" IGNORED)                                        \
	X(del, "watch\x7f", "1 control byte 0x7f" IGNORED)                                         \
	X(bom, "\xef\xbb\xbfwatch", "1 unknown word \"\\xef\\xbb\\xbfwatch\"" IGNORED)             \
	X(preload_relative, "preload=a.so",                                                        \
	  "1 preload= wants absolute paths separated by colons, not \"a.so\"" IGNORED)             \
	X(preload_second, "preload=/a:b",                                                          \
	  "1 preload= wants absolute paths separated by colons, not \"/a:b\"" IGNORED)             \
	X(preload_colon, "preload=:/a",                                                            \
	  "1 preload= wants absolute paths separated by colons, not \":/a\"" IGNORED)              \
	X(preload_end, "preload=/a:",                                                              \
	  "1 preload= wants absolute paths separated by colons, not \"/a:\"" IGNORED)              \
	X(preload_empty, "preload=/a::/b",                                                         \
	  "1 preload= wants absolute paths separated by colons, not \"/a::/b\"" IGNORED)           \
	X(report_to_relative, "report-to=x",                                                       \
	  "1 report-to= wants stderr or the absolute path of a socket, not \"x\"" IGNORED)         \
	X(report_to_root, "report-to=/",                                                           \
	  "1 report-to= wants stderr or the absolute path of a socket, not \"/\"" IGNORED)         \
	X(report_to_nothing, "report-to=",                                                         \
	  "1 report-to= wants stderr or the absolute path of a socket, not \"\"" IGNORED)          \
	X(report_to_longer, "report-to=stderr2",                                                   \
	  "1 report-to= wants stderr or the absolute path of a socket, not \"stderr2\"" IGNORED)   \
	X(open_header, "watch\n[/bin/sh\ncheck=off\n[/bin/a]\nseal=all",                           \
	  "1 watch\n2 section header without ] at its end" SKIPPED "4 [/bin/a]\n5 seal=all\n")     \
	X(header_garbage, "[/bin/sh] x\ncheck=off",                                                \
	  "1 section header without ] at its end" SKIPPED)                                         \
	X(header_glued, "[/bin/sh]# x\ncheck=off",                                                 \
	  "1 section header without ] at its end" SKIPPED)                                         \
	X(header_alone, "[\ncheck=off", "1 section header without ] at its end" SKIPPED)           \
	X(header_relative, "[sh]\ncheck=off\nnonsense",                                            \
	  "1 section header wants an absolute path, not \"sh\"" SKIPPED)                           \
	X(header_empty, "[]\ncheck=off", "1 section header wants an absolute path, not \"\"" SKIPPED) \
	X(header_root, "[/]\ncheck=off", "1 section header wants an absolute path, not \"/\"" SKIPPED) \
	X(header_blank, "[ /bin/sh]\ncheck=off",                                                   \
	  "1 section header wants an absolute path, not \" /bin/sh\"" SKIPPED)                     \
	X(header_crlf, "[/bin/sh]\r\ncheck=off", "1 control byte 0xd" SKIPPED)

#define TEST(name, file, want)                                                                     \
	static void name(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		assert_string_equal(items(file, sizeof file - 1), want);                           \
	}
CASES(TEST)

static void nul_bytes(void **state)
{
	static const char file[] = "check=off\0\nwatch\n\0";

	(void)state;
	assert_string_equal(items(file, sizeof file - 1),
			    "1 control byte 0x0" IGNORED "2 watch\n3 control byte 0x0" IGNORED);
}

/* the longest path, and one byte more */
static void long_paths(void **state)
{
	static char file[LD_MAX_PATH + 16];
	struct ld_conf_item item;
	struct ld_conf c;
	const struct {
		const char *before, *after;
		size_t most;
	} cases[] = {{"[", "]", LD_MAX_PATH - 1},
		     {"preload=", "", LD_MAX_PATH - 1},
		     {"report-to=", "", 107}};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(cases); i++) {
		for (size_t more = 0; more < 2; more++) {
			size_t n = strlen(cases[i].before), len = cases[i].most + more;

			strcpy(file, cases[i].before);
			memset(file + n, '/', len);
			strcpy(file + n + len, cases[i].after);
			ld_conf_begin(&c, (struct ld_span){(unsigned char *)file, strlen(file)});
			assert_true(ld_conf_next(&c, &item));
			if ((item.kind == LD_CONF_WRONG) != more)
				fail_msg("%s with %zu bytes: kind %d", cases[i].before, len, item.kind);
		}
	}
}

/* what the lines do: set or tighten, paths by the last word, sections left to the caller */
static void apply(void **state)
{
	static const char file[] = "strict preload=/a.so\n"
				   "check=audit report-to=/run/s, report=all # seal=off\n"
				   "preload=/b.so:/c.so report-to=/run/t\n";
	struct ld_settings s = {0}, t;
	struct ld_conf_item item;
	struct ld_conf c;

	(void)state;
	ld_policy_default(&s.policy);
	t = s;
	ld_conf_begin(&c, (struct ld_span){(const unsigned char *)file, sizeof file - 1});
	while (ld_conf_next(&c, &item)) {
		ld_conf_apply(&item, &set_all, &s);
		ld_conf_apply(&item, &tighten, &t);
	}
	assert_int_equal(s.policy.v[LD_KEY_CHECK], LD_CHECK_AUDIT);
	assert_int_equal(s.policy.from[LD_KEY_CHECK], LD_FROM_CONF);
	assert_int_equal(s.policy.v[LD_KEY_LOCKDOWN], LD_LOCKDOWN_EXEC);
	assert_int_equal(s.policy.v[LD_KEY_SEAL], LD_SEAL_CODE);
	assert_int_equal(s.policy.v[LD_KEY_REPORT], LD_REPORT_ALL);
	assert_int_equal(s.preload.len, 11);
	assert_memory_equal(s.preload.p, "/b.so:/c.so", 11);
	assert_int_equal(s.report_to.len, 6);
	assert_memory_equal(s.report_to.p, "/run/t", 6);
	assert_int_equal(t.policy.v[LD_KEY_CHECK], LD_CHECK_ENFORCE);
	assert_int_equal(t.policy.from[LD_KEY_CHECK], LD_FROM_SECTION);
	assert_null(t.preload.p);
	assert_null(t.report_to.p);
	/* nothing but words is applied */
	item = (struct ld_conf_item){.kind = LD_CONF_WRONG, .text = {(const unsigned char *)"watch", 5}};
	ld_conf_apply(&item, &set_all, &t);
	assert_int_equal(t.policy.v[LD_KEY_CHECK], LD_CHECK_ENFORCE);
}

/*
 * Files made of odd pieces: the reader ends, counts lines as there are, points into the text, and what
 * tightens never relaxes. The pieces come from a fixed generator: the same files every time.
 */
static void odd_files(void **state)
{
	static const char *const pieces[] = {
		"check=", "enforce", "off", "strict", "[", "]", "/", "/bin/sh", "#", " ", "\t", ",", "\n",
		"\r", "=", "preload=", "report-to=", ":", "stderr", "\x7f", "\xff", "seal=all", "watch", "[/a]\n",
	};
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		unsigned char file[512], *copy;
		struct ld_settings s = {0};
		struct ld_conf_item item;
		struct ld_conf c;
		size_t len = 0;
		uint32_t lines = 1, last = 0;

		while (len + 16 < sizeof file && (seed = seed * 1103515245 + 12345) >> 16 & 31) {
			const char *p = pieces[(seed >> 20) % LD_COUNTOF(pieces)];

			memcpy(file + len, p, strlen(p));
			len += strlen(p);
			if (!(seed >> 10 & 63))
				file[len++] = 0;
		}
		for (size_t i = 0; i < len; i++)
			lines += file[i] == '\n';
		copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, file, len);
		ld_policy_default(&s.policy);
		ld_conf_begin(&c, (struct ld_span){copy, len});
		while (ld_conf_next(&c, &item)) {
			struct ld_policy before = s.policy;

			assert_true(item.line > last && item.line <= lines);
			last = item.line;
			assert_true(item.kind == LD_CONF_WRONG ||
				    (item.text.p >= copy && item.text.p + item.text.len <= copy + len));
			assert_true(item.kind != LD_CONF_SECTION || item.text.p[0] == '/');
			ld_conf_apply(&item, &tighten, &s);
			for (unsigned k = 0; k < LD_KEY_CNT; k++)
				assert_true(s.policy.v[k] >= before.v[k]);
		}
		free(copy);
	}
}

#define ENTRY(name, file, want) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	CASES(ENTRY)
	cmocka_unit_test(nul_bytes),
	cmocka_unit_test(long_paths),
	cmocka_unit_test(apply),
	cmocka_unit_test(odd_files),
};
UNIT_RUN(conf, tests)
