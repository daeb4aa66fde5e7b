/*
 * apply.c: see apply.h. Pure: memory in, memory out.
 *
 * A reference is resolved once when consecutive relocations name the same symbol (linkers sort them
 * so). Nothing is written outside the window check of place_ok.
 */
#include "apply.h"
#include "lfs64.h"
#include "rel.h"
#include "tlsrel.h"

#define MAX_UNDEFS 20

/* the writable segment the last relocation fell into; nearly always the next one does too */
struct window {
	uint64_t va, len;
};

struct job {
	struct ld_linker *lk;
	const struct ld_obj *o;
	struct window w;
	int lazy;          /* undefined functions of this object may wait */
	int self;          /* ward itself: its relative relocations were done at birth (born.c) */
	uint32_t last_sym; /* cache of the last lookup */
	int last_find;
	struct ld_def last_def;
};

static LD_NOINLINE int find_window(struct job *j, uint64_t off, uint64_t len)
{
	for (uint32_t i = 0; i < j->o->seg_cnt; i++) {
		const struct ld_seg *s = &j->o->seg[i];

		if ((s->prot & LD_PROT_W) && off >= s->va && ld_range_ok(off - s->va, len, s->memsz)) {
			j->w = (struct window){s->va, s->memsz};
			return 1;
		}
	}
	return 0;
}

static inline int place_ok(struct job *j, uint64_t off, uint64_t len)
{
	if (LD_LIKELY(off >= j->w.va && ld_range_ok(off - j->w.va, len, j->w.len)))
		return 1;
	return find_window(j, off, len);
}

static ld_st bad_rel(struct job *j, enum ld_code code, uint64_t off, uint64_t got, uint64_t want)
{
	struct ld_err *err = j->lk->err;

	(void)ld_err_set(err, code, off, got, want);
	ld_err_context(err, j->o->name, NULL);
	return (ld_st){err->code};
}

static struct ld_def find_lfs64(const struct ld_obj *libc, const char *name, int find)
{
	struct ld_def def = {NULL, NULL};
	char shorter[32];
	struct ld_name n;

	if (!libc || !ld_lfs64_name(name, shorter, sizeof shorter))
		return def;
	ld_name_init(&n, shorter);
	def.sym = ld_symtab_find(&libc->sym, &n);
	if (def.sym && ld_sym_usable(def.sym, find))
		def.obj = libc;
	else
		def.sym = NULL;
	return def;
}

static ld_st note_undef(struct job *j, const char *name)
{
	struct ld_undef **end = &j->lk->undefs, *u;

	if (j->lk->undef_cnt++ >= MAX_UNDEFS)
		return LD_OK;
	u = LD_NEW(j->lk->scratch, struct ld_undef);
	if (!u)
		return bad_rel(j, LD_E_MEMORY, 0, 0, 0);
	*u = (struct ld_undef){NULL, j->o, name};
	while (*end)
		end = &(*end)->next;
	*end = u;
	return LD_OK;
}

static ld_st note_deferred(struct job *j, const char *name, uintptr_t place, uintptr_t addend)
{
	struct ld_deferred *d = LD_NEW(j->lk->keep, struct ld_deferred);

	if (!d)
		return bad_rel(j, LD_E_MEMORY, 0, 0, 0);
	*d = (struct ld_deferred){j->lk->deferred, j->o, name, place, addend, *(uintptr_t *)place};
	j->lk->deferred = d;
	return LD_OK;
}

static ld_st note_ifunc(struct job *j, uintptr_t place, uintptr_t resolver, uintptr_t addend)
{
	struct ld_ifunc *f = LD_NEW(j->lk->scratch, struct ld_ifunc);

	if (!f)
		return bad_rel(j, LD_E_MEMORY, 0, 0, 0);
	*f = (struct ld_ifunc){j->lk->ifuncs, j->o, place, resolver, addend, 0};
	j->lk->ifuncs = f;
	return LD_OK;
}

enum found { FOUND, FOUND_WEAK, FOUND_LATER, FOUND_NOTHING };

/* the definition symbol idx of the object refers to */
static ld_st resolve(struct job *j, enum ld_rel_kind kind, uint64_t off, uint32_t idx,
		     struct ld_def *def, enum found *how)
{
	const struct ld_symtab *t = &j->o->sym;
	int find = kind == LD_REL_PLT || kind == LD_REL_COPY ? LD_FIND_DEF : 0;
	const struct ld_elf_sym *sym;
	const char *name;
	struct ld_name n;

