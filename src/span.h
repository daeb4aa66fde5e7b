/*
 * span.h: the one function that checks a range and the one that turns an offset into a pointer.
 */
#ifndef LD_SPAN_H
#define LD_SPAN_H

#include "base.h"

/* bytes somebody gave us; p may be NULL when len is 0 */
struct ld_span {
	const unsigned char *p;
	uint64_t len;
};

/* is [off, off + want) inside [0, len)? never overflows */
static inline int ld_range_ok(uint64_t off, uint64_t want, uint64_t len)
{
	return off <= len && want <= len - off;
}

/* the want bytes at off, or NULL */
static inline const void *ld_span_at(struct ld_span s, uint64_t off, uint64_t want)
{
	return ld_range_ok(off, want, s.len) ? s.p + off : NULL;
}

/* the NUL-terminated string at off, or NULL when off or its end lies outside */
static inline const char *ld_span_str(struct ld_span s, uint64_t off)
{
	for (uint64_t i = off; i < s.len; i++)
		if (!s.p[i])
			return (const char *)s.p + off;
	return NULL;
}

#endif
