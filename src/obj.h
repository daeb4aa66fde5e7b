/*
 * obj.h: the record of one loaded object, as it stands in the sealed registry.
 *
 * Built in writable registry memory while its group is loaded, constant for ever afterwards. Every
 * pointer in it points into sealed memory (the registry, the object's own sealed read-only pages) or
 * is an address that is only compared. What must change later is in struct ld_mut, apart.
 */
#ifndef LD_OBJ_H
#define LD_OBJ_H

#include "elf.h"
#include "phdr.h"
#include "span.h"

/* what symbol lookup reads; indices below sym_max and offsets below strsz may be read */
struct ld_symtab {
	const ld_word *bloom;    /* GNU hash: filter, NULL = the object has only a SysV table */
	const uint32_t *buckets; /* first symbol of each bucket, 0 = empty */
	const uint32_t *chains;  /* chains[i] belongs to symbol i + symoffset */
	uint32_t bloom_mask, bloom_shift, nbuckets, symoffset;
	const uint32_t *sysv;    /* nbucket, nchain, buckets, chains; NULL when GNU hash is used */
	const struct ld_elf_sym *syms;
	const char *strs;
	uint64_t strsz;
	const uint16_t *versym;  /* NULL = no versions */
	uint32_t sym_max;
	uint32_t chain_max;      /* symbols a walk of the hash table may reach; <= sym_max */
};

/* one entry of a search scope: the filter first, so that a miss touches nothing else */
struct ld_probe {
	const ld_word *bloom;
	uint32_t bloom_mask, bloom_shift;
	const struct ld_obj *obj;
};

/* thread-local storage of one module; id 0 = none */
struct ld_tls {
	const void *image;
	uint64_t filesz, memsz, align;
	uint64_t offset; /* from the thread pointer, below or above it as the architecture says */
	uint32_t id;
};

enum {
	LD_OBJ_MAIN = 1,
	LD_OBJ_LIBC = 2,   /* ward itself */
	LD_OBJ_VDSO = 4,
	LD_OBJ_KERNEL = 8, /* mapped by the kernel */
	LD_OBJ_NOW = 16,   /* no deferred relocations */
	LD_OBJ_LAZYPAGE = 32, /* a page with a deferred slot is still open */
	LD_OBJ_SEALDATA = 64, /* asks for its data to be sealed (GNU_PROPERTY_MEMORY_SEAL) */
	LD_OBJ_MUTABLE = 256, /* has ranges that must stay changeable (PT_GNU_MUTABLE): data is not sealed */
	LD_OBJ_UNPINNED = 512, /* no mapping holds its file: the inode number may come back */
	LD_OBJ_STATIC_TLS = 128, /* its TLS block has the same offset in every thread */
};

/* the first five words are what debuggers and dlinfo() call struct link_map; never read back */
struct ld_mut {
	uintptr_t l_addr;
	const char *l_name;
	const void *l_ld;
	struct ld_mut *l_next, *l_prev;
	uintptr_t visitor;  /* thread pointer of who runs its constructors; only compared; 0 = nobody */
	uint32_t done;      /* constructors have run */
	uint32_t fini_next; /* index + 1 of the object whose constructors started before */
};

struct ld_obj {
	const char *name;      /* path it was opened by; "" for the vdso */
	const char *shortname; /* name it was found by, without slash; NULL = opened by path only */
	const char *soname;    /* DT_SONAME; NULL = none */
	uint32_t shortname_hash, soname_hash; /* ld_hash_gnu of both, 0 = none */
	uint32_t idx;          /* position in load order, main is 0 */
	uint32_t flags;        /* LD_OBJ_* */
	uint64_t dev, ino, size;
	int64_t mtime;         /* nanoseconds */

	uintptr_t base;        /* run-time address minus link-time address */
	uintptr_t map_addr;    /* page-aligned span of the image */
	size_t map_len;
	const struct ld_elf_phdr *phdr;
	uint32_t phnum;
	uint32_t seg_cnt;
	const struct ld_seg *seg;
	const struct ld_elf_dyn *dyn;
	uintptr_t relro_addr;
	size_t relro_len;

	struct ld_symtab sym;
	struct ld_tls tls;

	const struct ld_obj *needed_by;
	const struct ld_obj *const *deps; /* direct dependencies in order */
	uint32_t deps_cnt;
	uint32_t init_cnt, fini_cnt;
	uint32_t uid;                  /* owner of the file; 0 for what the kernel mapped */
	uintptr_t init, fini;          /* DT_INIT and DT_FINI functions; 0 = none */
	const uintptr_t *init_array;   /* copies of the relocated arrays, in the registry */
	const uintptr_t *fini_array;
	const char *runpath;           /* DT_RUNPATH or DT_RPATH as written; NULL = none */
	const char *origin;            /* directory for $ORIGIN; NULL = unknown */
	struct ld_mut *mut;
};

/* is [addr, addr + len) inside one segment that has all of prot? run-time addresses */
static inline int ld_obj_holds(const struct ld_obj *o, uintptr_t addr, uint64_t len, uint32_t prot)
{
	for (uint32_t i = 0; i < o->seg_cnt; i++)
		if ((o->seg[i].prot & prot) == prot && addr - o->base >= o->seg[i].va &&
		    ld_range_ok(addr - o->base - o->seg[i].va, len, o->seg[i].memsz))
			return 1;
	return 0;
}

#endif
