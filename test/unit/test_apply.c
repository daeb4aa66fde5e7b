/*
 * test_apply.c: every kind of relocation, on every machine's numbers: what it writes, where it
 * looks, what it leaves to the caller, and each way it can be wrong.
 */
#include "unit.h"

#include "apply.h"
#include "elfbuild.h"
#include "lfs64.h"
#include "os_fake.h"
#include "rel.h"

/* slots and values the tests use */
enum {
	SLOT = EB_GOT_VA,
	SLOT2 = EB_GOT_VA + 16,
	LIB_FUNC = EB_TEXT_VA + 0x40,
	LIB_DATA = EB_DATA_VA + 0x80,
	LIB_IFUNC = EB_TEXT_VA + 0x80,
	TLS_OFF = 8,   /* of the variable in the library's block */
	LIB_TLS = 64,  /* offset of that block from the thread pointer */
};

/* the number of a kind on this machine; a kind it lacks has none */
static int number_of(enum ld_rel_kind kind)
{
	for (uint32_t type = 0; type < 4096; type++)
		if (ld_rel_kind(type) == kind)
			return (int)type;
	return -1;
}

static uint32_t must_number(enum ld_rel_kind kind)
{
	int n = number_of(kind);

	assert_true(n >= 0);
	return (uint32_t)n;
}

#define REL(kind) must_number(LD_REL_##kind)

/* an object that refers, and a library that defines; relocations are added to the first */
struct world {
	struct eb *b, *lib_b;
	struct eb_loaded o, lib;
	struct ld_probe probes[2], lib_probe[1];
	struct ld_scope scope, copy_scope;
	struct ld_arena keep, scratch;
	unsigned char keep_mem[4096], scratch_mem[4096];
	struct ld_linker lk;
	struct ld_err err;
};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof *w);
	struct eb *b, *lib;

	assert_non_null(w);
	lib = w->lib_b = eb_new();
	eb_func(lib, "func", LIB_FUNC);
	eb_sym(lib, "data", LD_STB_GLOBAL, LD_STT_OBJECT, 1, LIB_DATA, 24);
	eb_sym(lib, "tls", LD_STB_GLOBAL, LD_STT_TLS, 1, TLS_OFF, 4);
	eb_sym(lib, "chosen", LD_STB_GLOBAL, LD_STT_GNU_IFUNC, 1, LIB_IFUNC, 4);
	eb_sym(lib, "past", LD_STB_GLOBAL, LD_STT_OBJECT, 1, EB_RW_END - 4, 8);
	eb_sym(lib, "open", LD_STB_GLOBAL, LD_STT_FUNC, 1, LIB_FUNC + 16, 8);
	eb_func(lib, "own", LIB_FUNC + 32);
	eb_hash(lib, EB_GNU, 3);
	eb_dynamic(lib);

	b = w->b = eb_new();
	eb_sym(b, "", LD_STB_LOCAL, LD_STT_OBJECT, 1, EB_DATA_VA + 0x40, 8);
	eb_sym(b, "", LD_STB_LOCAL, LD_STT_TLS, 1, 4, 8);
	eb_undef(b, "func", LD_STB_GLOBAL);
	eb_sym(b, "data", LD_STB_GLOBAL, LD_STT_OBJECT, 0, 0, 16);
	eb_sym(b, "tls", LD_STB_GLOBAL, LD_STT_TLS, 0, 0, 0);
	eb_undef(b, "chosen", LD_STB_GLOBAL);
	eb_sym(b, "past", LD_STB_GLOBAL, LD_STT_OBJECT, 0, 0, 8);
	eb_undef(b, "nobody", LD_STB_GLOBAL);
	eb_undef(b, "maybe", LD_STB_WEAK);
	eb_undef(b, "open64", LD_STB_GLOBAL);
	eb_func(b, "own", EB_TEXT_VA + 0x20);
	return w;
}

/* index of a symbol; the two local ones are 1 and 2 */
enum { LOCAL_DATA = 1, LOCAL_TLS = 2 };

/* in the order of world_new; own is the only definition, so hashing does not move it */
#define SYM(w, name) eb_sym_idx((w)->b, name)

