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

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(gnu),
	cmocka_unit_test(sysv),
};
UNIT_RUN(hash, tests)
