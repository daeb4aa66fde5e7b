/*
 * open.c: from a path to a vetted descriptor. The only place where the loader opens code; search.c says
 * which paths.
 *
 * One open for each candidate, then everything on that descriptor: vet.c asks the kernel about it, map.c
 * reads and maps it. Only ENOENT and ENOTDIR let a search go on: a file that is found but refused,
 * or cannot be opened, ends it, so nobody can push us to a weaker directory.
 */
#include "dso.h"

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

int ld_open_try(struct ld_group *g, const char *path, const char *needed_by, struct ld_file *f, ld_st *st)
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

	out->searched = 0;
	if (path[0] != '/' && g->runtime && ld_facts_restricted(&g->facts))
		return ld_err_set(&g->err, LD_E_REF_RELATIVE, 0, 0, 0);
	r = ld_open_try(g, path, g->requester, out, &st);
	if (!r)
		return ld_err_sys(&g->err, LD_E_NOT_FOUND, out->absent);
	return st;
}

ld_st ld_open_main(struct ld_group *g, const char *path, struct ld_file *out)
{
	long fd = open_patiently(path);

	*out = (struct ld_file){.fd = (int)fd, .path = path};
	if (fd >= 0)
		return ld_vet_stat(g, out);
	ld_err_path(&g->err, path);
	return ld_err_sys(&g->err, fd == -LD_ENOENT || fd == -LD_ENOTDIR ? LD_E_NOT_FOUND : LD_E_OPEN, (int)-fd);
}