/* link after the relocations have been added */
static ld_st world_link(struct world *w)
{
	/* the local symbols are not undefined, but they are not in the hash table either */
	w->b->sym[LOCAL_DATA].st_shndx = w->b->sym[LOCAL_TLS].st_shndx = 0;
	eb_hash(w->b, EB_GNU, 1);
	w->b->sym[LOCAL_DATA].st_shndx = w->b->sym[LOCAL_TLS].st_shndx = 1;
	eb_dynamic(w->b);
	eb_load(w->b, "main", &w->o);
	eb_load(w->lib_b, "lib", &w->lib);
	w->o.obj.tls = (struct ld_tls){.id = 1, .offset = 32, .memsz = 0x30};
	w->o.obj.flags |= LD_OBJ_STATIC_TLS;
	w->lib.obj.tls = (struct ld_tls){.id = 2, .offset = LIB_TLS, .memsz = 0x30};
	w->lib.obj.flags |= LD_OBJ_STATIC_TLS;
	w->probes[0] = w->o.probe;
	w->probes[1] = w->lib_probe[0] = w->lib.probe;
	w->scope = (struct ld_scope){w->probes, 2, NULL};
	w->copy_scope = (struct ld_scope){w->lib_probe, 1, NULL};
	ld_scratch_init(&w->keep, w->keep_mem, sizeof w->keep_mem);
	ld_scratch_init(&w->scratch, w->scratch_mem, sizeof w->scratch_mem);
	w->lk = (struct ld_linker){
		.scope = &w->scope,
		.copy_scope = &w->copy_scope,
		.libc = &w->lib.obj,
		.keep = &w->keep,
		.scratch = &w->scratch,
		.tlsdesc_static = 0x1111,
		.tlsdesc_dynamic = 0x2222,
		.defer = w->lk.defer,
		.err = &w->err,
	};
	return ld_apply_object(&w->lk, &w->o.obj, &w->o.dyn);
}

static void world_free(struct world *w)
{
	ld_scratch_free(&w->keep);
	ld_scratch_free(&w->scratch);
	eb_free(w->b);
	eb_free(w->lib_b);
	free(w);
	assert_int_equal(os_fake_mapped, 0);
}

static uintptr_t base(const struct world *w)
{
	return (uintptr_t)w->b->mem;
}

static uintptr_t lib_base(const struct world *w)
{
	return (uintptr_t)w->lib_b->mem;
}

/*
 * name, relocation (place, type, symbol, addend), value the slot has before, value wanted after.
 * Run as RELA.
 */
#define VALUES(X)                                                                                  \
	X(relative, REL(RELATIVE), 0, 0x1234, 99, base(w) + 0x1234)                                \
	X(relative_negative, REL(RELATIVE), 0, (uint64_t)-8, 0, base(w) - 8)                       \
	X(none, REL(NONE), 0, 5, 99, 99)                                                           \
	X(abs, REL(ABS), SYM(w, "func"), 0x10, 99, lib_base(w) + LIB_FUNC + 0x10)                  \
	X(abs_own_first, REL(ABS), SYM(w, "own"), 0, 0, base(w) + EB_TEXT_VA + 0x20)               \
	X(abs_local, REL(ABS), LOCAL_DATA, 4, 0, base(w) + EB_DATA_VA + 0x44)                      \
	X(abs_no_symbol, REL(ABS), 0, 0x77, 5, 0x77)                                               \
	X(abs_weak_undefined, REL(ABS), SYM(w, "maybe"), 0, 99, 0)                                 \
	X(got, REL(GOT), SYM(w, "data"), 0, 99, lib_base(w) + LIB_DATA)                            \
	X(got_weak_undefined, REL(GOT), SYM(w, "maybe"), 0, 99, 0)                                 \
	X(plt, REL(PLT), SYM(w, "func"), 0, 99, lib_base(w) + LIB_FUNC)                            \
	X(plt_weak_undefined, REL(PLT), SYM(w, "maybe"), 0, 99, 0)                                 \
	X(lfs64, REL(PLT), SYM(w, "open64"), 0, 99, lib_base(w) + LIB_FUNC + 16)                   \
	X(dtpmod, REL(DTPMOD), SYM(w, "tls"), 0, 99, 2)                                            \
	X(dtpmod_own, REL(DTPMOD), 0, 0, 99, 1)                                                    \
	X(dtpmod_local, REL(DTPMOD), LOCAL_TLS, 0, 99, 1)                                          \
	X(dtpoff, REL(DTPOFF), SYM(w, "tls"), 2, 99, TLS_OFF + 2 - LD_ARCH_DTPOFF_BIAS)            \
	X(dtpoff_local, REL(DTPOFF), LOCAL_TLS, 1, 99, 5 - LD_ARCH_DTPOFF_BIAS)                    \
	X(tpoff, REL(TPOFF), SYM(w, "tls"), 4, 99, tpoff(LIB_TLS, TLS_OFF + 4))                    \
	X(tpoff_local, REL(TPOFF), LOCAL_TLS, 0, 99, tpoff(32, 4))                                 \
	X(tpoff_own, REL(TPOFF), 0, 0x18, 99, tpoff(32, 0x18))

/* where a variable lies, seen from the thread pointer */
static uintptr_t tpoff(uintptr_t block, uintptr_t var)
{
	return LD_ARCH_TLS_ABOVE ? block + var + LD_ARCH_TPOFF_BIAS : var - block;
}

