/*
 * test_registry.c: the append-only log: building, freezing, giving up; what a reader accepts when
 * somebody has raised the published count or written where the next chunk would lie.
 */
#include "unit.h"

#include "os.h"
#include "os_fake.h"
#include "registry.h"

enum { REGION = 32 * LD_ARCH_PAGE_MAX };

/* a start set in ordinary memory and an empty region behind it */
struct world {
	unsigned char *region;
	struct ld_log log;
	struct ld_chunk *start;
	struct ld_err err;
	uint64_t area[64];
};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof *w);
	struct ld_builder b;

	assert_non_null(w);
	os_fake_fail(0, 0);
	w->region = os_fake_region(REGION);
	expect_ok(ld_builder_begin(&b, w->area, sizeof w->area, (uintptr_t)w->region,
				   (uintptr_t)w->region + REGION, &w->err),
		  &w->err);
	w->start = b.chunk;
	assert_ptr_equal(w->start, w->area);
	expect_ok(ld_builder_freeze(&b, &w->err), &w->err);
	assert_int_equal(w->start->next, (uintptr_t)w->region);
	w->log = (struct ld_log){w->start, (uintptr_t)w->region, (uintptr_t)w->region + REGION};
	return w;
}

static void world_free(struct world *w)
{
	os_fake_region_free(w->region, REGION);
	free(w);
}

/* one more chunk with cnt objects, frozen; NULL when freezing fails */
static const struct ld_chunk *append(struct world *w, const struct ld_chunk *last, uint32_t cnt)
{
	uintptr_t limit = (uintptr_t)w->region + REGION;
	const struct ld_obj **objs;
	struct ld_builder b;
	ld_st st;

	expect_ok(ld_builder_begin(&b, NULL, 0, last->next, limit, &w->err), &w->err);
	b.chunk->idx = last->idx + 1;
	b.chunk->obj_first = last->obj_first + last->obj_cnt;
	b.chunk->obj_cnt = cnt;
	b.chunk->mut = LD_NEW_N(&b.keep, struct ld_mut, cnt);
	b.chunk->objs = objs = LD_NEW_N(&b.keep, const struct ld_obj *, cnt);
	assert_true(b.chunk->mut && objs);
	for (uint32_t i = 0; i < cnt; i++) {
		struct ld_obj *o = LD_NEW(&b.keep, struct ld_obj);

		assert_non_null(o);
		o->idx = b.chunk->obj_first + i;
		o->mut = &b.chunk->mut[i];
		objs[i] = o;
	}
	st = ld_builder_freeze(&b, &w->err);
	if (ld_failed(st)) {
		ld_builder_abort(&b);
		return NULL;
	}
	return b.chunk;
}

static void start_set_alone(void **state)
{
	struct world *w = world_new();

	(void)state;
	assert_true(ld_chunk_is_valid(&w->log, w->start, 0));
	assert_false(ld_chunk_is_valid(&w->log, w->start, 1));
	assert_null(ld_log_next(&w->log, w->start, 0));
	assert_null(ld_log_next(&w->log, w->start, 1));
	/* the region is untouched */
	assert_false(os_fake_readable(w->region));
	world_free(w);
}

static void appended(void **state)
{
	struct world *w = world_new();
	const struct ld_chunk *last = w->start, *c;

	(void)state;
	for (uint32_t i = 1; i <= 5; i++) {
		c = append(w, last, 10 * i);
		assert_non_null(c);
		assert_int_equal((uintptr_t)c, last->next);
		assert_true(ld_chunk_is_valid(&w->log, c, i));
		/* frozen: nobody can write it, and what follows cannot even be read */
		assert_true(os_fake_readable(c));
		assert_false(os_fake_writable((void *)c));
		assert_false(os_fake_readable((void *)c->next));
		/* seen only when published */
		assert_null(ld_log_next(&w->log, last, i));
		assert_ptr_equal(ld_log_next(&w->log, last, i + 1), c);
		last = c;
	}
	assert_null(ld_log_next(&w->log, last, 6));
	world_free(w);
}

