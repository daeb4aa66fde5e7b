/*
 * test_sym.c: symbol lookup: both hash tables find exactly what is there, hostile tables give a
 * wrong or no answer but no access outside (the holes around segments are poisoned) and no hang.
 */
#include "unit.h"

#include "elfbuild.h"

enum { MANY = 24 };

/* an object of MANY functions f0.. behind two undefined ones */
static struct eb *many(int kinds, uint32_t nbuckets)
{
	struct eb *b = eb_new();
	char name[8];

	eb_undef(b, "u0", LD_STB_GLOBAL);
	eb_undef(b, "u1", LD_STB_WEAK);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "f%u", i);
		eb_func(b, name, EB_TEXT_VA + 16 * i);
	}
	eb_hash(b, kinds, nbuckets);
	eb_dynamic(b);
	return b;
}

static const struct ld_elf_sym *find(const struct ld_symtab *t, const char *name)
{
	struct ld_name n;

	ld_name_init(&n, name);
	return ld_symtab_find(t, &n);
}

static void finds_all(int kinds, uint32_t nbuckets)
{
	struct eb *b = many(kinds, nbuckets);
	struct eb_loaded l;
	char name[8];

	eb_load(b, "lib", &l);
	assert_int_equal(l.obj.sym.bloom == NULL, kinds == EB_SYSV);
	for (unsigned i = 0; i < MANY; i++) {
		const struct ld_elf_sym *sym;

		snprintf(name, sizeof name, "f%u", i);
		sym = find(&l.obj.sym, name);
		if (!sym)
			fail_msg("\"%s\" not found, %u buckets", name, nbuckets);
		assert_int_equal(sym->st_value, EB_TEXT_VA + 16 * i);
	}
	assert_null(find(&l.obj.sym, "f24"));
	assert_null(find(&l.obj.sym, "f"));
	assert_null(find(&l.obj.sym, ""));
	assert_null(find(&l.obj.sym, "f0 "));
	assert_int_equal(ld_symtab_count(&l.obj.sym), b->sym_cnt);
	eb_free(b);
}

static void gnu_hash(void **state)
{
	(void)state;
	for (uint32_t nbuckets = 1; nbuckets < 40; nbuckets++)
		finds_all(EB_GNU, nbuckets);
}

static void sysv_hash(void **state)
{
	(void)state;
	for (uint32_t nbuckets = 1; nbuckets < 40; nbuckets++)
		finds_all(EB_SYSV, nbuckets);
}

static void both_hashes(void **state)
{
	(void)state;
	finds_all(EB_GNU | EB_SYSV, 3);
}

/* a program that defines nothing */
static void no_definitions(void **state)
{
	struct eb *b = eb_new();
	struct eb_loaded l;

	(void)state;
	eb_undef(b, "u0", LD_STB_GLOBAL);
	eb_hash(b, EB_GNU, 1);
	eb_dynamic(b);
	eb_load(b, "main", &l);
	assert_null(find(&l.obj.sym, "u0"));
	assert_null(find(&l.obj.sym, "f0"));
	assert_int_equal(ld_symtab_count(&l.obj.sym), 2);
	eb_free(b);
}

/* a hidden version is not found by name alone, the default one is */
static void versions(void **state)
{
	for (int kinds = EB_GNU; kinds <= EB_SYSV; kinds++) {
		struct eb *b = eb_new();
		struct eb_loaded l;

		(void)state;
		eb_func(b, "old", EB_TEXT_VA);
		eb_func(b, "two", EB_TEXT_VA + 16);
		eb_func(b, "two", EB_TEXT_VA + 32);
		b->versioned = 1;
		b->versym[1] = 0x8002;
		b->versym[2] = 0x8002;
		b->versym[3] = 3;
		eb_hash(b, kinds, 2);
		eb_dynamic(b);
		eb_load(b, "lib", &l);
		assert_null(find(&l.obj.sym, "old"));
		assert_int_equal(find(&l.obj.sym, "two")->st_value, EB_TEXT_VA + 32);
		eb_free(b);
	}
}

