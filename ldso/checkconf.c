/*
 * checkconf.c: --check-conf FILE: what a start would make of this file as /etc/ward.conf, said before
 * it is put there. Every problem is a line FILE:LINE: TEXT on standard error; status 1 when there is one.
 */
#include "format.h"
#include "start.h"

struct check {
	struct ld_group *g;
	const char *file;
	struct ld_text t;
	char buf[1400];
	unsigned problems;
};

/* begin a problem; line 0 = the whole file */
static struct ld_text *begin(struct check *c, uint32_t line)
{
	ld_text_init(&c->t, c->buf, sizeof c->buf);
	ld_text_raw(&c->t, c->file);
	ld_text_str(&c->t, ":");
	if (line) {
		ld_text_dec(&c->t, line);
		ld_text_str(&c->t, ":");
	}
	ld_text_str(&c->t, " ");
	c->problems++;
	return &c->t;
}

static void end(struct check *c)
{
	ld_report_text(c->buf, NULL, "");
}

/* must be there: the program of a section, a library */
static void check_exists(struct check *c, uint32_t line, const char *what, struct ld_span path)
{
	struct ld_stat st;
	struct ld_text *t;
	long r;

	memcpy(c->g->buf->path, path.p, path.len); /* shorter than LD_MAX_PATH: conf.h */
	c->g->buf->path[path.len] = 0;
	r = ld_os_stat_at(LD_AT_FDCWD, c->g->buf->path, &st);
	if (!r)
		return;
	t = begin(c, line);
	ld_text_str(t, what);
	ld_text_span(t, path);
	ld_text_str(t, ": ");
	ld_text_errno(t, (int)-r);
	end(c);
}

static void check_preloads(struct check *c, uint32_t line, struct ld_span list)
{
	while (list.len) {
		struct ld_span path = {list.p, 0};

		while (path.len < list.len && path.p[path.len] != ':')
			path.len++;
		check_exists(c, line, "preload ", path);
		list.p += path.len + (path.len < list.len);
		list.len -= path.len + (path.len < list.len);
	}
}

/* right words that will not do what they say */
static void check_words(struct check *c, const struct ld_conf_item *item)
{
	static const struct ld_policy_rights all = {LD_FROM_CONF, LD_KEYS_ALL, LD_KEYS_ALL};
	struct ld_settings s = {.preload = {NULL, 0}};
	const struct ld_policy *floor = &c->g->sources->floor;

	ld_policy_default(&s.policy);
	ld_conf_apply(item, &all, &s);
	for (unsigned k = 0; k < LD_KEY_REPORT; k++) {
		struct ld_text *t;

		if (s.policy.from[k] != LD_FROM_CONF || s.policy.v[k] >= floor->v[k])
			continue;
		t = begin(c, item->line);
		ld_text_str(t, ld_policy_key_name(k));
		ld_text_str(t, "=");
		ld_conf_value(t, k, s.policy.v[k]);
		ld_text_str(t, " is below the build's floor, ");
		ld_conf_value(t, k, floor->v[k]);
		end(c);
	}
	if (s.policy.v[LD_KEY_LOCKDOWN] == LD_LOCKDOWN_EXEC) {
		ld_text_str(begin(c, item->line),
			    "lockdown=exec is not available in this version: no program would start");
		end(c);
	}
	check_preloads(c, item->line, s.preload);
}

static void check_text(struct check *c, struct ld_span text)
{
	struct ld_conf_item item;
	struct ld_conf conf;

	ld_conf_begin(&conf, text);
	while (ld_conf_next(&conf, &item)) {
		if (item.kind == LD_CONF_WRONG) {
			ld_conf_describe(begin(c, item.line), &item);
			end(c);
		} else if (item.kind == LD_CONF_SECTION) {
			check_exists(c, item.line, "section for ", item.text);
		} else {
			check_words(c, &item);
		}
	}
}

/* the file's status and bytes, as a start would see them; 0, or -errno */
static long check_file(struct check *c, int fd)
{
	struct ld_stat st;
	const struct ld_conf_fault *fault;
	unsigned char *text;
	long r = ld_os_fstat(fd, &st);

	if (r)
		return r;
	fault = ld_conf_fault(&st);
	if (fault) {
		struct ld_text *t = begin(c, 0);

		ld_text_str(t, fault->text);
		ld_text_str(t, ": as the system's file it would mean \"enforce\"");
		end(c);
	}
	if ((st.mode & LD_S_IFMT) != LD_S_IFREG || st.size > LD_CONF_MAX)
		return 0;
	text = ld_alloc(&c->g->scratch, st.size + 1, 1);
	r = text ? ld_os_pread(fd, text, st.size, 0) : -LD_ENOMEM;
	if (r < 0)
		return r;
	check_text(c, (struct ld_span){text, (uint64_t)r});
	return 0;
}

void ld_check_conf(struct ld_group *g, const char *file)
{
	struct check c = {.g = g, .file = file};
	long r = ld_os_open(file);

	if (r >= 0)
		r = check_file(&c, (int)r);
	if (r < 0) {
		ld_text_errno(begin(&c, 0), (int)-r);
		end(&c);
	}
	ld_os_exit(c.problems != 0);
}
