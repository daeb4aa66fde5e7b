/*
 * start.c: the third stage: everything between a working thread pointer and the jump to the program.
 *
 * First the facts (secure, securebits, policy), then the objects, then relocation, sealing, TLS, the
 * jump. The program's _start runs before its constructors, so all sealing is done here.
 */
#include "musl.h"
#include "start.h"

struct ld_state ld_state LD_RELRO;

static ld_st keep_inputs(struct ld_group *g, int direct)
{
	int wanted = ld_state.library_path != NULL;

	if (direct) /* else PT_INTERP names the loader, in the program's sealed constants */
		ld_self.name = ld_keep_str(g, ld_self.name);
	if (wanted)
		ld_state.library_path = ld_keep_str(g, ld_state.library_path);
	if (!ld_self.name || (wanted && !ld_state.library_path))
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	return LD_OK;
}

static int ends_name(char c)
{
	return !c || c == ':' || c == ' ' || c == '\t' || c == '\n';
}

/* one that does not exist is passed over, as stock does; not what the system file demands when restricted */
static ld_st load_preload(struct ld_group *g, const char *name, int from_conf, const struct ld_obj **out)
{
	ld_st st = ld_load_name(g, name, NULL, out);

	if (!ld_failed(st) || g->err.code != LD_E_NOT_FOUND || (from_conf && ld_state.restricted))
		return st;
	if (from_conf && ld_state.policy.v[LD_KEY_REPORT] != LD_REPORT_QUIET)
		ld_report_text("ward: preload ", name, " of the system file does not exist");
	g->err = (struct ld_err){0};
	*out = NULL;
	return LD_OK;
}

/*
 * The lists of the system file and of the caller, colon or blank separated, in order; each object counts
 * as a dependency of main in front of its own.
 */
static ld_st load_preloads(struct ld_group *g, const char *const *lists, uint32_t list_cnt)
{
	struct ld_obj *main_obj = g->first->o;
	const struct ld_obj **deps;
	uint32_t cnt = 0, max = 0;
	ld_st st = LD_OK;

	for (uint32_t i = 0; i < list_cnt; i++)
		for (const char *p = lists[i] ? lists[i] : ""; *p; p++)
			max += ends_name(p[1]);
	deps = LD_NEW_N(&g->scratch, const struct ld_obj *, max);
	if (!deps)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	for (uint32_t i = 0; i < list_cnt; i++) {
		for (const char *p = lists[i] ? lists[i] : ""; *p && !ld_failed(st); p += !!*p) {
			size_t n = 0;
			char *name;

			while (!ends_name(p[n]))
				n++;
			name = n ? ld_alloc_str(&g->scratch, p, n) : NULL;
			if (n && !name)
				return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
			if (n)
				st = load_preload(g, name, lists[i] == ld_state.conf_preload, &deps[cnt]);
			if (n && !ld_failed(st) && deps[cnt])
				cnt++;
			p += n;
		}
	}
	main_obj->deps = deps;
	main_obj->deps_cnt = cnt;
	return st;
}

static int defined_elsewhere(struct ld_group *g, const char *name)
{
	struct ld_def def;
	struct ld_name n;

	ld_name_init(&n, name);
	def = ld_scope_find(g->lk.scope, &n, LD_FIND_DEF);
	return def.obj && def.obj != &ld_self;
}

/* returns the auxiliary vector, which scrubbing the environment moves */
static uintptr_t *init_state(uintptr_t *sp, uintptr_t *auxv, struct ld_auxv *a)
{
	ld_auxv_read(auxv, a);
	ld_state.argc = (int)sp[0];
	ld_state.argv = (char **)(sp + 1);
	ld_state.envp = ld_state.argv + ld_state.argc + 1;
	ld_state.secure = ld_auxv_secure(a);
	ld_state.self_name = "libc.so";
	if (ld_state.secure) {
		ld_fds_fill();
		auxv = ld_env_scrub(ld_state.envp, auxv);
	}
	ld_state.auxv = auxv;
	if (a->v[LD_AT_EXECFN])
		ld_self.name = (const char *)a->v[LD_AT_EXECFN]; /* a direct run names the loader */
	ld_rt_globals(auxv, ld_state.envp, ld_state.page, ld_state.secure, a->v[LD_AT_SYSINFO]);
	return auxv;
}

