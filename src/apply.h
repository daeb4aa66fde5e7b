/*
 * apply.h: relocation of one object. Writes only inside the object's writable segments.
 *
 * Symbols are looked up here, in the scope given; what cannot be finished here is put on lists for the
 * caller: indirect functions (their resolvers are foreign code and run later) and deferred slots.
 */
#ifndef LD_APPLY_H
#define LD_APPLY_H

#include "arena.h"
#include "dyn.h"
#include "sym.h"
#include "tlslayout.h"

/* a slot whose value an indirect function decides */
struct ld_ifunc {
	struct ld_ifunc *next;
	const struct ld_obj *obj; /* whose slot it is */
	uintptr_t place, resolver, addend, value;
};

/* a slot of a lazily opened object whose symbol nobody defines yet */
struct ld_deferred {
	struct ld_deferred *next;
	const struct ld_obj *obj;
	const char *symbol;
	uintptr_t place, addend, initial; /* initial: what stands in the slot until then */
};

/* a symbol nobody defines and that may not stay undefined */
struct ld_undef {
	struct ld_undef *next;
	const struct ld_obj *obj;
	const char *symbol;
};

struct ld_linker {
	const struct ld_scope *scope;      /* where references look */
	const struct ld_scope *copy_scope; /* the same without the main program */
	const struct ld_obj *libc;         /* whose LFS64 names are answered */
	struct ld_arena *keep, *scratch;
	uintptr_t tlsdesc_static, tlsdesc_dynamic;
	int defer;                         /* undefined functions of objects without NOW may wait */
	/*
	 * A dlopen: its objects, from index tls_first on, get static TLS out of this reserve when a
	 * relocation needs it. NULL = none can.
	 */
	struct ld_tls_totals *tls;
	uint32_t tls_first;
	struct ld_ifunc *ifuncs;           /* newest first */
	struct ld_deferred *deferred;
	struct ld_undef *undefs;           /* in the order in which they were met */
	uint32_t undef_cnt;
	struct ld_err *err;
};

/*
 * Relocate o, whose tables dyn names. Undefined symbols are collected in lk->undefs (at most 20 are
 * kept, all counted) and are no error here. Errors: LD_E_REL_*, LD_E_MEMORY.
 */
ld_st ld_apply_object(struct ld_linker *lk, const struct ld_obj *o, const struct ld_dyn *dyn) LD_MUST_CHECK;

/* what a deferred slot should hold now: 1 and *value, or 0 when the symbol is still undefined */
int ld_apply_deferred(const struct ld_scope *scope, const struct ld_obj *libc,
		      const struct ld_deferred *d, uintptr_t *value);

#endif
