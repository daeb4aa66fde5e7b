/*
 * arena.h: bump allocation. Two uses: scratch memory of one load (given back at its end), and the
 * registry memory a group's records are built in. The loader never calls malloc: it may be the
 * program's own, and its metadata is what attackers write first.
 */
#ifndef LD_ARENA_H
#define LD_ARENA_H

#include "base.h"

struct ld_arena {
	unsigned char *cur, *end;   /* free bytes */
	unsigned char *next, *limit; /* registry: where growth goes on, and where it must stop */
	size_t step;                /* registry: by how much it grows next */
	void *blocks;               /* scratch: list of mapped blocks */
	int used;                   /* scratch: the memory was used before and is not zero */
};

/* scratch memory, first the len bytes at p (may be 0), then mapped blocks */
void ld_scratch_init(struct ld_arena *a, void *p, size_t len);
void ld_scratch_free(struct ld_arena *a);

/*
 * registry memory: first [p, p + len), then [next, limit), which is PROT_NONE and made writable as
 * it is needed
 */
void ld_keep_init(struct ld_arena *a, void *p, size_t len, void *next, void *limit);

/* len zeroed bytes aligned to align (a power of two, at most a page); NULL = out of memory */
void *ld_alloc(struct ld_arena *a, size_t len, size_t align);

/* a copy of len bytes of s with a NUL behind it; NULL = out of memory */
char *ld_alloc_str(struct ld_arena *a, const char *s, size_t len);

#define LD_NEW(a, type) ((type *)ld_alloc(a, sizeof(type), _Alignof(type)))
#define LD_NEW_N(a, type, n) ((type *)ld_alloc_n(a, n, sizeof(type), _Alignof(type)))

/* cnt * len bytes, NULL also when the product wraps */
void *ld_alloc_n(struct ld_arena *a, size_t cnt, size_t len, size_t align);

#endif