static ld_st reserve_registry(struct ld_group *g)
{
	uint64_t len = LD_REGION_LEN;
	long r = ld_os_map_none(0, len);

	if (ld_os_failed(r)) {
		len = LD_REGION_SMALL;
		r = ld_os_map_none(0, len);
	}
	if (ld_os_failed(r))
		return ld_err_sys(&g->err, LD_E_MAP, (int)-r);
	ld_state.log.lo = ld_align_up((uintptr_t)r, LD_ARCH_PAGE_MAX);
	ld_state.log.hi = ld_align_down((uintptr_t)r + len, LD_ARCH_PAGE_MAX);
	ld_state.once_page = ld_state.log.hi - 2 * LD_ARCH_PAGE_MAX;
	/* the kernel chose this place; what lies below it is free, or NOREPLACE tells */
	g->place_cur = (uintptr_t)r;
	g->place_lo = 0;
	return LD_OK;
}

/* restricted: people read the error, a collector the line */
static LD_COLD void report_option(const struct ld_group *g, const char *option)
{
	if (!ld_state.restricted || ld_state.report_to)
		ld_report_would(g, LD_EV_REFUSE, option, ld_strlen(option), NULL, "restricted");
}

/* restricted: what the caller chose is not used; options that cannot be honoured are errors */
static void choose_inputs(const struct ld_group *g, const struct ld_command *c, const char **preload)
{
	if (ld_reporting(LD_REPORT_DENIALS)) {
		ld_report_ignored(g, "LD_PRELOAD");
		ld_report_ignored(g, "LD_LIBRARY_PATH");
		if (c->preload)
			report_option(g, "--preload");
		if (c->library_path)
			report_option(g, "--library-path");
	}
	if (ld_state.restricted) {
		if (c->preload || c->library_path) {
			ld_report_text("ward: --preload and --library-path are refused while restricted; "
				       "use DT_RUNPATH or the system path file",
				       NULL, "");
			ld_os_exit(2);
		}
		return;
	}
	ld_state.library_path = c->library_path ? c->library_path
						: ld_env_get(ld_state.envp, "LD_LIBRARY_PATH");
	*preload = c->preload ? c->preload : ld_env_get(ld_state.envp, "LD_PRELOAD");
}

static ld_st load_all(struct ld_group *g, const char *preload, uintptr_t vdso)
{
	const char *const lists[] = {ld_state.conf_preload, preload};
	ld_st st = LD_OK;

	if (lists[0] || lists[1])
		st = load_preloads(g, lists, LD_COUNTOF(lists));
	if (!ld_failed(st))
		st = ld_load_deps(g);
	if (!ld_failed(st) && !ld_group_find(g, &ld_self)) {
		/* nobody needs the C library: it is known, but not in scope */
		const struct ld_obj *libc;

		st = ld_load_name(g, "libc.so", NULL, &libc);
	}
	if (!ld_failed(st) && vdso)
		st = ld_add_vdso(g, vdso);
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
	struct ld_sources sources;
	struct ld_new *main_new = NULL;
	const char *preload = NULL;
	struct ld_auxv a;
	int direct, implied;
	ld_st st;

	auxv = init_state(sp, auxv, &a);
	implied = ld_personality_clear();
	direct = a.v[LD_AT_PHDR] == (uintptr_t)ld_self.phdr;
	if (direct && ld_state.secure) {
		ld_report_text("ward: a direct run is not possible with raised privileges", NULL, "");
		ld_os_exit(127);
	}
	if (direct)
		ld_command_parse(ld_state.argc, ld_state.argv, &c);
	g->direct = direct;
	ld_policy_begin(g, &sources, c.policy);
	if (c.check_conf)
		ld_check_conf(g, c.check_conf);
	ld_state.list = c.list;
	ld_tls_totals_init(&g->tls);
	st = reserve_registry(g);
	if (!ld_failed(st))
		st = ld_group_begin(g);
	if (c.diagnose && !ld_failed(st))
		ld_diagnose(g, &c);
	if (!ld_failed(st))
		st = direct ? ld_main_from_file(g, &c, &main_new) : ld_main_from_kernel(g, &a, &main_new);
	if (ld_failed(st))
		ld_die(g);
	ld_search_note_root();
	choose_inputs(g, &c, &preload);
	st = keep_inputs(g, direct);
	if (ld_failed(st))
		ld_die(g);
	ld_repair_kernel_mapped(sp, &a, implied, main_new);
	g->sources = NULL;
	st = load_all(g, preload, a.v[LD_AT_SYSINFO_EHDR]);
	if (ld_failed(st))
		ld_die(g);
	if (ld_state.list) {
		ld_list(g, &c);
		ld_os_exit(ld_state.list == 2 ? 127 : 0);
	}
	*new_sp = sp;
	if (direct) {
		/* the program's argc stands in the word below its argv */
		*new_sp = (uintptr_t *)(c.argv - 1);
		**new_sp = (uintptr_t)(ld_state.argc - (int)(c.argv - ld_state.argv));
		ld_state.argc = (int)**new_sp;
		ld_state.argv = c.argv;
		ld_auxv_rewrite(auxv, main_new, c.argv[0]);
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
	ld_lock_down();
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
