/*
 * start.c: the third stage: everything between a working thread pointer and the jump to the program.
 *
 * First the facts (secure, securebits, policy), then the objects, then relocation, sealing, TLS, the
 * jump. The program's _start runs before its constructors, so all sealing is done here.
 */
#include "command.h"
#include "dso.h"
#include "format.h"
#include "musl.h"
#include "path.h"

#define READ_IMPLIES_EXEC 0x0400000ul

struct ld_state ld_state LD_RELRO;

/* the auxiliary vector by type; present says which of the first 64 entries exist */
struct auxv {
	uintptr_t v[LD_AT_CNT];
	uint64_t present;
};

static void read_auxv(const uintptr_t *raw, struct auxv *a)
{
	*a = (struct auxv){0};
	for (; *raw; raw += 2) {
		if (*raw >= LD_AT_CNT)
			continue;
		a->v[*raw] = raw[1];
		a->present |= 1ull << *raw;
	}
}

/* any of the five entries missing counts as secure: an emulator or a crafted stack proves nothing */
static int is_secure(const struct auxv *a)
{
	uint64_t need = 1ull << LD_AT_UID | 1ull << LD_AT_EUID | 1ull << LD_AT_GID | 1ull << LD_AT_EGID |
			1ull << LD_AT_SECURE;

	return (a->present & need) != need || a->v[LD_AT_SECURE] || a->v[LD_AT_UID] != a->v[LD_AT_EUID] ||
	       a->v[LD_AT_GID] != a->v[LD_AT_EGID];
}

/* ---- environment ---- */

/* value of the first entry NAME=value; entries without '=' are nobody's */
static const char *env_get(char **envp, const char *name)
{
	for (; *envp; envp++) {
		const char *rest = ld_after(*envp, name);

		if (rest && *rest == '=')
			return rest + 1;
	}
	return NULL;
}

/* variables that steer a loader or a C library: a secure process's children must not see them */
static int is_unsafe_variable(const char *entry)
{
	static const char *const names[] = {
		"LD_", "DYLD_", "GLIBC_TUNABLES", "GCONV_PATH", "GETCONF_DIR", "HOSTALIASES", "LOCALDOMAIN",
		"LOCPATH", "MUSL_LOCPATH", "MALLOC_", "NIS_PATH", "NLSPATH", "RESOLV_HOST_CONF",
		"RES_OPTIONS", "TMPDIR", "TZDIR",
	};

	for (size_t i = 0; i < LD_COUNTOF(names); i++) {
		const char *rest = ld_after(entry, names[i]);
		size_t n = ld_strlen(names[i]);

		if (rest && (names[i][n - 1] == '_' || *rest == '=' || !*rest))
			return 1;
	}
	return 0;
}

/*
 * Remove them in place: all copies, no allocation, so nothing here can fail and leave one behind. The
 * C library finds the auxiliary vector behind the array's end, so it moves down with it (a few words:
 * it stays at the top of the stack, where pthread_getattr_np expects it). Returns its new place.
 */
static uintptr_t *env_scrub(char **envp, uintptr_t *auxv)
{
	char **to = envp;
	uintptr_t *end = auxv, *moved;

	for (; *envp; envp++)
		if (!is_unsafe_variable(*envp))
			*to++ = *envp;
	*to++ = NULL;
	moved = (uintptr_t *)to;
	while (*end)
		end += 2;
	end += 2;
	memmove(moved, auxv, (size_t)(end - auxv) * sizeof *auxv);
	memset(moved + (end - auxv), 0, (size_t)(auxv - moved) * sizeof *auxv);
	return moved;
}

/* ---- facts and policy ---- */

static struct ld_span span_of(const char *s)
{
	return (struct ld_span){(const unsigned char *)s, s ? ld_strlen(s) : 0};
}

static void apply_words(struct ld_policy *p, const char *words, unsigned keys, const char *source)
{
	struct ld_span bad = {0};

	if (!words || !ld_policy_words(p, span_of(words), 1, keys, &bad))
		return;
	ld_report_text("ward: ", source, ": wrong policy word ignored");
}

