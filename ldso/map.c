/*
 * map.c: one vetted descriptor into memory, through the same descriptor: read the headers, check them,
 * plan, carry the plan out (place.c), ask fstat once more, close. Every acquiring step is undone on
 * failure.
 */
#include "dso.h"

#define HEAD_LEN 1024 /* read of a file at first; most have their program headers in it */

static int maps_file(const struct ld_plan *plan)
{
	for (uint32_t i = 0; i < plan->cnt; i++)
		if (plan->op[i].kind == LD_OP_FILE)
			return 1;
	return 0;
}

/* len bytes at off: from the copy of the file's start when they are in it, else read apart */
static const void *bytes_at(struct ld_group *g, struct ld_file *f, struct ld_span copy, uint64_t off,
			    uint64_t len)
{
	const void *p = ld_span_at(copy, off, len);
	char *own;

	if (p)
		return p;
	own = ld_alloc(&g->scratch, len, sizeof(uint64_t));
	if (!own || ld_os_pread(f->fd, own, len, off) != (long)len)
		return NULL;
	return own;
}

/* the interpreter's name and the property notes */
static ld_st read_words(struct ld_group *g, struct ld_file *f, struct ld_span copy, int as_main,
			struct ld_new *n)
{
	const struct ld_image *img = g->img;
	struct ld_props props = {0, 0};
	const void *p;

	if (as_main && img->interp_len) {
		p = bytes_at(g, f, copy, img->interp_off, img->interp_len);
		if (!p || !ld_span_str((struct ld_span){p, img->interp_len}, 0))
			return ld_err_set(&g->err, LD_E_PHDR_INTERP, img->interp_off, img->interp_len, 0);
		n->interp = ld_alloc_str(&g->b.keep, p, img->interp_len);
		if (!n->interp)
			return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	}
	if (img->prop_len && img->prop_len <= LD_MAX_NOTE) {
		p = bytes_at(g, f, copy, img->prop_off, img->prop_len);
		if (p)
			ld_note_props((struct ld_span){p, img->prop_len}, &props);
	}
	if (props.memory_seal)
		n->o->flags |= LD_OBJ_SEALDATA;
	return LD_OK;
}

/* the policy a program carries, in its checked headers; p NULL = none */
static struct ld_span find_policy(struct ld_group *g, struct ld_file *f, struct ld_span copy,
				  const struct ld_elf_phdr *ph, uint32_t cnt)
{
	struct ld_span note = {NULL, 0};
	const struct ld_elf_phdr *p;
	uint32_t i = 0;

	while (!note.p && (p = ld_phdr_note(g->img, ph, cnt, &i))) {
		const void *bytes = bytes_at(g, f, copy, p->p_offset, p->p_filesz);

		if (bytes)
			note = ld_note_policy((struct ld_span){bytes, p->p_filesz}, p->p_align);
	}
	return note;
}

/* the file's headers, checked, in g->img; *copy is the file's start, *out_ph its program headers */
static ld_st read_phdrs(struct ld_group *g, struct ld_file *f, int as_main, struct ld_ehdr *eh,
			struct ld_span *copy, const struct ld_elf_phdr **out_ph)
{
	unsigned char *head = g->buf->head + sizeof g->buf->head - HEAD_LEN;
	uint64_t ph_len;
	const void *ph;
	ld_st st;
	long r = ld_os_pread(f->fd, head, HEAD_LEN, 0);

	if (r < 0)
		return ld_err_sys(&g->err, LD_E_READ, (int)-r);
	*copy = (struct ld_span){head, (uint64_t)r};
	st = ld_ehdr_parse(*copy, f->st.size, eh, &g->err);
	if (ld_failed(st))
		return st;
	if (eh->type == LD_ET_EXEC && !as_main)
		return ld_err_set(&g->err, LD_E_EHDR_EXEC, 0, 0, 0);
	ph_len = (uint64_t)eh->phnum * sizeof(struct ld_elf_phdr);
	ph = ld_span_at(*copy, eh->phoff, ph_len);
	if (!ph || eh->phoff % _Alignof(struct ld_elf_phdr)) {
		r = ld_os_pread(f->fd, g->buf->head, ph_len, eh->phoff);
		if (r < 0)
			return ld_err_sys(&g->err, LD_E_READ, (int)-r);
		if ((uint64_t)r != ph_len)
			return ld_err_set(&g->err, LD_E_SHORT, eh->phoff, (uint64_t)r, ph_len);
		ph = g->buf->head;
		copy->len = 0; /* overwritten */
	}
	*out_ph = ph;
	return ld_phdr_scan(ph, eh->phnum, eh->phoff, f->st.size, ld_state.page, g->img, &g->err);
}

