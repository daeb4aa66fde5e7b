/*
 * search.c: where a library is looked for, and what restriction changes about it. Opens directories and the
 * system's path file here; libraries are opened by open.c, one candidate after the other.
 *
 * The caller of a program controls LD_LIBRARY_PATH and the current directory, the author of an object its
 * RUNPATH, other users the directories that are theirs. Only "not there" lets a search go on.
 */
#include "dso.h"
#include "path.h"

enum { MAX_PATH_FILE = 65536, MAX_SEEN = 64 };

/* one list of directories, and who says so */
struct list {
	const char *text;
	int flags;
	const struct ld_obj *asker; /* his RUNPATH; NULL = the system or the caller */
	int callers;                /* LD_LIBRARY_PATH: not used at all when restricted */
};

/* a verdict on a directory holds for one group: a start, a dlopen */
struct ld_dir_seen {
	struct ld_dir_seen *next;
	const char *path;
	size_t len;
	uint64_t asker; /* whose files it was compared with */
	enum ld_dir_reason reason;
};

static uint64_t asker_key(const struct ld_obj *o)
{
	return o ? (uint64_t)(o->flags & LD_OBJ_KERNEL) << 32 | o->uid : 0;
}

static const struct ld_dir_seen *seen_before(const struct ld_group *g, const char *path, size_t len,
					     const struct ld_obj *asker)
{
	for (const struct ld_dir_seen *s = g->dirs; s; s = s->next)
		if (s->len == len && s->asker == asker_key(asker) && !memcmp(s->path, path, len))
			return s;
	return NULL;
}

/* the verdict on the directory of the candidate in buf->path, said once when reports are wanted; or -errno */
static long judge_dir(struct ld_group *g, const struct list *l, const char *who, enum ld_dir_reason *reason)
{
	const char *path = g->buf->path;
	size_t len = ld_path_dir_len(path);
	const struct ld_dir_seen *known = seen_before(g, path, len, l->asker);
	struct ld_dir_seen *s;
	long r;

	*reason = known ? known->reason : LD_DIR_RELATIVE;
	if (known)
		return 0;
	r = path[0] == '/' ? ld_walk_dir(g, path, len, l->asker, reason) : 0;
	if (r)
		return r;
	if (*reason)
		ld_report_would(g, LD_EV_DROP, path, len, who, ld_dir_word(*reason));
	s = g->dirs_cnt < MAX_SEEN ? LD_NEW(&g->scratch, struct ld_dir_seen) : NULL;
	if (!s)
		return 0; /* it will be looked at again */
	*s = (struct ld_dir_seen){g->dirs, ld_alloc_str(&g->scratch, path, len), len, asker_key(l->asker),
				  *reason};
	if (s->path) {
		g->dirs = s;
		g->dirs_cnt++;
	}
	return 0;
}

/* 1 = the candidate in buf->path may be opened, 0 = go on to the next, -1 = an error is set */
static LD_COLD int may_search(struct ld_group *g, const struct list *l, const char *who)
{
	int restricted = ld_facts_restricted(&g->facts);
	enum ld_dir_reason reason;
	long r;

	if (!restricted && l->callers)
		return 1; /* the whole list would be ignored, which is said elsewhere */
	r = judge_dir(g, l, who, &reason);
	if (!restricted)
		return 1;
	if (r == -LD_ENOENT || r == -LD_ENOTDIR)
		return 0;
	if (r) {
		(void)ld_err_sys(&g->err, LD_E_OPEN, (int)-r);
		ld_err_path(&g->err, g->buf->path);
		return -1;
	}
	if (reason && !g->dropped) {
		g->dropped = ld_alloc_str(&g->scratch, g->buf->path, ld_path_dir_len(g->buf->path));
		g->dropped_for = reason;
	}
	return !reason;
}

/* 1 = found, 0 = not there, -1 = an error is set */
static int search(struct ld_group *g, const struct list *l, const char *name, const char *who,
		  struct ld_file *f, ld_st *st)
{
	int look = ld_facts_restricted(&g->facts) || ld_reporting(LD_REPORT_DENIALS), r = 0;
	const char *origin = l->asker ? l->asker->origin : NULL, *at = l->text;

	*st = LD_OK;
	if (!at)
		return 0;
	while (!r && ld_path_next(&at, origin, name, l->flags, g->buf->path, sizeof g->buf->path)) {
		if (LD_UNLIKELY(look)) {
			r = may_search(g, l, who);
			if (r < 0)
				*st = (ld_st){g->err.code};
			if (r <= 0)
				continue;
		}
		r = ld_open_try(g, g->buf->path, who, f, st);
	}
	f->searched = 1;
	return r;
}

/* ---- the system's path ---- */

static ld_st bad_path_file(struct ld_group *g, const char *file, const struct ld_stat *st)
{
	g->err.where = file;
	g->err.mode = st->mode & 07777;
	return ld_err_set(&g->err, LD_E_REF_PATHFILE, 0, st->uid, 0);
}

static int is_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!s[i])
			return 0;
	return 1;
}