/* fills in g->facts: securebits are read once */
static void decide_policy(struct ld_group *g, const char *words)
{
	struct ld_policy floor = {{0}};
	struct ld_policy *p = &ld_state.policy;
	const char *env = env_get(ld_state.envp, "LD_WARD");
	struct ld_facts *f = &g->facts;

	ld_policy_default(p);
	if (ld_policy_words(&floor, span_of(LD_BUILD_FLOOR), 0, LD_KEYS_ALL, NULL) ||
	    ld_policy_words(p, span_of(LD_BUILD_POLICY), 0, LD_KEYS_ALL, NULL)) {
		ld_report_text("ward: built with a wrong word in --policy or --floor", NULL, "");
		ld_os_exit(127);
	}
	ld_policy_raise(p, &floor);
	ld_facts_now(f);
	ld_state.restricted = ld_facts_restricted(f);
	apply_words(p, words, LD_KEYS_ALL, "--policy");
	if (!ld_state.restricted)
		apply_words(p, env, LD_KEYS_ENV, "LD_WARD");
	ld_state.restricted = ld_facts_restricted(f);
}

static void report_ignored(const struct ld_group *g, const char *name)
{
	struct ld_text t;
	char buf[160];
	uint32_t bits = g->facts.securebits;

	if (ld_state.policy.v[LD_KEY_REPORT] == LD_REPORT_QUIET || ld_state.secure)
		return;
	if (!env_get(ld_state.envp, name))
		return;
	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: ");
	ld_text_str(&t, name);
	ld_text_str(&t, " ignored: restricted by ");
	if (bits) {
		ld_text_str(&t, "securebits ");
		ld_text_hex(&t, bits);
	} else {
		ld_text_str(&t, "policy");
	}
	ld_text_str(&t, "\n");
	(void)ld_os_write(2, t.buf, t.len);
}

/* does this kernel know the check, does it know mseal? two calls that do nothing */
static void probe_kernel(void)
{
	ld_state.have_check = ld_os_check(-1) == -LD_EBADF;
	ld_state.have_seal = LD_ARCH_SEAL && ld_os_mseal(NULL, 0) == 0;
}

static void refuse_missing(struct ld_group *g)
{
	if (ld_state.have_check || !ld_facts_enforcing(&g->facts))
		return;
	if (!(g->facts.securebits & LD_SECBIT_RESTRICT_FILE) &&
	    ld_state.policy.v[LD_KEY_MISSING] == LD_MISSING_REPORT) {
		if (ld_state.policy.v[LD_KEY_REPORT] != LD_REPORT_QUIET)
			ld_report_text("ward: running without the kernel's check: AT_EXECVE_CHECK (Linux 6.14) is missing",
				       NULL, "");
		return;
	}
	ld_report_text("ward: cannot enforce: this kernel has no AT_EXECVE_CHECK (Linux 6.14)", NULL,
		       "; missing=report would run without");
	ld_os_exit(127);
}

/* what the policy asks for and this version does not have must not be taken for granted */
static void refuse_unknown_lockdown(void)
{
	if (ld_state.policy.v[LD_KEY_LOCKDOWN] < LD_LOCKDOWN_EXEC)
		return;
	ld_report_text("ward: lockdown=exec is not available in this version; lockdown=wx is", NULL, "");
	ld_os_exit(127);
}

/* the last thing before the program: from here on no mapping gains execute permission (PR_SET_MDWE) */
static void lock_down(void)
{
	if (ld_state.policy.v[LD_KEY_LOCKDOWN] != LD_LOCKDOWN_WX || !ld_os_set_mdwe())
		return;
	ld_report_text("ward: lockdown=wx: the kernel has no PR_SET_MDWE (Linux 6.3)", NULL, "");
	ld_os_exit(127);
}

/* ---- executable stack and READ_IMPLIES_EXEC ---- */

/* everything the kernel mapped readable is executable under that personality: put it back */
static void repair_object(const struct ld_obj *o)
{
	for (uint32_t i = 0; i < o->seg_cnt; i++) {
		uintptr_t lo = ld_align_down(o->base + o->seg[i].va, ld_state.page);
		uintptr_t hi = ld_align_up(o->base + o->seg[i].va + o->seg[i].memsz, ld_state.page);

		if (!(o->seg[i].prot & LD_PROT_X))
			(void)ld_os_mprotect((void *)lo, hi - lo, o->seg[i].prot);
	}
}