/*
 * Read and check everything that can be checked before a byte of the file is mapped. With the policy that
 * a program carries policy is final, and the verdict is asked for once more.
 */
static ld_st read_headers(struct ld_group *g, struct ld_file *f, int as_main, struct ld_ehdr *eh,
			  struct ld_new *n)
{
	const struct ld_elf_phdr *ph;
	struct ld_span copy;
	ld_st st = read_phdrs(g, f, as_main, eh, &copy, &ph);

	if (!ld_failed(st))
		st = read_words(g, f, copy, as_main, n);
	if (ld_failed(st) || !as_main)
		return st;
	ld_policy_note(g, find_policy(g, f, copy, ph, eh->phnum));
	return ld_vet_main_again(g, f);
}

struct ld_span ld_map_policy(struct ld_group *g, struct ld_file *f)
{
	const struct ld_elf_phdr *ph;
	struct ld_span copy;
	struct ld_ehdr eh;

	if (!ld_failed(read_phdrs(g, f, 1, &eh, &copy, &ph)))
		return find_policy(g, f, copy, ph, eh.phnum);
	g->err = (struct ld_err){0};
	return (struct ld_span){NULL, 0};
}

/* the dynamic table: in memory already, or a copy read apart */
static ld_st read_dynamic(struct ld_group *g, struct ld_file *f, uintptr_t base, struct ld_new *n)
{
	const struct ld_elf_dyn *tab = (const void *)(base + g->img->dyn_va);
	uint64_t cnt = g->img->dyn_len / sizeof *tab;
	const struct ld_seg *seg;
	void *copy;
	long r;

	if (!g->buf->plan.dyn_early) {
		seg = ld_image_file(g->img, g->img->dyn_va, g->img->dyn_len);
		if (!seg || g->img->dyn_len > LD_MAX_DYN * sizeof *tab)
			return ld_err_set(&g->err, LD_E_PHDR_DYNAMIC, g->img->dyn_va, g->img->dyn_len, 0);
		copy = ld_alloc(&g->scratch, g->img->dyn_len, sizeof(ld_word));
		if (!copy)
			return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
		r = ld_os_pread(f->fd, copy, g->img->dyn_len, seg->off + (g->img->dyn_va - seg->va));
		if (r < 0 || (uint64_t)r != g->img->dyn_len)
			return ld_err_sys(&g->err, LD_E_READ, r < 0 ? (int)-r : LD_EIO);
		tab = copy;
	}
	return ld_dyn_parse(tab, cnt, g->img, &n->dyn, &g->err);
}

/* what the record takes over from the checked image; the segments are copied to registry memory */
static ld_st fill_object(struct ld_group *g, struct ld_new *n, uintptr_t base)
{
	const struct ld_image *img = g->img;
	struct ld_obj *o = n->o;
	struct ld_seg *seg = LD_NEW_N(&g->b.keep, struct ld_seg, img->seg_cnt);

	if (!seg)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	memcpy(seg, img->seg, img->seg_cnt * sizeof *seg);
	o->seg = seg;
	o->seg_cnt = img->seg_cnt;
	o->base = base;
	o->map_addr = base + img->lo_va;
	o->map_len = img->hi_va - img->lo_va;
	o->phnum = img->phnum;
	if (!o->phdr && img->phdr_va)
		o->phdr = (const void *)(base + img->phdr_va);
	if (!o->phdr)
		o->phnum = 0;
	o->dyn = img->dyn_len ? (const void *)(base + img->dyn_va) : NULL;
	o->relro_addr = base + img->relro_va;
	o->relro_len = img->relro_len;
	if (img->mutable_len)
		o->flags |= LD_OBJ_MUTABLE;
	n->stack_len = img->stack_len;
	n->has_stack = img->has_stack;
	n->stack_exec = img->stack_exec;
	return LD_OK;
}

