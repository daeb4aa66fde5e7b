/*
 * test_open.c: from a name to a vetted descriptor: what is tried and in which order, what ends a
 * search, what is asked about a file and when, and that refused files leave no descriptor.
 */
#include "unit.h"

#include "dso_stub.h"
#include "os_fake.h"

enum { X = OS_FAKE_REG | 0755, R = OS_FAKE_REG | 0644 };

/* the errnos tests speak of */
enum { EPERM_ = 1, EIO_ = 5, EAGAIN_ = 11, EACCES_ = 13, EFAULT_ = 14, ENOTDIR_ = 20, EMFILE_ = 24,
       ETXTBSY_ = 26, ELOOP_ = 40 };

#define FILE_X(name, ...)                                                                          \
	{                                                                                          \
		.path = name, .mode = X, .nlink = 1, .control = ENOTDIR_, __VA_ARGS__              \
	}
#define ALWAYS(sys) {sys, sys, sys, sys, sys, sys, sys, sys}

/* one search: files there are, how strict, name asked for; then what must have happened */
struct trial {
	struct os_fake_file file[4];
	int enforce, refuse_missing, secure;
	const char *library_path, *runpath, *name;
	enum ld_code want;  /* of the search */
	enum ld_code audit; /* what auditing said; NONE = nothing */
	const char *log;
};

/* refused by the decision function: these are reported; names and path files are not its matter */
static int is_verdict(enum ld_code code)
{
	return ld_err_kind(code) == LD_K_REFUSED && code != LD_E_REF_RELATIVE &&
	       code != LD_E_REF_PATHFILE;
}

static void attempt(const struct trial *t)
{
	struct os_fake_file files[4];
	struct stub *s = stub_new();
	struct ld_obj user = {.name = "/usr/bin/app", .runpath = t->runpath, .origin = "/usr/bin"};
	struct ld_file out;
	size_t cnt = 0;
	ld_st st;

	memcpy(files, t->file, sizeof files);
	while (cnt < 4 && files[cnt].path)
		cnt++;
	os_fake_files(files, cnt);
	if (t->enforce)
		ld_state.policy.v[LD_KEY_CHECK] = LD_CHECK_ENFORCE;
	if (t->refuse_missing)
		ld_state.policy.v[LD_KEY_MISSING] = LD_MISSING_REFUSE;
	ld_state.secure = t->secure;
	ld_state.library_path = t->library_path;
	ld_facts_now(&s->g.facts);
	st = ld_open_library(&s->g, t->name, &user, &out);
	expect_code(st, &s->g.err, t->want);
	assert_int_equal(stub_audited, t->audit);
	assert_int_equal(stub_refused, is_verdict(t->want) ? t->want : LD_E_NONE);
	if (t->log)
		assert_string_equal(os_fake_log(), t->log);
	if (!t->want) {
		assert_int_equal(os_fake_fds, 1);
		assert_int_equal(ld_os_close(out.fd), 0);
	}
	stub_free(s);
}

#define PATHS "open /prefix/etc/ld-ward-unit.path=-2 open /prefix/etc/ld-musl-unit.path=-2 "