static int stack_to_rw(const uintptr_t *sp, uintptr_t top)
{
	uintptr_t lo = ld_align_down((uintptr_t)sp, ld_state.page);
	uintptr_t hi = ld_align_up(top, ld_state.page);

	return ld_os_mprotect_stack((void *)lo, hi - lo, LD_PROT_RW) != 0;
}

/* the end of the last string the kernel put on the stack: the program's file name */
static uintptr_t stack_top(const struct auxv *a, char **argv)
{
	const char *last = (const char *)a->v[LD_AT_EXECFN];

	for (; *argv; argv++)
		if (*argv > last)
			last = *argv;
	return (uintptr_t)last + ld_strlen(last) + 1;
}

/* before anything is mapped: READ_IMPLIES_EXEC inherited from outside would make it executable */
static int clear_personality(void)
{
	long persona = ld_os_personality(0xffffffff);

	if (persona < 0 || !(persona & (long)READ_IMPLIES_EXEC))
		return 0;
	(void)ld_os_personality((unsigned long)persona & ~READ_IMPLIES_EXEC);
	return 1;
}

/* what the kernel mapped executable without need: data under that personality, main's stack */
static void repair_kernel_mapped(const uintptr_t *sp, const struct auxv *a, int implied,
				 const struct ld_new *main_new)
{
	int stack_exec = (main_new->o->flags & LD_OBJ_KERNEL) && main_new->stack_exec;

	if (implied) {
		repair_object(&ld_self);
		if (main_new->o->flags & LD_OBJ_KERNEL)
			repair_object(main_new->o);
	}
	if ((implied || stack_exec) && stack_to_rw(sp, stack_top(a, ld_state.envp)) && stack_exec)
		ld_report_text("ward: the stack stays executable: the kernel refuses to change it", NULL, "");
}

/* ---- the objects ---- */

/* strings on the stack can be rewritten later: what is trusted then lies in the registry */
static const char *keep_str(struct ld_group *g, const char *s)
{
	return ld_alloc_str(&g->b.keep, s, ld_strlen(s));
}

static ld_st keep_inputs(struct ld_group *g)
{
	int wanted = ld_state.library_path != NULL;

	ld_self.name = keep_str(g, ld_self.name);
	if (wanted)
		ld_state.library_path = keep_str(g, ld_state.library_path);
	if (!ld_self.name || (wanted && !ld_state.library_path))
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	return LD_OK;
}

static const char *main_name(const struct auxv *a)
{
	const char *fn = (const char *)a->v[LD_AT_EXECFN];

	/* under fexecve the kernel names a descriptor; argv[0] says more */
	if (fn && !ld_after(fn, "/proc/") && !ld_after(fn, "/dev/fd/"))
		return fn;
	return ld_state.argc ? ld_state.argv[0] : fn ? fn : "";
}

/*
 * $ORIGIN of the main program: where /proc/self/exe says it lies. Not when secure: the path is its
 * caller's choice (hard links, fexecve).
 */
static const char *main_origin(struct ld_group *g, const struct ld_obj *o)
{
	const char *p = o->runpath;
	long r;

	while (p && *p && *p != '$')
		p++;
	if (!p || !*p || ld_state.secure)
		return NULL;
	if (!(o->flags & LD_OBJ_KERNEL)) {
		r = o->name[0] == '/' ? 0 : ld_os_readlink("/proc/self/cwd", g->buf->path, LD_MAX_PATH / 2);
		if (r < 0 || (o->name[0] != '/' && g->buf->path[0] != '/'))
			return NULL;
		g->buf->path[r] = 0;
	} else {
		r = ld_os_readlink("/proc/self/exe", g->buf->path, LD_MAX_PATH - 1);
		if (r <= 0 || g->buf->path[0] != '/')
			return NULL;
		g->buf->path[r] = 0;
		return ld_alloc_str(&g->b.keep, g->buf->path, ld_path_dir_len(g->buf->path));
	}
	if (r && ld_path_dir_len(o->name) + (size_t)r + 2 < LD_MAX_PATH) {
		g->buf->path[r] = '/';
		memcpy(g->buf->path + r + 1, o->name, ld_path_dir_len(o->name) + 1);
		g->buf->path[r + 1 + (long)ld_path_dir_len(o->name)] = 0;
		return ld_alloc_str(&g->b.keep, g->buf->path, ld_strlen(g->buf->path));
	}
	return ld_alloc_str(&g->b.keep, o->name, ld_path_dir_len(o->name));
}

