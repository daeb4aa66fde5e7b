/*
 * diagnose.c: --diagnose: what holds on this machine for this process, as lines name=value that programs
 * read (ld-ward.so(8), DIAGNOSE). Names are only ever added; their meaning stays.
 *
 * Reads files of /proc and directories of the search path, starts nothing. File names are untrusted
 * bytes and leave as words.
 */
#include "format.h"
#include "musl.h"
#include "start.h"

#define FORMAT_VERSION 1

/* one line */
struct out {
	struct ld_text t;
	char buf[1400];
};

/* "host.vm.memfd_noexec.want=": group "", "host." or "path.3.", more "" or ".want" */
static struct ld_text *begin_in(struct out *o, const char *group, const char *name, const char *more)
{
	ld_text_init(&o->t, o->buf, sizeof o->buf);
	ld_text_str(&o->t, group);
	ld_text_str(&o->t, name);
	ld_text_str(&o->t, more);
	ld_text_str(&o->t, "=");
	return &o->t;
}

static struct ld_text *begin(struct out *o, const char *name)
{
	return begin_in(o, "", name, "");
}

static void end(struct out *o)
{
	ld_text_str(&o->t, "\n");
	(void)ld_os_write(1, o->t.buf, o->t.len);
}

static void say(const char *name, const char *value)
{
	struct out o;

	ld_text_str(begin(&o, name), value);
	end(&o);
}

static void say_yes(const char *name, int yes)
{
	say(name, yes ? "yes" : "no");
}

static void say_word(const char *name, const char *raw)
{
	struct out o;

	ld_text_word(begin(&o, name), raw, raw ? ld_strlen(raw) : 0);
	end(&o);
}

static void say_dec(const char *name, uint64_t v)
{
	struct out o;

	ld_text_dec(begin(&o, name), v);
	end(&o);
}

/* owner and permission bits, "-" when there is nothing to stat */
static void say_owner(const char *group, const struct ld_stat *st)
{
	struct out o;
	struct ld_text *t = begin_in(&o, group, "owner", "");

	if (st)
		ld_text_dec(t, st->uid);
	else
		ld_text_str(t, "-");
	end(&o);
	t = begin_in(&o, group, "mode", "");
	if (st)
		ld_text_oct(t, st->mode & 07777);
	else
		ld_text_str(t, "-");
	end(&o);
}

/* ---- build, kernel, process, policy ---- */

/* the first line of a file of /proc in buf; NULL = not there */
static const char *first_line(const char *path, char *buf, size_t len)
{
	long fd = ld_os_open(path), n;
	size_t i = 0;

	if (fd < 0)
		return NULL;
	n = ld_os_pread((int)fd, buf, len - 1, 0);
	(void)ld_os_close((int)fd);
	if (n < 0)
		return NULL;
	while (i < (size_t)n && buf[i] && buf[i] != '\n')
		i++;
	buf[i] = 0;
	return buf;
}

/* is the control answered as a kernel would, on the loader's own file? */
static const char *control_word(void)
{
	long fd = ld_state.have_check ? ld_os_open("/proc/self/exe") : -LD_ENOENT, r;
	char word[2];

	if (fd < 0)
		return ld_state.have_check ? "unknown" : "no";
	r = ld_os_check_control((int)fd, word);
	(void)ld_os_close((int)fd);
	return r == -LD_ENOTDIR ? "yes" : "faked";
}

static void say_build(void)
{
	say_dec("ward-diagnose", FORMAT_VERSION);
	say("version", LD_VERSION);
	say("arch", LD_ARCH);
	say("musl", ld_rt_version());
	say("musl.debian", LD_MUSL_DEBIAN[0] ? LD_MUSL_DEBIAN : "-");
	say_word("build.policy", LD_BUILD_POLICY[0] ? LD_BUILD_POLICY : "default");
	say_word("build.floor", LD_BUILD_FLOOR[0] ? LD_BUILD_FLOOR : "none");
	say_dec("build.static-tls", LD_BUILD_STATIC_TLS);
}

static void say_support(void)
{
	const char *control = control_word();
	char buf[256];
	long abi = ld_os_landlock_abi();

	say_word("kernel.release", first_line("/proc/sys/kernel/osrelease", buf, sizeof buf));
	say_yes("support.procfs", ld_have_procfs());
	say_yes("support.check", ld_state.have_check && !ld_streq(control, "faked"));
	say("support.control", control);
	say_yes("support.mseal", ld_state.have_seal);
	say_yes("support.mdwe", ld_os_prctl_get(LD_PR_MDWE) >= 0);
	say_dec("support.landlock", abi > 0 ? (uint64_t)abi : 0);
}

static void say_process(const struct ld_group *g)
{
	struct out o;
	long mode = ld_os_prctl_get(LD_PR_SECCOMP);

	say_dec("process.pid", (uint64_t)ld_os_getpid());
	ld_text_hex(begin(&o, "process.securebits"), g->facts.securebits);
	end(&o);
	say_yes("process.secure", ld_state.secure);
	say_yes("process.restricted", ld_facts_restricted(&g->facts));
	say_yes("process.enforcing", ld_facts_enforcing(&g->facts));
	say_yes("process.no-new-privs", ld_os_prctl_get(LD_PR_NO_NEW_PRIVS) > 0);
	say("process.seccomp", mode < 0 ? "unknown" : mode ? "filter" : "none");
}