static void usable(void **state)
{
	/* binding, type, section, value, usable at all, usable as definition */
	static const struct {
		unsigned bind, type, shndx;
		uint64_t value;
		int any, def;
	} rows[] = {
		{LD_STB_GLOBAL, LD_STT_FUNC, 1, 8, 1, 1},
		{LD_STB_WEAK, LD_STT_OBJECT, 1, 8, 1, 1},
		{LD_STB_GNU_UNIQUE, LD_STT_OBJECT, 1, 8, 1, 1},
		{LD_STB_GLOBAL, LD_STT_NOTYPE, 1, 8, 1, 1},
		{LD_STB_GLOBAL, LD_STT_COMMON, 1, 8, 1, 1},
		{LD_STB_GLOBAL, LD_STT_GNU_IFUNC, 1, 8, 1, 1},
		{LD_STB_GLOBAL, LD_STT_TLS, 1, 0, 1, 1},
		{LD_STB_LOCAL, LD_STT_FUNC, 1, 8, 0, 0},
		{3, LD_STT_FUNC, 1, 8, 0, 0},
		{LD_STB_GLOBAL, 3, 1, 8, 0, 0},  /* section */
		{LD_STB_GLOBAL, 4, 1, 8, 0, 0},  /* file */
		{LD_STB_GLOBAL, 15, 1, 8, 0, 0},
		{LD_STB_GLOBAL, LD_STT_FUNC, 1, 0, 0, 0},
		{LD_STB_GLOBAL, LD_STT_FUNC, 0, 0, 0, 0},
		{LD_STB_GLOBAL, LD_STT_FUNC, 0, 8, 1, 0}, /* a PLT entry of main */
		{LD_STB_GLOBAL, LD_STT_TLS, 0, 8, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(rows); i++) {
		struct ld_elf_sym sym = {
			.st_info = (unsigned char)(rows[i].bind << 4 | rows[i].type),
			.st_shndx = (uint16_t)rows[i].shndx,
			.st_value = rows[i].value,
		};

		if (ld_sym_usable(&sym, 0) != rows[i].any)
			fail_msg("row %zu: usable is not %d", i, rows[i].any);
		if (ld_sym_usable(&sym, LD_FIND_DEF) != rows[i].def)
			fail_msg("row %zu: usable as definition is not %d", i, rows[i].def);
	}
}

/* the first object of the scope that has it; then the next part of the scope */
static void scopes(void **state)
{
	struct eb *b[3];
	struct eb_loaded l[3];
	struct ld_probe first[2], second[1];
	struct ld_scope tail = {second, 1, NULL}, scope = {first, 2, &tail};
	static const char *const names[3][2] = {{"a", "b"}, {"b", "c"}, {"c", "d"}};
	struct ld_def def;
	struct ld_name n;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		b[i] = eb_new();
		eb_func(b[i], names[i][0], EB_TEXT_VA + 16);
		eb_func(b[i], names[i][1], EB_TEXT_VA + 32);
		eb_hash(b[i], i == 1 ? EB_SYSV : EB_GNU, 2);
		eb_dynamic(b[i]);
		eb_load(b[i], "lib", &l[i]);
	}
	first[0] = l[0].probe;
	first[1] = l[1].probe;
	second[0] = l[2].probe;
	for (const char *want = "a0b0c1d2"; *want; want += 2) {
		char name[2] = {want[0], 0};

		ld_name_init(&n, name);
		def = ld_scope_find(&scope, &n, LD_FIND_DEF);
		assert_non_null(def.sym);
		assert_ptr_equal(def.obj, &l[want[1] - '0'].obj);
	}
	ld_name_init(&n, "e");
	def = ld_scope_find(&scope, &n, 0);
	assert_true(!def.sym && !def.obj);
	def = ld_scope_find(NULL, &n, 0);
	assert_true(!def.sym && !def.obj);
	for (unsigned i = 0; i < 3; i++)
		eb_free(b[i]);
}

/* an undefined entry with a value answers references to data only */
static void plt_entry_of_main(void **state)
{
	struct eb *b = eb_new();
	struct eb_loaded l;
	struct ld_scope scope = {&l.probe, 1, NULL};
	struct ld_name n;

	(void)state;
	eb_sym(b, "called", LD_STB_GLOBAL, LD_STT_FUNC, 0, EB_TEXT_VA, 0);
	eb_hash(b, EB_SYSV, 1);
	eb_dynamic(b);
	eb_load(b, "main", &l);
	ld_name_init(&n, "called");
	assert_non_null(ld_scope_find(&scope, &n, 0).sym);
	assert_null(ld_scope_find(&scope, &n, LD_FIND_DEF).sym);
	eb_free(b);
}

