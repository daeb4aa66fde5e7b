/* dyn.h: the dynamic table, checked: the ranges it names lie in the image's file bytes. */
#ifndef LD_DYN_H
#define LD_DYN_H

#include "elf.h"
#include "err.h"
#include "phdr.h"

/* tables by link-time address; va 0 with len 0 = absent */
struct ld_dyn {
	uint64_t strtab_va, strsz;
	uint64_t symtab_va;
	uint64_t hash_va, gnu_hash_va, versym_va; /* start lies in a segment; walks are bounded */
	uint64_t rela_va, relasz;     /* LD_DT_RELA */
	uint64_t rel_va, relsz;       /* LD_DT_REL */
	uint64_t jmprel_va, pltrelsz; /* entries are RELA when plt_is_rela, else REL */
	uint64_t relr_va, relrsz;
	uint64_t pltgot_va;
	uint64_t init_va, fini_va;    /* DT_INIT, DT_FINI; 0 = none */
	uint64_t init_array_va, init_array_len, fini_array_va, fini_array_len;
	uint64_t soname_off, runpath_off, rpath_off; /* offset in strtab; LD_DYN_NONE = absent */
	uint32_t needed_cnt;
	uint32_t dyn_cnt;             /* entries before DT_NULL */
	uint32_t debug_idx;           /* index of DT_DEBUG; dyn_cnt = none */
	int bind_now;                 /* DT_BIND_NOW, DF_BIND_NOW or DF_1_NOW */
	int is_pie;                   /* DF_1_PIE */
	int plt_is_rela;
};

#define LD_DYN_NONE UINT64_MAX

/*
 * Check the table (a copy of, or the mapping of, PT_DYNAMIC: tab, at most cnt entries) against img.
 * Addresses are link-time. Every table with a size must lie inside one segment's file bytes (init
 * and fini arrays, relocation tables, string table), be a multiple of its entry size, and have the
 * entry size of the class; symbol, hash and version tables must start inside a segment's file
 * bytes; all are aligned to what they hold. There must be a symbol table, a string table with
 * strsz > 0, and a GNU or SysV hash table; DT_TEXTREL and DF_TEXTREL are refused; DT_INIT/DT_FINI
 * must lie in an executable segment. String offsets (DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH)
 * must be < strsz; whether the strings end is for the reader of the string table to check.
 * gABI chapter 5 "Dynamic Section". Errors: LD_E_DYN_*.
 */
ld_st ld_dyn_parse(const struct ld_elf_dyn *tab, uint64_t cnt, const struct ld_image *img,
		   struct ld_dyn *out, struct ld_err *err) LD_MUST_CHECK;

#endif