	*how = FOUND;
	if (idx >= t->sym_max)
		return bad_rel(j, LD_E_REL_SYM, off, idx, t->sym_max);
	if (idx == j->last_sym && find == j->last_find && kind != LD_REL_COPY) {
		*def = j->last_def;
		return LD_OK;
	}
	sym = &t->syms[idx];
	if (LD_ST_BIND(sym->st_info) == LD_STB_LOCAL) {
		*def = (struct ld_def){sym, j->o};
		return LD_OK;
	}
	name = ld_sym_name(t, sym);
	if (!name)
		return bad_rel(j, LD_E_REL_SYM, off, sym->st_name, t->strsz);
	ld_name_init_in(&n, name, t->strsz - sym->st_name);
	if (n.len == t->strsz - sym->st_name) /* it has lost its end since it was checked */
		return bad_rel(j, LD_E_REL_SYM, off, sym->st_name, t->strsz);
	*def = ld_scope_find(kind == LD_REL_COPY ? j->lk->copy_scope : j->lk->scope, &n, find);
	if (LD_UNLIKELY(!def->sym))
		*def = find_lfs64(j->lk->libc, name, find);
	if (LD_LIKELY(def->sym != NULL)) {
		if (kind != LD_REL_COPY) {
			j->last_sym = idx;
			j->last_find = find;
			j->last_def = *def;
		}
		return LD_OK;
	}
	if (!sym->st_shndx && LD_ST_BIND(sym->st_info) == LD_STB_WEAK) {
		*how = FOUND_WEAK;
		return LD_OK;
	}
	if (j->lazy && (kind == LD_REL_PLT || kind == LD_REL_GOT)) {
		*how = FOUND_LATER;
		return LD_OK;
	}
	*how = FOUND_NOTHING;
	return note_undef(j, name);
}

/* slots in [from, from + len) whose resolver has not run yet: the copy at to waits for it as well */
static ld_st copy_ifuncs(struct job *j, uintptr_t from, uint64_t len, uintptr_t to)
{
	ld_st st = LD_OK;

	for (struct ld_ifunc *f = j->lk->ifuncs; f && !ld_failed(st); f = f->next)
		if (ld_range_ok(f->place - from, sizeof(uintptr_t), len))
			st = note_ifunc(j, to + (f->place - from), f->resolver, f->addend);
	return st;
}

static ld_st apply_copy(struct job *j, uint64_t off, uint32_t idx, struct ld_def def)
{
	const struct ld_elf_sym *sym = &j->o->sym.syms[idx];
	uint64_t len = sym->st_size < def.sym->st_size ? sym->st_size : def.sym->st_size;
	uintptr_t from = def.obj->base + def.sym->st_value;

	if (!place_ok(j, off, len))
		return bad_rel(j, LD_E_REL_COPY, off, len, 0);
	if (!ld_obj_holds(def.obj, from, len, LD_PROT_R))
		return bad_rel(j, LD_E_REL_COPY, off, len, 0);
	memcpy((void *)(j->o->base + off), (const void *)from, len);
	return copy_ifuncs(j, from, len, j->o->base + off);
}