static void say_policy(void)
{
	static const char *const sources[LD_FROM_CNT] = {
		"build", "floor", "conf", "section", "note", "command", "environment"};
	const struct ld_policy *p = &ld_state.policy;
	struct out o;

	for (unsigned k = 0; k < LD_KEY_CNT; k++) {
		const char *key = ld_policy_key_name(k);

		ld_conf_value(begin_in(&o, "policy.", key, ""), k, p->v[k]);
		end(&o);
		ld_text_str(begin_in(&o, "policy.", key, ".from"),
			    p->from[k] < LD_FROM_CNT ? sources[p->from[k]] : "unknown");
		end(&o);
	}
	say_word("policy.preload", ld_state.conf_preload);
	say_word("policy.report-to", ld_state.report_to ? ld_state.report_to : "stderr");
}

/* ---- files ---- */

static const char *conf_state(long r, const struct ld_stat *st)
{
	const struct ld_conf_fault *fault;

	if (r == -LD_ENOENT || r == -LD_ENOTDIR)
		return "none";
	if (r)
		return "unreadable";
	fault = ld_conf_fault(st);
	return fault ? fault->word : "ok";
}

static void say_conf(void)
{
	struct ld_stat st;
	long fd = ld_os_open(LD_CONF_FILE), r = fd < 0 ? fd : ld_os_fstat((int)fd, &st);

	if (fd >= 0)
		(void)ld_os_close((int)fd);
	say_word("conf.file", LD_CONF_FILE);
	say("conf.state", conf_state(r, &st));
	say_owner("conf.", r ? NULL : &st);
}

/* would this entry, in buf->path, be searched by a process that is restricted? the first thing against it */
static const char *entry_word(struct ld_group *g, const char *dir, size_t len, long r, const struct ld_stat *st)
{
	enum ld_dir_reason reason;

	if (!len)
		return "empty";
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)dir[i] < 0x20 || dir[i] == 0x7f)
			return "control";
	for (size_t i = 0; i < len; i++)
		if (dir[i] == '$')
			return "dollar";
	if (dir[0] != '/')
		return "relative";
	if (r == -LD_ENOENT || r == -LD_ENOTDIR)
		return "absent";
	if (r)
		return "unreadable";
	if ((st->mode & LD_S_IFMT) != LD_S_IFDIR)
		return "type";
	if (ld_walk_dir(g, dir, len, NULL, &reason))
		return "unreadable";
	return reason ? ld_dir_word(reason) : "ok";
}

static void say_entry(struct ld_group *g, unsigned i, const char *source, const char *dir, size_t len)
{
	char group[24];
	struct ld_text name;
	struct ld_stat st;
	struct out o;
	long r = -LD_ENOENT;

	if (len && len < sizeof g->buf->path) {
		memcpy(g->buf->path, dir, len);
		g->buf->path[len] = 0;
		r = ld_os_stat_at(LD_AT_FDCWD, g->buf->path, &st);
	}
	ld_text_init(&name, group, sizeof group);
	ld_text_str(&name, "path.");
	ld_text_dec(&name, i);
	ld_text_str(&name, ".");
	ld_text_word(begin_in(&o, group, "dir", ""), dir, len);
	end(&o);
	ld_text_str(begin_in(&o, group, "source", ""), source);
	end(&o);
	say_owner(group, r ? NULL : &st);
	ld_text_str(begin_in(&o, group, "verdict", ""), entry_word(g, dir, len, r, &st));
	end(&o);
}

static unsigned say_list(struct ld_group *g, unsigned i, const char *source, const char *list, int newline)
{
	while (list && *list) {
		size_t n = 0;

		while (list[n] && list[n] != ':' && !(newline && list[n] == '\n'))
			n++;
		if (n || !newline)
			say_entry(g, i++, source, list, n);
		list += n + !!list[n];
	}
	return i;
}

static void say_paths(struct ld_group *g, const struct ld_command *c)
{
	const char *file, *list = ld_system_path(g, &file);
	unsigned i = 0;

	g->err = (struct ld_err){0}; /* of the path file: it is no matter of the program below */
	say_word("path.file", file);
	if (!ld_state.restricted)
		i = c->library_path
			    ? say_list(g, i, "library-path", c->library_path, 0)
			    : say_list(g, i, "environment", ld_env_get(ld_state.envp, "LD_LIBRARY_PATH"), 0);
	i = say_list(g, i, file ? "file" : "build", list, 1);
	say_dec("path.count", i);
}

/* ---- the host ---- */

struct setting {
	char name[36], path[44], want[4]; /* no pointers: nothing to relocate at start */
	unsigned least; /* the smallest number that is good */
	int exact;      /* no other number is good */
};

