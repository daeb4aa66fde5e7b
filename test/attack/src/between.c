/*
 * Starts a program and lets something happen between two of its loader's system calls on one file.
 *
 *   between PATH {EVENT ACTION} ... -- program [arg ...]
 *
 * EVENT is CALL:N, the moment before the Nth read, stat, check, map or close of a descriptor that
 * an open of PATH returned. ACTION is run=COMMAND, given to /bin/sh while the program stands
 * still, or dup=FD, by which the program itself makes its descriptor number mean FD, or squat, by
 * which it maps a page where the mmap that is about to happen begins. Events must come in the order
 * given; that one never came is said on descriptor 2 ("between: never CALL:N").
 *
 * This is what a race does that an attacker wins. The program is traced, x86_64 only. Static.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_EVENTS = 8, EMPTY_PATH = 0x1000, EXECVE_CHECK = 0x10000 };

struct event {
	const char *spec, *action;
};
static struct event events[MAX_EVENTS];
static int event_cnt, event_at;
static const char *path;
static int fd = -1, in_call, opening;
static struct {
	const char *name;
	int n;
} counts[] = { { "read", 0 }, { "stat", 0 }, { "check", 0 }, { "map", 0 }, { "close", 0 } };

static void die(const char *what)
{
	dprintf(2, "between: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void must(int ok, const char *what)
{
	if (!ok) die(what);
}

static void get(pid_t pid, struct user_regs_struct *r)
{
	must(!ptrace(PTRACE_GETREGS, pid, 0, r), "getregs");
}

static void set(pid_t pid, const struct user_regs_struct *r)
{
	must(!ptrace(PTRACE_SETREGS, pid, 0, r), "setregs");
}

static void end_like(int st)
{
	struct rlimit none = { 0, 0 };
	for (; event_at < event_cnt; event_at++)
		dprintf(2, "between: never %s\n", events[event_at].spec);
	if (WIFEXITED(st)) _exit(WEXITSTATUS(st));
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(st), SIG_DFL);
	raise(WTERMSIG(st));
	_exit(125);
}

/* Run the program to its next system-call stop; signals are passed on. */
static void to_stop(pid_t pid)
{
	int st, sig = 0;
	do {
		must(!ptrace(PTRACE_SYSCALL, pid, 0, (void *)(long)sig), "syscall");
		must(waitpid(pid, &st, 0) == pid, "wait");
		if (!WIFSTOPPED(st)) end_like(st);
		sig = WSTOPSIG(st);
	} while (sig != (SIGTRAP | 0x80));
}

static int is_path(pid_t pid, unsigned long at)
{
	char buf[4096];
	struct iovec mine = { buf, strlen(path) + 1 }, its = { (void *)at, strlen(path) + 1 };
	must(mine.iov_len <= sizeof buf, "path");
	return process_vm_readv(pid, &mine, 1, &its, 1, 0) == (ssize_t)mine.iov_len
		&& !strcmp(buf, path);
}

/* What this call does with the descriptor, or null. */
static const char *kind_of(const struct user_regs_struct *r)
{
	int first = (int)r->rdi == fd;
	switch (r->orig_rax) {
	case SYS_read: case SYS_pread64: return first ? "read" : 0;
	case SYS_fstat: case SYS_statx: case SYS_newfstatat: return first ? "stat" : 0;
	case SYS_execveat: return first && (r->r8 & EXECVE_CHECK) ? "check" : 0;
	case SYS_mmap: return (int)r->r8 == fd && !(r->r10 & MAP_ANONYMOUS) ? "map" : 0;
	case SYS_close: return first ? "close" : 0;
	}
	return 0;
}

/* At the entry of a call: make the one in *r instead of it, then come back to the entry. */
static long instead(pid_t pid, struct user_regs_struct *r)
{
	struct user_regs_struct was, got;
	get(pid, &was);
	set(pid, r);
	to_stop(pid);
	get(pid, &got);
	was.rax = was.orig_rax;
	was.rip -= 2;
	set(pid, &was);
	to_stop(pid);
	return (long)got.rax;
}

static void dup_in(pid_t pid, int from)
{
	struct user_regs_struct r;
	get(pid, &r);
	r.orig_rax = SYS_dup2;
	r.rdi = from;
	r.rsi = fd;
	long ret = instead(pid, &r);
	errno = -(int)ret;
	must(ret == fd, "dup2 in the program");
}

static void squat(pid_t pid)
{
	struct user_regs_struct r;
	get(pid, &r);
	errno = EINVAL;
	must(r.orig_rax == SYS_mmap && r.rdi, "no mmap at a fixed address");
	unsigned long at = r.rdi;
	r.rsi = 4096;
	r.rdx = PROT_READ;
	r.r10 = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	r.r8 = -1;
	r.r9 = 0;
	long ret = instead(pid, &r);
	dprintf(2, "between: squat %s\n", ret == (long)at ? "ok" : "failed");
}

static void act(pid_t pid, const char *action)
{
	if (!strncmp(action, "run=", 4)) {
		errno = ECHILD;
		must(system(action + 4) == 0, action);
	} else if (!strncmp(action, "dup=", 4)) {
		dup_in(pid, atoi(action + 4));
	} else if (!strcmp(action, "squat")) {
		squat(pid);
	} else {
		errno = EINVAL;
		die(action);
	}
}

static void at_entry(pid_t pid, const struct user_regs_struct *r)
{
	const char *kind = fd >= 0 ? kind_of(r) : 0;
	opening = (r->orig_rax == SYS_openat && is_path(pid, r->rsi))
		|| (r->orig_rax == SYS_open && is_path(pid, r->rdi));
	for (size_t i = 0; kind && i < sizeof counts / sizeof *counts; i++) {
		char spec[32];
		if (strcmp(counts[i].name, kind)) continue;
		snprintf(spec, sizeof spec, "%s:%d", kind, ++counts[i].n);
		while (event_at < event_cnt && !strcmp(events[event_at].spec, spec))
			act(pid, events[event_at++].action);
	}
	if (kind && !strcmp(kind, "close")) fd = -1;
}

static void trace(pid_t pid)
{
	struct user_regs_struct r;
	int st;
	must(waitpid(pid, &st, 0) == pid && WIFSTOPPED(st), "wait");
	must(!ptrace(PTRACE_SETOPTIONS, pid, 0,
		     (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)), "options");
	for (;;) {
		to_stop(pid);
		get(pid, &r);
		in_call = !in_call;
		if (in_call) at_entry(pid, &r);
		else if (opening && (long)r.rax >= 0) fd = (int)r.rax;
	}
}

int main(int argc, char **argv, char **envp)
{
	int i = 2;
	if (argc > 2) path = argv[1];
	for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
		errno = E2BIG;
		must(event_cnt < MAX_EVENTS, "events");
		events[event_cnt++] = (struct event){ argv[i], argv[i + 1] };
	}
	if (!path || i + 1 >= argc || strcmp(argv[i], "--")) {
		dprintf(2, "usage: between PATH {EVENT ACTION} ... -- program [arg ...]\n");
		return 125;
	}
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid) trace(pid);
	must(!ptrace(PTRACE_TRACEME, 0, 0, 0), "traceme");
	execve(argv[i + 1], argv + i + 1, envp);
	die(argv[i + 1]);
}
