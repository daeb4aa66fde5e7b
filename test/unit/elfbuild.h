/*
 * elfbuild.h: an ELF object in memory, valid as built; tests change one field of it.
 *
 * File offsets equal link-time addresses, so mem is the file and, with base = (uintptr_t)mem, the
 * mapped image as well. Segments (page size 4096), with inaccessible holes between them:
 *
 *   0x0000-0x4000 R   headers, names, symbols, hash tables, relocation tables
 *   0x5000-0x6000 RX  code: EB_TEXT_VA + anything
 *   0x7000-0x9000 RW  [0x7000, 0x8000) RELRO: dynamic table, arrays, GOT; then data and TLS image
 *   0x9000-0x9800     zero-initialised rest of the RW segment
 *
 * Order of work: eb_new, symbols, eb_hash, relocations, eb_dynamic. eb_valid does all of it.
 */
#ifndef ELFBUILD_H
#define ELFBUILD_H

#include "dyn.h"
#include "ehdr.h"
#include "obj.h"
#include "phdr.h"
#include "sym.h"

enum { EB_PAGE = 4096 };

enum {
	EB_INTERP_VA = 0x400,
	EB_NOTE_VA = 0x440,
	EB_SYM_VA = 0x500,
	EB_STR_VA = 0x900,
	EB_VERSYM_VA = 0xc00,
	EB_RELA_VA = 0xd00,
	EB_JMPREL_VA = 0x1100,
	EB_REL_VA = 0x1300,
	EB_RELR_VA = 0x1400,
	EB_SYSV_VA = 0x2000,
	EB_GNU_VA = 0x3000,
	EB_RO_END = 0x4000,
	EB_TEXT_VA = 0x5000,
	EB_TEXT_END = 0x6000,
	EB_RW_VA = 0x7000,
	EB_DYN_VA = 0x7000,
	EB_INIT_VA = 0x7600,
	EB_FINI_VA = 0x7640,
	EB_GOT_VA = 0x7700,
	EB_RELRO_END = 0x8000,
	EB_DATA_VA = 0x8000,
	EB_TLS_VA = 0x8800,
	EB_FILE_END = 0x9000,
	EB_BSS_VA = 0x9000,
	EB_RW_END = 0x9800,
	EB_MEM_END = 0xa000,
};

/* indices of the program headers */
enum {
	EB_PT_PHDR,
	EB_PT_INTERP,
	EB_PT_RO,
	EB_PT_TEXT,
	EB_PT_RW,
	EB_PT_DYNAMIC,
	EB_PT_TLS,
	EB_PT_RELRO,
	EB_PT_STACK,
	EB_PT_PROPERTY,
	EB_PT_CNT,
	EB_PT_ROOM = 16, /* headers that fit */
};

enum { EB_GNU = 1, EB_SYSV = 2 };

struct eb {
	unsigned char *mem;
	struct ld_elf_ehdr *eh;
	struct ld_elf_phdr *ph;
	struct ld_elf_dyn *dyn;
	struct ld_elf_sym *sym;
	char *str;
	uint16_t *versym; /* in use when versioned is set */
	struct ld_elf_rela *rela, *jmprel;
	struct ld_elf_rel *rel;
	ld_word *relr;
	uint32_t *gnu, *sysv; /* the hash tables as words, once eb_hash has built them */
	uint32_t dyn_cnt, sym_cnt, str_len, rela_cnt, jmprel_cnt, rel_cnt, relr_cnt;
	uint32_t symoffset, nbuckets;
	uint64_t gnu_va; /* where eb_hash puts the GNU table */
	uint64_t str_va; /* where eb_dynamic says the names are; moving them is the test's work */
	int kinds, versioned;
};

struct eb *eb_new(void);
struct eb *eb_valid(void);
void eb_free(struct eb *b);

uint32_t eb_str(struct eb *b, const char *s);
/* symbols must come with the undefined ones first; shndx 0 = undefined */
void eb_sym(struct eb *b, const char *name, unsigned bind, unsigned type, unsigned shndx,
	    uint64_t value, uint64_t size);
/* a global function in the code segment */
void eb_func(struct eb *b, const char *name, uint64_t value);
void eb_undef(struct eb *b, const char *name, unsigned bind);
uint32_t eb_sym_idx(const struct eb *b, const char *name);

/* hash tables over the defined symbols (GNU: sorts them by bucket); kinds: EB_GNU | EB_SYSV */
void eb_hash(struct eb *b, int kinds, uint32_t nbuckets);

void eb_rela(struct eb *b, uint64_t place, uint32_t type, uint32_t sym, uint64_t addend);
void eb_jmprel(struct eb *b, uint64_t place, uint32_t type, uint32_t sym, uint64_t addend);
void eb_rel(struct eb *b, uint64_t place, uint32_t type, uint32_t sym);
void eb_relr(struct eb *b, ld_word entry);

void eb_dynamic(struct eb *b);
void eb_dyn_add(struct eb *b, ld_word tag, ld_word val);
/* the entry with that tag; fails the test when there is none */
struct ld_elf_dyn *eb_dyn(struct eb *b, ld_word tag);
/* turn the entry into one nobody reads */
void eb_dyn_drop(struct eb *b, ld_word tag);

/* the object's word at a link-time address, for reading and writing */
ld_word *eb_word(struct eb *b, uint64_t va);

/* the object as a file: EB_FILE_END bytes, zeros in the holes */
void eb_file(const struct eb *b, unsigned char *data);

/* parse as the loader does; the first error ends it */
ld_st eb_scan(const struct eb *b, struct ld_image *img, struct ld_err *err);
ld_st eb_parse(const struct eb *b, struct ld_image *img, struct ld_dyn *dyn, struct ld_err *err);

/* the record of a loaded object: everything parsed, tables set up; fails the test on any error */
struct eb_loaded {
	struct ld_image img;
	struct ld_dyn dyn;
	struct ld_obj obj;
	struct ld_probe probe;
};
void eb_load(struct eb *b, const char *name, struct eb_loaded *out);

#endif