/* name, files and circumstances, result, what audit said, calls */
#define CASES(T)                                                                                   \
	T(default_path, NONE, NONE,                                                                \
	  PATHS "open /lib/l=-2 open /usr/local/lib/l=100 fstat 100 check 100",                    \
	  .file = {FILE_X("/usr/local/lib/l")})                                                    \
	T(not_there, LD_E_NOT_FOUND, NONE,                                                         \
	  PATHS "open /lib/l=-2 open /usr/local/lib/l=-2 open /usr/lib/l=-2", .file = {{0}})       \
	T(control_first, NONE, NONE, "open /a/l=100 fstat 100 control 100 check 100",              \
	  .enforce = 1, .runpath = "/a", .file = {FILE_X("/a/l")})                                 \
	T(library_path_first, NONE, NONE, "open /b/l=101 fstat 101 check 101",                     \
	  .library_path = "/b", .runpath = "/a", .file = {FILE_X("/a/l"), FILE_X("/b/l")})         \
	T(library_path_ignored, NONE, NONE, "open /a/l=100 fstat 100 check 100", .secure = 1,      \
	  .library_path = "/b", .runpath = "/a", .file = {FILE_X("/a/l"), FILE_X("/b/l")})         \
	T(library_path_ignored_too, NONE, NONE, "open /a/l=100 fstat 100 control 100 check 100",   \
	  .enforce = 1, .library_path = "/b", .runpath = "/a",                                     \
	  .file = {FILE_X("/a/l"), FILE_X("/b/l")})                                                \
	T(origin, NONE, NONE, "open /usr/bin/../lib/l=100 fstat 100 check 100",                    \
	  .runpath = "$ORIGIN/../lib", .file = {FILE_X("/usr/bin/../lib/l")})                      \
	T(enotdir_goes_on, NONE, NONE, "open /a/l=-20 open /b/l=101 fstat 101 check 101",          \
	  .runpath = "/a:/b", .file = {FILE_X("/a/l", .open = ENOTDIR_), FILE_X("/b/l")})          \
	T(eacces_ends, LD_E_OPEN, NONE, "open /a/l=-13", .runpath = "/a:/b",                       \
	  .file = {FILE_X("/a/l", .open = EACCES_), FILE_X("/b/l")})                               \
	T(emfile_ends, LD_E_OPEN, NONE, "open /a/l=-24", .runpath = "/a:/b",                       \
	  .file = {FILE_X("/a/l", .open = EMFILE_), FILE_X("/b/l")})                               \
	T(eloop_ends, LD_E_OPEN, NONE, "open /a/l=-40", .runpath = "/a:/b",                        \
	  .file = {FILE_X("/a/l", .open = ELOOP_), FILE_X("/b/l")})                                \
	T(lease_ends, LD_E_LEASE, NONE,                                                            \
	  "open /a/l=-11 sleep open /a/l=-11 sleep open /a/l=-11 sleep open /a/l=-11 sleep "       \
	  "open /a/l=-11 sleep open /a/l=-11", .runpath = "/a:/b",                                 \
	  .file = {FILE_X("/a/l", .open = EAGAIN_), FILE_X("/b/l")})                               \
	T(fstat_ends, LD_E_STAT, NONE, "open /a/l=100 fstat 100 close 100", .runpath = "/a:/b",    \
	  .file = {FILE_X("/a/l", .stat = {EIO_}), FILE_X("/b/l")})                                \
	T(refused_ends, LD_E_REF_MODE, NONE,                                                       \
	  "open /a/l=100 fstat 100 control 100 check 100 statfs 100 access 100 close 100",         \
	  .enforce = 1,                                                                            \
	  .runpath = "/a:/b",                                                                      \
	  .file = {FILE_X("/a/l", .check = ALWAYS(EACCES_), .mode = R), FILE_X("/b/l")})           \
	T(audit_goes_on, NONE, LD_E_REF_MODE,                                                      \
	  "open /a/l=100 fstat 100 check 100 statfs 100 access 100", .runpath = "/a:/b",           \
	  .file = {FILE_X("/a/l", .check = ALWAYS(EACCES_), .mode = R), FILE_X("/b/l")})           \
	T(others_may_execute, LD_E_REF_MODE, NONE, NULL, .enforce = 1, .runpath = "/a",            \
	  .file = {FILE_X("/a/l", .check = ALWAYS(EACCES_), .execute = EACCES_)})                  \
	T(noexec, LD_E_REF_NOEXEC, NONE, NULL, .enforce = 1, .runpath = "/a",                      \
	  .file = {FILE_X("/a/l", .check = ALWAYS(EACCES_), .fs_flags = LD_ST_NOEXEC)})            \
	T(security_module, LD_E_REF_LSM, NONE, NULL, .enforce = 1, .runpath = "/a",                \
	  .file = {FILE_X("/a/l", .check = ALWAYS(EPERM_))})                                       \
	T(other, LD_E_REF_OTHER, NONE, NULL, .enforce = 1, .runpath = "/a",                        \
	  .file = {FILE_X("/a/l", .check = ALWAYS(EIO_))})                                         \
	T(faked, LD_E_REF_FAKED, NONE, NULL, .enforce = 1, .runpath = "/a",                        \
	  .file = {FILE_X("/a/l", .control = 0)})                                                  \
	T(fifo, LD_E_REF_TYPE, NONE, "open /a/l=100 fstat 100 close 100", .runpath = "/a",         \
	  .file = {FILE_X("/a/l", .mode = OS_FAKE_FIFO | 0755)})                                   \
	T(busy, LD_E_REF_BUSY, NONE,                                                               \
	  "open /a/l=100 fstat 100 control 100 check 100 sleep check 100 sleep check 100 sleep "   \
	  "check 100 sleep check 100 sleep check 100 statfs 100 access 100 close 100",             \
	  .enforce = 1, .runpath = "/a", .file = {FILE_X("/a/l", .check = ALWAYS(ETXTBSY_))})      \
	T(busy_for_a_while, NONE, NONE,                                                            \
	  "open /a/l=100 fstat 100 control 100 check 100 sleep check 100 sleep check 100",         \
	  .enforce = 1, .runpath = "/a", .file = {FILE_X("/a/l", .check = {ETXTBSY_, ETXTBSY_})})  \
	T(busy_only_reported, NONE, LD_E_REF_BUSY,                                                 \
	  "open /a/l=100 fstat 100 check 100 statfs 100 access 100", .runpath = "/a",              \
	  .file = {FILE_X("/a/l", .check = ALWAYS(ETXTBSY_))})                                     \
	T(emulated, NONE, NONE, "open /a/l=100 fstat 100 check 100", .runpath = "/a",              \
	  .file = {FILE_X("/a/l", .check = ALWAYS(EFAULT_))})                                      \
	T(emulated_enforcing, NONE, LD_E_REF_MISSING, NULL, .enforce = 1, .runpath = "/a",         \
	  .file = {FILE_X("/a/l", .control = EFAULT_, .check = ALWAYS(EFAULT_))})                  \
	T(efault_after_control, LD_E_REF_OTHER, NONE, NULL, .enforce = 1, .runpath = "/a",         \
	  .file = {FILE_X("/a/l", .check = ALWAYS(EFAULT_))})                                      \
	T(emulated_refused, LD_E_REF_MISSING, NONE, NULL, .enforce = 1, .refuse_missing = 1,       \
	  .runpath = "/a:/b",                                                                      \
	  .file = {FILE_X("/a/l", .control = EFAULT_, .check = ALWAYS(EFAULT_)), FILE_X("/b/l")})  \
	T(unlinked, LD_E_REF_UNLINKED, NONE, NULL, .enforce = 1, .runpath = "/a",                  \
	  .file = {FILE_X("/a/l", .nlink = 0, .seals = 1)})                                        \
	T(unlinked_no_seals, LD_E_REF_UNLINKED, NONE, NULL, .secure = 1, .runpath = "/a",          \
	  .file = {FILE_X("/a/l", .nlink = 0, .seals = -22)})                                      \
	T(unlinked_some_seals, LD_E_REF_UNLINKED, NONE, NULL, .enforce = 1, .runpath = "/a",       \
	  .file = {FILE_X("/a/l", .nlink = 0, .seals = LD_F_SEAL_WRITE | LD_F_SEAL_SHRINK)})       \
	T(unlinked_frozen, NONE, NONE,                                                             \
	  "open /a/l=100 fstat 100 seals 100 control 100 check 100", .enforce = 1,                 \
	  .runpath = "/a", .file = {FILE_X("/a/l", .nlink = 0,                                     \
			       .seals = LD_F_SEAL_WRITE | LD_F_SEAL_SHRINK | LD_F_SEAL_SEAL)})     \
	T(unlinked_reported, NONE, LD_E_REF_UNLINKED, NULL, .runpath = "/a",                       \
	  .file = {FILE_X("/a/l", .nlink = 0, .seals = 0)})                                        \
	T(absolute_name, NONE, NONE, "open /c/l=100 fstat 100 check 100", .name = "/c/l",          \
	  .file = {FILE_X("/c/l")})                                                                \
	T(relative_name, NONE, NONE, "open c/l=100 fstat 100 check 100", .name = "c/l",            \
	  .file = {FILE_X("c/l")})                                                                 \
	T(relative_restricted, LD_E_REF_RELATIVE, NONE, "", .name = "c/l", .enforce = 1,           \
	  .file = {FILE_X("c/l")})                                                                 \
	T(slash_not_searched, LD_E_NOT_FOUND, NONE, "open /c/l=-2", .name = "/c/l",                \
	  .runpath = "/a", .file = {FILE_X("/a//c/l")})                                            \
	T(long_name, LD_E_NAME_LONG, NONE, "", .name = LONG, .file = {{0}})                        \
	T(path_file, NONE, NONE,                                                                   \
	  "open /prefix/etc/ld-ward-unit.path=100 fstat 100 read 100 close 100 open /p/l=-2 "      \
	  "open /q/l=101 fstat 101 check 101",                                                     \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .mode = R,                              \
			  .data = (const unsigned char *)"/p\n/q\n", .len = 6), FILE_X("/q/l")})   \
	T(path_file_musl, NONE, NONE, NULL,                                                        \
	  .file = {FILE_X("/prefix/etc/ld-musl-unit.path", .mode = R,                              \
			  .data = (const unsigned char *)"/q", .len = 2), FILE_X("/q/l")})         \
	T(path_file_unreadable, LD_E_PATHFILE, NONE, "open /prefix/etc/ld-ward-unit.path=-24",    \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .open = EMFILE_), FILE_X("/lib/l")})    \
	T(path_file_writable, LD_E_REF_PATHFILE, NONE, NULL,                                          \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .mode = OS_FAKE_REG | 0666,             \
			  .data = (const unsigned char *)"/q", .len = 2), FILE_X("/q/l")})         \
	T(path_file_fifo, LD_E_REF_PATHFILE, NONE, NULL,                                              \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .mode = OS_FAKE_FIFO | 0644),           \
		   FILE_X("/lib/l")})                                                              \
	T(path_file_large, LD_E_REF_PATHFILE, NONE, NULL,                                             \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .mode = R, .len = 65537),               \
		   FILE_X("/lib/l")})                                                              \
	T(path_file_owner, LD_E_REF_PATHFILE, NONE, NULL,                                          \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .mode = R, .uid = 7,                    \
			  .data = (const unsigned char *)"/q", .len = 2), FILE_X("/q/l")})         \
	T(path_file_owner_of_root, NONE, NONE, NULL,                                               \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .mode = R, .uid = 7,                    \
			  .data = (const unsigned char *)"/q", .len = 2), FILE_X("/q/l"),          \
		   FILE_X("/", .mode = OS_FAKE_DIR | 0755, .uid = 7)})                             \
	T(path_file_nul, LD_E_REF_PATHFILE, NONE, NULL,                                            \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .mode = R,                              \
			  .data = (const unsigned char *)"/q\0/r", .len = 5), FILE_X("/q/l")})     \
	T(path_file_stat, LD_E_PATHFILE, NONE, NULL,                                               \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .mode = R, .stat = {EIO_}),             \
		   FILE_X("/lib/l")})                                                              \
	T(relative_directory, NONE, NONE, "open a/l=100 fstat 100 check 100", .runpath = "a",      \
	  .file = {FILE_X("a/l")})                                                                 \
	T(relative_dropped, NONE, NONE, "open /b/l=101 fstat 101 check 101", .runpath = "a:/b",    \
	  .secure = 1, .file = {FILE_X("a/l"), FILE_X("/b/l")})                                    \
	T(writable_searched, NONE, NONE, NULL, .runpath = "/a",                                    \
	  .file = {FILE_X("/a/l"), FILE_X("/a", .mode = OS_FAKE_DIR | 0777)})                      \
	T(writable_dropped, NONE, NONE, "open /b/l=102 fstat 102 control 102 check 102",           \
	  .runpath = "/a:/b", .enforce = 1,                                                        \
	  .file = {FILE_X("/a/l"), FILE_X("/a", .mode = OS_FAKE_DIR | 0777), FILE_X("/b/l")})      \
	T(directory_not_there, NONE, NONE, "open /b/l=101 fstat 101 check 101", .secure = 1,       \
	  .runpath = "/a:/b",                                                                      \
	  .file = {FILE_X("/a", .mode = OS_FAKE_DIR, .open = 2), FILE_X("/b/l")})                  \
	T(directory_closed_to_us, LD_E_OPEN, NONE, "", .secure = 1, .runpath = "/a:/b",            \
	  .file = {FILE_X("/a", .mode = OS_FAKE_DIR, .open = EACCES_), FILE_X("/b/l")})            \
	T(path_file_empty, LD_E_NOT_FOUND, NONE, NULL,                                             \
	  .file = {FILE_X("/prefix/etc/ld-ward-unit.path", .mode = R), FILE_X("/lib/l")})

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define LONG FIFTY FIFTY FIFTY FIFTY FIFTY "012345"
enum { NONE = LD_E_NONE };