/* tables, names and TLS: needs the image in memory and the dynamic table checked */
static ld_st fill_tables(struct ld_group *g, struct ld_new *n)
{
	const struct ld_dyn *d = &n->dyn;
	struct ld_obj *o = n->o;
	uint64_t rp = d->runpath_off != LD_DYN_NONE ? d->runpath_off : d->rpath_off;
	ld_st st = ld_symtab_init(&o->sym, g->img, d, o->base, &g->err);

	if (ld_failed(st))
		return st;
	if (d->soname_off != LD_DYN_NONE) {
		o->soname = o->sym.strs + d->soname_off;
		o->soname_hash = ld_name_hash(o->soname);
	}
	if (rp != LD_DYN_NONE)
		o->runpath = o->sym.strs + rp;
	if (d->bind_now)
		o->flags |= LD_OBJ_NOW;
	if (LD_ARCH_INIT_FINI) {
		o->init = d->init_va ? o->base + d->init_va : 0;
		o->fini = d->fini_va ? o->base + d->fini_va : 0;
	}
	if (g->img->tls_memsz) {
		o->tls.image = (const void *)(o->base + g->img->tls_va);
		o->tls.filesz = g->img->tls_filesz;
		o->tls.memsz = g->img->tls_memsz;
		o->tls.align = g->img->tls_align;
	}
	return LD_OK;
}

/* the part of ld_map_file that can fail after the first mapping; *done counts operations */
static ld_st map_rest(struct ld_group *g, struct ld_file *f, struct ld_new *n, uintptr_t base, int as_main,
		      uint32_t *done)
{
	struct ld_stat again;
	uint64_t fs = 0;
	int shared = 0;
	ld_st st = LD_OK;
	long r;

	if (g->img->dyn_len)
		st = read_dynamic(g, f, base, n);
	else if (!as_main)
		st = ld_err_set(&g->err, LD_E_PHDR_NODYNAMIC, 0, 0, 0);
	if (ld_failed(st))
		return st;
	if (n->dyn.is_pie && !as_main)
		return ld_err_set(&g->err, LD_E_EHDR_EXEC, 0, 0, 0);
	if (ld_state.policy.v[LD_KEY_TEXT] == LD_TEXT_SHARED)
		shared = 1;
	else if (ld_facts_restricted(&g->facts) && ld_os_fs_flags(f->fd, &fs) >= 0)
		shared = (uint32_t)fs == LD_TMPFS_MAGIC; /* private shmem text can be refilled (G14) */
	r = ld_place_rest(&g->buf->plan, base, f->fd, shared, done);
	if (r < 0)
		return ld_err_sys(&g->err, LD_E_MAP, (int)-r);
	/* on overlayfs and FUSE what pread saw and what mmap maps can be two files */
	r = ld_os_fstat(f->fd, &again);
	if (r)
		return ld_err_sys(&g->err, LD_E_STAT, (int)-r);
	if (again.ino != f->st.ino || again.dev != f->st.dev || again.size != f->st.size ||
	    again.mtime != f->st.mtime)
		return ld_err_set(&g->err, LD_E_CHANGED, 0, again.size, 0);
	st = fill_object(g, n, base);
	if (ld_failed(st) || !g->img->dyn_len)
		return st;
	return fill_tables(g, n);
}

/* all operations; when another thread has taken an address meanwhile: undone, and elsewhere */
static ld_st place(struct ld_group *g, struct ld_file *f, struct ld_new *n, int as_main, uintptr_t *base,
		   uint32_t *done)
{
	ld_st st;

	for (int tries = 0;; tries++) {
		*done = 0;
		st = ld_place_early(g, n->is_exec, f->fd, base);
		if (ld_failed(st))
			return st;
		*done = g->buf->plan.early;
		st = map_rest(g, f, n, *base, as_main, done);
		if (LD_LIKELY(g->err.code != LD_E_MAP) || g->err.sys != LD_EEXIST || n->is_exec ||
		    tries == LD_PLACE_TRIES)
			return st;
		ld_place_undo(&g->buf->plan, *done, *base);
		g->err = (struct ld_err){0};
		g->place_cur = g->place_lo; /* the kernel is to choose again */
	}
}

