/* test_hash.c: the two ELF hash functions against values worked out by hand. */
#include "unit.h"

#include "hash.h"

static void gnu(void **state)
{
	size_t len = 99;

	(void)state;
	assert_int_equal(ld_hash_gnu("", &len), 5381);
	assert_int_equal(len, 0);
	assert_int_equal(ld_hash_gnu("a", &len), 5381u * 33 + 'a');
	assert_int_equal(ld_hash_gnu("ab", &len), (5381u * 33 + 'a') * 33 + 'b');
	assert_int_equal(len, 2);
	/* the GNU linker's documentation of DT_GNU_HASH uses these */
	assert_int_equal(ld_hash_gnu("printf", &len), 0x156b2bb8);
	assert_int_equal(ld_hash_gnu("exit", &len), 0x7c967e3f);
	/* bytes above 127 count as unsigned */
	assert_int_equal(ld_hash_gnu("\xff", &len), 5381u * 33 + 255);
}

static void sysv(void **state)
{
	(void)state;
	assert_int_equal(ld_hash_sysv(""), 0);
	assert_int_equal(ld_hash_sysv("a"), 'a');
	assert_int_equal(ld_hash_sysv("ab"), 'a' * 16 + 'b');
	assert_int_equal(ld_hash_sysv("printf"), 0x077905a6);
	assert_int_equal(ld_hash_sysv("exit"), 0x0006cf04);
	/* never more than 28 bits, whatever the length */
	assert_int_equal(ld_hash_sysv("\xff\xff\xff\xff\xff\xff\xff\xff\xff") >> 28, 0);
}

/* the fast one says what the simple one says, at every length and place, and stops at its bound */
static void gnu_bounded(void **state)
{
	(void)state;
	for (size_t len = 0; len < 40; len++) {
		for (size_t at = 0; at < 9; at++) {
			char *buf = malloc(at + len + 1);
			size_t want_len, got_len = 99;
			uint32_t want;

			assert_non_null(buf);
			for (size_t i = 0; i < at + len; i++)
				buf[i] = (char)(1 + (i * 37 + len * 11) % 255);
			buf[at + len] = 0;
			want = ld_hash_gnu(buf + at, &want_len);
			assert_int_equal(ld_hash_gnu_in(buf + at, len + 1, &got_len), want);
			assert_int_equal(got_len, len);
			/* no NUL within the bound: the length says so, and no byte more is read */
			got_len = 99;
			assert_int_equal(ld_hash_gnu_in(buf + at, len, &got_len), want);
			assert_int_equal(got_len, len);
			free(buf);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(gnu),
	cmocka_unit_test(gnu_bounded),
	cmocka_unit_test(sysv),
};
UNIT_RUN(hash, tests)