#define VALUE_TEST(name, type, sym, addend, before, after)                                         \
	static void value_##name(void **state)                                                     \
	{                                                                                          \
		struct world *w = world_new();                                                     \
                                                                                                   \
		(void)state;                                                                       \
		*eb_word(w->b, SLOT) = before;                                                     \
		*eb_word(w->b, SLOT - 8) = *eb_word(w->b, SLOT + 8) = 0x5a5a;                      \
		eb_rela(w->b, SLOT, type, sym, addend);                                            \
		expect_ok(world_link(w), &w->err);                                                 \
		assert_int_equal(*eb_word(w->b, SLOT), after);                                     \
		assert_int_equal(*eb_word(w->b, SLOT - 8), 0x5a5a);                                \
		assert_int_equal(*eb_word(w->b, SLOT + 8), 0x5a5a);                                \
		assert_int_equal(w->lk.undef_cnt, 0);                                              \
		assert_true(!w->lk.ifuncs && !w->lk.deferred);                                     \
		world_free(w);                                                                     \
	}
VALUES(VALUE_TEST)

/* the same kinds as REL: the addend stands in the slot, but GOT and PLT slots hold none */
static void rel_tables(void **state)
{
	struct world *w = world_new();
	struct eb *b = w->b;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		*eb_word(b, SLOT + 8 * i) = 0x10;
	eb_rel(b, SLOT, REL(RELATIVE), 0);
	eb_rel(b, SLOT + 8, REL(ABS), SYM(w, "func"));
	eb_rel(b, SLOT + 16, REL(GOT), SYM(w, "func"));
	eb_rel(b, SLOT + 24, REL(PLT), SYM(w, "func"));
	eb_rel(b, SLOT + 32, REL(DTPOFF), SYM(w, "tls"));
	eb_rel(b, 0, REL(NONE), 0);
	expect_ok(world_link(w), &w->err);
	assert_int_equal(*eb_word(b, SLOT), base(w) + 0x10);
	assert_int_equal(*eb_word(b, SLOT + 8), lib_base(w) + LIB_FUNC + 0x10);
	assert_int_equal(*eb_word(b, SLOT + 16), lib_base(w) + LIB_FUNC);
	assert_int_equal(*eb_word(b, SLOT + 24), lib_base(w) + LIB_FUNC);
	assert_int_equal(*eb_word(b, SLOT + 32), TLS_OFF + 0x10 - LD_ARCH_DTPOFF_BIAS);
	assert_int_equal(*eb_word(b, SLOT + 40), 0x10);
	world_free(w);
}

/* DT_JMPREL is a table of its own kind */
static void plt_table(void **state)
{
	struct world *w = world_new();

	(void)state;
	eb_jmprel(w->b, SLOT, REL(PLT), SYM(w, "func"), 0);
	eb_rela(w->b, SLOT2, REL(RELATIVE), 0, 0x100);
	expect_ok(world_link(w), &w->err);
	assert_int_equal(*eb_word(w->b, SLOT), lib_base(w) + LIB_FUNC);
	assert_int_equal(*eb_word(w->b, SLOT2), base(w) + 0x100);
	world_free(w);
}

static void pc32(void **state)
{
	struct world *w = world_new();
	uint32_t got;

	(void)state;
	if (number_of(LD_REL_PC32) < 0) {
		world_free(w);
		return; /* not a kind of this machine: nothing to test */
	}
	*eb_word(w->b, SLOT) = (ld_word)-1;
	eb_rela(w->b, SLOT, REL(PC32), LOCAL_DATA, (uint64_t)-4);
	expect_ok(world_link(w), &w->err);
	memcpy(&got, eb_word(w->b, SLOT), sizeof got);
	assert_int_equal(got, EB_DATA_VA + 0x40 - 4 - SLOT);
	assert_int_equal(*eb_word(w->b, SLOT) >> 32, 0xffffffff);
	world_free(w);
}

/* the bytes come from the library although main defines the name, and not more than both have */
static void copy(void **state)
{
	struct world *w = world_new();

	(void)state;
	memcpy(eb_word(w->lib_b, LIB_DATA), "0123456789abcdefghijklmn", 24);
	memset(eb_word(w->b, EB_DATA_VA), '.', 32);
	eb_rela(w->b, EB_DATA_VA, REL(COPY), SYM(w, "data"), 0);
	expect_ok(world_link(w), &w->err);
	assert_memory_equal(eb_word(w->b, EB_DATA_VA), "0123456789abcdef........", 24);
	world_free(w);
}

static void copy_smaller_source(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->b->sym[SYM(w, "data")].st_size = 1000;
	memcpy(eb_word(w->lib_b, LIB_DATA), "0123456789abcdefghijklmn", 24);
	memset(eb_word(w->b, EB_DATA_VA), '.', 32);
	eb_rela(w->b, EB_DATA_VA, REL(COPY), SYM(w, "data"), 0);
	expect_ok(world_link(w), &w->err);
	assert_memory_equal(eb_word(w->b, EB_DATA_VA), "0123456789abcdefghijklmn........", 32);
	world_free(w);
}

static void tlsdesc_static(void **state)
{
	struct world *w = world_new();

	(void)state;
	eb_rela(w->b, SLOT, REL(TLSDESC), SYM(w, "tls"), 4);
	expect_ok(world_link(w), &w->err);
	assert_int_equal(*eb_word(w->b, SLOT + 8 * LD_ARCH_TLSDESC_SWAPPED), 0x1111);
	assert_int_equal(*eb_word(w->b, SLOT + 8 * !LD_ARCH_TLSDESC_SWAPPED),
			 tpoff(LIB_TLS, TLS_OFF + 4));
	world_free(w);
}

