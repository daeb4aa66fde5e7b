/*
 * program.c: the main program, whether the kernel mapped it (PT_INTERP) or it is loaded here (a direct
 * run), and the vdso.
 */
#include "format.h"
#include "musl.h"
#include "path.h"
#include "start.h"

/* strings on the stack can be rewritten later: what is trusted then lies in the registry */
const char *ld_keep_str(struct ld_group *g, const char *s)
{
	return ld_alloc_str(&g->b.keep, s, ld_strlen(s));
}

static const char *main_name(const struct ld_auxv *a)
{
	const char *fn = (const char *)a->v[LD_AT_EXECFN];

	/* under fexecve the kernel names a descriptor; argv[0] says more */
	if (fn && !ld_after(fn, "/proc/") && !ld_after(fn, "/dev/fd/"))
		return fn;
	return ld_state.argc ? ld_state.argv[0] : fn ? fn : "";
}

static ld_st add_main(struct ld_group *g, struct ld_new *n)
{
	struct ld_obj *o = n->o;

	if (ld_reporting(LD_REPORT_ALL))
		ld_report_loaded(g, n, NULL);
	o->flags |= LD_OBJ_MAIN | LD_OBJ_NOW;
	ld_origin_main(g, o);
	ld_rt_stack_size(n->stack_len);
	ld_group_add(g, n);
	return LD_OK;
}

/* the load bias of a main program the kernel mapped: where its headers are against where they say */
static uintptr_t main_base(const struct ld_elf_phdr *ph, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt; i++)
		if (ph[i].p_type == LD_PT_PHDR)
			return (uintptr_t)ph - ph[i].p_vaddr;
	for (uint32_t i = 0; i < cnt; i++)
		if (ph[i].p_type == LD_PT_LOAD && !ph[i].p_offset)
			return (uintptr_t)ph - sizeof(struct ld_elf_ehdr) - ph[i].p_vaddr;
	return 0;
}

ld_st ld_main_from_kernel(struct ld_group *g, const struct ld_auxv *a, struct ld_new **out)
{
	const struct ld_elf_phdr *ph = (const void *)a->v[LD_AT_PHDR];
	uint32_t cnt = (uint32_t)a->v[LD_AT_PHNUM];
	struct ld_obj *o = LD_NEW(&g->b.keep, struct ld_obj);
	uintptr_t base;
	ld_st st;

	if (!o)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	/* an emulator or a checkpoint may leave entries out: do not walk what is not there */
	if (!ph || !cnt || cnt > LD_MAX_PHDRS || a->v[LD_AT_PHENT] != sizeof *ph)
		return ld_err_set(&g->err, LD_E_EHDR_PHNUM, 0, cnt, LD_MAX_PHDRS);
	base = main_base(ph, cnt);
	o->name = ld_keep_str(g, main_name(a));
	if (!o->name)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	g->requester = o->name;
	st = ld_map_kernel(g, ph, cnt, base, o, out);
	if (ld_failed(st)) {
		ld_err_context(&g->err, o->name, NULL);
		return st;
	}
	for (uint32_t i = 0; i < cnt; i++)
		if (ph[i].p_type == LD_PT_INTERP)
			ld_state.self_name = (const char *)(base + ph[i].p_vaddr);
	ld_self.name = ld_state.self_name;
	if (!ld_obj_holds(o, a->v[LD_AT_ENTRY], 1, LD_PROT_X)) {
		ld_err_context(&g->err, o->name, NULL);
		return ld_err_set(&g->err, LD_E_EHDR_ENTRY, 0, a->v[LD_AT_ENTRY], 0);
	}
	st = ld_policy_kernel(g, ph, cnt, base);
	return ld_failed(st) ? st : add_main(g, *out);
}

