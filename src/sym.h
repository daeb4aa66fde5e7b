/* sym.h: finding a definition. Every walk over a mapped table is bounded where it happens. */
#ifndef LD_SYM_H
#define LD_SYM_H

#include "err.h"
#include "obj.h"

/* a name being looked up; sysv is computed when the first SysV-only object is met */
struct ld_name {
	const char *s;
	size_t len;
	uint32_t gnu, sysv;
	int have_sysv;
};

struct ld_def {
	const struct ld_elf_sym *sym; /* NULL = not found */
	const struct ld_obj *obj;
};

/* a search scope: an array of probes, then the next part */
struct ld_scope {
	const struct ld_probe *probe;
	uint32_t cnt;
	const struct ld_scope *next;
};

enum {
	LD_FIND_DEF = 1,  /* an undefined symbol with a value (a PLT entry of main) does not count */
};

void ld_name_init(struct ld_name *n, const char *s);
/* the same for a name inside max readable bytes that hold its end: faster for long names */
void ld_name_init_in(struct ld_name *n, const char *s, size_t max);

/*
 * Set up *t from the tables at run-time addresses base + va. Symbol count bounds come from the
 * segments the tables lie in. gnu_va or hash_va may be 0, not both. Errors: LD_E_HASH_*.
 */
struct ld_image;
struct ld_dyn;
ld_st ld_symtab_init(struct ld_symtab *t, const struct ld_image *img, const struct ld_dyn *dyn,
		     uintptr_t base, struct ld_err *err) LD_MUST_CHECK;

/* the symbol of that name with a default (not hidden) version, or NULL; it may be undefined */
const struct ld_elf_sym *ld_symtab_find(const struct ld_symtab *t, struct ld_name *n);

/* the first acceptable definition in the scope; find: LD_FIND_* */
struct ld_def ld_scope_find(const struct ld_scope *scope, struct ld_name *n, int find);

/* is sym, found in some table, a definition that satisfies a reference? */
int ld_sym_usable(const struct ld_elf_sym *sym, int find);

/* number of symbols in the table, by a bounded walk (dladdr only) */
uint32_t ld_symtab_count(const struct ld_symtab *t);

/* name of symbol, or NULL when its offset lies outside the string table */
const char *ld_sym_name(const struct ld_symtab *t, const struct ld_elf_sym *sym);

void ld_probe_init(struct ld_probe *p, const struct ld_obj *o);

#endif
