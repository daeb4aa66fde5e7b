/*
 * open.c: from a name to a vetted descriptor. The only place where the loader opens code.
 *
 * One open for each candidate, then everything on that descriptor: fstat, the kernel's check, later
 * the reads and mappings. Only ENOENT and ENOTDIR let a search go on: a file that is found but refused,
 * or cannot be opened, ends it, so nobody can push us to a weaker directory.
 */
#include "dso.h"
#include "path.h"

#define S_IFMT 0170000
#define S_IFREG 0100000

/* the waits for a library that was just written, in microseconds: 7.75 ms together */
static const unsigned short busy_waits[] = {250, 500, 1000, 2000, 4000};

void ld_facts_now(struct ld_facts *f)
{
	long bits = ld_os_securebits();

	f->secure = ld_state.secure;
	f->policy = &ld_state.policy;
	f->have_check = ld_state.have_check;
	/* prctl fails only when a filter says so: then assume the strictest */
	f->securebits = bits < 0 ? LD_SECBIT_RESTRICT_FILE : (uint32_t)bits;
	f->was_restricted = ld_state.restricted;
	/* the one-way page: sealed by the first dlopen that was restricted, and never unsealed */
	if (!f->was_restricted && ld_state.once_page)
		f->was_restricted = ld_os_mprotect((void *)ld_state.once_page, ld_state.page, 0) != 0;
	if (!f->was_restricted && ld_state.once_page && ld_facts_restricted(f) && ld_state.have_seal)
		(void)ld_os_mseal((void *)ld_state.once_page, ld_state.page);
}

/* a file without a name passes the kernel's check even while it can be written: ask for seals */
static int memfd_is_frozen(int fd)
{
	long seals = ld_os_memfd_seals(fd), want = LD_F_SEAL_WRITE | LD_F_SEAL_SHRINK | LD_F_SEAL_SEAL;

	return seals >= 0 && (seals & want) == want;
}

static int check_waiting(int fd, int enforcing)
{
	long r = ld_os_check(fd);

	for (size_t i = 0; r == -LD_ETXTBSY && enforcing && i < LD_COUNTOF(busy_waits); i++) {
		ld_os_sleep_us(busy_waits[i]);
		r = ld_os_check(fd);
	}
	return (int)-r;
}

static void gather(struct ld_group *g, int fd, const struct ld_stat *st, struct ld_file_facts *ff)
{
	int enforcing = ld_facts_enforcing(&g->facts);
	uint64_t type;

	*ff = (struct ld_file_facts){
		.regular = (st->mode & S_IFMT) == S_IFREG, .mode = st->mode, .nlink = st->nlink};
	if (!ff->regular || g->facts.policy->v[LD_KEY_CHECK] == LD_CHECK_OFF)
		if (!ff->regular || !enforcing)
			return;
	if (!st->nlink)
		ff->seals_ok = memfd_is_frozen(fd);
	if (!g->facts.have_check)
		return;
	if (enforcing && !g->controlled) {
		g->control_errno = (int)-ld_os_check_control(fd);
		g->controlled = 1;
	}
	ff->control_made = g->controlled;
	ff->control_errno = g->control_errno;
	ff->check_errno = check_waiting(fd, enforcing);
	ff->checked = 1;
	if (ff->check_errno == LD_EFAULT && !(g->controlled && g->control_errno == LD_ENOTDIR)) {
		/* valgrind 3.19 and the like take it for an execve: the check does not exist here */
		ff->checked = ff->check_errno = g->facts.have_check = 0;
		if (!g->runtime)
			ld_state.have_check = 0;
		return;
	}
	if (ff->check_errno) {
		long flags = ld_os_fs_flags(fd, &type);

		ff->noexec = flags > 0 && (flags & LD_ST_NOEXEC);
		ff->no_x = ld_os_may_execute(fd) == -LD_EACCES;
	}
}

static ld_st refuse(struct ld_group *g, struct ld_file *f, const struct ld_verdict *v)
{
	struct ld_err *err = &g->err;
	const char *base = ld_path_base(f->path);

	(void)ld_err_set(err, v->code, 0, 0, 0);
	err->sys = v->sys;
	err->mode = f->st.mode & 07777;
	if (v->code == LD_E_REF_NOEXEC && ld_mount_point(f->st.mount_id, (char *)g->buf->head, sizeof g->buf->head))
		err->where = ld_alloc_str(&g->scratch, (char *)g->buf->head, ld_strlen((char *)g->buf->head));
	if (v->code == LD_E_REF_NOEXEC && !err->where)
		err->where = ld_alloc_str(&g->scratch, f->path, (size_t)(base - f->path));
	return (ld_st){v->code};
}

