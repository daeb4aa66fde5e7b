/*
 * list.c: what would be loaded, and who defines a symbol: --list, --list=verbose, --explain. Nothing is
 * mapped executable, nothing relocated, nothing executed; the objects' tables are read within the bounds
 * that were checked. Names and symbols are untrusted bytes.
 */
#include "start.h"

static void print(struct ld_text *t)
{
	ld_text_str(t, "\n");
	(void)ld_os_write(1, t->buf, t->len);
}

static const char *verdict_of(const struct ld_new *n)
{
	if (n->o->flags & LD_OBJ_LIBC)
		return "self";
	if (n->o->flags & LD_OBJ_KERNEL)
		return "kernel";
	return ld_verdict_word(n->verdict);
}

/* verbose: words that programs read, after those of musl's format */
static void put_verdict(struct ld_text *t, const struct ld_new *n)
{
	const struct ld_obj *by = n->o->needed_by;

	ld_text_str(t, " verdict=");
	ld_text_str(t, verdict_of(n));
	ld_text_str(t, " mode=");
	if (n->o->flags & (LD_OBJ_KERNEL | LD_OBJ_LIBC))
		ld_text_str(t, "-");
	else
		ld_text_oct(t, n->mode);
	ld_text_str(t, " needed-by=");
	ld_text_word(t, by ? by->name : NULL, by ? ld_strlen(by->name) : 0);
}

static void print_object(const char *name, const struct ld_new *n, const struct ld_obj *o, int verbose)
{
	struct ld_text t;
	char buf[LD_LINE_MAX];

	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "\t");
	ld_text_raw(&t, name);
	if (!(o->flags & (LD_OBJ_LIBC | LD_OBJ_MAIN)) || (o->flags & LD_OBJ_LIBC && name != ld_state.self_name)) {
		ld_text_str(&t, " => ");
		ld_text_raw(&t, o->flags & LD_OBJ_LIBC ? ld_state.self_name : o->name);
	}
	ld_text_str(&t, " (");
	ld_text_hex(&t, o->base);
	ld_text_str(&t, ")");
	if (verbose && n)
		put_verdict(&t, n);
	print(&t);
}

static void list_needed(const struct ld_group *g, int verbose)
{
	static const char *const libc_word = "libc.so";
	int said_libc = 0;

	if (verbose)
		print_object(g->first->o->name, g->first, g->first->o, 1);
	print_object(ld_state.self_name, verbose ? ld_group_find(g, &ld_self) : NULL, &ld_self, verbose);
	for (struct ld_new *n = g->first; n; n = n->next) {
		if (n->o->flags & (LD_OBJ_MAIN | LD_OBJ_VDSO))
			continue;
		if ((n->o->flags & LD_OBJ_LIBC) && said_libc++)
			continue;
		print_object(n->o->flags & LD_OBJ_LIBC ? libc_word
			     : n->o->shortname ? n->o->shortname : n->o->name, n, n->o, verbose);
	}
}

/* what an object has to do with a symbol */
static const char *role_of(const struct ld_obj *o, struct ld_name *name, const struct ld_elf_sym **sym)
{
	*sym = o->sym.syms ? ld_symtab_find(&o->sym, name) : NULL;
	if (*sym && ld_sym_usable(*sym, LD_FIND_DEF))
		return "defines";
	/* GNU hash tables hold no undefined symbols: look at all */
	for (uint32_t i = 1, cnt = o->sym.syms ? ld_symtab_count(&o->sym) : 0; i < cnt; i++) {
		const struct ld_elf_sym *s = &o->sym.syms[i];
		const char *have = s->st_shndx ? NULL : ld_sym_name(&o->sym, s);

		if (have && ld_streq(have, name->s))
			return "asks";
	}
	return "-";
}

/*
 * One line an object, in the order of the search: "N PATH ROLE [used]". The first that defines the
 * symbol is the one that everybody gets, but for objects that bind to themselves (-Bsymbolic).
 */
static int explain(const struct ld_group *g, const char *symbol)
{
	const struct ld_elf_sym *sym;
	struct ld_name name;
	uint64_t at = 0;
	int used = 0;

	ld_name_init(&name, symbol);
	for (const struct ld_new *n = g->first; n; n = n->next) {
		const char *path = n->o->flags & LD_OBJ_LIBC ? ld_state.self_name : n->o->name, *role;
		struct ld_text t;
		char buf[LD_LINE_MAX];

		if (n->o->flags & LD_OBJ_VDSO)
			continue;
		role = role_of(n->o, &name, &sym);
		ld_text_init(&t, buf, sizeof buf);
		ld_text_dec(&t, at++);
		ld_text_str(&t, " ");
		ld_text_word(&t, path, ld_strlen(path));
		ld_text_str(&t, " ");
		ld_text_str(&t, role);
		if (*role == 'd' && !used++)
			ld_text_str(&t, " used");
		print(&t);
	}
	return used != 0;
}

void ld_list(struct ld_group *g, const struct ld_command *c)
{
	if (!c->explain)
		list_needed(g, c->verbose);
	else if (!explain(g, c->explain))
		ld_state.list = 2; /* nobody defines it: not a success */
}
