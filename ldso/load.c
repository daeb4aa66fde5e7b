/*
 * load.c: a group: the objects that one start or one dlopen adds. Names become objects here, each at
 * most once; dependencies are walked breadth first. Nothing is published: on any error ld_group_undo
 * leaves no trace.
 */
#include "dso.h"
#include "graph.h"
#include "musl.h"
#include "path.h"

ld_st ld_group_begin(struct ld_group *g)
{
	const struct ld_chunk *c = g->newest;
	ld_st st;

	if (g->began)
		return LD_OK;
	if (c)
		st = ld_builder_begin(&g->b, NULL, 0, c->next, ld_state.once_page, &g->err);
	else
		st = ld_builder_begin(&g->b, ld_start_area, sizeof ld_start_area, ld_state.log.lo,
				      ld_state.once_page, &g->err);
	if (ld_failed(st))
		return st;
	g->began = 1;
	g->lk.keep = &g->b.keep;
	g->lk.scratch = &g->scratch;
	g->lk.err = &g->err;
	return LD_OK;
}

void ld_group_undo(struct ld_group *g)
{
	for (struct ld_new *n = g->first; n; n = n->next)
		ld_map_undo(n);
	ld_place_guard_undo(g);
	if (g->muts)
		(void)ld_os_munmap((void *)g->muts, ld_align_up(g->cnt * sizeof(struct ld_mut), ld_state.page));
	if (g->began)
		ld_builder_abort(&g->b);
	g->began = 0;
	ld_scratch_free(&g->scratch);
}

void ld_group_add(struct ld_group *g, struct ld_new *n)
{
	n->o->idx = g->obj_first + g->cnt++;
	if (n->o->tls.memsz) /* a file that is put aside gets no number */
		ld_tls_assign(g, n->o);
	*g->last = n;
	g->last = &n->next;
}

struct ld_new *ld_group_find(const struct ld_group *g, const struct ld_obj *o)
{
	for (struct ld_new *n = g->first; n; n = n->next)
		if (n->o == o)
			return n;
	return NULL;
}

const struct ld_obj *ld_obj_at(uint32_t idx)
{
	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c))
		if (idx - c->obj_first < c->obj_cnt)
			return c->objs[idx - c->obj_first];
	return NULL;
}

/* is o known by this name? the hashes keep most comparisons away */
static int has_name(const struct ld_obj *o, const char *name, uint32_t hash)
{
	if (o->shortname_hash == hash && ld_streq(o->shortname, name))
		return 1;
	return o->soname_hash == hash && !(o->flags & (LD_OBJ_MAIN | LD_OBJ_VDSO)) &&
	       ld_streq(o->soname, name);
}

static const struct ld_obj *find_by_name(const struct ld_group *g, const char *name)
{
	uint32_t hash = ld_name_hash(name);

	for (const struct ld_chunk *c = g->newest ? ld_state.log.first : NULL; c; c = ld_chunk_next(c))
		for (uint32_t i = 0; i < c->obj_cnt; i++)
			if (has_name(c->objs[i], name, hash))
				return c->objs[i];
	for (struct ld_new *n = g->first; n; n = n->next)
		if (has_name(n->o, name, hash))
			return n->o;
	return NULL;
}

static int same_file(const struct ld_obj *o, const struct ld_stat *st)
{
	if (o->ino != st->ino || o->dev != st->dev || (o->flags & LD_OBJ_KERNEL))
		return 0;
	/* a mapping keeps the inode, and its number, from being used again */
	return !(o->flags & LD_OBJ_UNPINNED) || (o->size == st->size && o->mtime == st->mtime);
}

static struct ld_obj *find_new_by_file(const struct ld_group *g, const struct ld_stat *st)
{
	for (struct ld_new *n = g->first; n; n = n->next)
		if (same_file(n->o, st))
			return n->o;
	return NULL;
}

static const struct ld_obj *find_by_file(const struct ld_group *g, const struct ld_stat *st)
{
	for (const struct ld_chunk *c = g->newest ? ld_state.log.first : NULL; c; c = ld_chunk_next(c))
		for (uint32_t i = 0; i < c->obj_cnt; i++)
			if (same_file(c->objs[i], st))
				return c->objs[i];
	return NULL;
}

/* ward is the C library: put its record into the group when it is first asked for */
static const struct ld_obj *use_libc(struct ld_group *g)
{
	if (!ld_self.mut && !ld_group_find(g, &ld_self)) {
		struct ld_new *n = LD_NEW(&g->scratch, struct ld_new);

		if (!n)
			return NULL;
		n->o = &ld_self;
		n->dyn = ld_self_dyn;
		n->span_addr = ld_self.map_addr;
		n->span_len = ld_self.map_len;
		ld_group_add(g, n);
	}
	return &ld_self;
}

static int is_libc_name(const char *name)
{
	return ld_path_is_libc(name) || ld_streq(name, ld_state.self_name);
}

