/* test_dyn.c: the dynamic table: what a good one says, each rule broken once, what is tolerated. */
#include "unit.h"

#include "elfbuild.h"
#include "limits.h"

static void good(void **state)
{
	struct eb *b = eb_valid();
	struct ld_err err = {0};
	struct ld_image img;
	struct ld_dyn d;

	(void)state;
	expect_ok(eb_parse(b, &img, &d, &err), &err);
	assert_int_equal(d.strtab_va, EB_STR_VA);
	assert_int_equal(d.strsz, b->str_len);
	assert_int_equal(d.symtab_va, EB_SYM_VA);
	assert_int_equal(d.hash_va, EB_SYSV_VA);
	assert_int_equal(d.gnu_hash_va, EB_GNU_VA);
	assert_int_equal(d.versym_va, 0);
	assert_int_equal(d.rela_va, EB_RELA_VA);
	assert_int_equal(d.relasz, sizeof(struct ld_elf_rela));
	assert_int_equal(d.rel_va, EB_REL_VA);
	assert_int_equal(d.relsz, sizeof(struct ld_elf_rel));
	assert_int_equal(d.relr_va, EB_RELR_VA);
	assert_int_equal(d.relrsz, sizeof(ld_word));
	assert_int_equal(d.jmprel_va, EB_JMPREL_VA);
	assert_int_equal(d.pltrelsz, sizeof(struct ld_elf_rela));
	assert_true(d.plt_is_rela);
	assert_int_equal(d.pltgot_va, EB_GOT_VA);
	assert_int_equal(d.init_va, EB_TEXT_VA);
	assert_int_equal(d.fini_va, EB_TEXT_END - 1);
	assert_int_equal(d.init_array_va, EB_INIT_VA);
	assert_int_equal(d.init_array_len, 2 * sizeof(ld_word));
	assert_int_equal(d.fini_array_va, EB_FINI_VA);
	assert_int_equal(d.fini_array_len, sizeof(ld_word));
	assert_string_equal(b->str + d.soname_off, "libself.so");
	assert_string_equal(b->str + d.runpath_off, "$ORIGIN");
	assert_true(d.rpath_off == LD_DYN_NONE);
	assert_int_equal(d.needed_cnt, 1);
	assert_int_equal(d.dyn_cnt, b->dyn_cnt);
	assert_int_equal(d.debug_idx, b->dyn_cnt);
	assert_false(d.bind_now || d.is_pie);
	eb_free(b);
}

#define SET(tag, val) eb_dyn(b, LD_DT_##tag)->d_val = (val)
#define ADD(tag, val) eb_dyn_add(b, LD_DT_##tag, val)
#define DROP(tag) eb_dyn_drop(b, LD_DT_##tag)
#define TOP ((ld_word)-1)
#define RELA_LEN sizeof(struct ld_elf_rela)

