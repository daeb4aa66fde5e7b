/*
 * open.c: from a name to a vetted descriptor. The only place where the loader opens code.
 *
 * One open for each candidate, then everything on that descriptor: vet.c asks the kernel about it, map.c
 * reads and maps it. Only ENOENT and ENOTDIR let a search go on: a file that is found but refused,
 * or cannot be opened, ends it, so nobody can push us to a weaker directory.
 */
#include "dso.h"
#include "path.h"

#define S_IFMT 0170000
#define S_IFREG 0100000

/*
 * A write lease on the file (fcntl(2), F_SETLEASE): the kernel has asked its holder to give it up and will
 * not make us wait, as it would without O_NONBLOCK (45 s by default). A holder that obeys is quick.
 */
static long open_patiently(const char *path)
{
	long fd = ld_os_open(path);

	for (size_t i = 0; fd == -LD_EAGAIN && i < LD_BUSY_WAITS; i++) {
		ld_os_sleep_us(ld_busy_waits[i]);
		fd = ld_os_open(path);
	}
	return fd;
}

/* 1 = opened and vetted, 0 = not there, else an error is set */
static int try_open(struct ld_group *g, const char *path, const char *needed_by, struct ld_file *f,
		    ld_st *st)
{
	long fd = open_patiently(path);

	*st = LD_OK;
	f->absent = (int)-fd;
	if (fd == -LD_ENOENT || fd == -LD_ENOTDIR)
		return 0;
	if (fd < 0) {
		*st = ld_err_sys(&g->err, fd == -LD_EAGAIN ? LD_E_LEASE : LD_E_OPEN, (int)-fd);
		ld_err_path(&g->err, path);
		return -1;
	}
	f->fd = (int)fd;
	f->path = path;
	*st = ld_vet(g, f, needed_by);
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
