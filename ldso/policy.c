/*
 * policy.c: where policy comes from, and in which order it counts: build floor and default, the system
 * file with its sections, the note of the main program, the command line, LD_WARD. The words themselves
 * are read by src/policy.c and src/conf.c.
 *
 * An attacker who starts a program chooses the command line, LD_WARD, limits and the names by
 * which files are reached; neither makes the policy laxer. What cannot be read or found out counts as
 * if it had been against him.
 */
#include "conf.h"
#include "format.h"
#include "start.h"

#define CONF_REPORTS 16 /* wrong lines that are shown at a start; --check-conf shows all */

static const struct ld_policy_rights build_rights = {LD_FROM_BUILD, LD_KEYS_ALL, LD_KEYS_ALL};
static const struct ld_policy_rights conf_rights = {LD_FROM_CONF, LD_KEYS_ALL, LD_KEYS_ALL};

static struct ld_span span_of(const char *s)
{
	return (struct ld_span){(const unsigned char *)s, ld_strlen(s)};
}

/* ---- build ---- */

void ld_policy_begin(struct ld_group *g, struct ld_sources *s, const char *words)
{
	struct ld_policy *p = &s->settings.policy;

	*s = (struct ld_sources){.command = words};
	ld_policy_default(p);
	p->v[LD_KEY_STATIC_TLS] = LD_BUILD_STATIC_TLS;
	if (ld_policy_words(&s->floor, span_of(LD_BUILD_FLOOR), &build_rights, NULL) ||
	    ld_policy_words(p, span_of(LD_BUILD_POLICY), &build_rights, NULL))
		ld_refuse_build();
	ld_policy_raise(p, &s->floor);
	ld_state.policy = *p;
	ld_facts_now(&g->facts);
	g->sources = s;
}

/* ---- the system file ---- */

/* the file cannot be believed: the strictest that every system can run */
static LD_COLD void conf_unusable(struct ld_sources *s, const char *why, int sys)
{
	static const struct ld_policy_rights tighten = {LD_FROM_CONF, LD_KEYS_ALL, 0};
	struct ld_text t;
	char buf[200];

	(void)ld_policy_words(&s->settings.policy, span_of("enforce"), &tighten, NULL);
	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: " LD_CONF_FILE " cannot be used: ");
	ld_text_str(&t, why);
	if (sys)
		ld_text_errno(&t, sys);
	ld_text_str(&t, "; policy is \"enforce\"");
	ld_report_text(t.buf, NULL, "");
}

const struct ld_conf_fault *ld_conf_fault(const struct ld_stat *st)
{
	static const struct ld_conf_fault type = {"type", "not a regular file"},
		owner = {"owner", "owned neither by root nor by the loader's owner"},
		writable = {"writable", "writable by group or others"},
		large = {"large", "larger than 64 KiB"};

	if ((st->mode & LD_S_IFMT) != LD_S_IFREG)
		return &type;
	/* in a user namespace root shows as 65534, and so does the loader's owner */
	if (st->uid && !ld_owner_is_loaders(st->uid))
		return &owner;
	if (st->mode & 022)
		return &writable;
	return st->size > LD_CONF_MAX ? &large : NULL;
}

static LD_COLD void read_conf(struct ld_group *g, int fd)
{
	struct ld_sources *s = g->sources;
	unsigned char *text;
	struct ld_stat st;
	const struct ld_conf_fault *fault;
	long r = ld_os_fstat(fd, &st);

	if (r) {
		conf_unusable(s, "", (int)-r);
		return;
	}
	fault = ld_conf_fault(&st);
	if (fault) {
		conf_unusable(s, fault->text, 0);
		return;
	}
	text = ld_alloc(&g->scratch, st.size + 1, 1);
	r = text ? ld_os_pread(fd, text, st.size, 0) : -LD_ENOMEM;
	if (r < 0)
		conf_unusable(s, "", (int)-r);
	else if ((uint64_t)r != st.size)
		conf_unusable(s, "changed while it was read", 0);
	else
		s->conf = (struct ld_span){text, st.size};
}

/* the file's text into g->sources; only "it is not there" means that there is none */
static void open_conf(struct ld_group *g)
{
	long fd = ld_os_open(LD_CONF_FILE);

	if (fd == -LD_ENOENT || fd == -LD_ENOTDIR)
		return;
	if (fd < 0) {
		conf_unusable(g->sources, "", (int)-fd);
		return;
	}
	read_conf(g, (int)fd);
	(void)ld_os_close((int)fd);
}