#define CASES(X)                                                                                   \
	X(no_end, LD_E_DYN_END, b->ph[EB_PT_DYNAMIC].p_filesz -= sizeof *b->dyn)                   \
	X(part_entry, LD_E_DYN_END, b->ph[EB_PT_DYNAMIC].p_filesz = 8)                             \
	X(rela_outside, LD_E_DYN_RANGE, SET(RELA, 0x800000))                                       \
	X(rela_hole, LD_E_DYN_RANGE, SET(RELA, EB_TEXT_END))                                       \
	X(rela_tail, LD_E_DYN_RANGE, SET(RELA, EB_RO_END - 8))                                     \
	X(rela_bss, LD_E_DYN_RANGE, SET(RELA, EB_BSS_VA))                                          \
	X(rela_absent, LD_E_DYN_RANGE, DROP(RELA))                                                 \
	X(rela_long, LD_E_DYN_RANGE, SET(RELASZ, 0x1000 * RELA_LEN))                               \
	X(rela_wraps, LD_E_DYN_RANGE, SET(RELASZ, TOP / RELA_LEN * RELA_LEN))                      \
	X(rel_outside, LD_E_DYN_RANGE, SET(REL, TOP - 7))                                          \
	X(relr_outside, LD_E_DYN_RANGE, SET(RELR, EB_RO_END))                                      \
	X(jmprel_outside, LD_E_DYN_RANGE, SET(JMPREL, EB_RO_END))                                  \
	X(init_array_outside, LD_E_DYN_RANGE, SET(INIT_ARRAY, EB_BSS_VA - 8))                      \
	X(fini_array_outside, LD_E_DYN_RANGE, SET(FINI_ARRAY, 0x800000))                           \
	X(strtab_outside, LD_E_DYN_RANGE, SET(STRTAB, 0x800000))                                   \
	X(strtab_tail, LD_E_DYN_RANGE, SET(STRTAB, EB_RO_END - 1))                                 \
	X(strsz_long, LD_E_DYN_RANGE, SET(STRSZ, TOP))                                             \
	X(symtab_outside, LD_E_DYN_RANGE, SET(SYMTAB, 0x800000))                                   \
	X(symtab_tail, LD_E_DYN_RANGE, SET(SYMTAB, EB_RO_END - 16))                                \
	X(hash_outside, LD_E_DYN_RANGE, SET(HASH, EB_RO_END - 4))                                  \
	X(gnu_hash_outside, LD_E_DYN_RANGE, SET(GNU_HASH, EB_RO_END - 8))                          \
	X(versym_outside, LD_E_DYN_RANGE, ADD(VERSYM, EB_RO_END))                                  \
	X(pltgot_outside, LD_E_DYN_RANGE, SET(PLTGOT, 0x800000))                                   \
	X(rela_odd, LD_E_DYN_ALIGN, SET(RELA, EB_RELA_VA + 4))                                     \
	X(symtab_odd, LD_E_DYN_ALIGN, SET(SYMTAB, EB_SYM_VA + 1))                                  \
	X(hash_odd, LD_E_DYN_ALIGN, SET(HASH, EB_SYSV_VA + 2))                                     \
	X(gnu_hash_odd, LD_E_DYN_ALIGN, SET(GNU_HASH, EB_GNU_VA + 4))                              \
	X(versym_odd, LD_E_DYN_ALIGN, ADD(VERSYM, EB_VERSYM_VA + 1))                               \
	X(init_array_odd, LD_E_DYN_ALIGN, SET(INIT_ARRAY, EB_INIT_VA + 2))                         \
	X(relaent, LD_E_DYN_ENTSIZE, SET(RELAENT, 16))                                             \
	X(relaent_0, LD_E_DYN_ENTSIZE, SET(RELAENT, 0))                                            \
	X(relent, LD_E_DYN_ENTSIZE, SET(RELENT, 8))                                                \
	X(relrent, LD_E_DYN_ENTSIZE, SET(RELRENT, 4))                                              \
	X(syment, LD_E_DYN_ENTSIZE, SET(SYMENT, 16))                                               \
	X(relasz, LD_E_DYN_SIZE, SET(RELASZ, RELA_LEN + 1))                                        \
	X(relsz, LD_E_DYN_SIZE, SET(RELSZ, 8))                                                     \
	X(relrsz, LD_E_DYN_SIZE, SET(RELRSZ, 4))                                                   \
	X(pltrelsz, LD_E_DYN_SIZE, SET(PLTRELSZ, RELA_LEN - 1))                                    \
	X(init_arraysz, LD_E_DYN_SIZE, SET(INIT_ARRAYSZ, 12))                                      \
	X(fini_arraysz, LD_E_DYN_SIZE, SET(FINI_ARRAYSZ, 1))                                       \
	X(needed_past, LD_E_DYN_STR, SET(NEEDED, b->str_len))                                      \
	X(needed_huge, LD_E_DYN_STR, SET(NEEDED, TOP))                                             \
	X(soname_past, LD_E_DYN_STR, SET(SONAME, b->str_len))                                      \
	X(soname_none, LD_E_DYN_STR, SET(SONAME, TOP - 1))                                         \
	X(runpath_past, LD_E_DYN_STR, SET(RUNPATH, b->str_len + 1))                                \
	X(rpath_past, LD_E_DYN_STR, ADD(RPATH, b->str_len))                                        \
	X(no_symtab, LD_E_DYN_NOSYM, DROP(SYMTAB))                                                 \
	X(symtab_0, LD_E_DYN_NOSYM, SET(SYMTAB, 0))                                                \
	X(no_strtab, LD_E_DYN_NOSYM, DROP(STRTAB))                                                 \
	X(no_strsz, LD_E_DYN_NOSYM, DROP(STRSZ))                                                   \
	X(strsz_0, LD_E_DYN_NOSYM, SET(STRSZ, 0))                                                  \
	X(no_hash, LD_E_DYN_NOSYM, (DROP(HASH), DROP(GNU_HASH)))                                   \
	X(needed_many, LD_E_DYN_NEEDED, many(b, LD_DT_NEEDED, LD_MAX_NEEDED))                      \
	X(textrel, LD_E_DYN_TEXTREL, ADD(TEXTREL, 0))                                              \
	X(textrel_flag, LD_E_DYN_TEXTREL, SET(FLAGS, LD_DF_TEXTREL))                               \
	X(pltrel_none, LD_E_DYN_PLTREL, DROP(PLTREL))                                              \
	X(pltrel_other, LD_E_DYN_PLTREL, SET(PLTREL, 8))                                           \
	X(jmprel_absent, LD_E_DYN_RANGE, DROP(JMPREL))                                             \
	X(init_data, LD_E_DYN_INIT, SET(INIT, EB_DATA_VA))                                         \
	X(init_outside, LD_E_DYN_INIT, SET(INIT, EB_TEXT_END))                                     \
	X(fini_read_only, LD_E_DYN_INIT, SET(FINI, 8))                                             \
	X(fini_outside, LD_E_DYN_INIT, SET(FINI, TOP))                                             \
	X(init_many, LD_E_DYN_INITCNT, SET(INIT_ARRAYSZ, 8ull * (LD_MAX_INIT + 1)))                \
	X(fini_many, LD_E_DYN_INITCNT, SET(FINI_ARRAYSZ, 8ull * (LD_MAX_INIT + 1)))                \
	X(fini_negative, LD_E_DYN_INITCNT, SET(FINI_ARRAYSZ, TOP - 7))