#define TEST(test, result, said, calls, ...)                                                       \
	static void test(void **state)                                                             \
	{                                                                                          \
		struct trial t = {.want = result, .audit = said, .log = calls, __VA_ARGS__};       \
                                                                                                   \
		(void)state;                                                                       \
		if (!t.name)                                                                       \
			t.name = "l";                                                              \
		attempt(&t);                                                                       \
	}
CASES(TEST)

/* a directory is looked at once for a group, and what would be dropped is said when that is wanted */
static void dropped(void **state)
{
	struct ld_obj user = {.name = "/usr/bin/app", .runpath = "/a"};

	(void)state;
	for (int secure = 0; secure < 2; secure++) {
		struct os_fake_file files[] = {FILE_X("/a", .mode = OS_FAKE_DIR | 0777), FILE_X("/a/l"),
					       FILE_X("/a/m")};
		struct stub *s = stub_new();
		struct ld_file out;

		os_fake_files(files, 3);
		ld_state.policy.v[LD_KEY_REPORT] = LD_REPORT_DENIALS;
		ld_state.secure = secure;
		ld_facts_now(&s->g.facts);
		for (int i = 1; i < 3; i++) {
			ld_st st = ld_open_library(&s->g, files[i].path + 3, &user, &out);

			expect_code(st, &s->g.err, secure ? LD_E_NOT_FOUND : LD_E_NONE);
			if (secure) {
				assert_string_equal(s->g.err.where, "/a");
				assert_int_equal(s->g.err.got, LD_DIR_WRITABLE);
				s->g.err = (struct ld_err){0};
			} else {
				assert_int_equal(ld_os_close(out.fd), 0);
			}
		}
		assert_string_equal(stub_would, secure ? "2 /a writable" : "would 2 /a writable");
		assert_int_equal(stub_would_cnt, 1);
		stub_free(s);
	}
}