/*
 * A second C library in one process would be two mallocs, two thread lists: such a file stands for
 * ward itself. The two names are in every musl and glibc, and in no interposition library.
 */
static int is_other_libc(const struct ld_obj *o)
{
	struct ld_name start, in;

	ld_name_init(&start, "__libc_start_main");
	ld_name_init(&in, "stdin");
	return o->sym.syms && ld_symtab_find(&o->sym, &start) && ld_symtab_find(&o->sym, &in) &&
	       ld_symtab_find(&o->sym, &start)->st_shndx && ld_symtab_find(&o->sym, &in)->st_shndx;
}

static const char *who_asks(const struct ld_group *g, const struct ld_obj *needed_by)
{
	return needed_by ? needed_by->name : g->requester;
}

/* the file of an object that is loaded, asked for again: is it still as it was recorded? */
static LD_COLD void report_changed(const struct ld_group *g, const struct ld_obj *o, const struct ld_file *f,
				   const struct ld_obj *needed_by)
{
	struct ld_line l = {
		.event = LD_EV_NOTED, .subject = f->path, .subject_len = ld_strlen(f->path),
		.needed_by = who_asks(g, needed_by), .reason = "changed", .mode = f->st.mode & 07777};

	if (o->size != f->st.size || o->mtime != f->st.mtime)
		ld_report_line(g, &l);
}

static ld_st add_file(struct ld_group *g, struct ld_file *f, const struct ld_obj *needed_by,
		      const struct ld_obj **out)
{
	struct ld_new *n;
	ld_st st;

	if (g->obj_first + g->cnt >= LD_MAX_OBJS)
		return ld_err_set(&g->err, LD_E_OBJS, 0, g->obj_first + g->cnt, LD_MAX_OBJS);
	st = ld_map_file(g, f, 0, &n);
	if (ld_failed(st))
		return st;
	if (is_other_libc(n->o)) {
		ld_map_undo(n);
		*out = use_libc(g);
		return *out ? LD_OK : ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	}
	n->o->needed_by = needed_by;
	if (f->searched) {
		n->o->shortname = ld_path_base(n->o->name);
		n->o->shortname_hash = ld_name_hash(n->o->shortname);
	}
	ld_origin_library(g, n->o);
	ld_group_add(g, n);
	if (!g->runtime)
		ld_rt_stack_size(n->stack_len);
	n->mode = (uint16_t)(f->st.mode & 07777);
	n->verdict = f->verdict;
	if (ld_reporting(LD_REPORT_ALL))
		ld_report_loaded(g, n, who_asks(g, needed_by));
	*out = n->o;
	return LD_OK;
}

static ld_st load_name(struct ld_group *g, const char *name, const struct ld_obj *needed_by,
		       const struct ld_obj **out)
{
	struct ld_file f;
	ld_st st;

	if (!*name)
		return ld_err_set(&g->err, LD_E_NAME_EMPTY, 0, 0, 0);
	if (is_libc_name(name)) {
		*out = use_libc(g);
		return *out ? LD_OK : ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	}
	if (!ld_path_dir_len(name) && name[0] != '/') {
		*out = find_by_name(g, name);
		if (*out)
			return LD_OK;
	}
	st = ld_open_library(g, name, needed_by, &f);
	if (ld_failed(st))
		return st;
	*out = find_by_file(g, &f.st);
	if (!*out) {
		struct ld_obj *o = find_new_by_file(g, &f.st);

		/* opened by path before, found by a search now: it may be asked for by name from now on */
		if (o && f.searched && !o->shortname) {
			o->shortname = ld_path_base(o->name);
			o->shortname_hash = ld_name_hash(o->shortname);
		}
		*out = o;
	}
	if (*out && ld_reporting(LD_REPORT_ALL))
		report_changed(g, *out, &f, needed_by);
	if (!*out && g->noload) {
		st = ld_err_sys(&g->err, LD_E_NOT_FOUND, LD_ENOENT);
	} else if (!*out) {
		st = ld_group_begin(g);
		if (!ld_failed(st))
			st = add_file(g, &f, needed_by, out);
		if (ld_failed(st))
			ld_err_path(&g->err, f.path);
	}
	(void)ld_os_close(f.fd);
	return st;
}

ld_st ld_load_name(struct ld_group *g, const char *name, const struct ld_obj *needed_by,
		   const struct ld_obj **out)
{
	ld_st st = load_name(g, name, needed_by, out);
	const char *who = who_asks(g, needed_by);

	if (g->runtime && needed_by == ld_state.main) /* what dlopen itself was asked for */
		who = g->err.code == LD_E_NOT_FOUND ? NULL : g->requester;
	if (ld_failed(st))
		ld_err_context(&g->err, name, who);
	return st;
}

