/*
 * test_map.c: one vetted descriptor into memory: what is in memory afterwards, each way it can
 * fail, and the same with every single system call failing: no mapping and no memory is left over.
 */
#include "unit.h"

#include "dso_stub.h"
#include "elfbuild.h"
#include "os_fake.h"

enum { ENOMEM_ = 12, EEXIST_ = 17, FD = 100 };

/* an object in a file; the file may be shorter than the object */
struct world {
	struct eb *b;
	struct os_fake_file file;
	unsigned char *data;
	/* circumstances */
	unsigned char text;    /* LD_TEXT_* */
	int secure;
	unsigned fail;         /* number of the call that fails, and how; fail_sys 0 = ENOMEM */
	int fail_sys;
	/* what came of it */
	struct stub *s;
	struct ld_file f;
	struct ld_new *n;
	unsigned calls;
};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->b = eb_valid();
	w->data = malloc(EB_FILE_END);
	assert_non_null(w->data);
	w->file = (struct os_fake_file){
		.path = "/a/l",
		.data = w->data,
		.len = EB_FILE_END,
		.mode = OS_FAKE_REG | 0755,
		.nlink = 1,
	};
	return w;
}

/* as open.c hands it over */
static ld_st world_map(struct world *w, int as_main)
{
	ld_st st;

	eb_file(w->b, w->data);
	w->s = stub_new();
	ld_state.policy.v[LD_KEY_TEXT] = w->text;
	ld_state.secure = w->secure;
	ld_tls_totals_init(&w->s->g.tls);
	os_fake_files(&w->file, 1);
	w->file.stats = 0;
	w->f.path = w->file.path;
	w->f.fd = (int)ld_os_open(w->file.path);
	assert_int_equal(w->f.fd, FD);
	assert_int_equal(ld_os_fstat(w->f.fd, &w->f.st), 0);
	ld_facts_now(&w->s->g.facts);
	os_fake_fail(w->fail, w->fail_sys ? w->fail_sys : ENOMEM_);
	w->s->sources.settings.policy = ld_state.policy;
	w->f.decided = 1;
	st = ld_map_file(&w->s->g, &w->f, as_main, &w->n);
	w->calls = os_fake_calls;
	os_fake_fail(0, 0);
	return st;
}

static void world_close(struct world *w)
{
	assert_int_equal(ld_os_close(w->f.fd), 0);
	ld_place_guard_undo(&w->s->g); /* as ld_group_undo does */
	stub_free(w->s);
}

static void world_free(struct world *w)
{
	eb_free(w->b);
	free(w->data);
	free(w);
}

static const unsigned char *at(const struct world *w, uint64_t va)
{
	return (const unsigned char *)(w->n->o->base + va);
}

static void mapped(void **state)
{
	struct world *w = world_new();
	const struct ld_obj *o;

	(void)state;
	expect_ok(world_map(w, 0), &w->s->g.err);
	o = w->n->o;
	/* the first object of a room takes the guard above it */
	assert_int_equal(w->s->g.guard, 0);
	assert_int_equal(w->n->span_addr + w->n->span_len, o->map_addr + o->map_len + 4096);
	assert_false(os_fake_readable((const void *)(o->map_addr + o->map_len)));
	assert_memory_equal(at(w, 0), w->data, EB_RO_END);
	assert_memory_equal(at(w, EB_TEXT_VA), w->data + EB_TEXT_VA, EB_TEXT_END - EB_TEXT_VA);
	assert_memory_equal(at(w, EB_RW_VA), w->data + EB_RW_VA, EB_FILE_END - EB_RW_VA);
	for (uint64_t va = EB_BSS_VA; va < EB_RW_END; va++)
		assert_int_equal(*at(w, va), 0);
	assert_false(os_fake_readable(at(w, EB_RO_END)));
	assert_false(os_fake_readable(at(w, EB_TEXT_END)));
	assert_false(os_fake_readable(at(w, 0) - 1));
	assert_false(os_fake_writable((void *)at(w, 0)));
	assert_false(os_fake_writable((void *)at(w, EB_TEXT_VA)));
	assert_string_equal(o->name, "/a/l");
	assert_string_equal(o->soname, "libself.so");
	assert_string_equal(o->runpath, "$ORIGIN");
	assert_int_equal(o->seg_cnt, 3);
	assert_ptr_equal(o->phdr, at(w, sizeof(struct ld_elf_ehdr)));
	assert_ptr_equal(o->dyn, at(w, EB_DYN_VA));
	assert_ptr_equal((void *)o->relro_addr, at(w, EB_RW_VA));
	assert_int_equal(o->relro_len, EB_RELRO_END - EB_RW_VA);
	assert_ptr_equal(o->tls.image, at(w, EB_TLS_VA));
	assert_int_equal(o->ino, w->f.st.ino);
	ld_map_undo(w->n);
	world_close(w);
	world_free(w);
}

