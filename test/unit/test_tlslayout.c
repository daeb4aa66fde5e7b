/* test_tlslayout.c: offsets of thread-local storage: known ones by hand, others by their laws. */
#include "unit.h"

#include "elf.h"
#include "limits.h"
#include "tlslayout.h"

enum { WORD = LD_ARCH_BITS / 8, PTHREAD = 200 };

/* what the static linkers assume for the main program: congruent, nearest to the thread pointer */
static uint64_t main_offset(uint64_t va, uint64_t memsz, uint64_t align)
{
	uint64_t off = LD_ARCH_TLS_ABOVE ? LD_ARCH_TLS_GAP : memsz;

	while ((LD_ARCH_TLS_ABOVE ? off - va : off + va) % align)
		off++;
	return off;
}

static void main_program(void **state)
{
	static const uint64_t vas[] = {0, 8, 0x10, 0x3f8, 0x1230, 0x20040};
	static const uint64_t sizes[] = {1, 4, 8, 0x30, 0x101, 0x1000};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(vas); i++)
		for (size_t k = 0; k < LD_COUNTOF(sizes); k++)
			for (uint64_t align = 1; align <= 0x1000; align *= 2) {
				struct ld_tls_totals t;

				ld_tls_totals_init(&t);
				assert_int_equal(ld_tls_place(&t, vas[i], sizes[k], align),
						 main_offset(vas[i], sizes[k], align));
			}
}

static void by_hand(void **state)
{
	struct ld_tls_totals t;

	(void)state;
	ld_tls_totals_init(&t);
	assert_int_equal(t.cnt, 0);
	assert_int_equal(t.align, WORD);
	if (LD_ARCH_TLS_ABOVE) {
		assert_int_equal(ld_tls_place(&t, 0x1000, 12, 4), 16);
		assert_int_equal(ld_tls_place(&t, 0x2000, 8, 32), 32);
		assert_int_equal(ld_tls_place(&t, 0x3004, 8, 16), 52);
	} else {
		assert_int_equal(ld_tls_place(&t, 0x1000, 12, 4), 12);
		assert_int_equal(ld_tls_place(&t, 0x2000, 8, 32), 32);
		assert_int_equal(ld_tls_place(&t, 0x3004, 8, 16), 44);
	}
	assert_int_equal(t.cnt, 0);
	assert_int_equal(t.align, 32);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* any sequence: blocks are congruent, disjoint, away from the thread pointer, counted in totals */
static void random_modules(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct ld_tls_totals t;
		uint64_t end, biggest = WORD; /* distance from the thread pointer in use */

		ld_tls_totals_init(&t);
		end = t.offset;
		for (uint32_t n = 1; n <= 20; n++) {
			uint64_t align = 1ull << next_random(&seed) % 13;
			uint64_t va = next_random(&seed) % 0x8000;
			uint64_t memsz = 1 + next_random(&seed) % 300;
			uint64_t off = ld_tls_place(&t, va, memsz, align), old = end;

			if (LD_ARCH_TLS_ABOVE) {
				assert_int_equal((off - va) % align, 0);
				assert_true(off >= old && off < old + align);
				end = off + memsz;
			} else {
				assert_int_equal((off + va) % align, 0);
				assert_true(off >= old + memsz && off < old + memsz + align);
				end = off;
			}
			biggest = align > biggest ? align : biggest;
			assert_int_equal(t.offset, end);
			assert_int_equal(t.align, biggest);
			assert_int_equal(t.cnt, 0); /* the caller's */
		}
	}
}

/* wherever pthread_create's memory begins: dtv, descriptor and blocks fit around an aligned tp */
static void block_len(void **state)
{
	(void)state;
	for (uint64_t align = 1; align <= 0x1000; align *= 2) {
		struct ld_tls_totals t;
		uint64_t len, need;

		ld_tls_totals_init(&t);
		(void)ld_tls_place(&t, 0x40, 0x123, align);
		(void)ld_tls_place(&t, 0x40, 0x20, 8);
		t.cnt = 2;
		len = ld_tls_block_len(&t, PTHREAD);
		need = 3 * WORD + t.offset + PTHREAD;
		assert_int_equal(len % t.align, 0);
		assert_int_equal(len % WORD, 0);
		assert_true(len >= need + 2 * t.align);
		assert_true(len < need + 3 * t.align);
	}
}