static void tlsdesc_dynamic(void **state)
{
	struct world *w = world_new();
	const uintptr_t *pair;

	(void)state;
	eb_rela(w->b, SLOT, REL(TLSDESC), SYM(w, "tls"), 4);
	/* link once with static TLS, then again without */
	expect_ok(world_link(w), &w->err);
	w->lib.obj.flags &= ~(uint32_t)LD_OBJ_STATIC_TLS;
	expect_ok(ld_apply_object(&w->lk, &w->o.obj, &w->o.dyn), &w->err);
	assert_int_equal(*eb_word(w->b, SLOT + 8 * LD_ARCH_TLSDESC_SWAPPED), 0x2222);
	pair = (const uintptr_t *)*eb_word(w->b, SLOT + 8 * !LD_ARCH_TLSDESC_SWAPPED);
	assert_in_range((uintptr_t)pair, (uintptr_t)w->keep_mem,
			(uintptr_t)w->keep_mem + sizeof w->keep_mem - 2 * sizeof *pair);
	assert_int_equal(pair[0], 2);
	assert_int_equal(pair[1], TLS_OFF + 4 - LD_ARCH_DTPOFF_BIAS);
	world_free(w);
}

/* resolvers are foreign code: they are listed, not called, and the slot stays as it is */
static void indirect_functions(void **state)
{
	struct world *w = world_new();
	const struct ld_ifunc *f;

	(void)state;
	*eb_word(w->b, SLOT) = *eb_word(w->b, SLOT2) = 99;
	eb_rela(w->b, SLOT, REL(IRELATIVE), 0, EB_TEXT_VA + 0x70);
	eb_rela(w->b, SLOT2, REL(PLT), SYM(w, "chosen"), 0);
	expect_ok(world_link(w), &w->err);
	assert_int_equal(*eb_word(w->b, SLOT), 99);
	assert_int_equal(*eb_word(w->b, SLOT2), 99);
	f = w->lk.ifuncs;
	assert_non_null(f);
	assert_int_equal(f->place, base(w) + SLOT2);
	assert_int_equal(f->resolver, lib_base(w) + LIB_IFUNC);
	assert_ptr_equal(f->obj, &w->o.obj);
	f = f->next;
	assert_non_null(f);
	assert_int_equal(f->place, base(w) + SLOT);
	assert_int_equal(f->resolver, base(w) + EB_TEXT_VA + 0x70);
	assert_null(f->next);
	world_free(w);
}

/* one pass over many: each slot gets its own symbol's value, whatever came before it */
static void mixed_sequence(void **state)
{
	struct world *w = world_new();

	(void)state;
	eb_rela(w->b, SLOT, REL(GOT), SYM(w, "func"), 0);
	eb_rela(w->b, SLOT + 8, REL(PLT), SYM(w, "func"), 0);
	eb_rela(w->b, SLOT + 16, REL(GOT), SYM(w, "maybe"), 0);
	eb_rela(w->b, SLOT + 24, REL(GOT), SYM(w, "func"), 0);
	eb_rela(w->b, SLOT + 32, REL(ABS), LOCAL_DATA, 0);
	eb_rela(w->b, SLOT + 40, REL(GOT), SYM(w, "data"), 0);
	eb_rela(w->b, EB_DATA_VA, REL(COPY), SYM(w, "data"), 0);
	eb_rela(w->b, SLOT + 48, REL(GOT), SYM(w, "data"), 0);
	eb_rela(w->b, SLOT + 56, REL(GOT), SYM(w, "nobody"), 0);
	eb_rela(w->b, SLOT + 64, REL(GOT), SYM(w, "nobody"), 0);
	expect_ok(world_link(w), &w->err);
	assert_int_equal(*eb_word(w->b, SLOT), lib_base(w) + LIB_FUNC);
	assert_int_equal(*eb_word(w->b, SLOT + 8), lib_base(w) + LIB_FUNC);
	assert_int_equal(*eb_word(w->b, SLOT + 16), 0);
	assert_int_equal(*eb_word(w->b, SLOT + 24), lib_base(w) + LIB_FUNC);
	assert_int_equal(*eb_word(w->b, SLOT + 32), base(w) + EB_DATA_VA + 0x40);
	assert_int_equal(*eb_word(w->b, SLOT + 40), lib_base(w) + LIB_DATA);
	assert_int_equal(*eb_word(w->b, SLOT + 48), lib_base(w) + LIB_DATA);
	assert_int_equal(w->lk.undef_cnt, 2);
	world_free(w);
}