/* a secure process's caller learns where, not what */
static LD_COLD void report_line(const struct ld_conf_item *item)
{
	struct ld_text t;
	char buf[600];

	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: " LD_CONF_FILE ":");
	ld_text_dec(&t, item->line);
	ld_text_str(&t, ": ");
	if (ld_state.secure)
		ld_text_str(&t, "wrong line ignored");
	else
		ld_conf_describe(&t, item);
	ld_report_text(t.buf, NULL, "");
}

/* which file runs: 1 = *st is it, 0 = nobody tells. proc(5), and it must be procfs */
static int running_file(struct ld_stat *st)
{
	long dir = ld_os_open_place("/proc/self");
	uint64_t type = 0;
	int known;

	if (dir < 0)
		return 0;
	known = ld_os_fs_flags((int)dir, &type) >= 0 && (uint32_t)type == LD_PROC_MAGIC &&
		!ld_os_stat_at((int)dir, "exe", st);
	(void)ld_os_close((int)dir);
	return known;
}

/*
 * Is the section meant for this program? 1 yes, 0 no, -1 nobody knows. A path that this process
 * cannot reach (EACCES) is not how it was started.
 */
static int section_matches(struct ld_group *g, struct ld_span path, const struct ld_stat *self)
{
	struct ld_stat st;
	long r;

	memcpy(g->buf->path, path.p, path.len); /* shorter than LD_MAX_PATH: conf.h */
	g->buf->path[path.len] = 0;
	r = ld_os_stat_at(LD_AT_FDCWD, g->buf->path, &st);
	if (r == -LD_ENOENT || r == -LD_ENOTDIR || r == -LD_EACCES)
		return 0;
	if (r || !self)
		return -1;
	return st.dev == self->dev && st.ino == self->ino;
}

/*
 * The file's lines in order. self: the main program of a direct run; NULL: the kernel started it, and
 * procfs is asked, once and only when there are sections. A section that may or may not be meant for
 * this program only tightens.
 */
static LD_COLD void apply_conf(struct ld_group *g, const struct ld_stat *self)
{
	struct ld_policy_rights r = conf_rights;
	struct ld_conf_item item;
	struct ld_conf c;
	struct ld_stat exe;
	unsigned wrong = 0;
	int match = 1, asked = self != NULL;

	ld_conf_begin(&c, g->sources->conf);
	while (ld_conf_next(&c, &item)) {
		if (item.kind == LD_CONF_WRONG) {
			if (wrong++ < CONF_REPORTS)
				report_line(&item);
			continue;
		}
		if (item.kind == LD_CONF_SECTION) {
			if (!asked && running_file(&exe))
				self = &exe;
			asked = 1;
			match = section_matches(g, item.text, self);
			r = (struct ld_policy_rights){LD_FROM_SECTION, LD_KEYS_ALL,
						      match > 0 ? LD_KEYS_ALL : 0};
		} else if (match) {
			ld_conf_apply(&item, &r, &g->sources->settings);
		}
	}
	if (wrong > CONF_REPORTS)
		ld_report_text("ward: " LD_CONF_FILE ": more wrong lines; --check-conf " LD_CONF_FILE " lists them",
			       NULL, "");
}

/* a copy in the registry, where it is sealed; nothing, or "stderr", is NULL */
static ld_st keep_path(struct ld_group *g, struct ld_span s, const char **out)
{
	*out = NULL;
	if (!s.len || s.p[0] != '/')
		return LD_OK;
	*out = ld_alloc_str(&g->b.keep, (const char *)s.p, s.len);
	return *out ? LD_OK : ld_err_set(&g->err, LD_E_MEMORY, 0, 0, 0);
}

static LD_COLD ld_st take_conf(struct ld_group *g, const struct ld_stat *self)
{
	struct ld_settings *set = &g->sources->settings;
	ld_st st;

	apply_conf(g, self);
	ld_policy_raise(&set->policy, &g->sources->floor);
	st = keep_path(g, set->preload, &ld_state.conf_preload);
	return ld_failed(st) ? st : keep_path(g, set->report_to, &ld_state.report_to);
}