/* the message is about the file that was refused, with what the user needs to know */
static void refusal_tells(void **state)
{
	struct os_fake_file file =
		FILE_X("/a/l", .check = ALWAYS(EACCES_), .mode = R, .fs_flags = LD_ST_NOEXEC);
	struct stub *s = stub_new();
	struct ld_file out;

	(void)state;
	os_fake_files(&file, 1);
	ld_state.policy.v[LD_KEY_CHECK] = LD_CHECK_ENFORCE;
	ld_facts_now(&s->g.facts);
	expect_code(ld_open_path(&s->g, "/a/l", &out), &s->g.err, LD_E_REF_NOEXEC);
	assert_int_equal(s->g.err.sys, EACCES_);
	assert_int_equal(s->g.err.mode, 0644);
	assert_string_equal(s->g.err.where, "/mnt");
	stub_free(s);
}

/* the control is made once for a group and descriptor number, the check each time */
static void one_control(void **state)
{
	struct os_fake_file file = FILE_X("/a/l");
	struct stub *s = stub_new();
	struct ld_file out;

	(void)state;
	os_fake_files(&file, 1);
	ld_state.policy.v[LD_KEY_CHECK] = LD_CHECK_ENFORCE;
	ld_facts_now(&s->g.facts);
	for (int i = 0; i < 2; i++) {
		expect_ok(ld_open_path(&s->g, file.path, &out), &s->g.err);
		assert_int_equal(ld_os_close(out.fd), 0);
	}
	assert_string_equal(os_fake_log(), "open /a/l=100 fstat 100 control 100 check 100 "
					   "close 100 open /a/l=100 fstat 100 check 100 close 100");
	stub_free(s);
}