/* undefined symbols are no error here: all are counted, the first of them kept by name */
static void undefined(void **state)
{
	struct world *w = world_new();
	unsigned kept = 0;

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		eb_rela(w->b, SLOT + 8 * i, REL(GOT), SYM(w, "nobody"), 0);
	expect_ok(world_link(w), &w->err);
	assert_int_equal(w->lk.undef_cnt, 30);
	for (const struct ld_undef *u = w->lk.undefs; u; u = u->next) {
		assert_string_equal(u->symbol, "nobody");
		assert_ptr_equal(u->obj, &w->o.obj);
		kept++;
	}
	assert_int_equal(kept, 20);
	assert_null(w->lk.deferred);
	world_free(w);
}

/* opened lazily: undefined functions wait and are found later; data and NOW objects do not */
/* a deferred slot's name lies in its object's string table */
static void wait_for(struct ld_deferred *d, struct ld_obj *own, const char *name)
{
	own->sym.strs = name;
	own->sym.strsz = strlen(name) + 1;
	d->obj = own;
	d->symbol = name;
}

static void deferred(void **state)
{
	struct world *w = world_new();
	const struct ld_deferred *d;
	uintptr_t value = 99;

	(void)state;
	w->lk.defer = 1;
	*eb_word(w->b, SLOT) = EB_TEXT_VA + 6;
	eb_rela(w->b, SLOT, REL(PLT), SYM(w, "nobody"), 0);
	eb_rela(w->b, SLOT2, REL(ABS), SYM(w, "nobody"), 0);
	expect_ok(world_link(w), &w->err);
	assert_int_equal(w->lk.undef_cnt, 1);
	d = w->lk.deferred;
	assert_non_null(d);
	assert_null(d->next);
	assert_string_equal(d->symbol, "nobody");
	assert_int_equal(d->place, base(w) + SLOT);
	assert_ptr_equal(d->obj, &w->o.obj);
	assert_false(ld_apply_deferred(&w->scope, NULL, d, &value));
	assert_int_equal(value, 99);
	{
		struct ld_deferred later = *d;
		struct ld_obj own = *d->obj;

		wait_for(&later, &own, "func");
		later.addend = 3;
		assert_true(ld_apply_deferred(&w->scope, NULL, &later, &value));
		assert_int_equal(value, lib_base(w) + LIB_FUNC + 3);
		wait_for(&later, &own, "open64");
		assert_false(ld_apply_deferred(&w->scope, NULL, &later, &value));
		assert_true(ld_apply_deferred(&w->scope, &w->lib.obj, &later, &value));
		wait_for(&later, &own, "tls");
		assert_false(ld_apply_deferred(&w->scope, NULL, &later, &value));
	}
	world_free(w);
}

static void bind_now_defers_nothing(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->lk.defer = 1;
	eb_rela(w->b, SLOT, REL(PLT), SYM(w, "nobody"), 0);
	eb_dyn_add(w->b, LD_DT_BIND_NOW, 0);
	expect_ok(world_link(w), &w->err);
	assert_int_equal(w->lk.undef_cnt, 1);
	assert_null(w->lk.deferred);
	world_free(w);
}

/* an address, then bitmaps over the words behind it: the gABI's example, and the edges */
static void relr(void **state)
{
	struct world *w = world_new();
	const unsigned relocated[] = {0, 1, 3, 63, 64, 66, 130};
	uint64_t last = SLOT;

	(void)state;
	for (unsigned i = 0; i < 132; i++)
		*eb_word(w->b, SLOT + 8 * i) = i;
	eb_relr(w->b, SLOT);
	eb_relr(w->b, 1 | 1ull << 1 | 1ull << 3 | 1ull << 63); /* words 1, 3, 63 */
	eb_relr(w->b, 1 | 1ull << 1 | 1ull << 3);              /* words 64, 66 */
	eb_relr(w->b, SLOT + 8 * 130);
	expect_ok(world_link(w), &w->err);
	for (unsigned i = 0, k = 0; i < 132; i++) {
		uintptr_t want = i;

		if (k < LD_COUNTOF(relocated) && relocated[k] == i) {
			want += base(w);
			k++;
			last = SLOT + 8 * i;
		}
		assert_int_equal(*eb_word(w->b, SLOT + 8 * i), want);
	}
	assert_int_equal(last, SLOT + 8 * 130);
	world_free(w);
}