static ld_st add_main(struct ld_group *g, struct ld_new *n)
{
	struct ld_obj *o = n->o;

	o->flags |= LD_OBJ_MAIN | LD_OBJ_NOW;
	o->origin = main_origin(g, o);
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

static ld_st main_from_kernel(struct ld_group *g, const struct auxv *a, struct ld_new **out)
{
	const struct ld_elf_phdr *ph = (const void *)a->v[LD_AT_PHDR];
	uint32_t cnt = (uint32_t)a->v[LD_AT_PHNUM];
	struct ld_obj *o = LD_NEW(&g->b.keep, struct ld_obj);
	uintptr_t base = main_base(ph, cnt);
	ld_st st;

	if (!o)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	if (cnt > LD_MAX_PHDRS || a->v[LD_AT_PHENT] != sizeof *ph)
		return ld_err_set(&g->err, LD_E_EHDR_PHNUM, 0, cnt, LD_MAX_PHDRS);
	o->name = keep_str(g, main_name(a));
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
	return add_main(g, *out);
}

static ld_st add_vdso(struct ld_group *g, uintptr_t addr)
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

/* colon or blank separated, in order; each counts as a dependency of main in front of its own */
static ld_st load_preloads(struct ld_group *g, const char *list)
{
	struct ld_obj *main_obj = g->first->o;
	const struct ld_obj **deps, *o;
	uint32_t cnt = 0, max = 1;
	ld_st st;

	for (const char *p = list; *p; p++)
		max += *p == ':' || *p == ' ';
	deps = LD_NEW_N(&g->scratch, const struct ld_obj *, max);
	if (!deps)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	while (*list) {
		size_t n = 0;
		char *name;

		while (list[n] && list[n] != ':' && list[n] != ' ' && list[n] != '\t' && list[n] != '\n')
			n++;
		if (n) {
			name = ld_alloc_str(&g->scratch, list, n);
			if (!name)
				return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
			st = ld_load_name(g, name, NULL, &o);
			if (!ld_failed(st))
				deps[cnt++] = o;
			else if (g->err.code == LD_E_NOT_FOUND)
				g->err = (struct ld_err){0}; /* as stock: a preload that is not there */
			else
				return st;
		}
		list += n + !!list[n];
	}
	main_obj->deps = deps;
	main_obj->deps_cnt = cnt;
	return LD_OK;
}

static int defined_elsewhere(struct ld_group *g, const char *name)
{
	struct ld_def def;
	struct ld_name n;

	ld_name_init(&n, name);
	def = ld_scope_find(g->lk.scope, &n, LD_FIND_DEF);
	return def.obj && def.obj != &ld_self;
}

/* ---- direct run ---- */

static void print_object(const char *name, const struct ld_obj *o)
{
	struct ld_text t;
	char buf[1024];

	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "\t");
	ld_text_raw(&t, name);
	if (!(o->flags & LD_OBJ_LIBC) || name != ld_state.self_name) {
		ld_text_str(&t, " => ");
		ld_text_raw(&t, o->flags & LD_OBJ_LIBC ? ld_state.self_name : o->name);
	}
	ld_text_str(&t, " (");
	ld_text_hex(&t, o->base);
	ld_text_str(&t, ")\n");
	(void)ld_os_write(1, t.buf, t.len);
}

static void list_needed(struct ld_group *g)
{
	static const char *const libc_word = "libc.so";
	int said_libc = 0;

	print_object(ld_state.self_name, &ld_self);
	for (struct ld_new *n = g->first; n; n = n->next) {
		if (n->o->flags & (LD_OBJ_MAIN | LD_OBJ_VDSO))
			continue;
		if ((n->o->flags & LD_OBJ_LIBC) && said_libc++)
			continue;
		print_object(n->o->flags & LD_OBJ_LIBC ? libc_word
			     : n->o->shortname ? n->o->shortname : n->o->name, n->o);
	}
}

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
	ld_text_str(&t, ld_after(ld_path_base(interp), "linker") ? ": an Android program\n"
								 : ": a glibc program\n");
	(void)ld_os_write(2, t.buf, t.len);
	ld_os_exit(127);
}