/* something that is no chunk stands where the next would lie, and the count was raised */
static void forged_next(void **state)
{
	struct world *w = world_new();
	struct ld_chunk *c, good;

	(void)state;
	c = (struct ld_chunk *)append(w, w->start, 1);
	assert_non_null(c);
	assert_ptr_equal(ld_log_next(&w->log, w->start, 2), c);
	assert_int_equal(ld_os_mprotect(c, LD_ARCH_PAGE_MAX, LD_PROT_RW), 0);
	good = *c;
#define IGNORED(change)                                                                            \
	do {                                                                                       \
		*c = good;                                                                         \
		change;                                                                            \
		assert_null(ld_log_next(&w->log, w->start, 2));                                    \
		assert_false(ld_chunk_is_valid(&w->log, c, 1));                                    \
	} while (0)
	IGNORED(c->magic++);
	IGNORED(c->self = NULL);
	IGNORED(c->idx = 2);
	world_free(w);
}

/* what re-validation of a frozen chunk refuses */
static void invalid(void **state)
{
	struct world *w = world_new();
	struct ld_chunk *c, good;
	struct ld_obj *o;

	(void)state;
	c = (struct ld_chunk *)append(w, w->start, 3);
	assert_non_null(c);
	assert_int_equal(ld_os_mprotect(c, LD_ARCH_PAGE_MAX, LD_PROT_RW), 0);
	good = *c;
	o = (struct ld_obj *)c->objs[2];
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		*c = good;                                                                         \
		change;                                                                            \
		assert_false(ld_chunk_is_valid(&w->log, c, 1));                                    \
	} while (0)
	REFUSED(c->next = w->log.lo - LD_ARCH_PAGE_MAX);
	REFUSED(c->next = w->log.hi + LD_ARCH_PAGE_MAX);
	REFUSED(c->next += 8);
	REFUSED(c->obj_first++);
	REFUSED(c->mut++);
	REFUSED((c->obj_cnt = 0, c->obj_first = LD_MAX_OBJS + 1));
	REFUSED(o->idx++);
	o->idx--;
	REFUSED(o->mut = NULL);
	o->mut = &good.mut[2];
	*c = good;
	assert_true(ld_chunk_is_valid(&w->log, c, 1));
	world_free(w);
}

/* given up at any point: the region is as before and the next try lies where this one did */
static void aborted(void **state)
{
	struct world *w = world_new();
	struct ld_builder b;

	(void)state;
	expect_ok(ld_builder_begin(&b, NULL, 0, w->start->next, (uintptr_t)w->region + REGION,
				   &w->err),
		  &w->err);
	assert_non_null(ld_alloc(&b.keep, 3 * LD_ARCH_PAGE_MAX, 8));
	ld_builder_abort(&b);
	assert_false(os_fake_readable(w->region));
	assert_non_null(append(w, w->start, 1));
	world_free(w);
}

static void no_memory(void **state)
{
	struct world *w = world_new();
	struct ld_builder b;

	(void)state;
	os_fake_fail(1, 12);
	expect_code(ld_builder_begin(&b, NULL, 0, w->start->next, (uintptr_t)w->region + REGION,
				     &w->err),
		    &w->err, LD_E_REGISTRY);
	os_fake_fail(0, 0);
	assert_false(os_fake_readable(w->region));
	world_free(w);
}

/* the first or the second mprotect of freezing fails: an error, and after giving up no trace */
static void freeze_fails(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 2; n++) {
		struct world *w = world_new();
		struct ld_builder b;

		expect_ok(ld_builder_begin(&b, NULL, 0, w->start->next,
					   (uintptr_t)w->region + REGION, &w->err),
			  &w->err);
		os_fake_fail(n, 12);
		(void)ld_builder_freeze(&b, &w->err);
		if (os_fake_calls < n) { /* one mprotect did it all */
			assert_int_equal(w->err.code, 0);
		} else {
			expect_code((ld_st){w->err.code}, &w->err, LD_E_PROTECT);
			assert_int_equal(w->err.sys, 12);
		}
		os_fake_fail(0, 0);
		ld_builder_abort(&b);
		assert_false(os_fake_readable(w->region));
		world_free(w);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(start_set_alone),
	cmocka_unit_test(appended),
	cmocka_unit_test(forged_next),
	cmocka_unit_test(invalid),
	cmocka_unit_test(aborted),
	cmocka_unit_test(no_memory),
	cmocka_unit_test(freeze_fails),
};
UNIT_RUN(registry, tests)
