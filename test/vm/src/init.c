/*
 * The guest's process 1: runs the commands that the host sends over the serial line, one at a time,
 * and answers with their output and end. Static, so that no loader is in between.
 *
 * A command is one line of words separated by tabs, with \t, \n and \\ escaped:
 *
 *   [op ...] -- program [arg ...]
 *
 * bits=N           prctl(PR_SET_SECUREBITS, N)
 * uid=N            become this user and group, without supplementary groups
 * newuser          a new user namespace, in which the caller's ids are not mapped
 * env=RAW          append RAW to the environment, which is empty otherwise
 * chmod=MODE:PATH  write=PATH:TEXT  copy=FROM:TO  link=OLD:NEW  symlink=OLD:NEW  fifo=PATH
 * rm=PATH  mkdir=PATH  tmpfs=noexec|:DIR  bind=FROM:TO  umount=DIR
 *
 * hold=PATH        keep the file open for writing
 *
 * Answers are lines: `@out TEXT` and `@err TEXT` hold pieces of output, escaped; `@end N` is the
 * exit status, or minus the signal; `@end timeout` after 20 seconds. The line `poweroff` ends it all.
 *
 * Started as anything but process 1 it takes the same words as arguments and keeps its environment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { MAX_LINE = 65536, MAX_WORDS = 128, MAX_ENV = 32, PATIENCE_S = 20 };

static char *new_env[MAX_ENV + 1];
static int env_cnt;

static void must(int ok, const char *what)
{
	if (ok) return;
	dprintf(2, "guest: %s: errno %d %s\n", what, errno, strerror(errno));
	_exit(125);
}

static void write_file(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	must(fd >= 0 && write(fd, text, len) == (ssize_t)len && !close(fd), path);
}

static void copy_file(const char *from, const char *to)
{
	static char buf[65536];
	struct stat st;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t n;
	must(in >= 0 && out >= 0 && !fstat(in, &st), from);
	while ((n = read(in, buf, sizeof buf)) > 0) must(write(out, buf, n) == n, to);
	must(!n && !fchmod(out, st.st_mode & 07777) && !close(out) && !close(in), to);
}

static void become(unsigned id)
{
	must(!setgroups(0, 0), "setgroups");
	must(!setresgid(id, id, id), "setresgid");
	must(!setresuid(id, id, id), "setresuid");
}

/* What follows `name=` in op, or null. */
static char *arg_of(char *op, const char *name)
{
	size_t n = strlen(name);
	return !strncmp(op, name, n) && op[n] == '=' ? op + n + 1 : 0;
}

/* Cut A:B at the colon; returns B. */
static char *second(char *a)
{
	char *colon = strchr(a, ':');
	errno = EINVAL;
	must(colon != 0, a);
	*colon = 0;
	return colon + 1;
}

static int file_op(char *op)
{
	char *a, *b;
	if ((a = arg_of(op, "chmod"))) {
		b = second(a);
		must(!chmod(b, strtoul(a, 0, 8)), b);
	} else if ((a = arg_of(op, "write"))) {
		b = second(a);
		write_file(a, b);
	} else if ((a = arg_of(op, "copy"))) {
		b = second(a);
		copy_file(a, b);
	} else if ((a = arg_of(op, "link"))) {
		b = second(a);
		must(!link(a, b), b);
	} else if ((a = arg_of(op, "symlink"))) {
		b = second(a);
		must(!symlink(a, b), b);
	} else if ((a = arg_of(op, "fifo"))) must(!mkfifo(a, 0666), a);
	else if ((a = arg_of(op, "rm"))) must(!unlink(a), a);
	else if ((a = arg_of(op, "mkdir"))) must(!mkdir(a, 0755), a);
	else if ((a = arg_of(op, "umount"))) must(!umount(a), a);
	else if ((a = arg_of(op, "bind"))) {
		b = second(a);
		must(!mount(a, b, 0, MS_BIND, 0), b);
	} else if ((a = arg_of(op, "tmpfs"))) {
		b = second(a);
		int flags = !strcmp(a, "noexec") ? MS_NOEXEC : 0;
		must(!mount("guest", b, "tmpfs", flags, "mode=755"), b);
	} else return 0;
	return 1;
}

static void do_op(char *op)
{
	char *a;
	errno = EINVAL;
	if ((a = arg_of(op, "bits")))
		must(!prctl(PR_SET_SECUREBITS, strtoul(a, 0, 0), 0, 0, 0), op);
	else if ((a = arg_of(op, "uid"))) become(strtoul(a, 0, 0));
	else if ((a = arg_of(op, "hold"))) must(open(a, O_WRONLY) >= 0, a);
	else if (!strcmp(op, "newuser")) must(!unshare(CLONE_NEWUSER), op);
	else if ((a = arg_of(op, "env"))) {
		must(env_cnt < MAX_ENV, op);
		new_env[env_cnt++] = a;
	} else must(file_op(op), op);
}