/* one relocation with a symbol, or one of the rarer kinds */
static ld_st apply_one(struct job *j, enum ld_rel_kind kind, uint64_t off, uint32_t idx,
		       uintptr_t addend)
{
	uintptr_t *slot = (uintptr_t *)(j->o->base + off);
	struct ld_def def = {NULL, NULL};
	enum found how = FOUND;
	uintptr_t value;
	ld_st st;

	if (kind == LD_REL_NONE)
		return LD_OK;
	if (kind == LD_REL_IRELATIVE)
		return note_ifunc(j, (uintptr_t)slot, j->o->base + addend, 0);
	if (idx) {
		st = resolve(j, kind, off, idx, &def, &how);
		if (ld_failed(st) || how == FOUND_NOTHING)
			return st;
		if (how == FOUND_LATER)
			return note_deferred(j, ld_sym_name(&j->o->sym, &j->o->sym.syms[idx]), (uintptr_t)slot,
					     addend);
	}
	if (kind >= LD_REL_DTPMOD && kind <= LD_REL_TLSDESC) {
		if (how == FOUND_WEAK) { /* address of an undefined weak variable: 0 */
			slot[0] = 0;
			return LD_OK;
		}
		if (kind == LD_REL_TLSDESC && !place_ok(j, off, 2 * sizeof *slot))
			return bad_rel(j, LD_E_REL_PLACE, off, off, 0);
		return ld_tlsrel_apply(j->lk, j->o, kind, off, idx ? &def : NULL, addend);
	}
	if (kind == LD_REL_COPY)
		return def.sym ? apply_copy(j, off, idx, def) : LD_OK;
	value = def.sym ? def.obj->base + def.sym->st_value : 0;
	if (def.sym && LD_ST_TYPE(def.sym->st_info) == LD_STT_GNU_IFUNC && def.sym->st_shndx &&
	    kind != LD_REL_PC32)
		return note_ifunc(j, (uintptr_t)slot, value, kind == LD_REL_ABS ? addend : 0);
	if (kind == LD_REL_PC32)
		*(uint32_t *)slot = (uint32_t)(value + addend - (uintptr_t)slot);
	else
		*slot = value + addend;
	return LD_OK;
}

/*
 * A run of relative relocations within the window, which is where nearly all of an object's are; returns the
 * first that is something else. Apart from the loop over all kinds, or the compiler makes one jump table
 * of both.
 */
static LD_NOINLINE const struct ld_elf_rela *apply_relatives(const struct job *j, const struct ld_elf_rela *r,
							     const struct ld_elf_rela *end)
{
	uint64_t va = j->w.va, last = j->w.len - sizeof(ld_word);
	uintptr_t base = j->o->base;

	if (j->w.len < sizeof(ld_word))
		return r;
	if (j->self)
		while (r < end && LD_R_TYPE(r->r_info) == LD_ARCH_R_RELATIVE && r->r_offset - va <= last)
			r++;
	else
		for (; r < end && LD_R_TYPE(r->r_info) == LD_ARCH_R_RELATIVE && r->r_offset - va <= last; r++)
			*(ld_word *)(base + r->r_offset) = base + r->r_addend;
	return r;
}

static ld_st apply_rela(struct job *j, const struct ld_elf_rela *r, uint64_t cnt)
{
	const struct ld_elf_rela *end = r + cnt;
	uintptr_t base = j->o->base;

	for (;; r++) {
		enum ld_rel_kind kind;
		ld_st st;

		r = apply_relatives(j, r, end);
		if (r == end)
			return LD_OK;
		kind = ld_rel_kind(LD_R_TYPE(r->r_info));
		if (LD_UNLIKELY(!place_ok(j, r->r_offset, kind == LD_REL_PC32 ? 4 : sizeof(ld_word)))) {
			if (kind == LD_REL_NONE)
				continue;
			return bad_rel(j, LD_E_REL_PLACE, r->r_offset, r->r_offset, 0);
		}
		if (kind == LD_REL_RELATIVE) {
			if (!j->self)
				*(ld_word *)(base + r->r_offset) = base + r->r_addend;
			continue;
		}
		if (LD_UNLIKELY(kind == LD_REL_UNKNOWN))
			return bad_rel(j, LD_E_REL_TYPE, r->r_offset, LD_R_TYPE(r->r_info), 0);
		st = apply_one(j, kind, r->r_offset, LD_R_SYM(r->r_info), r->r_addend);
		if (ld_failed(st))
			return st;
	}
}

static ld_st apply_rel(struct job *j, const struct ld_elf_rel *r, uint64_t cnt)
{
	for (; cnt; cnt--, r++) {
		enum ld_rel_kind kind = ld_rel_kind(LD_R_TYPE(r->r_info));
		uintptr_t addend;
		ld_st st;

		if (kind == LD_REL_NONE)
			continue;
		if (!place_ok(j, r->r_offset, sizeof(ld_word)))
			return bad_rel(j, LD_E_REL_PLACE, r->r_offset, r->r_offset, 0);
		if (kind == LD_REL_UNKNOWN)
			return bad_rel(j, LD_E_REL_TYPE, r->r_offset, LD_R_TYPE(r->r_info), 0);
		addend = *(ld_word *)(j->o->base + r->r_offset);
		if (kind == LD_REL_RELATIVE) {
			if (!j->self)
				*(ld_word *)(j->o->base + r->r_offset) = addend + j->o->base;
			continue;
		}
		/* what these slots held before is no addend: lazy stubs, or garbage */
		if (kind == LD_REL_GOT || kind == LD_REL_PLT || kind == LD_REL_COPY)
			addend = 0;
		st = apply_one(j, kind, r->r_offset, LD_R_SYM(r->r_info), addend);
		if (ld_failed(st))
			return st;
	}
	return LD_OK;
}