static void rewrite_auxv(uintptr_t *raw, const struct ld_new *n, const char *name)
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
	ld_text_str(&t, "\n");
	(void)ld_os_write(2, t.buf, t.len);
	ld_os_exit(127);
}

static ld_st main_from_file(struct ld_group *g, struct ld_command *c, struct ld_new **out)
{
	const char *path = c->argv[0], *interp;
	struct ld_file f;
	ld_st st;

	g->requester = "direct run";
	if (ld_failed(ld_open_path(g, path, &f)))
		open_failed(g, path);
	st = ld_map_file(g, &f, 1, out);
	if (ld_failed(st)) {
		ld_err_context(&g->err, path, "direct run");
		return st;
	}
	if (!(*out)->mapped) {
		/* no interpreter and no dynamic table, or a static PIE: the kernel's own business */
		long r = ld_os_exec(f.fd, c->argv, ld_state.envp);

		(void)ld_err_sys(&g->err, LD_E_OPEN, (int)-r);
		open_failed(g, path);
	}
	interp = (*out)->interp;
	(void)ld_os_close(f.fd);
	if (interp && is_foreign(interp))
		die_foreign(path, interp);
	if (interp)
		ld_state.self_name = interp; /* listings name the loader that execve would have used */
	return add_main(g, *out);
}

/* ---- the whole ---- */

/* returns the auxiliary vector, which scrubbing the environment moves */
static uintptr_t *init_state(uintptr_t *sp, uintptr_t *auxv, struct auxv *a)
{
	read_auxv(auxv, a);
	ld_state.argc = (int)sp[0];
	ld_state.argv = (char **)(sp + 1);
	ld_state.envp = ld_state.argv + ld_state.argc + 1;
	ld_state.secure = is_secure(a);
	ld_state.self_name = "libc.so";
	if (ld_state.secure)
		auxv = env_scrub(ld_state.envp, auxv);
	ld_state.auxv = auxv;
	if (a->v[LD_AT_EXECFN])
		ld_self.name = (const char *)a->v[LD_AT_EXECFN]; /* a direct run names the loader */
	ld_rt_globals(auxv, ld_state.envp, ld_state.page, ld_state.secure, a->v[LD_AT_SYSINFO]);
	return auxv;
}

static ld_st reserve_registry(struct ld_group *g)
{
	long r = ld_os_map_none(0, LD_REGION_LEN);

	if (ld_os_failed(r))
		return ld_err_sys(&g->err, LD_E_MAP, (int)-r);
	ld_state.log.lo = ld_align_up((uintptr_t)r, LD_ARCH_PAGE_MAX);
	ld_state.log.hi = ld_align_down((uintptr_t)r + LD_REGION_LEN, LD_ARCH_PAGE_MAX);
	ld_state.once_page = ld_state.log.hi - LD_ARCH_PAGE_MAX;
	/* the kernel chose this place; what lies below it is free, or NOREPLACE tells */
	g->place_cur = (uintptr_t)r;
	g->place_lo = 0;
	return LD_OK;
}

/* restricted: what the caller chose is not used; options that cannot be honoured are errors */
static void choose_inputs(const struct ld_group *g, const struct ld_command *c, const char **preload)
{
	if (ld_state.restricted) {
		if (c->preload || c->library_path) {
			ld_report_text("ward: --preload and --library-path are refused while restricted; "
				       "use DT_RUNPATH or the system path file",
				       NULL, "");
			ld_os_exit(2);
		}
		report_ignored(g, "LD_PRELOAD");
		report_ignored(g, "LD_LIBRARY_PATH");
		return;
	}
	ld_state.library_path = c->library_path ? c->library_path
						: env_get(ld_state.envp, "LD_LIBRARY_PATH");
	*preload = c->preload ? c->preload : env_get(ld_state.envp, "LD_PRELOAD");
}

static ld_st load_all(struct ld_group *g, const char *preload, uintptr_t vdso)
{
	ld_st st = LD_OK;

	if (preload)
		st = load_preloads(g, preload);
	if (!ld_failed(st))
		st = ld_load_deps(g);
	if (!ld_failed(st) && !ld_group_find(g, &ld_self)) {
		/* nobody needs the C library: it is known, but not in scope */
		const struct ld_obj *libc;

		st = ld_load_name(g, "libc.so", NULL, &libc);
	}
	if (!ld_failed(st) && vdso)
		st = add_vdso(g, vdso);
	return st;
}