/* name, code, relocation as RELA: place, type, symbol, addend */
#define CASES(X)                                                                                   \
	X(type_unknown, LD_E_REL_TYPE, SLOT, 250, 0, 0)                                            \
	X(type_huge, LD_E_REL_TYPE, SLOT, UINT32_MAX, 0, 0)                                        \
	X(place_outside, LD_E_REL_PLACE, 0x800000, REL(RELATIVE), 0, 0)                            \
	X(place_negative, LD_E_REL_PLACE, (uint64_t)-8, REL(RELATIVE), 0, 0)                       \
	X(place_read_only, LD_E_REL_PLACE, EB_SYM_VA, REL(RELATIVE), 0, 0)                         \
	X(place_text, LD_E_REL_PLACE, EB_TEXT_VA, REL(ABS), SYM(w, "func"), 0)                     \
	X(place_hole, LD_E_REL_PLACE, EB_TEXT_END, REL(GOT), SYM(w, "func"), 0)                    \
	X(place_end, LD_E_REL_PLACE, EB_RW_END - 7, REL(RELATIVE), 0, 0)                           \
	X(place_ifunc, LD_E_REL_PLACE, EB_TEXT_VA, REL(IRELATIVE), 0, EB_TEXT_VA)                  \
	X(place_copy, LD_E_REL_PLACE, EB_SYM_VA, REL(COPY), SYM(w, "data"), 0)                     \
	X(place_tlsdesc, LD_E_REL_PLACE, EB_RW_END - 8, REL(TLSDESC), SYM(w, "tls"), 0)            \
	X(sym_past, LD_E_REL_SYM, SLOT, REL(GOT), 0x4000, 0)                                       \
	X(sym_max, LD_E_REL_SYM, SLOT, REL(ABS), UINT32_MAX, 0)                                    \
	X(sym_max_tls, LD_E_REL_SYM, SLOT, REL(DTPMOD), UINT32_MAX, 0)                             \
	X(tls_not_tls, LD_E_REL_TLS, SLOT, REL(TPOFF), SYM(w, "func"), 0)                          \
	X(tls_dtpmod_not_tls, LD_E_REL_TLS, SLOT, REL(DTPMOD), SYM(w, "data"), 0)                  \
	X(copy_target_long, LD_E_REL_COPY, EB_RW_END - 8, REL(COPY), SYM(w, "data"), 0)            \
	X(copy_source_long, LD_E_REL_COPY, EB_DATA_VA, REL(COPY), SYM(w, "past"), 0)

#define TEST(name, want, place, type, sym, addend)                                                 \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct world *w = world_new();                                                     \
                                                                                                   \
		(void)state;                                                                       \
		eb_rela(w->b, place, type, sym, addend);                                           \
		expect_code(world_link(w), &w->err, want);                                         \
		assert_string_equal(w->err.object, "main");                                        \
		world_free(w);                                                                     \
	}
CASES(TEST)

/* the same places as REL and RELR */
#define WORD_CASES(X)                                                                              \
	X(rel_place, LD_E_REL_PLACE, eb_rel(w->b, EB_SYM_VA, REL(RELATIVE), 0))                    \
	X(rel_type, LD_E_REL_TYPE, eb_rel(w->b, SLOT, 250, 0))                                     \
	X(rel_sym, LD_E_REL_SYM, eb_rel(w->b, SLOT, REL(GOT), 0x4000))                             \
	X(relr_bitmap_first, LD_E_REL_PLACE, eb_relr(w->b, 3))                                     \
	X(relr_outside, LD_E_REL_PLACE, eb_relr(w->b, 0x800000))                                   \
	X(relr_read_only, LD_E_REL_PLACE, eb_relr(w->b, EB_SYM_VA))                                \
	X(relr_end, LD_E_REL_PLACE, eb_relr(w->b, EB_RW_END))                                      \
	X(relr_bitmap_past, LD_E_REL_PLACE, (eb_relr(w->b, EB_RW_END - 8), eb_relr(w->b, 3)))      \
	X(relr_bitmap_text, LD_E_REL_PLACE,                                                        \
	  (eb_relr(w->b, SLOT), eb_relr(w->b, 1), eb_relr(w->b, EB_RW_END - 16),                   \
	   eb_relr(w->b, 1ull << 63 | 1)))                                                         \
	X(jmprel_place, LD_E_REL_PLACE, eb_jmprel(w->b, 0, REL(PLT), SYM(w, "func"), 0))           \
	X(name_past, LD_E_REL_SYM, name_past_end(w))                                               \
	X(ie_tls_dynamic, LD_E_REL_IETLS, dynamic_tls(w))

static void name_past_end(struct world *w)
{
	uint32_t idx = SYM(w, "func");

	eb_rela(w->b, SLOT, REL(GOT), idx, 0);
	w->b->sym[idx].st_name = 0x10000;
}

/* an initial-exec reference to a library whose block every thread has elsewhere */
static void dynamic_tls(struct world *w)
{
	eb_rela(w->b, SLOT, REL(NONE), 0, 0);
	expect_ok(world_link(w), &w->err);
	w->lib.obj.flags &= ~(uint32_t)LD_OBJ_STATIC_TLS;
	w->b->rela[0].r_info = (ld_word)SYM(w, "tls") << 32 | REL(TPOFF);
}

#define WORD_TEST(name, want, change)                                                              \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct world *w = world_new();                                                     \
                                                                                                   \
		(void)state;                                                                       \
		change;                                                                            \
		expect_code(w->lk.err ? ld_apply_object(&w->lk, &w->o.obj, &w->o.dyn) :            \
					world_link(w),                                             \
			    &w->err, want);                                                        \
		world_free(w);                                                                     \
	}
WORD_CASES(WORD_TEST)

/*
 * The same in a dlopen that brings the library: it gets a place in the reserve, once; a descriptor is
 * static from then on. No room, too much alignment, or a library that was there before: its own error.
 */
