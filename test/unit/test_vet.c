/*
 * test_vet.c: what is asked about a file, and what an earlier call leaves behind: control and check
 * for every descriptor number, a decision taken again, and flags that are never cleared.
 */
#include "unit.h"

#include "dso_stub.h"
#include "os_fake.h"

enum { X = OS_FAKE_REG | 0755, R = OS_FAKE_REG | 0644, ENOTDIR_ = 20, EACCES_ = 13, ETXTBSY_ = 26 };

#define FILE_X(name, ...)                                                                          \
	{                                                                                          \
		.path = name, .mode = X, .nlink = 1, .control = ENOTDIR_, __VA_ARGS__              \
	}

static struct stub *enforcing_stub(struct os_fake_file *files, size_t cnt)
{
	struct stub *s = stub_new();

	os_fake_files(files, cnt);
	ld_state.policy.v[LD_KEY_CHECK] = LD_CHECK_ENFORCE;
	ld_facts_now(&s->g.facts);
	return s;
}

static struct ld_file open_file(const char *path)
{
	return (struct ld_file){.fd = (int)ld_os_open(path), .path = path};
}

/* a filter can tell descriptors apart: each number has its control, and one bad answer is enough */
static void control_for_each_number(void **state)
{
	struct os_fake_file files[] = {FILE_X("/a"), FILE_X("/b", .control = 0), FILE_X("/c")};
	struct stub *s = enforcing_stub(files, 3);
	struct ld_file f[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		f[i] = open_file(files[i].path);
		expect_code(ld_vet(&s->g, &f[i], "u"), &s->g.err, i ? LD_E_REF_FAKED : LD_E_NONE);
		memset(&s->g.err, 0, sizeof s->g.err);
	}
	assert_non_null(strstr(os_fake_log(), "control 100 check 100 open /b=101 fstat 101 control 101"));
	assert_null(strstr(os_fake_log(), "control 102"));
	assert_int_equal(ld_os_close(f[0].fd), 0);
	stub_free(s);
}

/* no kernel answers the probe with 0: then the control is made also where nothing is enforced */
static void odd_probe(void **state)
{
	struct os_fake_file file = FILE_X("/a", .control = 0);
	struct stub *s = stub_new();
	struct ld_file f;

	(void)state;
	os_fake_files(&file, 1);
	ld_state.check_odd = 1;
	ld_facts_now(&s->g.facts);
	f = open_file("/a");
	expect_ok(ld_vet(&s->g, &f, "u"), &s->g.err);
	assert_int_equal(stub_audited, LD_E_REF_FAKED);
	assert_int_equal(ld_os_close(f.fd), 0);
	stub_free(s);
}

/* audited first, then the policy becomes stricter: refused without asking the kernel again */
static void decided_again(void **state)
{
	struct os_fake_file file = FILE_X("/a", .check = {EACCES_, EACCES_}, .mode = R);
	struct stub *s = stub_new();
	struct ld_file f;

	(void)state;
	os_fake_files(&file, 1);
	ld_facts_now(&s->g.facts);
	f = open_file("/a");
	expect_ok(ld_vet(&s->g, &f, "u"), &s->g.err);
	assert_int_equal(stub_audited, LD_E_REF_MODE);
	ld_state.policy.v[LD_KEY_CHECK] = LD_CHECK_ENFORCE;
	expect_code(ld_vet_again(&s->g, &f, "u"), &s->g.err, LD_E_REF_MODE);
	assert_int_equal(stub_refused, LD_E_REF_MODE);
	assert_int_equal(file.checks, 1);
	assert_non_null(strstr(os_fake_log(), "control 100 close 100"));
	stub_free(s);
}

