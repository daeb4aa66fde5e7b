/*
 * origin.c: the directory that $ORIGIN stands for. It is found once, when an object is loaded, and lies in
 * the registry from then on: what is renamed, mounted or deleted later moves nobody's libraries.
 *
 * Who starts a program chooses the name it is started by (hard links, fexecve), and whoever may
 * rename directories chooses theirs.
 */
#include "path.h"
#include "dso.h"

int ld_uses_origin(const struct ld_obj *o)
{
	for (const char *p = o->runpath; p && *p; p++)
		if (*p == '$')
			return 1;
	return 0;
}

/*
 * Is what /proc says behind a link really there? The text of a deleted directory, or of one below a file
 * system that was taken out of the tree, is the name of something else, or of nothing.
 */
static int is_name_of(const char *text, const char *link)
{
	struct ld_stat a, b;

	return !ld_os_stat_at(LD_AT_FDCWD, text, &a) && !ld_os_stat_at(LD_AT_FDCWD, link, &b) &&
	       a.dev == b.dev && a.ino == b.ino;
}

int ld_have_procfs(void)
{
	long fd = ld_os_open_dir(LD_AT_FDCWD, "/proc"), r;
	struct ld_stat st;
	uint64_t type = 0;

	if (fd < 0)
		return 0;
	r = ld_os_fs_flags((int)fd, &type);
	if (r >= 0)
		r = ld_os_fstat((int)fd, &st);
	(void)ld_os_close((int)fd);
	return !r && type == LD_PROC_MAGIC && st.ino == 1;
}

/* a relative path is made absolute by the current directory, as far as the kernel tells it */
static const char *relative_origin(struct ld_group *g, const char *path)
{
	static const char cwd[] = "/proc/self/cwd";
	size_t n = ld_path_dir_len(path), len;
	char *buf = g->buf->path;
	long r = ld_os_readlink(cwd, buf, sizeof g->buf->path - 1);

	if (r <= 0 || buf[0] != '/' || (size_t)r + n + 2 >= sizeof g->buf->path)
		return NULL;
	len = (size_t)r;
	buf[len] = 0;
	if (!is_name_of(buf, cwd))
		return NULL;
	if (n) {
		buf[len++] = '/';
		memcpy(buf + len, path, n);
		len += n;
	}
	return ld_alloc_str(&g->b.keep, buf, len);
}

static const char *origin_of(struct ld_group *g, const char *path)
{
	if (path[0] != '/')
		return relative_origin(g, path);
	return ld_alloc_str(&g->b.keep, path, ld_path_dir_len(path));
}

void ld_origin_library(struct ld_group *g, struct ld_obj *o)
{
	if (ld_uses_origin(o) && (o->name[0] == '/' || !ld_facts_restricted(&g->facts)))
		o->origin = origin_of(g, o->name);
}

/* the kernel mapped it: /proc says where its file lies */
static const char *kernel_origin(struct ld_group *g, const struct ld_obj *o)
{
	static const char exe[] = "/proc/self/exe";
	int restricted = ld_facts_restricted(&g->facts);
	long r = ld_os_readlink(exe, g->buf->path, sizeof g->buf->path - 1);

	if (r <= 0 || g->buf->path[0] != '/')
		return NULL;
	g->buf->path[r] = 0;
	if (!restricted && !ld_reporting(LD_REPORT_DENIALS))
		return origin_of(g, g->buf->path);
	if (!is_name_of(g->buf->path, exe) || !ld_have_procfs()) {
		ld_report_would(g, LD_EV_DROP, "$ORIGIN", 7, o->name, "origin");
		if (restricted)
			return NULL;
	}
	return origin_of(g, g->buf->path);
}

void ld_origin_main(struct ld_group *g, struct ld_obj *o)
{
	if (!ld_uses_origin(o))
		return;
	if (ld_state.secure) {
		/* the path is its caller's choice */
		ld_report_would(g, LD_EV_DROP, "$ORIGIN", 7, o->name, "secure");
		return;
	}
	o->origin = o->flags & LD_OBJ_KERNEL ? kernel_origin(g, o) : origin_of(g, o->name);
}
