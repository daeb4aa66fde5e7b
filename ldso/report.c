/*
 * report.c: what people read: constant English and typed values on descriptor 2, before main only. A
 * secure process says one fixed sentence: its text must not tell its caller about files he cannot see.
 */
#include "dso.h"
#include "format.h"
#include "musl.h"

#define MAX_REPORTS 64

static uint32_t reports; /* lines so far */

static void put(struct ld_text *t)
{
	ld_text_str(t, "\n");
	(void)ld_os_write(2, t->buf, t->len);
}

void ld_report_err(const struct ld_group *g)
{
	struct ld_text t;
	char buf[1200];

	ld_text_init(&t, buf, sizeof buf);
	if (ld_state.secure)
		ld_text_str(&t, "ward: cannot start this program: an object it needs was refused or is missing");
	else
		ld_format_err(&t, &g->err);
	put(&t);
}

void ld_report_text(const char *a, const char *raw, const char *b)
{
	struct ld_text t;
	char buf[1024];

	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, a);
	if (raw)
		ld_text_raw(&t, raw);
	ld_text_str(&t, b);
	put(&t);
}

void ld_report_audit(const struct ld_group *g, const char *path, const char *needed_by,
		     const struct ld_verdict *v, uint32_t mode)
{
	struct ld_text t;
	char buf[1200];

	if (ld_state.policy.v[LD_KEY_REPORT] == LD_REPORT_QUIET || g->runtime || ld_state.secure)
		return;
	if (v->refuse) /* the error itself says so */
		return;
	if (reports >= MAX_REPORTS) {
		if (reports++ == MAX_REPORTS)
			ld_report_text("ward: further reports suppressed", NULL, "");
		return;
	}
	reports++;
	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: audit: would refuse ");
	ld_text_raw(&t, path);
	ld_text_str(&t, " needed-by=");
	ld_text_raw(&t, needed_by ? needed_by : "-");
	ld_text_str(&t, " reason=");
	ld_text_str(&t, ld_verdict_word(v->code));
	ld_text_str(&t, " mode=");
	ld_text_oct(&t, mode);
	ld_text_str(&t, " securebits=");
	ld_text_hex(&t, g->facts.securebits);
	ld_text_str(&t, " pid=");
	ld_text_dec(&t, (uint64_t)ld_os_getpid());
	put(&t);
}

void ld_report_would(const struct ld_group *g, enum ld_event event, const char *subject, size_t len,
		     const char *needed_by, const char *reason)
{
	static const char *const words[] = {"refuse ", "ignore ", "drop ", "noted "};
	static const char *const done[] = {"refused ", "ignored ", "dropped ", "noted "};
	struct ld_text t;
	char buf[1200];

	if (!ld_reporting(LD_REPORT_DENIALS) || g->runtime || ld_state.secure || reports >= MAX_REPORTS)
		return;
	reports++;
	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: audit: ");
	if (!ld_facts_restricted(&g->facts) && event != LD_EV_NOTED)
		ld_text_str(&t, "would ");
	ld_text_str(&t, (ld_facts_restricted(&g->facts) ? done : words)[event]);
	if (len < LD_MAX_PATH) {
		char name[LD_MAX_PATH] LD_UNINIT;

		memcpy(name, subject, len);
		name[len] = 0;
		ld_text_raw(&t, name);
	}
	ld_text_str(&t, " needed-by=");
	ld_text_raw(&t, needed_by ? needed_by : "-");
	ld_text_str(&t, " reason=");
	ld_text_str(&t, reason);
	put(&t);
}

void ld_report_undefs(struct ld_group *g)
{
	struct ld_err err = {.code = LD_E_REL_UNDEF};
	struct ld_undef *u = g->lk.undefs, *prev = NULL, *next;

	for (; u; u = next) { /* oldest first */
		next = u->next;
		u->next = prev;
		prev = u;
	}
	for (u = prev; u; u = u->next) {
		err.object = u->obj->name;
		err.symbol = u->symbol;
		g->err = err;
		ld_report_err(g);
	}
	if (g->lk.undef_cnt > 20) {
		struct ld_text t;
		char buf[64];

		ld_text_init(&t, buf, sizeof buf);
		ld_text_str(&t, "ward: and ");
		ld_text_dec(&t, g->lk.undef_cnt - 20);
		ld_text_str(&t, " more");
		put(&t);
	}
}

LD_NORETURN void ld_die(struct ld_group *g)
{
	if (g->err.code == LD_E_REL_UNDEF && g->lk.undefs && !ld_state.secure)
		ld_report_undefs(g);
	else
		ld_report_err(g);
	ld_os_exit(127);
}

/* the number in front of the blank at p, and what follows the blank */
static const char *number(const char *p, uint64_t *out)
{
	*out = 0;
	while (*p >= '0' && *p <= '9')
		*out = *out * 10 + (uint64_t)(*p++ - '0');
	return *p ? p + 1 : p;
}

static const char *field(const char *p)
{
	while (*p && *p != ' ' && *p != '\n')
		p++;
	return *p == ' ' ? p + 1 : p;
}

/*
 * The mount point for a message, from /proc/self/mountinfo (proc(5)): lines "ID PARENT MAJ:MIN ROOT POINT
 * ...". Only called after a refusal; when the table is not to be had, the message does without.
 */
int ld_mount_point(uint64_t mount_id, char *buf, size_t len)
{
	long table, got;
	uint64_t off = 0;

	table = mount_id ? ld_os_open("/proc/self/mountinfo") : -LD_ENOENT;
	if (table < 0)
		return 0;
	while ((got = ld_os_pread((int)table, buf, len - 1, off)) > 0) {
		const char *line = buf, *p, *end;
		uint64_t id;
		size_t n;

		buf[got] = 0;
		for (end = line; *end && *end != '\n'; end++)
			;
		if (!*end)
			break; /* the last line, or one longer than the buffer */
		p = number(line, &id);
		if (id == mount_id) {
			p = field(field(field(p)));
			end = field(p);
			n = (size_t)(end - p) - 1;
			memmove(buf, p, n);
			buf[n] = 0;
			(void)ld_os_close((int)table);
			return n > 0;
		}
		off += (uint64_t)(end + 1 - line);
	}
	(void)ld_os_close((int)table);
	return 0;
}
