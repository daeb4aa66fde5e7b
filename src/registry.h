/*
 * registry.h: the append-only log of loaded objects (promise P6).
 *
 * Each group (the start set, every dlopen that adds something) is one chunk: records, names, lists,
 * TLS modules. A chunk is built in memory nobody reads yet, made read-only, re-validated from the
 * read-only bytes, sealed, and only then published by raising one counter. Spare memory behind the
 * last chunk is PROT_NONE. Readers take no lock: they walk sealed memory. The counter is the only
 * writable word; a reader never goes beyond a chunk that does not agree with it, and 0 means "just
 * the start set".
 */
#ifndef LD_REGISTRY_H
#define LD_REGISTRY_H

#include "apply.h"
#include "arena.h"
#include "obj.h"
#include "tlslayout.h"

/* the breadth-first dependency order of root, itself first: what dlsym(handle) searches */
struct ld_bfs {
	const struct ld_obj *root;
	const struct ld_obj *const *list;
	uint32_t cnt;
};

struct ld_chunk {
	uint64_t magic;
	const struct ld_chunk *self;
	uint32_t idx;              /* 0 = start set */
	uint32_t obj_first;        /* objects in all earlier chunks */
	uint32_t obj_cnt;          /* objects of this one */
	uint32_t scope_cnt;        /* objects it adds to the global scope */
	const struct ld_obj *const *objs;
	const struct ld_probe *scope;
	const struct ld_obj *const *tls; /* objects with a TLS module, in module order */
	uint32_t tls_cnt;
	uint32_t tls_first;        /* modules in all earlier chunks */
	struct ld_tls_totals tls_totals; /* after this chunk */
	uint64_t tls_block_len;    /* bytes of a thread's static block after this chunk */
	struct ld_bfs bfs;         /* root NULL = none */
	const struct ld_deferred *deferred; /* NULL = none */
	struct ld_mut *mut;        /* obj_cnt entries */
	const struct ld_obj *const *order; /* constructor order of the start set; NULL otherwise */
	uint32_t order_cnt;
	uint32_t mut_left;         /* entries that later groups may take */
	struct ld_mut *mut_spare;  /* the first of them */
	uintptr_t next;            /* where the next chunk would lie */
};

/* where the log lives; constant after start */
struct ld_log {
	const struct ld_chunk *first;
	uintptr_t lo, hi; /* the reserved region the later chunks lie in */
};

/* one chunk being built */
struct ld_builder {
	struct ld_arena keep;
	struct ld_chunk *chunk;
	uintptr_t start, mark; /* region part: first byte, and how far it is writable */
};

/* chunks that may be read: at least the start set. published is the writable word. */
const struct ld_chunk *ld_log_next(const struct ld_log *log, const struct ld_chunk *c,
				   uint32_t published);

/* is c a chunk of this log with that index whose parts lie where they must? reads only *c */
int ld_chunk_is_valid(const struct ld_log *log, const struct ld_chunk *c, uint32_t idx);

/*
 * Begin a chunk: memory [area, area + area_len) first (may be 0), then the region from start on. The
 * chunk header is allocated at its beginning.
 */
ld_st ld_builder_begin(struct ld_builder *b, void *area, size_t area_len, uintptr_t start,
		       uintptr_t limit, struct ld_err *err) LD_MUST_CHECK;

/* make the region part read-only, give back what is unused; fills in chunk->next before */
ld_st ld_builder_freeze(struct ld_builder *b, struct ld_err *err) LD_MUST_CHECK;

/* throw away what was built: the region part is PROT_NONE and empty again */
void ld_builder_abort(struct ld_builder *b);

#endif
