/* tlsrel.h: the relocations that speak of thread-local storage. */
#ifndef LD_TLSREL_H
#define LD_TLSREL_H

#include "apply.h"
#include "rel.h"

/*
 * Store what kind wants (DTPMOD, DTPOFF, TPOFF, TLSDESC) at off of o; the caller has checked the place, two
 * words for TLSDESC. def: what the relocation's symbol resolved to; NULL = it has none and means o's own
 * block. In a dlopen TPOFF gives a module of the new group its place in the reserve, lk->tls. Errors:
 * LD_E_REL_TLS, IETLS, TLSALIGN, TLSFULL, LD_E_MEMORY.
 */
ld_st ld_tlsrel_apply(struct ld_linker *lk, const struct ld_obj *o, enum ld_rel_kind kind, uint64_t off,
		      const struct ld_def *def, uintptr_t addend) LD_MUST_CHECK;

#endif