/* what was not asked is asked then; a file that was busy gets its time */
static void asked_later(void **state)
{
	static const int off[] = {LD_CHECK_OFF, LD_CHECK_AUDIT};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(off); i++) {
		struct os_fake_file file = FILE_X("/a", .check = {ETXTBSY_, ETXTBSY_});
		struct stub *s = stub_new();
		struct ld_file f;

		os_fake_files(&file, 1);
		ld_state.policy.v[LD_KEY_CHECK] = (unsigned char)off[i];
		ld_facts_now(&s->g.facts);
		f = open_file("/a");
		expect_ok(ld_vet(&s->g, &f, "u"), &s->g.err);
		assert_int_equal(file.checks, i);
		assert_int_equal(os_fake_slept, 0);
		ld_state.policy.v[LD_KEY_CHECK] = LD_CHECK_ENFORCE;
		expect_ok(ld_vet_again(&s->g, &f, "u"), &s->g.err);
		assert_int_equal(file.checks, 3);
		assert_true(os_fake_slept > 0 && os_fake_slept < 8000);
		assert_int_equal(ld_os_close(f.fd), 0);
		stub_free(s);
	}
}

/* facts of a dlopen with these securebits in its thread */
static struct ld_facts dlopen_facts(uint32_t bits)
{
	struct ld_facts f;

	os_fake_securebits = bits;
	ld_facts_now(&f);
	return f;
}

/* securebits are a thread's own; what one dlopen saw holds for all that follow */
static void never_cleared(void **state)
{
	static const struct {
		uint32_t bits;
		int restricted, enforcing; /* then, and ever after */
	} rows[] = {
		{0, 0, 0},
		{LD_SECBIT_DENY_INTERACTIVE, 1, 0},
		{0, 1, 0},
		{LD_SECBIT_RESTRICT_FILE, 1, 1},
		{0, 1, 1},
	};
	void *pages = os_fake_region(2 * 4096);

	(void)state;
	stub_free(stub_new());
	os_fake_files(NULL, 0);
	ld_state.have_seal = 0; /* the fake's seals do nothing */
	dlopen_facts(0);
	ld_state.once_page = (uintptr_t)pages;
	for (size_t i = 0; i < LD_COUNTOF(rows); i++) {
		struct ld_facts f = dlopen_facts(rows[i].bits);

		assert_int_equal(ld_facts_restricted(&f) != 0, rows[i].restricted);
		assert_int_equal(ld_facts_enforcing(&f) != 0, rows[i].enforcing);
		f = dlopen_facts(0);
		assert_int_equal(ld_facts_restricted(&f) != 0, rows[i].restricted);
		assert_int_equal(ld_facts_enforcing(&f) != 0, rows[i].enforcing);
	}
	os_fake_region_free(pages, 2 * 4096);
}

/* with seals: a page that cannot be protected is sealed, or was taken away: both mean yes */
static void sealed_flag(void **state)
{
	void *pages = os_fake_region(2 * 4096);
	struct ld_facts f;

	(void)state;
	stub_free(stub_new());
	os_fake_files(NULL, 0);
	dlopen_facts(0);
	ld_state.once_page = (uintptr_t)pages;
	f = dlopen_facts(LD_SECBIT_RESTRICT_FILE);
	assert_true(ld_facts_enforcing(&f));
	assert_non_null(strstr(os_fake_log(), "seal"));
	os_fake_region_free(pages, 2 * 4096);
	f = dlopen_facts(0);
	assert_true(ld_facts_enforcing(&f) && ld_facts_restricted(&f));
}

/* what the process started with holds although the bits have gone (a new user namespace) */
static void from_the_start(void **state)
{
	void *pages = os_fake_region(2 * 4096);
	struct ld_facts f;

	(void)state;
	stub_free(stub_new());
	os_fake_files(NULL, 0);
	f = dlopen_facts(LD_SECBIT_RESTRICT_FILE);
	ld_state.restricted = ld_facts_restricted(&f);
	ld_state.once_page = (uintptr_t)pages;
	f = dlopen_facts(0);
	assert_true(ld_facts_enforcing(&f) && ld_facts_restricted(&f));
	os_fake_region_free(pages, 2 * 4096);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(control_for_each_number),
	cmocka_unit_test(odd_probe),
	cmocka_unit_test(decided_again),
	cmocka_unit_test(asked_later),
	cmocka_unit_test(never_cleared),
	cmocka_unit_test(sealed_flag),
	cmocka_unit_test(from_the_start),
};
UNIT_RUN(vet, tests)
