/*
 * tlsrel.c: see tlsrel.h. Pure: memory in, memory out. Called by apply.c, which has resolved the symbol.
 *
 * May call: arena, tlslayout. A hostile object chooses kinds, symbols and addends; what it gets is an
 * offset that its own code uses.
 */
#include "tlsrel.h"

static ld_st fail(struct ld_linker *lk, const struct ld_obj *o, enum ld_code code, uint64_t off, uint64_t got,
		  uint64_t want)
{
	(void)ld_err_set(lk->err, code, off, got, want);
	ld_err_context(lk->err, o->name, NULL);
	return (ld_st){lk->err->code};
}

static uintptr_t tp_offset(const struct ld_tls *t, uintptr_t value)
{
	return LD_ARCH_TLS_ABOVE ? value + t->offset + LD_ARCH_TPOFF_BIAS : value - t->offset;
}

/*
 * Initial-exec code reads at an offset from the thread pointer that is the same in every thread. A module
 * that this dlopen adds gets a place in the reserve that all threads have. One that came earlier without
 * has blocks in use elsewhere: too late.
 */
static LD_COLD ld_st make_static(struct ld_linker *lk, const struct ld_obj *o, uint64_t off,
				 const struct ld_obj *owner, const struct ld_elf_sym *sym)
{
	struct ld_obj *new = (struct ld_obj *)(uintptr_t)owner; /* if it is new, not frozen yet */
	const struct ld_tls *t = &owner->tls;
	struct ld_tls_totals *totals = lk->tls;
	int late = !totals || owner->idx < lk->tls_first;

	if (!late && t->align <= totals->spare_align &&
	    ld_tls_place_spare(totals, (uintptr_t)t->image - owner->base, t->memsz, t->align,
			       &new->tls.offset)) {
		new->flags |= LD_OBJ_STATIC_TLS;
		return LD_OK;
	}
	lk->err->symbol = sym && sym->st_name ? ld_sym_name(&owner->sym, sym) : NULL;
	if (owner != o)
		lk->err->where = owner->name;
	if (late)
		return fail(lk, o, LD_E_REL_IETLS, off, 0, 0);
	if (t->align > totals->spare_align)
		return fail(lk, o, LD_E_REL_TLSALIGN, off, t->align, totals->spare_align);
	return fail(lk, o, LD_E_REL_TLSFULL, off, t->memsz, totals->spare_end - totals->spare);
}

static ld_st describe(struct ld_linker *lk, const struct ld_obj *o, uintptr_t *slot,
		      const struct ld_obj *owner, uintptr_t value)
{
	int fixed = owner->flags & LD_OBJ_STATIC_TLS;
	uintptr_t arg;

	if (fixed) {
		arg = tp_offset(&owner->tls, value);
	} else {
		uintptr_t *pair = LD_NEW_N(lk->keep, uintptr_t, 2);

		if (!pair)
			return fail(lk, o, LD_E_MEMORY, 0, 0, 0);
		pair[0] = owner->tls.id;
		pair[1] = value - LD_ARCH_DTPOFF_BIAS;
		arg = (uintptr_t)pair;
	}
	slot[LD_ARCH_TLSDESC_SWAPPED] = fixed ? lk->tlsdesc_static : lk->tlsdesc_dynamic;
	slot[!LD_ARCH_TLSDESC_SWAPPED] = arg;
	return LD_OK;
}

ld_st ld_tlsrel_apply(struct ld_linker *lk, const struct ld_obj *o, enum ld_rel_kind kind, uint64_t off,
		      const struct ld_def *def, uintptr_t addend)
{
	uintptr_t *slot = (uintptr_t *)(o->base + off);
	const struct ld_elf_sym *sym = def ? def->sym : NULL;
	const struct ld_obj *owner = def ? def->obj : o;
	uintptr_t value = (sym ? sym->st_value : 0) + addend;
	ld_st st;

	if (sym && LD_ST_TYPE(sym->st_info) != LD_STT_TLS && LD_ST_BIND(sym->st_info) != LD_STB_LOCAL)
		return fail(lk, o, LD_E_REL_TLS, off, 0, 0);
	if (!owner->tls.id)
		return fail(lk, o, LD_E_REL_TLS, off, 0, 0);
	switch (kind) {
	case LD_REL_DTPMOD:
		*slot = owner->tls.id;
		return LD_OK;
	case LD_REL_DTPOFF:
		*slot = value - LD_ARCH_DTPOFF_BIAS;
		return LD_OK;
	case LD_REL_TPOFF:
		if (!(owner->flags & LD_OBJ_STATIC_TLS)) {
			st = make_static(lk, o, off, owner, sym);
			if (ld_failed(st))
				return st;
		}
		*slot = tp_offset(&owner->tls, value);
		return LD_OK;
	default:
		return describe(lk, o, slot, owner, value);
	}
}
