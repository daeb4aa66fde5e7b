/*
 * path.c: search paths as strings. No system call is made here; only names come out.
 *
 * May call: memcpy. Owns: no data. The caller of a program controls LD_LIBRARY_PATH, the author of
 * a file its RUNPATH, whoever may rename directories the origin.
 */
#include "path.h"

/* one entry between separators */
struct entry {
	const char *p;
	size_t len;
};

static int is_control(char c)
{
	unsigned char u = (unsigned char)c;

	return u < 0x20 || u == 0x7f;
}

/* could anything in these bytes be taken for a separator or an escape by some reader? */
static int has_control(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (is_control(s[i]))
			return 1;
	return 0;
}

static int has_dollar(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] == '$')
			return 1;
	return 0;
}

/* take the entry at *pos off, its separator too */
static struct entry cut(const char **pos, int flags)
{
	const char *s = *pos;
	struct entry e = {s, 0};

	while (s[e.len] && s[e.len] != ':' && !(flags & LD_PATH_NEWLINE && s[e.len] == '\n'))
		e.len++;
	*pos = s + e.len + (s[e.len] != 0);
	return e;
}

/* length of a leading $ORIGIN or ${ORIGIN} that is followed by '/' or the end; 0 = none */
static size_t origin_len(struct entry e)
{
	static const char *const words[] = {"$ORIGIN", "${ORIGIN}"};

	for (size_t i = 0; i < LD_COUNTOF(words); i++) {
		size_t n = ld_strlen(words[i]);

		if (e.len >= n && !memcmp(e.p, words[i], n) && (e.len == n || e.p[n] == '/'))
			return n;
	}
	return 0;
}

static int origin_usable(const char *origin)
{
	return origin && *origin == '/' && !has_control(origin, ld_strlen(origin));
}

/* write the bytes of e, with origin in place of its first skip bytes, '/' and name; 0 = no room */
static size_t join(struct entry e, size_t skip, const char *origin, const char *name, char *buf,
		   size_t buf_len)
{
	size_t head = skip ? ld_strlen(origin) : 0, tail = e.len - skip, name_len = ld_strlen(name);
	size_t total;

	if (head >= buf_len || tail >= buf_len - head || name_len + 1 >= buf_len - head - tail)
		return 0;
	if (head)
		memcpy(buf, origin, head);
	memcpy(buf + head, e.p + skip, tail);
	total = head + tail;
	buf[total++] = '/';
	memcpy(buf + total, name, name_len + 1);
	return total + name_len;
}

size_t ld_path_next(const char **pos, const char *origin, const char *name, int flags, char *buf,
		    size_t buf_len)
{
	while (**pos) {
		struct entry e = cut(pos, flags);
		size_t skip = origin_len(e), len;

		if (!e.len || has_control(e.p, e.len))
			continue;
		if (has_dollar(e.p + skip, e.len - skip) || (skip && !origin_usable(origin)))
			continue;
		len = join(e, skip, origin, name, buf, buf_len);
		if (len)
			return len;
	}
	return 0;
}

size_t ld_path_dir_len(const char *path)
{
	size_t len = (size_t)(ld_path_base(path) - path);

	/* without the slashes before the name, but the root keeps its own */
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

const char *ld_path_base(const char *path)
{
	const char *base = path;

	for (; *path; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}

int ld_path_is_libc(const char *name)
{
	static const char *const words[] = {"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."};
	const char *rest = ld_after(name, "lib");

	/* with a slash it is a path, and a path is opened and checked like any other */
	if (!rest || *ld_path_base(name) == 0 || ld_path_base(name) != name)
		return 0;
	for (size_t i = 0; i < LD_COUNTOF(words); i++)
		if (ld_after(rest, words[i]))
			return 1;
	return 0;
}

const char *ld_dir_word(unsigned reason)
{
	static const char *const words[LD_DIR_CNT] = {"", "relative", "owner", "writable"};

	return reason < LD_DIR_CNT ? words[reason] : "";
}

const char *ld_dir_phrase(unsigned reason)
{
	static const char *const phrases[LD_DIR_CNT] = {
		"", "relative", "it or a directory above it is owned by another user",
		"others may write to it or to a directory above it"};

	return reason < LD_DIR_CNT ? phrases[reason] : "";
}
