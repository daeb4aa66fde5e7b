/*
 * Starts a program in a state that a hostile or unlucky caller could give it.
 *
 *   launch [op ...] -- program [arg ...]
 *
 * bits=N         prctl(PR_SET_SECUREBITS, N)
 * uid=N          become this user and group, without supplementary groups
 * limit=WHAT:N   setrlimit, WHAT being as, data, memlock, nofile or stack
 * persona=N      personality(N)
 * env=RAW        append RAW to the environment as it is, with or without a '='
 * bigenv=NAME:K  append NAME=/xxx..., K KiB long
 * landlock=DIR   allow execution only below the directories named so
 * execveat=N     seccomp: execveat returns -N, or 0 when N is 0
 * kill=NR        seccomp: system call number NR kills the process
 * mdwe           PR_SET_MDWE: no mapping gains execute permission, inherited
 * close=N        close descriptor N
 * cd=DIR         chdir
 * binfmt=I:MAGIC in a user namespace with all ids: binfmt_misc runs files that begin with MAGIC by
 *                the interpreter I with the credentials of the file (flag C)
 * argv0=K        argv[0] is K KiB long
 * bind=FROM:TO   in a mount namespace of its own: FROM in place of TO
 * hide=DIR       in a mount namespace of its own: an empty directory in place of DIR
 * fexec          execute the program by a descriptor
 * drop=N         take the entry of type N out of the auxiliary vector
 * argc0          the program sees argc == 0 (needs two words after --)
 * inject=N       call personality(N) inside the new program before its first instruction
 *
 * The last three are done by tracing the program up to the end of execve, the only way to show a
 * loader what the kernel of today never hands out. Static, so that no loader is in between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ENV = 512, MAX_DROP = 16, MAX_DIR = 16, PR_MDWE = 65, MDWE_NO_GAIN = 1 };
enum { AUX_IGNORE = 1, INSN_SYSCALL = 0x050f };

/* The kernel's layouts; musl has no kernel headers. */
struct filter {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
struct filter_prog {
	unsigned short len;
	const struct filter *filter;
};
struct ruleset_attr {
	uint64_t access_fs;
};
struct path_beneath {
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

enum {
	SYS_ll_create = 444, SYS_ll_add = 445, SYS_ll_self = 446,
	LL_EXECUTE = 1, LL_PATH_BENEATH = 1,
	SECCOMP_FILTER = 2,
	LD_W_ABS = 0x20, JEQ_K = 0x15, RET_K = 0x06,
};
#define RET_ERRNO 0x00050000u
#define RET_ALLOW 0x7fff0000u
#define RET_KILL 0x80000000u

static char *new_env[MAX_ENV + 1];
static int env_cnt;
static unsigned long drops[MAX_DROP];
static int drop_cnt;
static const char *dirs[MAX_DIR];
static int dir_cnt;
static int make_argc0, make_inject, by_fd, mounts_are_own;
static unsigned long inject_arg;
static char *long_argv0;

static void die(const char *what)
{
	dprintf(2, "launch: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void must(int ok, const char *what)
{
	if (!ok) die(what);
}

static void add_env(char *s)
{
	errno = E2BIG;
	must(env_cnt < MAX_ENV, "environment");
	new_env[env_cnt++] = s;
}

static void add_big_env(const char *spec)
{
	const char *colon = strchr(spec, ':');
	must(colon != 0, spec);
	size_t name_len = colon - spec, len = strtoul(colon + 1, 0, 0) * 1024;
	char *s = malloc(len);
	must(s && name_len + 3 < len, "bigenv");
	memset(s, 'x', len);
	memcpy(s, spec, name_len);
	s[name_len] = '=';
	s[name_len + 1] = '/';
	s[len - 1] = 0;
	add_env(s);
}

static void set_limit(const char *spec)
{
	const char *colon = strchr(spec, ':');
	must(colon != 0, spec);
	int what = !strncmp(spec, "data:", 5) ? RLIMIT_DATA
		: !strncmp(spec, "as:", 3) ? RLIMIT_AS
		: !strncmp(spec, "memlock:", 8) ? RLIMIT_MEMLOCK
		: !strncmp(spec, "nofile:", 7) ? RLIMIT_NOFILE
		: !strncmp(spec, "stack:", 6) ? RLIMIT_STACK : -1;
	struct rlimit r;
	must(what >= 0 && !getrlimit(what, &r), spec);
	r.rlim_cur = strtoul(colon + 1, 0, 0);
	must(!setrlimit(what, &r), spec);
}

static void become(unsigned id)
{
	must(!setgroups(0, 0), "setgroups");
	must(!setresgid(id, id, id), "setresgid");
	must(!setresuid(id, id, id), "setresuid");
}

static void no_new_privs(void)
{
	must(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

/* One system call gets this answer from a seccomp filter, all others pass. */
static void filter_call(unsigned nr, unsigned answer)
{
	const struct filter f[] = {
		{ LD_W_ABS, 0, 0, 0 },
		{ JEQ_K, 0, 1, nr },
		{ RET_K, 0, 0, answer },
		{ RET_K, 0, 0, RET_ALLOW },
	};
	const struct filter_prog p = { sizeof f / sizeof *f, f };
	no_new_privs();
	must(!prctl(PR_SET_SECCOMP, SECCOMP_FILTER, &p, 0, 0), "seccomp");
}

static void landlock(void)
{
	const struct ruleset_attr attr = { LL_EXECUTE };
	int rs = syscall(SYS_ll_create, &attr, sizeof attr, 0);
	must(rs >= 0, "landlock_create_ruleset");
	for (int i = 0; i < dir_cnt; i++) {
		struct path_beneath b = { LL_EXECUTE, open(dirs[i], O_PATH | O_CLOEXEC) };
		must(b.fd >= 0, dirs[i]);
		must(!syscall(SYS_ll_add, rs, LL_PATH_BENEATH, &b, 0), dirs[i]);
		close(b.fd);
	}
	no_new_privs();
	must(!syscall(SYS_ll_self, rs, 0), "landlock_restrict_self");
	close(rs);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static void own_mounts(int flags)
{
	if (mounts_are_own++ && !flags) return;
	must(!unshare(CLONE_NEWNS | flags), "unshare");
	must(!mount(0, "/", 0, MS_REC | MS_PRIVATE, 0), "private mounts");
}

static void bind(char *spec)
{
	char *colon = strchr(spec, ':');
	must(colon != 0, spec);
	own_mounts(0);
	*colon = 0;
	must(!mount(spec, colon + 1, 0, MS_BIND | MS_REC, 0), colon + 1);
}

static void hide(const char *dir)
{
	own_mounts(0);
	must(!mount("launch", dir, "tmpfs", 0, "mode=755"), dir);
}

/* All ids of a new user namespace can only be mapped from outside: by a child that stayed there. */
static void own_users(void)
{
	int go[2], st;
	char c = 0, path[64];
	must(!pipe2(go, O_CLOEXEC), "pipe");
	pid_t pid = fork(), parent = getpid();
	must(pid >= 0, "fork");
	if (!pid) {
		parent = getppid();
		must(read(go[0], &c, 1) == 1, "wait for unshare");
		snprintf(path, sizeof path, "/proc/%d/uid_map", parent);
		put(path, "0 0 65536");
		snprintf(path, sizeof path, "/proc/%d/gid_map", parent);
		put(path, "0 0 65536");
		_exit(0);
	}
	own_mounts(CLONE_NEWUSER);
	must(write(go[1], &c, 1) == 1, "tell");
	must(waitpid(pid, &st, 0) == pid && !st, "map ids");
	close(go[0]);
	close(go[1]);
	must(!setresgid(0, 0, 0) && !setresuid(0, 0, 0), "root of the namespace");
}

static void own_binfmt(const char *spec)
{
	const char *colon = strchr(spec, ':');
	char rule[400];
	must(colon != 0, spec);
	own_users();
	if (mount("ward-test", "/proc/sys/fs/binfmt_misc", "binfmt_misc", 0, 0)) {
		dprintf(2, "launch: no binfmt_misc in a user namespace: %s\n", strerror(errno));
		_exit(124);
	}
	snprintf(rule, sizeof rule, ":ward:M::%s::%.*s:C", colon + 1, (int)(colon - spec), spec);
	put("/proc/sys/fs/binfmt_misc/register", rule);
}

static char *long_word(size_t len)
{
	char *s = malloc(len);
	must(s != 0, "memory");
	memset(s, 'A', len);
	s[0] = '/';
	s[len - 1] = 0;
	return s;
}

/* Returns what follows `name=` in op, or null. */
static char *arg_of(char *op, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(op, name, n) && op[n] == '=' ? op + n + 1 : 0;
}

static void do_op(char *op)
{
	char *a;
	if ((a = arg_of(op, "bits")))
		must(!prctl(PR_SET_SECUREBITS, strtoul(a, 0, 0), 0, 0, 0), op);
	else if ((a = arg_of(op, "uid"))) become(strtoul(a, 0, 0));
	else if ((a = arg_of(op, "limit"))) set_limit(a);
	else if ((a = arg_of(op, "persona"))) must(personality(strtoul(a, 0, 0)) != -1, op);
	else if ((a = arg_of(op, "env"))) add_env(a);
	else if ((a = arg_of(op, "bind"))) bind(a);
	else if ((a = arg_of(op, "hide"))) hide(a);
	else if (!strcmp(op, "fexec")) by_fd = 1;
	else if ((a = arg_of(op, "bigenv"))) add_big_env(a);
	else if ((a = arg_of(op, "landlock"))) {
		errno = E2BIG;
		must(dir_cnt < MAX_DIR, op);
		dirs[dir_cnt++] = a;
	} else if ((a = arg_of(op, "execveat")))
		filter_call(SYS_execveat, RET_ERRNO | strtoul(a, 0, 0));
	else if ((a = arg_of(op, "kill"))) filter_call(strtoul(a, 0, 0), RET_KILL);
	else if (!strcmp(op, "mdwe")) must(!prctl(PR_MDWE, MDWE_NO_GAIN, 0, 0, 0), op);
	else if ((a = arg_of(op, "close"))) close(atoi(a));
	else if ((a = arg_of(op, "cd"))) must(!chdir(a), a);
	else if ((a = arg_of(op, "binfmt"))) own_binfmt(a);
	else if ((a = arg_of(op, "argv0"))) long_argv0 = long_word(strtoul(a, 0, 0) * 1024);
	else if ((a = arg_of(op, "drop"))) {
		errno = E2BIG;
		must(drop_cnt < MAX_DROP, op);
		drops[drop_cnt++] = strtoul(a, 0, 0);
	} else if (!strcmp(op, "argc0")) make_argc0 = 1;
	else if ((a = arg_of(op, "inject"))) {
		make_inject = 1;
		inject_arg = strtoul(a, 0, 0);
	} else {
		dprintf(2, "launch: unknown operation %s\n", op);
		_exit(125);
	}
}

static unsigned long peek(pid_t pid, unsigned long at)
{
	errno = 0;
	unsigned long v = ptrace(PTRACE_PEEKDATA, pid, (void *)at, 0);
	must(!errno, "peek");
	return v;
}

static void poke(pid_t pid, unsigned long at, unsigned long v)
{
	must(!ptrace(PTRACE_POKEDATA, pid, (void *)at, (void *)v), "poke");
}

static void drop_aux(pid_t pid, unsigned long sp)
{
	unsigned long at = sp + 8 * (peek(pid, sp) + 2);
	while (peek(pid, at)) at += 8;
	for (at += 8; peek(pid, at); at += 16)
		for (int i = 0; i < drop_cnt; i++)
			if (peek(pid, at) == drops[i]) poke(pid, at, AUX_IGNORE);
}

/* [2][a][b][0] env...  becomes, two words further on,  [0][0] env...: still 16-byte aligned. */
static void drop_args(pid_t pid, struct user_regs_struct *regs)
{
	errno = EINVAL;
	must(peek(pid, regs->rsp) == 2, "argc0 wants exactly two words");
	regs->rsp += 16;
	poke(pid, regs->rsp, 0);
}

static void inject_persona(pid_t pid, const struct user_regs_struct *regs)
{
	struct user_regs_struct r = *regs;
	unsigned long was = peek(pid, r.rip);
	int st;
	poke(pid, r.rip, (was & ~0xfffful) | INSN_SYSCALL);
	r.rax = SYS_personality;
	r.rdi = inject_arg;
	r.orig_rax = -1;
	must(!ptrace(PTRACE_SETREGS, pid, 0, &r), "setregs");
	must(!ptrace(PTRACE_SINGLESTEP, pid, 0, 0), "step");
	must(waitpid(pid, &st, 0) == pid && WIFSTOPPED(st), "wait for step");
	must(!ptrace(PTRACE_GETREGS, pid, 0, &r) && (long)r.rax >= 0, "injected personality");
	poke(pid, regs->rip, was);
}

static void end_like(int st)
{
	if (WIFEXITED(st)) _exit(WEXITSTATUS(st));
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(st), SIG_DFL);
	raise(WTERMSIG(st));
	_exit(125);
}

static void trace(pid_t pid)
{
	struct user_regs_struct regs;
	int st;
	must(waitpid(pid, &st, 0) == pid, "wait");
	if (!WIFSTOPPED(st)) end_like(st);
	must(!ptrace(PTRACE_GETREGS, pid, 0, &regs), "getregs");
	if (make_inject) inject_persona(pid, &regs);
	if (drop_cnt) drop_aux(pid, regs.rsp);
	if (make_argc0) drop_args(pid, &regs);
	must(!ptrace(PTRACE_SETREGS, pid, 0, &regs), "setregs");
	must(!ptrace(PTRACE_DETACH, pid, 0, 0), "detach");
	must(waitpid(pid, &st, 0) == pid, "wait");
	end_like(st);
}

int main(int argc, char **argv, char **envp)
{
	int i = 1;
	for (; *envp; envp++) add_env(*envp);
	for (; i < argc && strcmp(argv[i], "--"); i++) do_op(argv[i]);
	if (i + 1 >= argc) {
		dprintf(2, "usage: launch [op ...] -- program [arg ...]\n");
		return 125;
	}
	char **cmd = argv + i + 1;
	const char *path = cmd[0];
	if (long_argv0) cmd[0] = long_argv0;
	if (dir_cnt) landlock();
	if (drop_cnt || make_argc0 || make_inject) {
		pid_t pid = fork();
		must(pid >= 0, "fork");
		if (pid) trace(pid);
		must(!ptrace(PTRACE_TRACEME, 0, 0, 0), "traceme");
	}
	if (by_fd) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		must(fd >= 0, cmd[0]);
		syscall(SYS_execveat, fd, "", cmd, new_env, 0x1000);
	} else {
		execve(path, cmd, new_env);
	}
	dprintf(2, "launch: execve %s: errno %d %s\n", path, errno, strerror(errno));
	return 126;
}
