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

/*
 * The same for a name that lies in max readable bytes (a string table that was checked to end in NUL):
 * eight bytes a step while none of them is NUL. h * 33 + c, eight times, is h * 33^8 + the sum of
 * c[i] * 33^(7 - i); the products do not wait for each other. Names of C++ are 100 bytes long.
 */
static inline uint32_t ld_hash_gnu_in(const char *name, size_t max, size_t *len)
{
	const unsigned char *s = (const unsigned char *)name;
	uint32_t h = 5381;
	size_t i = 0;

	for (; i + 8 <= max; i += 8) {
		const unsigned char *b = s + i;
		uint64_t w;

		memcpy(&w, b, 8);
		if ((w - 0x0101010101010101u) & ~w & 0x8080808080808080u)
			break;
		h = h * 0x747c7101u + b[0] * 0xec41d4e1u + b[1] * 0x4cfa3cc1u + b[2] * 0x25528a1u +
		    b[3] * 0x121881u + b[4] * 0x8c61u + b[5] * 0x441u + b[6] * 33u + b[7];
	}
	for (; i < max && s[i]; i++)
		h = h * 33 + s[i];
	*len = i;
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