static const struct setting settings[] = {
	{"vm.memfd_noexec", "/proc/sys/vm/memfd_noexec", "2", 2, 0},
	{"vm.unprivileged_userfaultfd", "/proc/sys/vm/unprivileged_userfaultfd", "0", 0, 1},
	{"user.max_user_namespaces", "/proc/sys/user/max_user_namespaces", "0", 0, 1},
	{"kernel.yama.ptrace_scope", "/proc/sys/kernel/yama/ptrace_scope", "1", 1, 0},
	{"kernel.unprivileged_bpf_disabled", "/proc/sys/kernel/unprivileged_bpf_disabled", "1", 1, 0},
	{"kernel.io_uring_disabled", "/proc/sys/kernel/io_uring_disabled", "1", 1, 0},
	{"kernel.randomize_va_space", "/proc/sys/kernel/randomize_va_space", "2", 2, 0},
	{"fs.protected_symlinks", "/proc/sys/fs/protected_symlinks", "1", 1, 0},
	{"fs.protected_hardlinks", "/proc/sys/fs/protected_hardlinks", "1", 1, 0},
	{"fs.protected_regular", "/proc/sys/fs/protected_regular", "1", 1, 0},
	{"fs.protected_fifos", "/proc/sys/fs/protected_fifos", "1", 1, 0},
	{"fs.suid_dumpable", "/proc/sys/fs/suid_dumpable", "0", 0, 1},
};

static int good(const struct setting *s, const char *value)
{
	uint64_t v = 0;

	if (*value < '0' || *value > '9')
		return 0;
	while (*value >= '0' && *value <= '9')
		v = v * 10 + (uint64_t)(*value++ - '0');
	return s->exact ? v == s->least : v >= s->least;
}

static void say_setting(const char *name, const char *value, const char *want, const char *state)
{
	struct out o;

	ld_text_word(begin_in(&o, "host.", name, ""), value, value ? ld_strlen(value) : 0);
	end(&o);
	ld_text_str(begin_in(&o, "host.", name, ".want"), want);
	end(&o);
	ld_text_str(begin_in(&o, "host.", name, ".state"), state);
	end(&o);
}

/* the boot parameter; what the kernel was built with cannot be seen from here */
static void say_proc_mem(void)
{
	static const char key[] = "proc_mem.force_override=";
	char line[2048] LD_UNINIT; /* the longest command line of x86_64 */
	const char *value = NULL;
	char *p = line;

	if (!first_line("/proc/cmdline", line, sizeof line))
		line[0] = 0;
	while (*p) {
		char *word = p;

		while (*p && *p != ' ')
			p++;
		if (*p)
			*p++ = 0;
		if (ld_after(word, key))
			value = ld_after(word, key);
	}
	say_setting("proc_mem.force_override", value, "never",
		    !value ? "unknown" : ld_streq(value, "never") ? "ok" : "weak");
}

static void say_host(void)
{
	char buf[64];

	for (size_t i = 0; i < LD_COUNTOF(settings); i++) {
		const struct setting *s = &settings[i];
		const char *value = first_line(s->path, buf, sizeof buf);

		say_setting(s->name, value, s->want, !value ? "unknown" : good(s, value) ? "ok" : "weak");
	}
	say_proc_mem();
}

/* ---- the program ---- */

static const char *program_word(int refused, ld_st st, const struct ld_file *f)
{
	if (!refused)
		return ld_verdict_word(f->verdict);
	if (st.code == LD_E_NOT_FOUND)
		return "absent";
	return ld_err_kind(st.code) == LD_K_REFUSED ? ld_verdict_word(st.code) : "unreadable";
}

static void say_program(struct ld_group *g, const char *path)
{
	struct ld_file f = {.fd = -1};
	ld_st st = ld_open_path(g, path, &f);
	int refused = ld_failed(st);

	say_word("program.path", path);
	say("program.verdict", program_word(refused, st, &f));
	say_yes("program.refused", refused);
	say_dec("program.errno", refused ? (uint64_t)g->err.sys : 0);
	say_owner("program.", f.st.nlink || f.st.ino ? &f.st : NULL);
	if (!refused)
		(void)ld_os_close(f.fd);
}

void ld_diagnose(struct ld_group *g, const struct ld_command *c)
{
	struct ld_file f = {.fd = c->argv[0] ? (int)ld_os_open(c->argv[0]) : -1};
	int there = c->argv[0] && !(f.fd < 0 ? ld_os_stat_at(LD_AT_FDCWD, c->argv[0], &f.st)
					     : ld_os_fstat(f.fd, &f.st));

	if (ld_failed(ld_policy_look(g, there ? &f : NULL)))
		ld_die(g);
	if (f.fd >= 0)
		(void)ld_os_close(f.fd);
	say_build();
	say_support();
	say_process(g);
	say_policy();
	say_conf();
	say_paths(g, c);
	say_host();
	if (c->argv[0])
		say_program(g, c->argv[0]);
	say("end", "1");
	ld_os_exit(0);
}