static void late_tls(struct world *w, struct ld_tls_totals *t, uint64_t keep)
{
	eb_rela(w->b, SLOT, REL(NONE), 0, 0);
	eb_rela(w->b, SLOT + 16, REL(NONE), 0, 0);
	eb_rela(w->b, SLOT + 32, REL(NONE), 0, 0);
	expect_ok(world_link(w), &w->err);
	ld_tls_totals_init(t);
	ld_tls_reserve(t, keep);
	w->lk.tls = t;
	w->lk.tls_first = 7;
	w->lib.obj.idx = 7;
	w->lib.obj.flags &= ~(uint32_t)LD_OBJ_STATIC_TLS;
	w->lib.obj.tls = (struct ld_tls){.image = (void *)(lib_base(w) + EB_TLS_VA), .id = 2,
					 .memsz = 0x30, .align = 16};
	w->b->rela[0].r_info = (ld_word)SYM(w, "tls") << 32 | REL(TLSDESC);
	w->b->rela[1].r_info = (ld_word)SYM(w, "tls") << 32 | REL(TPOFF);
	w->b->rela[2].r_info = (ld_word)SYM(w, "tls") << 32 | REL(TLSDESC);
}

static void tpoff_late(void **state)
{
	struct world *w = world_new();
	struct ld_tls_totals t;
	uint64_t off;

	(void)state;
	late_tls(w, &t, 256);
	off = LD_ARCH_TLS_ABOVE ? (t.spare + 15) & ~(uint64_t)15 : 0x30;
	expect_ok(ld_apply_object(&w->lk, &w->o.obj, &w->o.dyn), &w->err);
	assert_true(w->lib.obj.flags & LD_OBJ_STATIC_TLS);
	assert_int_equal(w->lib.obj.tls.offset, off);
	assert_int_equal(*eb_word(w->b, SLOT + 16), tpoff(off, TLS_OFF));
	assert_int_equal(*eb_word(w->b, SLOT + 8 * LD_ARCH_TLSDESC_SWAPPED), 0x2222);
	assert_int_equal(*eb_word(w->b, SLOT + 32 + 8 * LD_ARCH_TLSDESC_SWAPPED), 0x1111);
	off = t.spare;
	expect_ok(ld_apply_object(&w->lk, &w->o.obj, &w->o.dyn), &w->err);
	assert_int_equal(t.spare, off);
	world_free(w);
}

static void tpoff_late_errors(void **state)
{
	static const struct {
		uint64_t keep, align;
		uint32_t idx;
		enum ld_code want;
		uint64_t got, bound;
	} cases[] = {
		{256, 128, 7, LD_E_REL_TLSALIGN, 128, 64},
		{32, 16, 7, LD_E_REL_TLSFULL, 0x30, 32},
		{0, 8, 7, LD_E_REL_TLSFULL, 0x30, 0},
		{256, 16, 6, LD_E_REL_IETLS, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(cases); i++) {
		struct world *w = world_new();
		struct ld_tls_totals t;

		late_tls(w, &t, cases[i].keep);
		w->lib.obj.tls.align = cases[i].align;
		w->lib.obj.idx = cases[i].idx;
		expect_code(ld_apply_object(&w->lk, &w->o.obj, &w->o.dyn), &w->err, cases[i].want);
		assert_string_equal(w->err.object, "main");
		assert_string_equal(w->err.symbol, "tls");
		assert_string_equal(w->err.where, "lib");
		assert_int_equal(w->err.got, cases[i].got);
		assert_int_equal(w->err.want, cases[i].bound);
		assert_false(w->lib.obj.flags & LD_OBJ_STATIC_TLS);
		world_free(w);
	}
}

/* a reference to thread-local storage of an object that has none */
static void tls_without_block(void **state)
{
	struct world *w = world_new();

	(void)state;
	eb_rela(w->b, SLOT, REL(NONE), 0, 0);
	expect_ok(world_link(w), &w->err);
	w->o.obj.tls.id = 0;
	w->b->rela[0].r_info = REL(DTPMOD);
	expect_code(ld_apply_object(&w->lk, &w->o.obj, &w->o.dyn), &w->err, LD_E_REL_TLS);
	world_free(w);
}

/*
 * A string table that loses its final NUL after it was checked, at the very end of its segment: the
 * name it ends in is no name any more, and nothing behind the segment is read.
 */
static void name_without_end(void **state)
{
	struct world *w = world_new();
	struct eb *b = w->b;

	(void)state;
	eb_rela(b, SLOT, REL(GOT), SYM(w, "own"), 0); /* the last name of the table */
	b->str_va = EB_RO_END - b->str_len;
	memcpy(b->mem + b->str_va, b->str, b->str_len);
	expect_ok(world_link(w), &w->err);
	b->mem[EB_RO_END - 1] = 'x';
	expect_code(ld_apply_object(&w->lk, &w->o.obj, &w->o.dyn), &w->err, LD_E_REL_SYM);
	world_free(w);
}

/* lists that cannot grow: an error, whichever list it is */
static void out_of_memory(void **state)
{
	static const int kinds[] = {LD_REL_IRELATIVE, LD_REL_PLT, LD_REL_GOT, LD_REL_TLSDESC};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(kinds); i++) {
		struct world *w = world_new();
		const char *sym = kinds[i] == LD_REL_TLSDESC ? "tls" : "nobody";

		eb_rela(w->b, SLOT, REL(NONE), 0, 0);
		expect_ok(world_link(w), &w->err);
		ld_scratch_init(&w->keep, NULL, 0);
		ld_scratch_init(&w->scratch, NULL, 0);
		w->lk.defer = kinds[i] == LD_REL_PLT;
		w->lib.obj.flags &= ~(uint32_t)LD_OBJ_STATIC_TLS;
		w->b->rela[0].r_info = must_number((enum ld_rel_kind)kinds[i]);
		if (kinds[i] != LD_REL_IRELATIVE)
			w->b->rela[0].r_info |= (ld_word)SYM(w, sym) << 32;
		os_fake_fail(1, 12);
		expect_code(ld_apply_object(&w->lk, &w->o.obj, &w->o.dyn), &w->err, LD_E_MEMORY);
		os_fake_fail(0, 0);
		world_free(w);
	}
}