/* fstat and verdict on an open descriptor; closes it when the file is refused */
static ld_st vet(struct ld_group *g, struct ld_file *f, const char *needed_by)
{
	struct ld_file_facts ff;
	struct ld_verdict v;
	long r = ld_os_fstat(f->fd, &f->st);
	ld_st st = LD_OK;

	if (r) {
		st = ld_err_sys(&g->err, LD_E_STAT, (int)-r);
	} else {
		gather(g, f->fd, &f->st, &ff);
		v = ld_verdict_of(&g->facts, &ff);
		if (v.code && v.refuse)
			st = refuse(g, f, &v);
		else if (v.code)
			ld_report_audit(g, f->path, needed_by, &v, f->st.mode & 07777);
	}
	if (ld_failed(st)) {
		(void)ld_os_close(f->fd);
		ld_err_path(&g->err, f->path);
	}
	return st;
}

/* 1 = opened and vetted, 0 = not there, else an error is set */
static int try_open(struct ld_group *g, const char *path, const char *needed_by, struct ld_file *f,
		    ld_st *st)
{
	long fd = ld_os_open(path);

	*st = LD_OK;
	f->absent = (int)-fd;
	if (fd == -LD_ENOENT || fd == -LD_ENOTDIR)
		return 0;
	if (fd < 0) {
		*st = ld_err_sys(&g->err, LD_E_OPEN, (int)-fd);
		ld_err_path(&g->err, path);
		return -1;
	}
	f->fd = (int)fd;
	f->path = path;
	*st = vet(g, f, needed_by);
	return ld_failed(*st) ? -1 : 1;
}

ld_st ld_open_path(struct ld_group *g, const char *path, struct ld_file *out)
{
	ld_st st;
	int r;

	ld_area_warm_files();
	out->searched = 0;
	if (path[0] != '/' && g->runtime && ld_facts_restricted(&g->facts))
		return ld_err_set(&g->err, LD_E_REF_RELATIVE, 0, 0, 0);
	r = try_open(g, path, g->requester, out, &st);
	if (!r)
		return ld_err_sys(&g->err, LD_E_NOT_FOUND, out->absent);
	return st;
}

static int search(struct ld_group *g, const char *list, const char *origin, const char *name, int flags,
		  const char *needed_by, struct ld_file *f, ld_st *st)
{
	int r = 0;

	*st = LD_OK;
	if (!list)
		return 0;
	if (ld_facts_restricted(&g->facts))
		flags |= LD_PATH_RESTRICTED;
	while (!r && ld_path_next(&list, origin, name, flags, g->buf->path, sizeof g->buf->path))
		r = try_open(g, g->buf->path, needed_by, f, st);
	f->searched = 1;
	return r;
}

/*
 * The system search path: a file of our own, else musl's, else the built-in directories. Only "not
 * there" means the next one; whatever else goes wrong leaves nothing to search (attack row B11).
 */
static const char *system_path(struct ld_group *g)
{
	static const char *const files[] = {
		LD_PREFIX "/etc/ld-ward-" LD_ARCH ".path", LD_PREFIX "/etc/ld-musl-" LD_ARCH ".path"};
	struct ld_stat st;

	for (size_t i = 0; i < LD_COUNTOF(files); i++) {
		long fd = ld_os_open(files[i]), r;
		char *text = NULL;

		if (fd == -LD_ENOENT || fd == -LD_ENOTDIR)
			continue;
		if (fd < 0)
			return "";
		r = ld_os_fstat((int)fd, &st);
		if (!r && (st.mode & S_IFMT) == S_IFREG && st.size <= 65536 && !(st.mode & 022))
			text = ld_alloc(&g->scratch, st.size + 1, 1);
		if (text && ld_os_pread((int)fd, text, st.size, 0) != (long)st.size)
			text = NULL;
		(void)ld_os_close((int)fd);
		return text ? text : "";
	}
	return "/lib:/usr/local/lib:/usr/lib";
}

ld_st ld_open_library(struct ld_group *g, const char *name, const struct ld_obj *needed_by,
		      struct ld_file *out)
{
	const char *who = needed_by ? needed_by->name : g->requester;
	ld_st st;
	int r = 0;

	ld_area_warm_files();
	out->searched = 0;
	for (const char *p = name; *p; p++) {
		if (*p != '/')
			continue;
		if (name[0] != '/' && ld_facts_restricted(&g->facts))
			return ld_err_set(&g->err, LD_E_REF_RELATIVE, 0, 0, 0);
		r = try_open(g, name, who, out, &st);
		return r ? st : ld_err_sys(&g->err, LD_E_NOT_FOUND, out->absent);
	}
	if (ld_strlen(name) > LD_MAX_NAME)
		return ld_err_set(&g->err, LD_E_NAME_LONG, 0, ld_strlen(name), LD_MAX_NAME);
	r = search(g, ld_facts_restricted(&g->facts) ? NULL : ld_state.library_path, NULL, name, 0, who,
		   out, &st);
	for (const struct ld_obj *p = needed_by; !r && p; p = p->needed_by)
		r = search(g, p->runpath, p->origin, name, 0, who, out, &st);
	if (!r)
		r = search(g, system_path(g), NULL, name, LD_PATH_NEWLINE, who, out, &st);
	if (!r)
		return ld_err_sys(&g->err, LD_E_NOT_FOUND, LD_ENOENT);
	return st;
}