/* entries beyond what the builder's table holds: a table of their own, parsed directly */
static struct ld_elf_dyn *big;
static uint64_t big_cnt;

static int many(struct eb *b, ld_word tag, uint32_t cnt)
{
	big_cnt = b->dyn_cnt + cnt + 1;
	big = calloc(big_cnt, sizeof *big);
	assert_non_null(big);
	memcpy(big, b->dyn, b->dyn_cnt * sizeof *big);
	for (uint32_t i = 0; i < cnt; i++)
		big[b->dyn_cnt + i] = (struct ld_elf_dyn){tag, 1};
	return 0;
}

static ld_st parse(struct eb *b, struct ld_dyn *d, struct ld_err *err)
{
	struct ld_image img;
	ld_st st;

	if (!big)
		return eb_parse(b, &img, d, err);
	st = eb_scan(b, &img, err);
	if (!ld_failed(st))
		st = ld_dyn_parse(big, big_cnt, &img, d, err);
	free(big);
	big = NULL;
	return st;
}

#define TEST(name, want, change)                                                                   \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct eb *b = eb_valid();                                                         \
		struct ld_err err = {0};                                                           \
		struct ld_dyn d;                                                                   \
                                                                                                   \
		(void)state;                                                                       \
		change;                                                                            \
		expect_code(parse(b, &d, &err), &err, want);                                       \
		eb_free(b);                                                                        \
	}
CASES(TEST)

