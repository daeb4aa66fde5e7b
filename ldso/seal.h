/* seal.h: between seal.c and those who tell it when: publish.c and deferred.c. */
#ifndef LD_SEAL_H
#define LD_SEAL_H

#include "dso.h"

static inline uint64_t ld_page_down(uint64_t v)
{
	return ld_align_down(v, ld_state.page);
}

static inline uint64_t ld_page_up(uint64_t v)
{
	return ld_align_up(v, ld_state.page);
}

/* grow the page range [*lo, *hi), empty when *hi is 0, to hold place */
static inline void ld_pages_widen(uintptr_t *lo, uintptr_t *hi, uintptr_t place)
{
	uintptr_t p = ld_page_down(place);

	if (!*hi || p < *lo)
		*lo = p;
	if (p + ld_state.page > *hi)
		*hi = p + ld_state.page;
}

static inline int ld_in_relro(const struct ld_obj *o, uintptr_t place)
{
	return place - o->relro_addr < o->relro_len;
}

/* note the pages that ifuncs and deferred slots keep open; LD_E_REL_IFUNC for a resolver that is no code */
ld_st ld_seal_mark_open(struct ld_group *g) LD_MUST_CHECK;
/* make read-only what can be: RELRO, and pages that hold nothing but PLT slots */
ld_st ld_seal_protect(struct ld_group *g, struct ld_new *n) LD_MUST_CHECK;
/* the loader's own RELRO, with the state and the start set's records in it */
ld_st ld_seal_protect_self(struct ld_group *g) LD_MUST_CHECK;
/* all objects of the group, then its registry chunk */
ld_st ld_seal_group(struct ld_group *g) LD_MUST_CHECK;
/* run the resolvers, store what they say, seal those pages */
ld_st ld_seal_ifuncs(struct ld_group *g) LD_MUST_CHECK;

#endif
