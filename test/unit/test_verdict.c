/*
 * test_verdict.c: the one decision function: every fact that speaks against a file, alone and with
 * others; and the law that what auditing reports is exactly what enforcing refuses.
 */
#include "unit.h"

#include "os.h"
#include "verdict.h"

enum { CHECK_OFF = LD_CHECK_OFF, AUDIT = LD_CHECK_AUDIT, ENFORCE = LD_CHECK_ENFORCE };
enum { NONE = LD_E_NONE };

/* an executable file on a kernel that has the check; everything as it should be */
static struct ld_file_facts good_file(void)
{
	return (struct ld_file_facts){
		.regular = 1,
		.mode = 0755,
		.nlink = 1,
		.checked = 1,
		.control_made = 1,
		.control_errno = LD_ENOTDIR,
	};
}

/* name, change of the file facts, reason, errno; refused when enforcing, reported otherwise */
#define CASES(X)                                                                                   \
	X(good, (void)0, NONE, 0)                                                                  \
	X(mode, (file.check_errno = LD_EACCES, file.mode = 0644), LD_E_REF_MODE, LD_EACCES)        \
	X(some_x_bit, (file.check_errno = LD_EACCES, file.mode = 0701), LD_E_REF_LSM, LD_EACCES)   \
	X(others_x_bit, (file.check_errno = LD_EACCES, file.no_x = 1), LD_E_REF_MODE, LD_EACCES)   \
	X(noexec, (file.check_errno = LD_EACCES, file.noexec = 1), LD_E_REF_NOEXEC, LD_EACCES)     \
	X(noexec_and_mode, (file.check_errno = LD_EACCES, file.noexec = 1, file.mode = 0644),      \
	  LD_E_REF_NOEXEC, LD_EACCES)                                                              \
	X(busy, file.check_errno = LD_ETXTBSY, LD_E_REF_BUSY, LD_ETXTBSY)                          \
	X(lsm, file.check_errno = LD_EPERM, LD_E_REF_LSM, LD_EPERM)                                \
	X(lsm_not_mode, (file.check_errno = LD_EPERM, file.mode = 0644), LD_E_REF_LSM, LD_EPERM)   \
	X(other, file.check_errno = LD_EIO, LD_E_REF_OTHER, LD_EIO)                                \
	X(no_memory, file.check_errno = LD_ENOMEM, LD_E_REF_OTHER, LD_ENOMEM)                      \
	X(control_0, file.control_errno = 0, LD_E_REF_FAKED, 0)                                    \
	X(control_eperm, file.control_errno = LD_EPERM, LD_E_REF_FAKED, LD_EPERM)                  \
	X(control_first, (file.control_errno = 0, file.check_errno = LD_EACCES),                   \
	  LD_E_REF_FAKED, 0)                                                                       \
	X(unlinked_and_mode, (file.nlink = 0, file.check_errno = LD_EACCES, file.mode = 0),        \
	  LD_E_REF_MODE, LD_EACCES)

#define TEST(name, change, want, errno_want)                                                       \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct ld_file_facts file = good_file();                                           \
		struct ld_policy policy;                                                           \
		struct ld_facts facts = {.have_check = 1, .policy = &policy};                      \
                                                                                                   \
		(void)state;                                                                       \
		change;                                                                            \
		ld_policy_default(&policy);                                                        \
		for (unsigned char check = AUDIT; check <= ENFORCE; check++) {                     \
			struct ld_verdict v;                                                       \
                                                                                                   \
			policy.v[LD_KEY_CHECK] = check;                                            \
			v = ld_verdict_of(&facts, &file);                                          \
			assert_int_equal(v.code, want);                                            \
			assert_int_equal(v.sys, errno_want);                                       \
			if (want)                                                                  \
				assert_int_equal(v.refuse, check == ENFORCE);                      \
		}                                                                                  \
	}
CASES(TEST)

/* not a regular file: nothing to map, whatever the policy */
static void not_regular(void **state)
{
	struct ld_file_facts file = good_file();
	struct ld_policy policy;
	struct ld_facts facts = {.policy = &policy};

	(void)state;
	file.regular = 0;
	ld_policy_default(&policy);
	for (unsigned char check = CHECK_OFF; check <= ENFORCE; check++)
		for (facts.have_check = 0; facts.have_check < 2; facts.have_check++) {
			struct ld_verdict v;

			policy.v[LD_KEY_CHECK] = check;
			v = ld_verdict_of(&facts, &file);
			assert_int_equal(v.code, LD_E_REF_TYPE);
			assert_true(v.refuse);
		}
}

