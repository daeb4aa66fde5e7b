/*
 * dyn.c: the dynamic table, checked. One walk collects, the rest judges what was collected.
 *
 * May call: memset, err, phdr (ld_image_seg, ld_image_file). Owns: no data. The file's author
 * controls every entry. gABI chapter 5, "Dynamic Section".
 */
#include "dyn.h"

/* tags below SLOT_LOW have the slot of their number; the few above it that matter follow */
enum {
	SLOT_LOW = LD_DT_RELRENT + 1,
	SLOT_GNU_HASH = SLOT_LOW,
	SLOT_VERSYM,
	SLOT_FLAGS_1,
	SLOT_CNT
};

enum { WORD_LEN = sizeof(ld_word), GNU_HASH_HEAD = 16, SYSV_HASH_HEAD = 8 };

/* what the table says; untrusted */
struct raw {
	uint64_t v[SLOT_CNT];
	uint64_t seen; /* bit per slot */
};

struct parse {
	const struct ld_elf_dyn *tab;
	const struct ld_image *img;
	struct raw raw;
	struct ld_dyn *out;
	struct ld_err *err;
};

static ld_st bad(const struct parse *p, enum ld_code code, uint64_t at, uint64_t got, uint64_t want)
{
	return ld_err_set(p->err, code, at, got, want);
}

static int slot_of(uint64_t tag)
{
	if (tag < SLOT_LOW)
		return (int)tag;
	switch (tag) {
	case LD_DT_GNU_HASH:
		return SLOT_GNU_HASH;
	case LD_DT_VERSYM:
		return SLOT_VERSYM;
	case LD_DT_FLAGS_1:
		return SLOT_FLAGS_1;
	default:
		return -1;
	}
}

static int seen(const struct parse *p, int slot)
{
	return (int)(p->raw.seen >> slot & 1);
}

/* value of a tag, 0 when it is absent */
static uint64_t value(const struct parse *p, int slot)
{
	return p->raw.v[slot];
}

/* walk to DT_NULL; of a tag that comes twice the last one counts */
static ld_st collect(struct parse *p, uint64_t cnt)
{
	struct ld_dyn *out = p->out;
	uint32_t i, limit = cnt < LD_MAX_DYN ? (uint32_t)cnt : LD_MAX_DYN;

	out->debug_idx = UINT32_MAX;
	for (i = 0; i < limit && p->tab[i].d_tag != LD_DT_NULL; i++) {
		int slot = slot_of(p->tab[i].d_tag);

		if (slot == LD_DT_NEEDED)
			out->needed_cnt++;
		if (slot == LD_DT_DEBUG)
			out->debug_idx = i;
		if (slot >= 0) {
			p->raw.v[slot] = p->tab[i].d_val;
			p->raw.seen |= 1ull << slot;
		}
	}
	if (i == limit)
		return bad(p, LD_E_DYN_END, cnt, 0, 0);
	out->dyn_cnt = i;
	if (out->debug_idx == UINT32_MAX)
		out->debug_idx = i;
	if (out->needed_cnt > LD_MAX_NEEDED)
		return bad(p, LD_E_DYN_NEEDED, 0, out->needed_cnt, LD_MAX_NEEDED);
	return LD_OK;
}

static ld_st check_flags(struct parse *p)
{
	uint64_t flags = value(p, LD_DT_FLAGS), flags_1 = value(p, SLOT_FLAGS_1);

	if (seen(p, LD_DT_TEXTREL) || flags & LD_DF_TEXTREL)
		return bad(p, LD_E_DYN_TEXTREL, 0, flags, 0);
	p->out->bind_now = seen(p, LD_DT_BIND_NOW) || flags & LD_DF_BIND_NOW ||
			   flags_1 & LD_DF_1_NOW;
	p->out->is_pie = !!(flags_1 & LD_DF_1_PIE);
	return LD_OK;
}

/* an entry size may be left out, but it may not be another one */
static ld_st check_entsize(struct parse *p, int slot, uint64_t want)
{
	if (seen(p, slot) && value(p, slot) != want)
		return bad(p, LD_E_DYN_ENTSIZE, (uint64_t)slot, value(p, slot), want);
	return LD_OK;
}