static void names(void **state)
{
	struct eb *b = many(EB_GNU, 3);
	struct eb_loaded l;
	struct ld_elf_sym sym = {.st_name = 0};

	(void)state;
	eb_load(b, "lib", &l);
	assert_string_equal(ld_sym_name(&l.obj.sym, &b->sym[1]), "u0");
	assert_string_equal(ld_sym_name(&l.obj.sym, &sym), "");
	sym.st_name = b->str_len;
	assert_null(ld_sym_name(&l.obj.sym, &sym));
	sym.st_name = UINT32_MAX;
	assert_null(ld_sym_name(&l.obj.sym, &sym));
	eb_free(b);
}

/* the table's number of buckets, filter words and so on, wrong from the start */
#define CASES(X)                                                                                   \
	X(gnu_buckets_0, EB_GNU, LD_E_HASH_EMPTY, b->gnu[0] = 0)                                   \
	X(gnu_buckets_many, EB_GNU, LD_E_HASH_RANGE, b->gnu[0] = 0x1000)                           \
	X(gnu_buckets_max, EB_GNU, LD_E_HASH_RANGE, b->gnu[0] = UINT32_MAX)                        \
	X(gnu_bloom_0, EB_GNU, LD_E_HASH_BLOOM, b->gnu[2] = 0)                                     \
	X(gnu_bloom_3, EB_GNU, LD_E_HASH_BLOOM, b->gnu[2] = 3)                                     \
	X(gnu_bloom_many, EB_GNU, LD_E_HASH_RANGE, b->gnu[2] = 1u << 31)                           \
	X(gnu_shift_32, EB_GNU, LD_E_HASH_BLOOM, b->gnu[3] = 32)                                   \
	X(gnu_shift_max, EB_GNU, LD_E_HASH_BLOOM, b->gnu[3] = UINT32_MAX)                          \
	X(sysv_buckets_0, EB_SYSV, LD_E_HASH_EMPTY, b->sysv[0] = 0)                                \
	X(sysv_buckets_many, EB_SYSV, LD_E_HASH_RANGE, b->sysv[0] = UINT32_MAX)                    \
	X(sysv_chains_many, EB_SYSV, LD_E_HASH_RANGE, b->sysv[1] = 0x1000)                         \
	X(strtab_end, EB_GNU, LD_E_DYN_STRTAB, eb_dyn(b, LD_DT_STRSZ)->d_val--)

#define TEST(name, kinds, want, change)                                                            \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct eb *b = many(kinds, 3);                                                     \
		struct ld_err err = {0};                                                           \
		struct ld_image img;                                                               \
		struct ld_symtab t;                                                                \
		struct ld_dyn dyn;                                                                 \
                                                                                                   \
		(void)state;                                                                       \
		change;                                                                            \
		expect_ok(eb_parse(b, &img, &dyn, &err), &err);                                    \
		expect_code(ld_symtab_init(&t, &img, &dyn, (uintptr_t)b->mem, &err), &err, want);  \
		eb_free(b);                                                                        \
	}
CASES(TEST)

static uint32_t *gnu_buckets(const struct eb *b)
{
	return b->gnu + 4 + b->gnu[2] * (sizeof(ld_word) / 4);
}

/*
 * Values the file may have from the start, or get after it was checked: each lookup ends, and what
 * is read lies in the segment. The tables end with their segment, so one word too far is a hole.
 */
