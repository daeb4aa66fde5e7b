/*
 * anon.c: file-backed pages become anonymous ones, in place.
 */
#include "dso.h"

long ld_anonymize(struct ld_arena *scratch, uintptr_t addr, size_t len, uintptr_t from, size_t from_len)
{
	void *copy = ld_alloc(scratch, from_len, sizeof(uint64_t));
	long r;

	if (!copy)
		return -LD_ENOMEM;
	memcpy(copy, (const void *)from, from_len);
	/* all pages are written to below; one fault is cheaper than populating one page */
	r = ld_os_remap_anon(addr, len, len > ld_state.page);
	if (ld_os_failed(r))
		return r;
	memcpy((void *)from, copy, from_len);
	return 0;
}