/* nothing of the file is mapped before its headers are checked; fstat comes last */
static void order(void **state)
{
	struct world *w = world_new();
	const char *log;

	(void)state;
	expect_ok(world_map(w, 0), &w->s->g.err);
	log = strstr(os_fake_log(), "read 100");
	assert_non_null(log);
	assert_true(strstr(os_fake_log(), "map 100") > log);
	log = strstr(os_fake_log(), "map 100");
	assert_non_null(strstr(log, "fstat 100"));
	assert_null(strstr(strstr(log, "fstat 100"), "map 100"));
	ld_map_undo(w->n);
	world_close(w);
	world_free(w);
}

/* text=shared for all, or tmpfs while restricted: only what is not writable is shared */
static void shared_text(void **state)
{
	static const struct {
		unsigned char text;
		int secure, tmpfs, shared;
	} rows[] = {
		{LD_TEXT_PRIVATE, 0, 0, 0}, {LD_TEXT_PRIVATE, 0, 1, 0}, {LD_TEXT_PRIVATE, 1, 0, 0},
		{LD_TEXT_PRIVATE, 1, 1, 1}, {LD_TEXT_SHARED, 0, 0, 1},  {LD_TEXT_SHARED, 1, 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(rows); i++) {
		struct world *w = world_new();

		w->file.fs_type = rows[i].tmpfs ? LD_TMPFS_MAGIC : 0xef53;
		w->text = rows[i].text;
		w->secure = rows[i].secure;
		expect_ok(world_map(w, 0), &w->s->g.err);
		if ((strstr(os_fake_log(), "share 100") != NULL) != rows[i].shared ||
		    (strstr(os_fake_log(), "map 100") != NULL) == rows[i].shared)
			fail_msg("row %zu: %s", i, os_fake_log());
		ld_map_undo(w->n);
		world_close(w);
		world_free(w);
	}
}

#define CASES(X)                                                                                   \
	X(not_elf, LD_E_EHDR_MAGIC, 0, b->mem[0] = 'x')                                            \
	X(empty, LD_E_SHORT, 0, w->file.len = 0)                                                   \
	X(program, LD_E_EHDR_EXEC, 0, b->eh->e_type = LD_ET_EXEC)                                  \
	X(pie, LD_E_EHDR_EXEC, 0, eb_dyn(b, LD_DT_FLAGS_1)->d_val = LD_DF_1_PIE)                   \
	X(segment_outside, LD_E_PHDR_FILE, 0, w->file.len = EB_FILE_END - 1)                       \
	X(no_dynamic, LD_E_PHDR_NODYNAMIC, 0, b->ph[EB_PT_DYNAMIC].p_type = LD_PT_NULL)            \
	X(text_relocations, LD_E_DYN_TEXTREL, 0, eb_dyn(b, LD_DT_FLAGS)->d_val = LD_DF_TEXTREL)    \
	X(no_buckets, LD_E_HASH_EMPTY, 0, b->gnu[0] = 0)                                           \
	X(string_table, LD_E_DYN_STRTAB, 0, eb_dyn(b, LD_DT_STRSZ)->d_val--)                       \
	X(changed, LD_E_CHANGED, 0, w->file.grown = 1)                                             \
	X(shrunk, LD_E_CHANGED, 0, w->file.grown = -8)                                             \
	X(stat_again, LD_E_STAT, 0, w->file.stat[1] = 5)                                           \
	X(main_not_elf, LD_E_EHDR_MAGIC, 1, b->mem[3] = 'x')                                       \
	X(main_changed, LD_E_CHANGED, 1, w->file.grown = 1)                                        \
	X(main_entry, LD_E_EHDR_ENTRY, 1, b->eh->e_entry = sizeof *b->eh)

#define TEST(name, want, as_main, change)                                                          \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct world *w = world_new();                                                     \
		struct eb *b = w->b;                                                               \
                                                                                                   \
		(void)state;                                                                       \
		(void)b;                                                                           \
		change;                                                                            \
		expect_code(world_map(w, as_main), &w->s->g.err, want);                            \
		world_close(w); /* fails when a mapping is left */                                 \
		world_free(w);                                                                     \
	}
CASES(TEST)

/* program headers far from the start, and odd ones: read apart */
static void headers_far_away(void **state)
{
	struct world *w = world_new();
	struct eb *b = w->b;
	uint64_t far = 0x2800;

	(void)state;
	memcpy(b->mem + far, b->ph, EB_PT_CNT * sizeof *b->ph);
	b->ph = (void *)(b->mem + far);
	b->eh->e_phoff = far;
	b->ph[EB_PT_PHDR].p_offset = b->ph[EB_PT_PHDR].p_vaddr = far;
	expect_ok(world_map(w, 0), &w->s->g.err);
	assert_ptr_equal(w->n->o->phdr, at(w, far));
	ld_map_undo(w->n);
	world_close(w);
	world_free(w);
}