static ld_st apply_relr(struct job *j, const ld_word *r, uint64_t cnt)
{
	uintptr_t base = j->o->base;
	uint64_t at = 0, lowest, highest;
	int started = 0;

	for (; cnt; cnt--, r++) {
		ld_word e = *r;

		if (!(e & 1)) {
			if (!place_ok(j, e, sizeof(ld_word)))
				return bad_rel(j, LD_E_REL_PLACE, e, e, 0);
			*(ld_word *)(base + e) += base;
			at = e + sizeof(ld_word);
			started = 1;
			continue;
		}
		if (!started)
			return bad_rel(j, LD_E_REL_PLACE, 0, e, 0);
		e >>= 1;
		if (!e)
			goto next;
		/* one check for the bitmap: from its first place to its last */
		lowest = at + (uint64_t)__builtin_ctzll(e) * sizeof(ld_word);
		highest = at + (63 - (uint64_t)__builtin_clzll(e)) * sizeof(ld_word);
		if (LD_UNLIKELY(!place_ok(j, lowest, highest - lowest + sizeof(ld_word))))
			return bad_rel(j, LD_E_REL_PLACE, lowest, highest, 0);
		for (; e; e &= e - 1)
			*(ld_word *)(base + at + (uint64_t)__builtin_ctzll(e) * sizeof(ld_word)) += base;
	next:
		at += (LD_ARCH_BITS - 1) * sizeof(ld_word);
	}
	return LD_OK;
}

static ld_st apply_plt(struct job *j, const struct ld_dyn *d)
{
	const void *at = (const void *)(j->o->base + d->jmprel_va);

	if (!d->pltrelsz)
		return LD_OK;
	if (d->plt_is_rela)
		return apply_rela(j, at, d->pltrelsz / sizeof(struct ld_elf_rela));
	return apply_rel(j, at, d->pltrelsz / sizeof(struct ld_elf_rel));
}

ld_st ld_apply_object(struct ld_linker *lk, const struct ld_obj *o, const struct ld_dyn *d)
{
	struct job j = {.lk = lk, .o = o, .lazy = lk->defer && !d->bind_now,
			.self = !!(o->flags & LD_OBJ_LIBC), .last_sym = UINT32_MAX};
	uintptr_t base = o->base;
	ld_st st;

	if (d->relrsz && !j.self) {
		st = apply_relr(&j, (const ld_word *)(base + d->relr_va), d->relrsz / sizeof(ld_word));
		if (ld_failed(st))
			return st;
	}
	/* first, as in musl: dlopen says which symbol is missing first */
	st = apply_plt(&j, d);
	if (ld_failed(st))
		return st;
	if (d->relasz) {
		st = apply_rela(&j, (const void *)(base + d->rela_va),
				d->relasz / sizeof(struct ld_elf_rela));
		if (ld_failed(st))
			return st;
	}
	if (d->relsz)
		return apply_rel(&j, (const void *)(base + d->rel_va),
				 d->relsz / sizeof(struct ld_elf_rel));
	return LD_OK;
}

int ld_apply_deferred(const struct ld_scope *scope, const struct ld_obj *libc,
		      const struct ld_deferred *d, uintptr_t *value)
{
	struct ld_def def;
	struct ld_name n;

	ld_name_init_in(&n, d->symbol, (size_t)(d->obj->sym.strs + d->obj->sym.strsz - d->symbol));
	def = ld_scope_find(scope, &n, LD_FIND_DEF);
	if (!def.sym)
		def = find_lfs64(libc, d->symbol, LD_FIND_DEF);
	if (!def.sym || LD_ST_TYPE(def.sym->st_info) == LD_STT_TLS)
		return 0;
	*value = def.obj->base + def.sym->st_value;
	if (LD_ST_TYPE(def.sym->st_info) == LD_STT_GNU_IFUNC)
		*value = ((uintptr_t (*)(void))*value)();
	*value += d->addend;
	return 1;
}