/* no check on this kernel: none is made; refused only where the policy or a securebit says so */
static void missing(void **state)
{
	(void)state;
	for (int bits = 0; bits < 2; bits++) {
		struct os_fake_file file = FILE_X("/a/l");
		struct stub *s = stub_new();
		struct ld_file out;
		ld_st st;

		os_fake_files(&file, 1);
		ld_state.have_check = 0;
		os_fake_securebits = bits ? LD_SECBIT_RESTRICT_FILE : 0;
		ld_facts_now(&s->g.facts);
		st = ld_open_path(&s->g, "/a/l", &out);
		expect_code(st, &s->g.err, bits ? LD_E_REF_MISSING : LD_E_NONE);
		assert_int_equal(file.checks, 0);
		if (!bits)
			assert_int_equal(ld_os_close(out.fd), 0);
		stub_free(s);
	}
}

/* check=off: the kernel is not asked at all, unless a securebit demands it */
static void switched_off(void **state)
{
	struct os_fake_file file = FILE_X("/a/l", .check = ALWAYS(EACCES_));
	struct stub *s = stub_new();
	struct ld_file out;

	(void)state;
	os_fake_files(&file, 1);
	ld_state.policy.v[LD_KEY_CHECK] = LD_CHECK_OFF;
	ld_facts_now(&s->g.facts);
	expect_ok(ld_open_path(&s->g, "/a/l", &out), &s->g.err);
	assert_int_equal(file.checks, 0);
	assert_int_equal(ld_os_close(out.fd), 0);
	os_fake_securebits = LD_SECBIT_RESTRICT_FILE;
	ld_facts_now(&s->g.facts);
	expect_code(ld_open_path(&s->g, "/a/l", &out), &s->g.err, LD_E_REF_LSM);
	stub_free(s);
}