/* the reserve lies behind the start set; what is dlopened without need of it lies behind the reserve */
static void reserve(void **state)
{
	struct ld_tls_totals t;
	uint64_t start, off = 77;

	(void)state;
	ld_tls_totals_init(&t);
	assert_false(ld_tls_place_spare(&t, 0x1000, 1, 1, &off)); /* none is kept yet */
	(void)ld_tls_place(&t, 0x1000, 24, 8);
	start = t.offset;
	ld_tls_reserve(&t, 512);
	assert_int_equal(t.align, 64);
	assert_int_equal(t.spare_align, 64);
	assert_int_equal(t.offset, start + 512);
	assert_true(ld_tls_place(&t, 0x1000, 8, 4096) >= start + 512);
	assert_int_equal(t.align, 4096);
	assert_int_equal(t.spare_align, 64); /* threads that run keep theirs */

	assert_true(ld_tls_place_spare(&t, 0x1000, 136, 16, &off));
	assert_int_equal(off, LD_ARCH_TLS_ABOVE ? 48 : 160);
	assert_false(ld_tls_place_spare(&t, 0x1000, 512, 8, &off)); /* nothing changed */
	assert_true(ld_tls_place_spare(&t, 0x1008, 8, 64, &off));
	assert_int_equal(off, LD_ARCH_TLS_ABOVE ? 200 : 184);
	off = t.spare_end - t.spare;
	assert_false(ld_tls_place_spare(&t, 0x2000 - t.spare, off + 1, 1, &start));
	assert_true(ld_tls_place_spare(&t, 0x2000 - t.spare, off, 1, &start));
	assert_int_equal(t.spare, t.spare_end);
	assert_false(ld_tls_place_spare(&t, 0x2000, 1, 1, &off));
}

/* static-tls=0: blocks are what they were without a reserve */
static void no_reserve(void **state)
{
	struct ld_tls_totals t;
	uint64_t off, before;

	(void)state;
	ld_tls_totals_init(&t);
	(void)ld_tls_place(&t, 0x1000, 24, 8);
	before = t.offset;
	ld_tls_reserve(&t, 0);
	assert_int_equal(t.offset, before);
	assert_int_equal(t.align, WORD);
	assert_false(ld_tls_place_spare(&t, 0x1000, 1, 1, &off));
}

/* any sequence: disjoint, congruent, inside the reserve; a start set of larger alignment lends it */
static void random_reserve(void **state)
{
	uint32_t seed = 11;

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct ld_tls_totals t;
		uint64_t lo, end, placed = 0;

		ld_tls_totals_init(&t);
		(void)ld_tls_place(&t, next_random(&seed) % 0x1000, 40, 1ull << next_random(&seed) % 13);
		lo = end = t.offset;
		ld_tls_reserve(&t, 64 + next_random(&seed) % 4000);
		assert_int_equal(t.spare_align, t.align);
		for (int n = 0; n < 60; n++) {
			uint64_t align = 1ull << next_random(&seed) % 7;
			uint64_t va = next_random(&seed) % 0x8000, memsz = 1 + next_random(&seed) % 300;
			uint64_t off, at, was = t.spare;

			if (!ld_tls_place_spare(&t, va, memsz, align, &off)) {
				assert_int_equal(t.spare, was);
				assert_true(t.spare_end - t.spare < memsz + align - 1);
				continue;
			}
			placed++;
			at = LD_ARCH_TLS_ABOVE ? off : off - memsz;
			assert_int_equal((LD_ARCH_TLS_ABOVE ? off - va : off + va) % align, 0);
			assert_true(at >= end && at >= lo && at + memsz <= t.spare_end);
			end = at + memsz;
			assert_true(t.spare >= end);
			if ((next_random(&seed) & 3) == 0) /* others go behind */
				assert_true(ld_tls_place(&t, va, memsz, align) >= t.spare_end);
		}
		assert_true(placed > 0);
	}
}

/* the limits of phdr.c and the number of objects: no wrap */
static void largest(void **state)
{
	struct ld_tls_totals t;
	uint64_t last = 0;

	(void)state;
	ld_tls_totals_init(&t);
	for (uint32_t i = 0; i < LD_MAX_OBJS; i++) {
		uint64_t off = ld_tls_place(&t, i, LD_MAX_TLS, LD_MAX_TLS_ALIGN);

		assert_true(off > last);
		last = off;
	}
	assert_true(ld_tls_block_len(&t, PTHREAD) > t.offset);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(main_program),
	cmocka_unit_test(by_hand),
	cmocka_unit_test(random_modules),
	cmocka_unit_test(block_len),
	cmocka_unit_test(reserve),
	cmocka_unit_test(no_reserve),
	cmocka_unit_test(random_reserve),
	cmocka_unit_test(largest),
};
UNIT_RUN(tlslayout, tests)
