/* hash.h: the two ELF hash functions. gABI "Hash Table"; GNU hash as GNU binutils writes it. */
#ifndef LD_HASH_H
#define LD_HASH_H

#include "base.h"

/* GNU hash of name; its length goes to *len */
static inline uint32_t ld_hash_gnu(const char *name, size_t *len)
{
	const unsigned char *s = (const unsigned char *)name;
	uint32_t h = 5381;

	for (; *s; s++)
		h = h * 33 + *s;
	*len = (size_t)(s - (const unsigned char *)name);
	return h;
}

/* SysV hash of name */
static inline uint32_t ld_hash_sysv(const char *name)
{
	uint32_t h = 0;

	for (const unsigned char *s = (const unsigned char *)name; *s; s++) {
		h = 16 * h + *s;
		h ^= h >> 24 & 0xf0;
	}
	return h & 0xfffffff;
}

#endif
