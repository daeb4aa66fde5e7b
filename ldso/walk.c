/*
 * walk.c: who could put a file into a search directory? Asked when restricted, before anything is
 * looked for there, and when a report is wanted of what restriction would change.
 *
 * The path is walked from the root one name at a time, each directory opened relative to the one
 * before and looked at by its descriptor, symbolic links read and followed here. So at no level can
 * anybody but those we trust exchange what was looked at for something else: the name may be used again
 * to open a library. An attacker controls modes, owners and links below directories of his, and the number
 * and length of names.
 */
#include "dso.h"

enum { MAX_LINKS = 40 }; /* as many as the kernel follows, include/linux/namei.h */

struct walk {
	const struct ld_group *g;
	const struct ld_obj *asker; /* whose file names the directory; NULL = the system */
	int fd;           /* where we are */
	int shared;       /* others may add names there, and not take away those of others */
	unsigned links;
	char *buf, *rest; /* rest: what is still to be walked; it ends where buf ends */
	enum ld_dir_reason reason;
};

static int owns(uint32_t uid, const struct ld_obj *o)
{
	struct ld_stat st;

	if (!o || !(o->flags & LD_OBJ_KERNEL))
		return o && o->uid == uid;
	return !ld_os_stat_at(LD_AT_FDCWD, "/proc/self/exe", &st) && st.uid == uid;
}

/* a relative name would let the current directory decide */
int ld_owner_is_loaders(uint32_t uid)
{
	struct ld_stat st;

	return ld_self.name && ld_self.name[0] == '/' &&
	       !ld_os_stat_at(LD_AT_FDCWD, ld_self.name, &st) && st.uid == uid;
}

int ld_owner_is_root(uint32_t uid)
{
	struct ld_stat st;

	if (!uid || (!ld_os_stat_at(LD_AT_FDCWD, "/", &st) && st.uid == uid))
		return 1;
	return ld_owner_is_loaders(uid);
}

/*
 * Unless secure also the user we run as, and whoever could as well have changed the file that sends us
 * here: it adds nothing to what he can do.
 */
static int is_trusted(const struct walk *w, uint32_t uid)
{
	if (ld_owner_is_root(uid))
		return 1;
	return !w->g->facts.secure && ((long)uid == ld_os_geteuid() || owns(uid, w->asker));
}

/* a group of one's own, by custom numbered as its only member, is nobody else */
static int is_shared(const struct ld_stat *st)
{
	return (st->mode & 0002) || ((st->mode & 0020) && st->gid && st->gid != st->uid);
}

/* go to the directory behind fd: 0, or -errno, or a reason to stay away */
static long enter(struct walk *w, long fd)
{
	struct ld_stat st;
	long r;

	if (fd < 0)
		return fd;
	if (w->fd >= 0)
		(void)ld_os_close(w->fd);
	w->fd = (int)fd;
	r = ld_os_fstat(w->fd, &st);
	if (r)
		return r;
	w->shared = is_shared(&st);
	if (!is_trusted(w, st.uid))
		w->reason = LD_DIR_OWNER;
	else if (w->shared && !(st.mode & LD_S_ISVTX))
		w->reason = LD_DIR_WRITABLE;
	return 0;
}

/* take the first name off; NULL = none is left */
static char *cut(struct walk *w)
{
	char *name;

	while (*w->rest == '/')
		w->rest++;
	name = w->rest;
	while (*w->rest && *w->rest != '/')
		w->rest++;
	if (w->rest == name)
		return NULL;
	if (*w->rest)
		*w->rest++ = 0;
	return name;
}

/* name is no directory: put what the link says in its place */
static long follow(struct walk *w, char *name)
{
	size_t room = (size_t)(name - w->buf);
	struct ld_stat st;
	long r = ld_os_lstat_at(w->fd, name, &st);

	if (r)
		return r;
	if ((st.mode & LD_S_IFMT) != LD_S_IFLNK)
		return -LD_ENOTDIR;
	if (++w->links > MAX_LINKS)
		return -LD_ELOOP;
	if (w->shared && !is_trusted(w, st.uid)) {
		/* whoever made it may make it point elsewhere at any time */
		w->reason = LD_DIR_WRITABLE;
		return 0;
	}
	r = room ? ld_os_readlink_at(w->fd, name, w->buf, room) : -LD_ENAMETOOLONG;
	if (r <= 0)
		return r ? r : -LD_ENOENT;
	if ((size_t)r >= room)
		return -LD_ENAMETOOLONG;
	if (*w->rest)
		*--w->rest = '/';
	w->rest -= r;
	memmove(w->rest, w->buf, (size_t)r);
	return *w->rest == '/' ? enter(w, ld_os_open_dir(LD_AT_FDCWD, "/")) : 0;
}

static long walk(struct walk *w)
{
	long r = enter(w, ld_os_open_dir(LD_AT_FDCWD, "/"));
	char *name;

	while (!r && !w->reason && (name = cut(w))) {
		long fd = ld_os_open_dir(w->fd, name);

		r = fd == -LD_ENOTDIR ? follow(w, name) : enter(w, fd);
	}
	/* the last one: a new file is all it takes */
	if (!r && !w->reason && w->shared)
		w->reason = LD_DIR_WRITABLE;
	return r;
}

long ld_walk_dir(struct ld_group *g, const char *path, size_t len, const struct ld_obj *asker,
		 enum ld_dir_reason *reason)
{
	struct walk w = {.g = g, .asker = asker, .fd = -1, .buf = (char *)g->buf->head};
	size_t cap = sizeof g->buf->head;
	long r = -LD_ENAMETOOLONG;

	if (len < cap) {
		w.rest = w.buf + cap - len - 1;
		memcpy(w.rest, path, len);
		w.rest[len] = 0;
		r = walk(&w);
	}
	*reason = w.reason;
	if (w.fd >= 0)
		(void)ld_os_close(w.fd);
	return r;
}