ld_st ld_add_vdso(struct ld_group *g, uintptr_t addr)
{
	const struct ld_elf_ehdr *eh = (const void *)addr;
	struct ld_obj *o = LD_NEW(&g->b.keep, struct ld_obj);
	const struct ld_elf_phdr *ph;
	struct ld_elf_phdr *copy;
	struct ld_new *n;
	uintptr_t base = 0;
	ld_st st;

	if (!o)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	if (eh->e_phentsize != sizeof *ph || eh->e_phnum > LD_MAX_PHDRS)
		return LD_OK;
	ph = (const void *)(addr + eh->e_phoff);
	copy = LD_NEW_N(&g->scratch, struct ld_elf_phdr, eh->e_phnum);
	if (!copy)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	for (uint32_t i = 0; i < eh->e_phnum; i++) {
		copy[i] = ph[i];
		copy[i].p_flags &= ~(uint32_t)LD_PF_W; /* QEMU marks its vdso RWX */
		if (ph[i].p_type == LD_PT_LOAD)
			base = addr + ph[i].p_offset - ph[i].p_vaddr;
	}
	o->name = "";
	o->shortname = "linux-gate.so.1";
	o->shortname_hash = ld_name_hash(o->shortname);
	o->flags = LD_OBJ_VDSO;
	st = ld_map_kernel(g, copy, eh->e_phnum, base, o, &n);
	o->phdr = ph;
	if (ld_failed(st)) {
		/* not one we understand: programs call it through libc, which reads it itself */
		g->err = (struct ld_err){0};
		return LD_OK;
	}
	o->runpath = NULL;
	ld_state.vdso = o;
	ld_group_add(g, n);
	return LD_OK;
}

/* ---- direct run ---- */

/* another C library's loader would have been meant: its programs do not run on musl */
static int is_foreign(const char *interp)
{
	const char *base = ld_path_base(interp);

	return ld_after(base, "ld-linux") || ld_after(base, "ld64.so") || ld_after(base, "ld.so.1") ||
	       ld_after(base, "linker");
}

static LD_NORETURN void die_foreign(const char *path, const char *interp)
{
	struct ld_text t;
	char buf[1200];

	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: ");
	ld_text_raw(&t, path);
	ld_text_str(&t, ": its interpreter is ");
	ld_text_raw(&t, interp);
	ld_text_str(&t, ld_after(ld_path_base(interp), "linker") ? ": an Android program"
								 : ": a glibc program");
	ld_report_put(&t);
	ld_os_exit(127);
}

void ld_auxv_rewrite(uintptr_t *raw, const struct ld_new *n, const char *name)
{
	const struct ld_obj *o = n->o;

	for (; *raw; raw += 2) {
		if (*raw == LD_AT_PHDR)
			raw[1] = (uintptr_t)o->phdr;
		else if (*raw == LD_AT_PHNUM)
			raw[1] = o->phnum;
		else if (*raw == LD_AT_PHENT)
			raw[1] = sizeof(struct ld_elf_phdr);
		else if (*raw == LD_AT_ENTRY)
			raw[1] = o->base + n->entry_va;
		else if (*raw == LD_AT_BASE)
			raw[1] = ld_self.base;
		else if (*raw == LD_AT_EXECFN)
			raw[1] = (uintptr_t)name;
	}
}

static void open_failed(struct ld_group *g, const char *path)
{
	struct ld_text t;
	char buf[1200];

	if (ld_err_kind(g->err.code) != LD_K_SYSTEM) {
		ld_err_context(&g->err, path, NULL);
		ld_die(g);
	}
	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: cannot load ");
	ld_text_raw(&t, path);
	ld_text_str(&t, ": ");
	ld_text_errno(&t, g->err.sys);
	ld_report_put(&t);
	ld_os_exit(127);
}

ld_st ld_main_from_file(struct ld_group *g, struct ld_command *c, struct ld_new **out)
{
	const char *path = c->argv[0], *interp;
	struct ld_file f;
	ld_st st;

	g->requester = "direct run";
	if (ld_failed(ld_open_main(g, path, &f)))
		open_failed(g, path);
	st = ld_policy_direct(g, &f.st);
	if (ld_failed(st))
		return st;
	if (ld_failed(ld_vet_main(g, &f)))
		open_failed(g, path);
	st = ld_map_file(g, &f, 1, out);
	if (ld_failed(st)) {
		ld_err_context(&g->err, path, "direct run");
		return st;
	}
	if (!(*out)->mapped) {
		/* no interpreter and no dynamic table, or a static PIE: the kernel's own business */
		long r;

		if (ld_state.list) { /* as musl says it; to list is not to execute */
			ld_report_text("ward: ", path, ": Not a valid dynamic program");
			ld_os_exit(1);
		}

		ld_lock_down();
		r = ld_os_exec(f.fd, c->argv, ld_state.envp);
		(void)ld_err_sys(&g->err, LD_E_OPEN, (int)-r);
		open_failed(g, path);
	}
	interp = (*out)->interp;
	(*out)->mode = (uint16_t)(f.st.mode & 07777);
	(*out)->verdict = f.verdict;
	(void)ld_os_close(f.fd);
	if (interp && is_foreign(interp))
		die_foreign(path, interp);
	if (interp)
		ld_state.self_name = interp; /* listings name the loader that execve would have used */
	return add_main(g, *out);
}