/* a static program is the kernel's business: nothing stays mapped */
static void static_program(void **state)
{
	(void)state;
	for (int pie = 0; pie < 2; pie++) {
		struct world *w = world_new();
		struct eb *b = w->b;

		b->ph[EB_PT_INTERP].p_type = LD_PT_NULL;
		if (pie)
			eb_dyn_drop(b, LD_DT_NEEDED);
		else
			b->ph[EB_PT_DYNAMIC].p_type = LD_PT_NULL;
		expect_ok(world_map(w, 1), &w->s->g.err);
		assert_int_equal(w->n->mapped, 0);
		world_close(w);
		world_free(w);
	}
}

/*
 * The n-th system call fails, for every n until none does: an error each time, and each time all
 * that was mapped is gone (world_close counts).
 */
static void every_call_fails(void **state)
{
	unsigned failures = 0, calls = 1;

	(void)state;
	for (unsigned n = 1; calls >= n - 1; n++) {
		struct world *w = world_new();
		ld_st st;

		w->fail = n;
		st = world_map(w, 0);
		calls = w->calls;
		if (ld_failed(st)) {
			failures++;
			assert_true(st.code == LD_E_MAP || st.code == LD_E_READ ||
				    st.code == LD_E_STAT || st.code == LD_E_MEMORY);
			expect_code(st, &w->s->g.err, st.code);
		} else {
			assert_int_equal(w->s->g.err.code, 0);
			ld_map_undo(w->n);
		}
		world_close(w);
		world_free(w);
	}
	assert_true(failures >= 8);
}

/* somebody else was quicker and has the address: undone, and tried again elsewhere */
static void address_taken(void **state)
{
	unsigned again = 0;

	(void)state;
	for (unsigned n = 1; n < 12; n++) {
		struct world *w = world_new();
		ld_st st;

		w->fail = n;
		w->fail_sys = EEXIST_;
		st = world_map(w, 0);
		if (ld_failed(st))
			assert_true(st.code == LD_E_READ || st.code == LD_E_STAT);
		if (!ld_failed(st)) {
			again++;
			assert_memory_equal(at(w, 0), w->data, EB_RO_END);
			assert_false(os_fake_readable(at(w, EB_TEXT_END)));
			ld_map_undo(w->n);
		}
		world_close(w);
		world_free(w);
	}
	assert_true(again >= 5); /* each of the mappings */
}

static struct ld_new *map_at_guess(struct world *w)
{
	struct ld_group *g = &w->s->g;

	g->place_lo = g->place_cur = 0;
	w->file.stats = 0;
	expect_ok(ld_map_file(g, &w->f, 0, &w->n), &g->err);
	return w->n;
}

/* another dlopen: what was placed before is published */
static struct ld_new *map_below(struct world *w, struct ld_new *before)
{
	struct ld_group *g = &w->s->g;

	g->first = before;
	ld_place_keep(g);
	g->first = NULL;
	return map_at_guess(w);
}

/* a dlopen goes directly below the one before, which lends its guard; where that is taken, elsewhere */
static void below(void **state)
{
	struct world *w = world_new();
	struct ld_new *n[5];
	long taken;

	(void)state;
	expect_ok(world_map(w, 0), &w->s->g.err);
	n[0] = w->n;
	w->s->g.first = n[0];
	ld_place_keep(&w->s->g);
	w->s->g.runtime = 1;
	w->s->g.first = NULL;
	ld_place_keep(&w->s->g); /* a dlopen of what was there already changes nothing */
	n[1] = map_at_guess(w);  /* behind the start: apart, with a guard of its own */
	assert_true(n[1]->span_addr + n[1]->span_len < n[0]->span_addr);
	assert_int_equal(n[1]->span_len, n[0]->span_len);
	n[2] = map_below(w, n[1]);
	assert_int_equal(n[2]->span_addr + n[2]->span_len, n[1]->span_addr);
	assert_int_equal(n[2]->span_len, n[0]->span_len - 4096);
	assert_false(os_fake_readable((const void *)n[1]->span_addr));
	/* the top of the place: then the first mapping fails, and the kernel chooses */
	taken = ld_os_map_none(n[2]->span_addr - 4096, 4096);
	assert_true(taken > 0);
	n[3] = map_below(w, n[2]);
	assert_int_equal(n[3]->span_len, n[0]->span_len);
	assert_memory_equal(at(w, 0), w->data, EB_RO_END);
	n[4] = map_below(w, n[3]);
	assert_int_equal(n[4]->span_addr + n[4]->span_len, n[3]->span_addr);
	for (size_t i = 0; i < LD_COUNTOF(n); i++)
		ld_map_undo(n[i]);
	assert_int_equal(ld_os_munmap((void *)taken, 4096), 0);
	world_close(w);
	world_free(w);
}

#define ENTRY(name, want, as_main, change) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	cmocka_unit_test(mapped),
	cmocka_unit_test(order),
	cmocka_unit_test(shared_text),
	CASES(ENTRY)
	cmocka_unit_test(headers_far_away),
	cmocka_unit_test(static_program),
	cmocka_unit_test(every_call_fails),
	cmocka_unit_test(address_taken),
	cmocka_unit_test(below),
};
UNIT_RUN(map, tests)