/* the content of an opened path file in memory that stays; NULL = an error is set */
static const char *read_path_file(struct ld_group *g, const char *file, int fd)
{
	struct ld_stat st;
	long r = ld_os_fstat(fd, &st);
	char *text;

	g->err.where = file;
	if (r) {
		(void)ld_err_sys(&g->err, LD_E_PATHFILE, (int)-r);
		return NULL;
	}
	if ((st.mode & LD_S_IFMT) != LD_S_IFREG || st.size > MAX_PATH_FILE || (st.mode & 022) ||
	    !ld_owner_is_root(st.uid)) {
		(void)bad_path_file(g, file, &st);
		return NULL;
	}
	text = ld_alloc(g->runtime ? &g->scratch : &g->b.keep, st.size + 1, 1);
	if (!text) {
		(void)ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
		return NULL;
	}
	r = ld_os_pread(fd, text, st.size, 0);
	if (r != (long)st.size) {
		(void)ld_err_sys(&g->err, LD_E_PATHFILE, r < 0 ? (int)-r : LD_EIO);
		return NULL;
	}
	if (!is_text(text, st.size)) {
		(void)bad_path_file(g, file, &st);
		return NULL;
	}
	g->err.where = NULL;
	return text;
}

/*
 * A file of our own, else musl's, else the built-in directories. Only "not there" means the next one;
 * whatever else goes wrong ends the search (attack row B11).
 */
const char *ld_system_path(struct ld_group *g, const char **file)
{
	static const char *const files[] = {
		LD_PREFIX "/etc/ld-ward-" LD_ARCH ".path", LD_PREFIX "/etc/ld-musl-" LD_ARCH ".path"};
	const char *text;

	*file = NULL;
	for (size_t i = 0; i < LD_COUNTOF(files); i++) {
		long fd = ld_os_open(files[i]);

		if (fd == -LD_ENOENT || fd == -LD_ENOTDIR)
			continue;
		*file = files[i];
		if (fd < 0) {
			g->err.where = files[i];
			(void)ld_err_sys(&g->err, LD_E_PATHFILE, (int)-fd);
			return NULL;
		}
		text = read_path_file(g, files[i], (int)fd);
		(void)ld_os_close((int)fd);
		return text;
	}
	return "/lib:/usr/local/lib:/usr/lib";
}

/*
 * Read once: at start it is kept, so that a dlopen after chroot(2) asks for the same directories; else for
 * each group anew.
 */
static const char *system_path(struct ld_group *g)
{
	const char *file;

	if (ld_state.system_path)
		return ld_state.system_path;
	if (!g->system_path)
		g->system_path = ld_system_path(g, &file);
	if (!g->runtime)
		ld_state.system_path = g->system_path;
	return g->system_path;
}

/* ---- another root directory ---- */

void ld_search_note_root(void)
{
	struct ld_stat st;

	if (!ld_reporting(LD_REPORT_DENIALS) || ld_os_stat_at(LD_AT_FDCWD, "/", &st))
		return;
	ld_state.root_dev = st.dev;
	ld_state.root_ino = st.ino;
	ld_state.root_mount = st.mount_id;
}

/* chroot, pivot_root, setns: legal, and the way a privileged program comes to load somebody else's files */
static LD_COLD void report_root(const struct ld_group *g, const char *name, const char *who)
{
	struct ld_stat st;

	if (!ld_state.root_ino || ld_os_stat_at(LD_AT_FDCWD, "/", &st))
		return;
	if (st.dev != ld_state.root_dev || st.ino != ld_state.root_ino || st.mount_id != ld_state.root_mount)
		ld_report_would(g, LD_EV_NOTED, name, ld_strlen(name), who, "root-changed");
}

/* ---- one name ---- */

static int has_slash(const char *s)
{
	while (*s && *s != '/')
		s++;
	return *s == '/';
}

static ld_st open_path(struct ld_group *g, const char *name, const char *who, struct ld_file *out)
{
	ld_st st;

	if (name[0] != '/' && ld_reporting(LD_REPORT_DENIALS))
		ld_report_would(g, LD_EV_REFUSE, name, ld_strlen(name), who, "relative");
	if (name[0] != '/' && ld_facts_restricted(&g->facts))
		return ld_err_set(&g->err, LD_E_REF_RELATIVE, 0, 0, 0);
	if (ld_open_try(g, name, who, out, &st))
		return st;
	return ld_err_sys(&g->err, LD_E_NOT_FOUND, out->absent);
}

static ld_st not_found(struct ld_group *g)
{
	ld_st st = ld_err_sys(&g->err, LD_E_NOT_FOUND, LD_ENOENT);

	g->err.where = g->dropped;
	g->err.got = g->dropped_for;
	return st;
}

ld_st ld_open_library(struct ld_group *g, const char *name, const struct ld_obj *needed_by,
		      struct ld_file *out)
{
	const char *who = needed_by ? needed_by->name : g->requester;
	struct list l = {.callers = 1};
	ld_st st;
	int r;

	out->searched = 0;
	g->dropped = NULL;
	if (LD_UNLIKELY(g->runtime && ld_reporting(LD_REPORT_DENIALS)))
		report_root(g, name, who);
	if (has_slash(name))
		return open_path(g, name, who, out);
	if (ld_strlen(name) > LD_MAX_NAME)
		return ld_err_set(&g->err, LD_E_NAME_LONG, 0, ld_strlen(name), LD_MAX_NAME);
	if (!ld_facts_restricted(&g->facts))
		l.text = ld_state.library_path;
	r = search(g, &l, name, who, out, &st);
	for (const struct ld_obj *p = needed_by; !r && p; p = p->needed_by) {
		l = (struct list){.text = p->runpath, .asker = p};
		r = search(g, &l, name, who, out, &st);
	}
	if (r)
		return st;
	l = (struct list){.text = system_path(g), .flags = LD_PATH_NEWLINE};
	if (!l.text)
		return (ld_st){g->err.code};
	return search(g, &l, name, who, out, &st) ? st : not_found(g);
}