/*
 * A table of which the dynamic section tells address and length: whole entries of ent bytes, all
 * of them from the file. Length 0 means absent. slot names the table in the message.
 */
static ld_st check_table(struct parse *p, int slot, int len_slot, uint64_t ent, uint64_t *va_out,
			 uint64_t *len_out)
{
	uint64_t va = value(p, slot), len = value(p, len_slot);

	if (!len)
		return LD_OK;
	if (len % ent)
		return bad(p, LD_E_DYN_SIZE, (uint64_t)slot, len, 0);
	if (!va || !ld_image_file(p->img, va, len))
		return bad(p, LD_E_DYN_RANGE, (uint64_t)slot, va, 0);
	if (va % WORD_LEN)
		return bad(p, LD_E_DYN_ALIGN, (uint64_t)slot, va, 0);
	*va_out = va;
	*len_out = len;
	return LD_OK;
}

/* a table whose length only a walk can tell: its first len bytes are there; 0 = absent */
static ld_st check_start(struct parse *p, int slot, uint64_t len, uint64_t align, uint64_t *va_out)
{
	uint64_t va = value(p, slot);

	if (!va)
		return LD_OK;
	if (!ld_image_file(p->img, va, len))
		return bad(p, LD_E_DYN_RANGE, (uint64_t)slot, va, 0);
	if (va % align)
		return bad(p, LD_E_DYN_ALIGN, (uint64_t)slot, va, 0);
	*va_out = va;
	return LD_OK;
}

static ld_st check_relocs(struct parse *p)
{
	struct ld_dyn *o = p->out;
	const uint64_t rela = sizeof(struct ld_elf_rela), rel = sizeof(struct ld_elf_rel);
	uint64_t kind = value(p, LD_DT_PLTREL);
	ld_st st;

	if (ld_failed(st = check_entsize(p, LD_DT_RELAENT, rela)) ||
	    ld_failed(st = check_entsize(p, LD_DT_RELENT, rel)) ||
	    ld_failed(st = check_entsize(p, LD_DT_RELRENT, WORD_LEN)))
		return st;
	if (ld_failed(st = check_table(p, LD_DT_RELA, LD_DT_RELASZ, rela, &o->rela_va,
				       &o->relasz)) ||
	    ld_failed(st = check_table(p, LD_DT_REL, LD_DT_RELSZ, rel, &o->rel_va, &o->relsz)) ||
	    ld_failed(st = check_table(p, LD_DT_RELR, LD_DT_RELRSZ, WORD_LEN, &o->relr_va,
				       &o->relrsz)))
		return st;
	if (!value(p, LD_DT_PLTRELSZ))
		return LD_OK;
	if (kind != LD_DT_RELA && kind != LD_DT_REL)
		return bad(p, LD_E_DYN_PLTREL, LD_DT_PLTREL, kind, 0);
	o->plt_is_rela = kind == LD_DT_RELA;
	return check_table(p, LD_DT_JMPREL, LD_DT_PLTRELSZ, o->plt_is_rela ? rela : rel,
			   &o->jmprel_va, &o->pltrelsz);
}

static ld_st check_symbols(struct parse *p)
{
	struct ld_dyn *o = p->out;
	const uint64_t sym = sizeof(struct ld_elf_sym);
	ld_st st;

	if (ld_failed(st = check_entsize(p, LD_DT_SYMENT, sym)) ||
	    ld_failed(st = check_start(p, LD_DT_SYMTAB, sym, WORD_LEN, &o->symtab_va)) ||
	    ld_failed(st = check_start(p, LD_DT_HASH, SYSV_HASH_HEAD, 4, &o->hash_va)) ||
	    ld_failed(st = check_start(p, SLOT_GNU_HASH, GNU_HASH_HEAD, WORD_LEN,
				       &o->gnu_hash_va)) ||
	    ld_failed(st = check_start(p, SLOT_VERSYM, 2, 2, &o->versym_va)))
		return st;
	o->strsz = value(p, LD_DT_STRSZ);
	if (ld_failed(st = check_start(p, LD_DT_STRTAB, o->strsz, 1, &o->strtab_va)))
		return st;
	if (!o->symtab_va || !o->strtab_va || !o->strsz || (!o->hash_va && !o->gnu_hash_va))
		return bad(p, LD_E_DYN_NOSYM, 0, 0, 0);
	return LD_OK;
}

