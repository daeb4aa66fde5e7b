/*
 * rel.h: what a relocation does, whatever its number is on this machine.
 *
 * S is the symbol's address, A the addend, B the load bias, P the place. Sizes are words unless
 * said. Unknown numbers have no kind: the object is refused.
 */
#ifndef LD_REL_H
#define LD_REL_H

#include "base.h"

enum ld_rel_kind {
	LD_REL_UNKNOWN,
	LD_REL_NONE,
	LD_REL_RELATIVE,  /* B + A */
	LD_REL_ABS,       /* S + A, the addend counts */
	LD_REL_GOT,       /* S (+ A on RELA machines, where it is 0) */
	LD_REL_PLT,       /* like GOT, definition needed, may be deferred */
	LD_REL_PC32,      /* S + A - P in 32 bits */
	LD_REL_COPY,      /* copy st_size bytes from the definition outside the main program */
	LD_REL_DTPMOD,    /* TLS module number */
	LD_REL_DTPOFF,    /* offset in the module's block */
	LD_REL_TPOFF,     /* offset from the thread pointer; static TLS only */
	LD_REL_TLSDESC,   /* two words: function, argument */
	LD_REL_IRELATIVE, /* what the function at B + A returns */
};

static inline enum ld_rel_kind ld_rel_kind(uint32_t type)
{
	switch (type) {
#define LD_REL(number, kind)                                                                       \
	case number:                                                                               \
		return LD_REL_##kind;
#include "ld_rel.def"
#undef LD_REL
	}
	return LD_REL_UNKNOWN;
}

#endif