static ld_st link_all(struct ld_group *g, struct ld_new *main_new)
{
	const struct ld_obj *o = main_new->o;
	ld_st st = ld_link_relocate(g);

	if (ld_failed(st))
		return st;
	if (main_new->dyn.debug_idx < main_new->dyn.dyn_cnt)
		((struct ld_elf_dyn *)(uintptr_t)o->dyn)[main_new->dyn.debug_idx].d_val = ld_debug_struct();
	ld_rt_malloc_replaced(defined_elsewhere(g, "malloc"), defined_elsewhere(g, "aligned_alloc"));
	g->order = ld_ctor_list(g, &g->b.keep, o, &g->order_cnt);
	if (!g->order)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	ld_state.main = o;
	ld_state.libc = &ld_self;
	return ld_link_finish(g);
}

/* everything up to the jump; returns where to jump */
static LD_NOINLINE uintptr_t prepare(uintptr_t *sp, uintptr_t *auxv, uintptr_t **new_sp)
{
	struct ld_group *g = ld_group_init();
	struct ld_command c = {0};
	struct ld_new *main_new = NULL;
	const char *preload = NULL;
	struct auxv a;
	int direct, implied;
	ld_st st;

	auxv = init_state(sp, auxv, &a);
	implied = clear_personality();
	direct = a.v[LD_AT_PHDR] == (uintptr_t)ld_self.phdr;
	if (direct && ld_state.secure) {
		ld_report_text("ward: a direct run is not possible with raised privileges", NULL, "");
		ld_os_exit(127);
	}
	probe_kernel();
	if (direct)
		ld_command_parse(ld_state.argc, ld_state.argv, &c);
	decide_policy(g, c.policy);
	ld_state.list = c.list;
	ld_tls_totals_init(&g->tls);
	refuse_missing(g);
	refuse_unknown_lockdown();
	if (direct && ld_state.policy.v[LD_KEY_DIRECT] == LD_DIRECT_DENY) {
		ld_report_text("ward: direct runs are denied by policy", NULL, "");
		ld_os_exit(127);
	}
	choose_inputs(g, &c, &preload);
	st = reserve_registry(g);
	if (!ld_failed(st))
		st = ld_group_begin(g);
	if (!ld_failed(st))
		st = keep_inputs(g);
	if (!ld_failed(st))
		st = direct ? main_from_file(g, &c, &main_new) : main_from_kernel(g, &a, &main_new);
	if (ld_failed(st))
		ld_die(g);
	repair_kernel_mapped(sp, &a, implied, main_new);
	st = load_all(g, preload, a.v[LD_AT_SYSINFO_EHDR]);
	if (ld_failed(st))
		ld_die(g);
	if (ld_state.list) {
		list_needed(g);
		ld_os_exit(ld_state.list == 2 ? 127 : 0);
	}
	*new_sp = sp;
	if (direct) {
		/* the program's argc stands in the word below its argv */
		*new_sp = (uintptr_t *)(c.argv - 1);
		**new_sp = (uintptr_t)(ld_state.argc - (int)(c.argv - ld_state.argv));
		ld_state.argc = (int)**new_sp;
		ld_state.argv = c.argv;
		rewrite_auxv(auxv, main_new, c.argv[0]);
		a.v[LD_AT_ENTRY] = main_new->o->base + main_new->entry_va;
	}
	st = link_all(g, main_new);
	if (ld_failed(st))
		ld_die(g);
	ld_seal_system(a.v[LD_AT_SYSINFO_EHDR]);
	ld_debug_publish(ld_state.log.first);
	ld_debug_state(0);
	if (c.argv0)
		c.argv[0] = (char *)(uintptr_t)c.argv0;
	ld_scratch_free(&g->scratch);
	lock_down();
	ld_rt_errno(0);
	return a.v[LD_AT_ENTRY];
}

void ld_start(uintptr_t *sp, uintptr_t *auxv)
{
	uintptr_t *new_sp, entry = prepare(sp, auxv, &new_sp);

	LD_ARCH_JUMP(entry, new_sp);
	for (;;)
		;
}