#define FINE(X)                                                                                    \
	X(entry_sizes_left_out, (DROP(RELAENT), DROP(RELENT), DROP(RELRENT), DROP(SYMENT)),        \
	  d.relasz == RELA_LEN)                                                                    \
	X(gnu_hash_only, DROP(HASH), !d.hash_va && d.gnu_hash_va)                                  \
	X(sysv_hash_only, DROP(GNU_HASH), d.hash_va && !d.gnu_hash_va)                             \
	X(empty_tables, (SET(RELASZ, 0), SET(RELA, 0x800000)), !d.rela_va && !d.relasz)            \
	X(no_plt, (SET(PLTRELSZ, 0), DROP(PLTREL), SET(JMPREL, TOP)), !d.jmprel_va)                \
	X(plt_rel, (SET(PLTREL, LD_DT_REL), SET(PLTRELSZ, 16)), !d.plt_is_rela)                    \
	X(init_0, (SET(INIT, 0), SET(FINI, 0)), !d.init_va && !d.fini_va)                          \
	X(pltgot_at_end, SET(PLTGOT, EB_RW_END), d.pltgot_va == EB_RW_END)                         \
	X(now_tag, ADD(BIND_NOW, 0), d.bind_now == 1)                                              \
	X(now_flag, SET(FLAGS, LD_DF_BIND_NOW), d.bind_now == 1)                                   \
	X(now_flag_1, SET(FLAGS_1, LD_DF_1_NOW), d.bind_now == 1 && !d.is_pie)                     \
	X(pie, SET(FLAGS_1, LD_DF_1_PIE), d.is_pie == 1 && !d.bind_now)                            \
	X(versions, ADD(VERSYM, EB_VERSYM_VA), d.versym_va == EB_VERSYM_VA)                        \
	X(debug, ADD(DEBUG, 0), d.debug_idx == b->dyn_cnt - 1)                                     \
	X(rpath, ADD(RPATH, 0), d.rpath_off == 0)                                                  \
	X(last_one_counts, ADD(SONAME, 0), d.soname_off == 0)                                      \
	X(unknown_tags, (eb_dyn_add(b, 0x70000001, TOP), eb_dyn_add(b, 40, TOP)),                  \
	  d.needed_cnt == 1)                                                                       \
	X(needed_1024, many(b, LD_DT_NEEDED, LD_MAX_NEEDED - 1), d.needed_cnt == LD_MAX_NEEDED)

#define FINE_TEST(name, change, claim)                                                             \
	static void fine_##name(void **state)                                                      \
	{                                                                                          \
		struct eb *b = eb_valid();                                                         \
		struct ld_err err = {0};                                                           \
		struct ld_dyn d;                                                                   \
                                                                                                   \
		(void)state;                                                                       \
		change;                                                                            \
		expect_ok(parse(b, &d, &err), &err);                                               \
		assert_true(claim);                                                                \
		eb_free(b);                                                                        \
	}
FINE(FINE_TEST)

/* nothing behind DT_NULL is looked at */
static void behind_the_end(void **state)
{
	struct eb *b = eb_valid();
	struct ld_err err = {0};
	struct ld_dyn d;

	(void)state;
	b->dyn[b->dyn_cnt + 1] = (struct ld_elf_dyn){LD_DT_TEXTREL, 1};
	b->ph[EB_PT_DYNAMIC].p_filesz += sizeof *b->dyn;
	expect_ok(parse(b, &d, &err), &err);
	assert_int_equal(d.dyn_cnt, b->dyn_cnt);
	eb_free(b);
}

/* the walk stops at the limit although memory goes on */
static void too_many_entries(void **state)
{
	struct eb *b = eb_valid();
	struct ld_err err = {0};
	struct ld_dyn d;

	(void)state;
	many(b, 0x70000001, LD_MAX_DYN);
	expect_code(parse(b, &d, &err), &err, LD_E_DYN_END);
	eb_free(b);
}

#define ENTRY(name, want, change) cmocka_unit_test(name),
#define FINE_ENTRY(name, change, claim) cmocka_unit_test(fine_##name),
static const struct CMUnitTest tests[] = {
	cmocka_unit_test(good),
	CASES(ENTRY)
	FINE(FINE_ENTRY)
	cmocka_unit_test(behind_the_end),
	cmocka_unit_test(too_many_entries),
};
UNIT_RUN(dyn, tests)