/* the list of operations is used again for the next object, unless that has more segments */
static ld_st make_plan(struct ld_group *g)
{
	struct ld_plan *p = &g->buf->plan;
	uint32_t need = LD_OPS_OF(g->img->seg_cnt);

	if (p->op_max < need) {
		p->op = LD_NEW_N(&g->scratch, struct ld_op, need);
		if (!p->op)
			return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
		p->op_max = need;
	}
	ld_layout_plan(g->img, ld_state.page, ld_os_on_valgrind(), p);
	return LD_OK;
}

ld_st ld_map_file(struct ld_group *g, struct ld_file *f, int as_main, struct ld_new **out)
{
	struct ld_new *n = LD_NEW(&g->scratch, struct ld_new);
	struct ld_obj *o = LD_NEW(&g->b.keep, struct ld_obj);
	const struct ld_seg *entry;
	struct ld_ehdr eh;
	uintptr_t base = 0;
	uint32_t done = 0;
	ld_st st;

	*out = n;
	if (!n || !o)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	n->o = o;
	o->name = ld_alloc_str(&g->b.keep, f->path, ld_strlen(f->path));
	if (!o->name)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	ld_err_context(&g->err, NULL, NULL);
	st = read_headers(g, f, as_main, &eh, n);
	if (ld_failed(st))
		return st;
	n->is_exec = eh.type == LD_ET_EXEC;
	n->entry_va = eh.entry_va;
	entry = ld_image_seg(g->img, eh.entry_va, 1);
	if (as_main && (!entry || !(entry->prot & LD_PROT_X)))
		return ld_err_set(&g->err, LD_E_EHDR_ENTRY, 0, eh.entry_va, 0);
	st = make_plan(g);
	if (ld_failed(st))
		return st;
	if (as_main && !g->img->interp_len && !g->img->dyn_len)
		return LD_OK; /* static: the kernel's business, nothing is mapped */
	st = place(g, f, n, as_main, &base, &done);
	if (ld_failed(st) || (as_main && !g->img->interp_len && !n->dyn.needed_cnt)) {
		/* an error; or a static PIE, which the kernel starts */
		ld_place_undo(&g->buf->plan, done, base);
		return st;
	}
	o->dev = f->st.dev;
	o->ino = f->st.ino;
	o->size = f->st.size;
	o->mtime = f->st.mtime;
	o->uid = f->st.uid;
	o->flags |= maps_file(&g->buf->plan) ? 0 : LD_OBJ_UNPINNED;
	n->span_addr = n->mapped = base + g->buf->plan.lo_va;
	n->span_len = g->buf->plan.len;
	if (g->guard == n->span_addr + n->span_len) { /* the first object in this room takes it */
		n->span_len += ld_state.page;
		g->guard = 0;
	}
	return LD_OK;
}

void ld_map_undo(struct ld_new *n)
{
	if (n->mapped)
		(void)ld_os_munmap((void *)n->mapped, n->span_len);
	n->mapped = 0;
}

ld_st ld_map_kernel(struct ld_group *g, const struct ld_elf_phdr *ph, uint32_t phnum, uintptr_t base,
		    struct ld_obj *o, struct ld_new **out)
{
	struct ld_new *n = LD_NEW(&g->scratch, struct ld_new);
	uint64_t phoff = sizeof(struct ld_elf_ehdr);
	ld_st st;

	*out = n;
	if (!n)
		return ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
	n->o = o;
	o->flags |= LD_OBJ_KERNEL;
	o->phdr = ph;
	for (uint32_t i = 0; i < phnum; i++)
		if (ph[i].p_type == LD_PT_PHDR)
			phoff = ph[i].p_offset;
	st = ld_phdr_scan(ph, phnum, phoff, UINT64_MAX, ld_state.page, g->img, &g->err);
	if (ld_failed(st))
		return st;
	st = fill_object(g, n, base);
	if (ld_failed(st))
		return st;
	n->span_addr = o->map_addr;
	n->span_len = o->map_len;
	if (!g->img->dyn_len)
		return LD_OK;
	st = ld_dyn_parse((const void *)(base + g->img->dyn_va), g->img->dyn_len / sizeof(struct ld_elf_dyn),
			  g->img, &n->dyn, &g->err);
	if (ld_failed(st))
		return st;
	return fill_tables(g, n);
}