/* every name the table refers to begins inside the string table */
static ld_st check_strings(struct parse *p)
{
	static const unsigned char slots[] = {LD_DT_SONAME, LD_DT_RUNPATH, LD_DT_RPATH};
	uint64_t *const outs[] = {&p->out->soname_off, &p->out->runpath_off, &p->out->rpath_off};

	for (uint32_t i = 0; i < p->out->dyn_cnt; i++)
		if (p->tab[i].d_tag == LD_DT_NEEDED && p->tab[i].d_val >= p->out->strsz)
			return bad(p, LD_E_DYN_STR, i, p->tab[i].d_val, 0);
	for (size_t i = 0; i < LD_COUNTOF(slots); i++) {
		*outs[i] = seen(p, slots[i]) ? value(p, slots[i]) : LD_DYN_NONE;
		if (*outs[i] != LD_DYN_NONE && *outs[i] >= p->out->strsz)
			return bad(p, LD_E_DYN_STR, slots[i], *outs[i], 0);
	}
	return LD_OK;
}

/* DT_INIT or DT_FINI: 0 means none */
static ld_st check_code(struct parse *p, int slot, uint64_t *va_out)
{
	uint64_t va = value(p, slot);
	const struct ld_seg *seg = ld_image_file(p->img, va, 1);

	if (!va)
		return LD_OK;
	if (!seg || !(seg->prot & LD_PROT_X))
		return bad(p, LD_E_DYN_INIT, (uint64_t)slot, va, 0);
	*va_out = va;
	return LD_OK;
}

static ld_st check_array(struct parse *p, int slot, int len_slot, uint64_t *va_out,
			 uint64_t *len_out)
{
	uint64_t cnt = value(p, len_slot) / WORD_LEN;

	if (cnt > LD_MAX_INIT)
		return bad(p, LD_E_DYN_INITCNT, (uint64_t)slot, cnt, LD_MAX_INIT);
	return check_table(p, slot, len_slot, WORD_LEN, va_out, len_out);
}

static ld_st check_init(struct parse *p)
{
	struct ld_dyn *o = p->out;
	ld_st st;

	if (ld_failed(st = check_code(p, LD_DT_INIT, &o->init_va)) ||
	    ld_failed(st = check_code(p, LD_DT_FINI, &o->fini_va)) ||
	    ld_failed(st = check_array(p, LD_DT_INIT_ARRAY, LD_DT_INIT_ARRAYSZ, &o->init_array_va,
				       &o->init_array_len)))
		return st;
	return check_array(p, LD_DT_FINI_ARRAY, LD_DT_FINI_ARRAYSZ, &o->fini_array_va,
			   &o->fini_array_len);
}

/* nothing is read through DT_PLTGOT here; an empty one may stand at a segment's end */
static ld_st check_pltgot(struct parse *p)
{
	uint64_t va = value(p, LD_DT_PLTGOT);

	if (va && !ld_image_seg(p->img, va, 0))
		return bad(p, LD_E_DYN_RANGE, LD_DT_PLTGOT, va, 0);
	p->out->pltgot_va = va;
	return LD_OK;
}

ld_st ld_dyn_parse(const struct ld_elf_dyn *tab, uint64_t cnt, const struct ld_image *img,
		   struct ld_dyn *out, struct ld_err *err)
{
	static ld_st (*const steps[])(struct parse *) = {check_flags,  check_relocs, check_symbols,
							 check_strings, check_init,  check_pltgot};
	struct parse p = {.tab = tab, .img = img, .out = out, .err = err};
	ld_st st;

	memset(out, 0, sizeof *out);
	st = collect(&p, cnt);
	for (size_t i = 0; i < LD_COUNTOF(steps) && !ld_failed(st); i++)
		st = steps[i](&p);
	return st;
}