/* self: the file that runs, NULL = ask procfs when it matters */
static ld_st system_file(struct ld_group *g, const struct ld_stat *self)
{
	open_conf(g);
	return g->sources->conf.p ? take_conf(g, self) : LD_OK;
}

/* ---- what the program and its caller say ---- */

static LD_COLD void report_word(const char *source, struct ld_span bad)
{
	struct ld_text t;
	char buf[400];

	if (ld_state.secure)
		return;
	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: ");
	ld_text_str(&t, source);
	ld_text_str(&t, ": wrong policy word \"");
	ld_text_span(&t, bad);
	ld_text_str(&t, "\"");
	ld_report_text(t.buf, NULL, source[0] == '-' ? "" : " ignored");
}

static unsigned apply_words(struct ld_group *g, const char *name, struct ld_span words,
			    const struct ld_policy_rights *r, int report)
{
	struct ld_span bad;
	unsigned wrong;

	if (!words.len)
		return 0;
	wrong = ld_policy_words(&ld_state.policy, words, r, &bad);
	if (wrong && report)
		report_word(name, bad);
	ld_state.restricted = ld_facts_restricted(&g->facts);
	return wrong;
}

/*
 * From what the operator says to what holds: note, command line, LD_WARD. What the caller says never
 * relaxes anything, and silences reports only while nothing is restricted. Done twice in a direct
 * run: the first time the file's note is not known, as nobody has vetted the file (not final).
 */
static void settle(struct ld_group *g, struct ld_span note, int final)
{
	struct ld_sources *s = g->sources;
	struct ld_policy_rights r = {LD_FROM_NOTE, LD_KEYS_ALL, 0};
	const char *env;

	ld_state.policy = s->settings.policy;
	ld_state.restricted = ld_facts_restricted(&g->facts);
	if (!ld_state.restricted)
		r.lower = LD_KEYS_NOTE_LOWER;
	(void)apply_words(g, ".note.ward", note, &r, final);
	ld_policy_raise(&ld_state.policy, &s->floor);

	r = (struct ld_policy_rights){LD_FROM_COMMAND, LD_KEYS_ALL, 0};
	if (!ld_state.restricted)
		r.lower = LD_KEY_BIT(LD_KEY_REPORT);
	if (s->command && apply_words(g, "--policy", span_of(s->command), &r, 1))
		ld_os_exit(2);

	env = ld_state.restricted ? NULL : ld_env_get(ld_state.envp, "LD_WARD");
	r = (struct ld_policy_rights){LD_FROM_ENV, LD_KEYS_ENV, LD_KEY_BIT(LD_KEY_REPORT)};
	if (env)
		(void)apply_words(g, "LD_WARD", span_of(env), &r, final);
	else if (final && ld_reporting(LD_REPORT_DENIALS))
		ld_report_ignored(g, "LD_WARD");
}

/* ---- the two ways a program is started ---- */

ld_st ld_policy_direct(struct ld_group *g, const struct ld_stat *main_file)
{
	ld_st st = system_file(g, main_file);

	settle(g, (struct ld_span){NULL, 0}, 0);
	ld_kernel_probe(&g->facts);
	ld_refuse_missing(g, 0);
	return st;
}

ld_st ld_policy_look(struct ld_group *g, struct ld_file *main_file)
{
	ld_st st = system_file(g, main_file ? &main_file->st : NULL);

	settle(g, main_file ? ld_map_policy(g, main_file) : (struct ld_span){NULL, 0}, 1);
	ld_kernel_probe(&g->facts);
	return st;
}

void ld_policy_note(struct ld_group *g, struct ld_span note)
{
	settle(g, note, 1);
	ld_kernel_probe(&g->facts);
	ld_refuse_missing(g, 1);
	ld_refuse_lockdown();
	if (g->direct)
		ld_refuse_direct();
}

ld_st ld_policy_kernel(struct ld_group *g, const struct ld_elf_phdr *ph, uint32_t cnt, uintptr_t base)
{
	struct ld_span note = {NULL, 0};
	const struct ld_elf_phdr *p;
	uint32_t i = 0;
	ld_st st = system_file(g, NULL);

	while (!note.p && (p = ld_phdr_note(g->img, ph, cnt, &i)))
		note = ld_note_policy((struct ld_span){(const void *)(base + p->p_vaddr), p->p_filesz},
				      p->p_align);
	ld_policy_note(g, note);
	return st;
}