static void lfs64_names(void **state)
{
	static const char *const rows[][2] = {
		{"open64", "open"},       {"fopen64", "fopen"},   {"lseek64", "lseek"},
		{"readdir64", "readdir"}, {"__xstat64", "__xstat"}, {"mmap64", "mmap"},
		{"readdir64_r", "readdir_r"},
		{"open", NULL},           {"printf64", NULL},     {"64", NULL},
		{"", NULL},               {"open6", NULL},        {"open64x", NULL},
		{"xopen64", NULL},        {"ope64", NULL},        {"openat64_r", NULL},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(rows); i++) {
		char out[32] = "?";
		int is = ld_lfs64_name(rows[i][0], out, sizeof out);

		if (is != (rows[i][1] != NULL))
			fail_msg("\"%s\" is %sa large-file name", rows[i][0], is ? "not " : "");
		if (is)
			assert_string_equal(out, rows[i][1]);
	}
	{
		char out[5];

		assert_true(ld_lfs64_name("open64", out, sizeof out));
		assert_string_equal(out, "open");
		assert_false(ld_lfs64_name("open64", out, sizeof out - 1));
	}
}

/* each number has one kind; the table has all kinds a 64-bit machine needs */
static void number_table(void **state)
{
	static const int needed[] = {LD_REL_NONE,   LD_REL_RELATIVE, LD_REL_ABS,    LD_REL_GOT,
				     LD_REL_PLT,    LD_REL_COPY,     LD_REL_DTPMOD, LD_REL_DTPOFF,
				     LD_REL_TPOFF,  LD_REL_TLSDESC,  LD_REL_IRELATIVE};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(needed); i++)
		assert_true(number_of((enum ld_rel_kind)needed[i]) >= 0);
	assert_int_equal(ld_rel_kind(0), LD_REL_NONE);
	assert_int_equal(ld_rel_kind(4095), LD_REL_UNKNOWN);
	if (LD_ARCH_MACHINE == LD_EM_X86_64) {
		assert_int_equal(ld_rel_kind(8), LD_REL_RELATIVE);
		assert_int_equal(ld_rel_kind(3), LD_REL_UNKNOWN);
	} else {
		assert_int_equal(LD_ARCH_MACHINE, LD_EM_AARCH64);
		assert_int_equal(ld_rel_kind(1027), LD_REL_RELATIVE);
		assert_int_equal(ld_rel_kind(8), LD_REL_UNKNOWN);
	}
}

#define VALUE_ENTRY(name, type, sym, addend, before, after) cmocka_unit_test(value_##name),
#define ENTRY(name, want, place, type, sym, addend) cmocka_unit_test(name),
#define WORD_ENTRY(name, want, change) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	VALUES(VALUE_ENTRY)
	cmocka_unit_test(rel_tables),
	cmocka_unit_test(plt_table),
	cmocka_unit_test(pc32),
	cmocka_unit_test(copy),
	cmocka_unit_test(copy_smaller_source),
	cmocka_unit_test(tlsdesc_static),
	cmocka_unit_test(tlsdesc_dynamic),
	cmocka_unit_test(indirect_functions),
	cmocka_unit_test(mixed_sequence),
	cmocka_unit_test(undefined),
	cmocka_unit_test(deferred),
	cmocka_unit_test(bind_now_defers_nothing),
	cmocka_unit_test(relr),
	CASES(ENTRY)
	WORD_CASES(WORD_ENTRY)
	cmocka_unit_test(tpoff_late),
	cmocka_unit_test(tpoff_late_errors),
	cmocka_unit_test(tls_without_block),
	cmocka_unit_test(out_of_memory),
	cmocka_unit_test(lfs64_names),
	cmocka_unit_test(number_table),
	cmocka_unit_test(name_without_end),
};
UNIT_RUN(apply, tests)
