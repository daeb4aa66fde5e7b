/*
 * report.c: what people and collectors read: constant English and typed values. Messages go to
 * descriptor 2, before main only: later its number may be the program's database. Lines of a report
 * (line.h) go there too, or each as one datagram to the socket of the system file, at any time.
 *
 * A secure process says one fixed sentence on descriptor 2: its text must not tell its caller about files
 * he cannot see. The socket is root's: the full line goes there.
 *
 * Nothing here waits for a reader for long, raises a signal or is ever fatal. Owns: counters and the
 * hashes of what was said. They are writable: who can write to the loader's data can silence it.
 */
#include "musl.h"
#include "start.h"

#define MAX_REPORTS 64
#define FATAL_WAIT 1000 /* ms for the last words of a process */

static uint32_t reports;           /* lines so far */
static uint64_t said[MAX_REPORTS]; /* their hashes */
static uint64_t lost;              /* lines that found no room since the last that did */

static long to_stderr(const struct ld_text *t, unsigned wait_ms)
{
	struct ld_stat st;

	if (!ld_os_fstat(2, &st) && (st.mode & LD_S_IFMT) == LD_S_IFREG)
		return ld_os_write(2, t->buf, t->len);
	return ld_os_write_soon(2, t->buf, t->len, wait_ms);
}

void ld_report_put(struct ld_text *t)
{
	ld_text_str(t, "\n");
	(void)to_stderr(t, FATAL_WAIT);
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
	ld_report_put(&t);
}

/* ---- lines ---- */

static void send_line(const struct ld_group *g, struct ld_line *l)
{
	struct ld_text t;
	char buf[LD_LINE_MAX] LD_UNINIT;
	long r;

	l->securebits = g->facts.securebits;
	l->pid = (uint64_t)ld_os_getpid();
	l->lost = lost;
	ld_text_init(&t, buf, sizeof buf);
	ld_line_format(&t, l);
	ld_text_str(&t, "\n");
	r = ld_state.report_to ? ld_os_datagram(ld_state.report_to, t.buf, t.len) : to_stderr(&t, 0);
	if (ld_os_failed(r))
		lost++;
	else
		lost = 0;
}

/* was the same said before? remembers it */
static int said_before(const struct ld_line *l)
{
	uint64_t h = ld_line_hash(l);
	uint32_t cnt = reports < MAX_REPORTS ? reports : MAX_REPORTS;

	for (uint32_t i = 0; i < cnt; i++)
		if (said[i] == h)
			return 1;
	if (cnt < MAX_REPORTS)
		said[cnt] = h;
	return 0;
}

void ld_report_line(const struct ld_group *g, struct ld_line *l)
{
	struct ld_line end = {.event = LD_EV_SUPPRESSED, .reason = "limit", .mode = -1};

	if (!ld_reporting(LD_REPORT_DENIALS) || (!ld_state.report_to && (g->runtime || ld_state.secure)))
		return;
	if (reports > MAX_REPORTS || said_before(l))
		return;
	if (reports++ < MAX_REPORTS)
		send_line(g, l);
	else
		send_line(g, &end);
}

/* the kernel vetted a program that it mapped: its mode is not known here */
void ld_report_loaded(const struct ld_group *g, const struct ld_new *n, const char *needed_by)
{
	int kernel = n->o->flags & LD_OBJ_KERNEL;
	struct ld_line l = {
		.event = LD_EV_LOADED, .subject = n->o->name, .subject_len = ld_strlen(n->o->name),
		.needed_by = needed_by, .reason = kernel ? "kernel" : ld_verdict_word(n->verdict),
		.mode = kernel ? -1 : n->mode};

	ld_report_line(g, &l);
	l.event = LD_EV_NOTED;
	l.reason = "execstack";
	if (n->stack_exec)
		ld_report_line(g, &l);
}

void ld_report_audit(const struct ld_group *g, const char *path, const char *needed_by,
		     const struct ld_verdict *v, uint32_t mode)
{
	struct ld_line l = {
		.event = LD_EV_REFUSE, .applied = v->refuse, .subject = path,
		.subject_len = ld_strlen(path), .needed_by = needed_by,
		.reason = ld_verdict_word(v->code), .mode = mode};

	ld_report_line(g, &l);
}

void ld_report_would(const struct ld_group *g, enum ld_event event, const char *subject, size_t len,
		     const char *needed_by, const char *reason)
{
	struct ld_line l = {
		.event = event, .applied = ld_facts_restricted(&g->facts), .subject = subject,
		.subject_len = len, .needed_by = needed_by, .reason = reason, .mode = -1};

	ld_report_line(g, &l);
}

/* people read the sentence, a collector the line */
void ld_report_ignored(const struct ld_group *g, const char *name)
{
	const char *by = ld_state.secure ? "secure" : g->facts.securebits ? "securebits" : "policy";
	struct ld_text t;
	char buf[160];

	if (!ld_reporting(LD_REPORT_DENIALS) || !ld_env_get(ld_state.envp, name))
		return;
	if (!ld_state.restricted || ld_state.report_to) {
		ld_report_would(g, LD_EV_IGNORE, name, ld_strlen(name), NULL,
				ld_state.restricted ? by : "restricted");
		return;
	}
	if (ld_state.secure)
		return;
	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: ");
	ld_text_str(&t, name);
	ld_text_str(&t, " ignored: restricted by ");
	ld_text_str(&t, by);
	if (g->facts.securebits) {
		ld_text_str(&t, " ");
		ld_text_hex(&t, g->facts.securebits);
	}
	ld_report_put(&t);
}

/* ---- errors ---- */

static const char *failure_word(const struct ld_err *err)
{
	static const char *const words[] = {
		[LD_K_BAD] = "malformed", [LD_K_REFUSED] = "refused", [LD_K_SYSTEM] = "system",
		[LD_K_MEMORY] = "memory", [LD_K_LIMIT] = "limit", [LD_K_LINK] = "symbol",
	};

	return err->code == LD_E_NOT_FOUND ? "not-found" : words[ld_err_kind(err->code)];
}

void ld_report_err(const struct ld_group *g)
{
	const char *name = g->err.object ? g->err.object : g->err.path;
	struct ld_text t;
	char buf[1200];

	if (ld_state.report_to && !ld_state.list) {
		struct ld_line l = {
			.event = LD_EV_FAILED, .subject = name, .subject_len = ld_strlen(name),
			.needed_by = g->err.needed_by, .reason = failure_word(&g->err), .mode = -1};

		ld_report_line(g, &l);
	}
	ld_text_init(&t, buf, sizeof buf);
	if (ld_state.secure)
		ld_text_str(&t, "ward: cannot start this program: an object it needs was refused or is missing");
	else
		ld_format_err(&t, &g->err);
	ld_report_put(&t);
}

void ld_report_undefs(struct ld_group *g)
{
	struct ld_err err = {.code = LD_E_REL_UNDEF};

	for (const struct ld_undef *u = g->lk.undefs; u; u = u->next) {
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
		ld_report_put(&t);
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
