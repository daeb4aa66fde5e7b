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
 * c[i] * 33^(7 - i), which is built in a tree: bytes to 16-bit lanes, to 32-bit lanes, to one number. Names
 * of C++ are 100 bytes long, and start-up hashes every one.
 */
static inline uint32_t ld_hash_gnu_in(const char *name, size_t max, size_t *len)
{
	const unsigned char *s = (const unsigned char *)name;
	const uint64_t bytes = 0x00ff00ff00ff00ffu, halves = 0x0000ffff0000ffffu;
	uint32_t h = 5381;
	size_t i = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (; i + 8 <= max; i += 8) {
		uint64_t w = ld_load64(s + i);

		if ((w - 0x0101010101010101u) & ~w & 0x8080808080808080u)
			break;
		w = (w & bytes) * 33 + (w >> 8 & bytes);             /* at most 255 * 34 */
		w = (w & halves) * (33 * 33) + (w >> 16 & halves);   /* at most 255 * 34 * 1090 */
		h = h * 0x747c7101u + (uint32_t)w * 0x121881u + (uint32_t)(w >> 32); /* 33^8, 33^4 */
	}
#endif
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