/* prctl that fails is a filter's doing: the strictest is assumed */
static void securebits_unknown(void **state)
{
	struct stub *s = stub_new();

	(void)state;
	os_fake_files(NULL, 0);
	os_fake_securebits = UINT32_MAX;
	ld_facts_now(&s->g.facts);
	assert_true(ld_facts_enforcing(&s->g.facts));
	stub_free(s);
}

/* dlopen of a relative path while restricted; at start the path is the user's own argument */
static void relative_path(void **state)
{
	struct os_fake_file file = FILE_X("a/l");
	struct stub *s = stub_new();
	struct ld_file out;

	(void)state;
	os_fake_files(&file, 1);
	ld_state.secure = 1;
	ld_facts_now(&s->g.facts);
	expect_ok(ld_open_path(&s->g, "a/l", &out), &s->g.err);
	assert_int_equal(ld_os_close(out.fd), 0);
	s->g.runtime = 1;
	expect_code(ld_open_path(&s->g, "a/l", &out), &s->g.err, LD_E_REF_RELATIVE);
	stub_free(s);
}

#define ENTRY(test, ...) cmocka_unit_test(test),
static const struct CMUnitTest tests[] = {
	CASES(ENTRY)
	cmocka_unit_test(dropped),
	cmocka_unit_test(refusal_tells),
	cmocka_unit_test(one_control),
	cmocka_unit_test(missing),
	cmocka_unit_test(switched_off),
	cmocka_unit_test(securebits_unknown),
	cmocka_unit_test(relative_path),
};
UNIT_RUN(open, tests)