__attribute__((noreturn)) static void child(char **words)
{
	for (; *words && strcmp(*words, "--"); words++) do_op(*words);
	if (*words && words[1]) {
		execve(words[1], words + 1, new_env);
		dprintf(2, "guest: execve %s: errno %d\n", words[1], errno);
		_exit(126);
	}
	_exit(0); /* only operations */
}

/* One piece of output as an answer line. */
static void answer(const char *kind, const unsigned char *p, size_t len)
{
	printf("@%s ", kind);
	for (; len; p++, len--) {
		if (*p == '\n') fputs("\\n", stdout);
		else if (*p < 32 || *p > 126 || *p == '\\') printf("\\x%02x", *p);
		else putchar(*p);
	}
	putchar('\n');
}

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Pass on both pipes until their ends; false when that takes too long. */
static int relay(int out, int err)
{
	static unsigned char buf[1024];
	struct pollfd p[2] = { { out, POLLIN, 0 }, { err, POLLIN, 0 } };
	long end = now_ms() + PATIENCE_S * 1000;
	while (p[0].fd >= 0 || p[1].fd >= 0) {
		long left = end - now_ms();
		if (left <= 0 || poll(p, 2, left) <= 0) return 0;
		for (int i = 0; i < 2; i++) {
			if (p[i].fd < 0 || !p[i].revents) continue;
			ssize_t n = read(p[i].fd, buf, sizeof buf);
			if (n > 0) answer(i ? "err" : "out", buf, n);
			else p[i].fd = -1;
		}
	}
	return 1;
}

static void run(char **words)
{
	int out[2], err[2], st = 0;
	must(!pipe2(out, O_CLOEXEC) && !pipe2(err, O_CLOEXEC), "pipe");
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		int null = open("/dev/null", O_RDWR);
		setsid();
		must(null >= 0 && dup2(null, 0) == 0, "stdin");
		must(dup2(out[1], 1) == 1 && dup2(err[1], 2) == 2, "stdout and stderr");
		if (null > 2) close(null);
		child(words);
	}
	close(out[1]);
	close(err[1]);
	int in_time = relay(out[0], err[0]);
	close(out[0]);
	close(err[0]);
	if (!in_time) kill(-pid, SIGKILL);
	while (waitpid(pid, &st, 0) != pid) must(errno == EINTR, "wait");
	while (waitpid(-1, 0, WNOHANG) > 0); /* orphans of the command */
	if (!in_time) printf("@end timeout\n");
	else printf("@end %d\n", WIFEXITED(st) ? WEXITSTATUS(st) : -WTERMSIG(st));
}

/* Split a line at its tabs and undo the escapes, in place. */
static void split(char *line, char **words)
{
	int n = 0;
	char *to = line;
	words[n++] = to;
	for (const char *p = line; *p; p++) {
		if (*p == '\t' && n < MAX_WORDS) {
			*to++ = 0;
			words[n++] = to;
		} else if (*p == '\\' && p[1]) {
			p++;
			*to++ = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p;
		} else *to++ = *p;
	}
	*to = 0;
	words[n] = 0;
}

static void begin(void)
{
	struct termios t;
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	must(!mount("proc", "/proc", "proc", 0, 0), "/proc");
	must(!mount("sysfs", "/sys", "sysfs", 0, 0), "/sys");
	must(!mount("devtmpfs", "/dev", "devtmpfs", 0, 0), "/dev");
	must(!mount("securityfs", "/sys/kernel/security", "securityfs", 0, 0), "securityfs");
	sigaction(SIGPIPE, &ignore, 0);
	sigaction(SIGHUP, &ignore, 0);
	must(!tcgetattr(0, &t), "console");
	cfmakeraw(&t);
	must(!tcsetattr(0, TCSANOW, &t), "console");
}

int main(int argc, char **argv)
{
	static char line[MAX_LINE];
	static char *words[MAX_WORDS + 1];
	if (getpid() != 1 && argc > 1) {
		for (char **e = environ; *e && env_cnt < MAX_ENV; e++) new_env[env_cnt++] = *e;
		child(argv + 1);
	}
	begin();
	printf("\n@ready\n");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strcmp(line, "poweroff")) break;
		split(line, words);
		run(words);
		fflush(stdout);
	}
	fflush(stdout);
	tcdrain(1);
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