static ld_st load_deps_of(struct ld_group *g, struct ld_new *n)
{
	const struct ld_elf_dyn *dyn = n->o->dyn;
	uint32_t extra = n->o->deps_cnt; /* preloads stand in front of main's own */
	const struct ld_obj **deps;
	uint32_t cnt = 0;

	if (!n->dyn.needed_cnt && !extra)
		return LD_OK;
	deps = LD_NEW_N(&g->b.keep, const struct ld_obj *, extra + n->dyn.needed_cnt);
	if (!deps)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	if (extra)
		memcpy(deps, n->o->deps, extra * sizeof *deps);
	cnt = extra;
	for (uint32_t i = 0; i < n->dyn.dyn_cnt && cnt < extra + n->dyn.needed_cnt; i++) {
		const char *name;
		ld_st st;

		if (dyn[i].d_tag != LD_DT_NEEDED)
			continue;
		if (dyn[i].d_val >= n->o->sym.strsz)
			return ld_err_set(&g->err, LD_E_DYN_STR, i, dyn[i].d_val, n->o->sym.strsz);
		name = n->o->sym.strs + dyn[i].d_val;
		st = ld_load_name(g, name, n->o, &deps[cnt]);
		if (ld_failed(st)) {
			if (!ld_state.list)
				return st;
			ld_report_err(g);
			memset(&g->err, 0, sizeof g->err);
			ld_state.list = 2;
			continue;
		}
		cnt++;
	}
	n->o->deps = deps;
	n->o->deps_cnt = cnt;
	return LD_OK;
}

ld_st ld_load_deps(struct ld_group *g)
{
	/* the list grows behind us: breadth first */
	for (struct ld_new *n = g->first; n; n = n->next) {
		ld_st st;

		if (n->o->flags & (LD_OBJ_LIBC | LD_OBJ_VDSO))
			continue;
		st = load_deps_of(g, n);
		if (ld_failed(st))
			return st;
	}
	return LD_OK;
}

/* objects reachable so far, published and new, by index; for the graph functions */
struct walk {
	const struct ld_obj **node; /* by index */
	uint32_t *from, *to, *order;
	uint32_t cnt;
};

static int walk_init(struct ld_group *g, struct walk *w)
{
	uint32_t edges = 0, at = 0;

	w->cnt = g->obj_first + g->cnt;
	w->node = LD_NEW_N(&g->scratch, const struct ld_obj *, w->cnt + 1);
	if (!w->node)
		return -1;
	for (const struct ld_chunk *c = g->newest ? ld_state.log.first : NULL; c; c = ld_chunk_next(c))
		for (uint32_t i = 0; i < c->obj_cnt; i++)
			w->node[c->obj_first + i] = c->objs[i];
	for (struct ld_new *n = g->first; n; n = n->next)
		w->node[n->o->idx] = n->o;
	for (uint32_t i = 0; i < w->cnt; i++)
		edges += w->node[i]->deps_cnt;
	w->from = LD_NEW_N(&g->scratch, uint32_t, w->cnt + 1);
	w->to = LD_NEW_N(&g->scratch, uint32_t, edges + 1);
	w->order = LD_NEW_N(&g->scratch, uint32_t, w->cnt + 1);
	if (!w->from || !w->to || !w->order)
		return -1;
	for (uint32_t i = 0; i < w->cnt; i++) {
		w->from[i] = at;
		for (uint32_t k = 0; k < w->node[i]->deps_cnt; k++)
			w->to[at++] = w->node[i]->deps[k]->idx;
	}
	w->from[w->cnt] = at;
	return 0;
}

static const struct ld_obj **walk_list(struct walk *w, struct ld_arena *a, uint32_t cnt)
{
	const struct ld_obj **list = LD_NEW_N(a, const struct ld_obj *, cnt + 1);

	for (uint32_t i = 0; list && i < cnt; i++)
		list[i] = w->node[w->order[i]];
	return list;
}

const struct ld_obj **ld_bfs_list(struct ld_group *g, struct ld_arena *a, const struct ld_obj *root,
				  uint32_t *cnt)
{
	struct ld_graph graph;
	struct walk w;
	uint8_t *mark;

	if (walk_init(g, &w))
		return NULL;
	mark = ld_alloc(&g->scratch, w.cnt + 1, 1);
	if (!mark)
		return NULL;
	graph = (struct ld_graph){w.from, w.to, w.cnt};
	*cnt = ld_graph_bfs(&graph, root->idx, w.order, mark);
	return walk_list(&w, a, *cnt);
}

const struct ld_obj **ld_ctor_list(struct ld_group *g, struct ld_arena *a, const struct ld_obj *root,
				   uint32_t *cnt)
{
	struct ld_graph graph;
	struct walk w;
	uint32_t *stack;
	uint8_t *mark;

	if (walk_init(g, &w))
		return NULL;
	mark = ld_alloc(&g->scratch, w.cnt + 1, 1);
	stack = LD_NEW_N(&g->scratch, uint32_t, 2 * (w.cnt + 1));
	if (!mark || !stack)
		return NULL;
	graph = (struct ld_graph){w.from, w.to, w.cnt};
	*cnt = ld_graph_postorder(&graph, root->idx, w.order, mark, stack);
	return walk_list(&w, a, *cnt);
}
