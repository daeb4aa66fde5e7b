/*
 * anon.c: file-backed pages become anonymous ones, in place. Used on the loader itself before it is
 * relocated, so it may not reach anything through the GOT (mk/ward.mk compiles it accordingly).
 */
#include "room.h"

long ld_anonymize(uintptr_t addr, size_t len, uintptr_t from, size_t from_len)
{
	unsigned char *copy = ld_room.buf.head; /* not the stack: here the page is there already */
	long r;

	if (from_len > sizeof ld_room.buf.head) {
		r = ld_os_map_anon(0, from_len, 1);
		if (ld_os_failed(r))
			return r;
		copy = (unsigned char *)r;
	}
	memcpy(copy, (const void *)from, from_len);
	r = ld_os_remap_anon(addr, len, 1);
	if (!ld_os_failed(r))
		memcpy((void *)from, copy, from_len);
	if (copy != ld_room.buf.head)
		(void)ld_os_munmap(copy, from_len);
	return ld_os_failed(r) ? r : 0;
}