/* no check on this kernel: the key says what then, a securebit says no */
static void missing_check(void **state)
{
	static const struct {
		unsigned char check, missing;
		uint32_t bits;
		int code, refuse;
	} rows[] = {
		{AUDIT, LD_MISSING_REPORT, 0, NONE, 0},
		{AUDIT, LD_MISSING_REFUSE, 0, LD_E_REF_MISSING, 0}, /* what enforcing would do */
		{CHECK_OFF, LD_MISSING_REFUSE, 0, NONE, 0},
		{ENFORCE, LD_MISSING_REPORT, 0, LD_E_REF_MISSING, 0},
		{ENFORCE, LD_MISSING_REFUSE, 0, LD_E_REF_MISSING, 1},
		{AUDIT, LD_MISSING_REPORT, LD_SECBIT_RESTRICT_FILE, LD_E_REF_MISSING, 1},
		{CHECK_OFF, LD_MISSING_REPORT, LD_SECBIT_RESTRICT_FILE, LD_E_REF_MISSING, 1},
		{AUDIT, LD_MISSING_REPORT, LD_SECBIT_DENY_INTERACTIVE, NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(rows); i++) {
		struct ld_file_facts file = {.regular = 1, .mode = 0755, .nlink = 1};
		struct ld_policy policy;
		struct ld_facts facts = {.securebits = rows[i].bits, .policy = &policy};
		struct ld_verdict v;

		ld_policy_default(&policy);
		policy.v[LD_KEY_CHECK] = rows[i].check;
		policy.v[LD_KEY_MISSING] = rows[i].missing;
		v = ld_verdict_of(&facts, &file);
		if ((int)v.code != rows[i].code || (v.code && v.refuse != rows[i].refuse))
			fail_msg("row %zu: code %d refuse %d", i, (int)v.code, v.refuse);
	}
}

/* a kernel that can be asked and was not: never right when enforcing, whatever the key says */
static void not_asked(void **state)
{
	struct ld_policy policy;

	(void)state;
	ld_policy_default(&policy);
	for (unsigned char check = CHECK_OFF; check <= ENFORCE; check++) {
		struct ld_facts facts = {.have_check = 1, .policy = &policy};
		struct ld_file_facts file = good_file();
		struct ld_verdict v;

		policy.v[LD_KEY_CHECK] = check;
		file.checked = file.control_made = 0;
		v = ld_verdict_of(&facts, &file);
		assert_int_equal(v.code, check == CHECK_OFF ? NONE : LD_E_REF_MISSING);
		assert_int_equal(v.refuse, check == ENFORCE);
	}
}

/* without the check a file without a name is refused all the same */
static void missing_and_unlinked(void **state)
{
	struct ld_policy policy;
	struct ld_facts facts = {.policy = &policy};
	struct ld_file_facts file = {.regular = 1, .mode = 0755};
	struct ld_verdict v;

	(void)state;
	ld_policy_default(&policy);
	policy.v[LD_KEY_CHECK] = ENFORCE;
	v = ld_verdict_of(&facts, &file);
	assert_int_equal(v.code, LD_E_REF_UNLINKED);
	assert_true(v.refuse);
	policy.v[LD_KEY_CHECK] = CHECK_OFF; /* nobody asked, nobody is told */
	v = ld_verdict_of(&facts, &file);
	assert_int_equal(v.code, NONE);
}

/* a file without a name is refused when restricted, unless nobody can write it any more */
static void unlinked(void **state)
{
	struct ld_policy policy;

	(void)state;
	ld_policy_default(&policy);
	for (int restricted = 0; restricted < 2; restricted++)
		for (int frozen = 0; frozen < 2; frozen++) {
			struct ld_facts facts = {
				.have_check = 1, .secure = restricted, .policy = &policy};
			struct ld_file_facts file = good_file();
			struct ld_verdict v;

			file.nlink = 0;
			file.seals_ok = frozen;
			v = ld_verdict_of(&facts, &file);
			assert_int_equal(v.code, frozen ? NONE : LD_E_REF_UNLINKED);
			if (v.code)
				assert_int_equal(v.refuse, restricted);
		}
}

static void enforcing_and_restricted(void **state)
{
	static const struct {
		int secure, was;
		uint32_t bits;
		unsigned char check;
		int enforcing, restricted;
	} rows[] = {
		{0, 0, 0, CHECK_OFF, 0, 0},
		{0, 0, 0, AUDIT, 0, 0},
		{0, 0, 0, ENFORCE, 1, 1},
		{1, 0, 0, AUDIT, 0, 1},
		{0, 1, 0, AUDIT, 0, 1},
		{0, 0, LD_SECBIT_RESTRICT_FILE, AUDIT, 1, 1},
		{0, 0, LD_SECBIT_RESTRICT_FILE, CHECK_OFF, 1, 1},
		{0, 0, LD_SECBIT_DENY_INTERACTIVE, AUDIT, 0, 1},
		{0, 0, LD_SECBIT_DENY_INTERACTIVE << 1, AUDIT, 0, 0}, /* only its lock */
		{0, 0, LD_SECBIT_RESTRICT_FILE << 1, AUDIT, 0, 0},
		{0, 0, 0x3f, AUDIT, 0, 0}, /* the older securebits */
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(rows); i++) {
		struct ld_policy policy;
		struct ld_facts facts = {.secure = rows[i].secure,
					 .was_restricted = rows[i].was,
					 .securebits = rows[i].bits,
					 .policy = &policy};

		ld_policy_default(&policy);
		policy.v[LD_KEY_CHECK] = rows[i].check;
		if (ld_facts_enforcing(&facts) != rows[i].enforcing)
			fail_msg("row %zu: enforcing is not %d", i, rows[i].enforcing);
		if (!ld_facts_restricted(&facts) != !rows[i].restricted)
			fail_msg("row %zu: restricted is not %d", i, rows[i].restricted);
	}
}

/*
 * All facts in all combinations: the file that an audit does not report is the file that is not
 * refused when check=enforce is set and nothing else changes, and the reason is the same.
 */
static void audit_predicts(void **state)
{
	static const int errnos[] = {0, LD_EACCES, LD_EPERM, LD_ETXTBSY, LD_EIO};
	unsigned reported = 0;

	(void)state;
	for (unsigned bits = 0; bits < 1u << 6; bits++) {
		for (size_t e = 0; e < LD_COUNTOF(errnos); e++) {
			struct ld_file_facts file = {
				.regular = bits & 1,
				.mode = bits & 2 ? 0755 : 0644,
				.nlink = bits >> 2 & 1,
				.seals_ok = bits >> 3 & 1,
				.checked = 1,
				.check_errno = errnos[e],
				.noexec = bits >> 4 & 1,
			};
			struct ld_policy policy;
			struct ld_facts facts = {
				.have_check = 1, .secure = bits >> 5 & 1, .policy = &policy};
			struct ld_verdict audit, enforce;

			ld_policy_default(&policy);
			audit = ld_verdict_of(&facts, &file);
			policy.v[LD_KEY_CHECK] = ENFORCE;
			enforce = ld_verdict_of(&facts, &file);
			assert_int_equal(audit.code, enforce.code);
			assert_int_equal(audit.sys, enforce.sys);
			assert_int_equal(enforce.code != 0, enforce.code && enforce.refuse);
			reported += audit.code != 0;
		}
	}
	assert_true(reported > 100);
}

static void words(void **state)
{
	static const struct {
		enum ld_code code;
		const char *word;
	} rows[] = {
		{LD_E_REF_MODE, "mode"},         {LD_E_REF_NOEXEC, "noexec"},
		{LD_E_REF_BUSY, "busy"},         {LD_E_REF_LSM, "lsm"},
		{LD_E_REF_UNLINKED, "unlinked"}, {LD_E_REF_TYPE, "type"},
		{LD_E_REF_MISSING, "missing"},   {LD_E_REF_FAKED, "faked"},
		{LD_E_REF_OTHER, "other"},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(rows); i++)
		assert_string_equal(ld_verdict_word(rows[i].code), rows[i].word);
}

#define ENTRY(name, change, want, errno_want) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	CASES(ENTRY)
	cmocka_unit_test(not_regular),
	cmocka_unit_test(missing_check),
	cmocka_unit_test(not_asked),
	cmocka_unit_test(missing_and_unlinked),
	cmocka_unit_test(unlinked),
	cmocka_unit_test(enforcing_and_restricted),
	cmocka_unit_test(audit_predicts),
	cmocka_unit_test(words),
};
UNIT_RUN(verdict, tests)