#define HOSTILE(X)                                                                                 \
	X(gnu_bucket_max, EB_GNU, gnu_buckets(b)[i % 3] = UINT32_MAX)                              \
	X(gnu_bucket_past, EB_GNU, gnu_buckets(b)[i % 3] = b->sym_cnt + i)                         \
	X(gnu_bucket_below, EB_GNU, gnu_buckets(b)[i % 3] = i % b->symoffset)                      \
	X(gnu_chain_endless, EB_GNU, gnu_buckets(b)[3 + i % MANY] &= ~1u)                          \
	X(gnu_chain_same, EB_GNU, gnu_buckets(b)[3 + i % MANY] = gnu_buckets(b)[3] & ~1u)          \
	X(sysv_self_loop, EB_SYSV, b->sysv[2 + 3 + i % b->sym_cnt] = i % b->sym_cnt)               \
	X(sysv_long_loop, EB_SYSV, b->sysv[2 + 3 + i % b->sym_cnt] = (i + 1) % b->sym_cnt)         \
	X(sysv_chain_past, EB_SYSV, b->sysv[2 + 3 + i % b->sym_cnt] = b->sym_cnt + i)              \
	X(sysv_bucket_max, EB_SYSV, b->sysv[2 + i % 3] = UINT32_MAX - i)                           \
	X(name_past, EB_GNU | EB_SYSV, b->sym[i % b->sym_cnt].st_name = b->str_len + i)            \
	X(name_max, EB_SYSV, b->sym[i % b->sym_cnt].st_name = UINT32_MAX)                          \
	X(name_at_end, EB_GNU, b->sym[i % b->sym_cnt].st_name = b->str_len - 2)

static void look_up_all(const struct ld_symtab *t)
{
	char name[8];

	for (unsigned i = 0; i < MANY + 4; i++) {
		const struct ld_elf_sym *sym;

		snprintf(name, sizeof name, "f%u", i);
		sym = find(t, name);
		if (sym)
			assert_string_equal(ld_sym_name(t, sym), name);
	}
	assert_true(ld_symtab_count(t) <= t->sym_max);
}

/* the GNU table is moved so that its last chain word is the last word of the segment */
static struct eb *at_the_end(int kinds)
{
	struct eb *b = many(0, 3);
	uint32_t len = 16 + 2 * sizeof(ld_word) + 4 * (3 + MANY);

	b->dyn_cnt = 0;
	b->gnu_va = ld_align_down(EB_RO_END - len, sizeof(ld_word));
	eb_hash(b, kinds, 3);
	eb_dynamic(b);
	return b;
}

#define HOSTILE_TEST(name, kinds, change)                                                          \
	static void hostile_##name(void **state)                                                   \
	{                                                                                          \
		struct eb *b = at_the_end(kinds);                                                  \
		struct eb_loaded l;                                                                \
                                                                                                   \
		(void)state;                                                                       \
		eb_load(b, "lib", &l);                                                             \
		look_up_all(&l.obj.sym);                                                           \
		/* one more entry of the table each time */                                        \
		for (uint32_t i = 0; i < 3 * MANY; i++) {                                          \
			change;                                                                    \
			look_up_all(&l.obj.sym);                                                   \
		}                                                                                  \
		eb_free(b);                                                                        \
	}
HOSTILE(HOSTILE_TEST)

/* relocations name symbols that are in no hash table: all must be usable, wherever that lies */
static void unhashed_symbols(void **state)
{
	struct eb *b = eb_new();
	struct eb_loaded l;

	(void)state;
	eb_undef(b, "u0", LD_STB_GLOBAL);
	eb_undef(b, "u1", LD_STB_GLOBAL);
	eb_undef(b, "u2", LD_STB_GLOBAL);
	b->gnu_va = EB_RO_END - 40; /* header, two filter words, one bucket, padding */
	eb_hash(b, EB_GNU, 1);
	b->gnu[1] = 1; /* what GNU ld writes when nothing is defined */
	eb_dynamic(b);
	eb_load(b, "main", &l);
	assert_true(l.obj.sym.sym_max >= b->sym_cnt);
	assert_null(find(&l.obj.sym, "u1"));
	eb_free(b);
}

#define ENTRY(name, kinds, want, change) cmocka_unit_test(name),
#define HOSTILE_ENTRY(name, kinds, change) cmocka_unit_test(hostile_##name),
static const struct CMUnitTest tests[] = {
	cmocka_unit_test(gnu_hash),
	cmocka_unit_test(sysv_hash),
	cmocka_unit_test(both_hashes),
	cmocka_unit_test(no_definitions),
	cmocka_unit_test(versions),
	cmocka_unit_test(usable),
	cmocka_unit_test(scopes),
	cmocka_unit_test(plt_entry_of_main),
	cmocka_unit_test(names),
	CASES(ENTRY)
	HOSTILE(HOSTILE_ENTRY)
	cmocka_unit_test(unhashed_symbols),
};
UNIT_RUN(sym, tests)
