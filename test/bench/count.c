/* count.c: exact counts for one run of a program: user instructions, or system calls.
 *
 *   count syscalls PROGRAM [ARG...]              one line "NUMBER COUNT" per system call made
 *   count instructions SECONDS PROGRAM [ARG...]  one line: the number of user instructions
 *
 * Both follow the program with ptrace from its first instruction (in the loader) to its exit, in
 * an empty environment and without address randomisation, so that a repeated run gives the same
 * numbers. Instructions are counted by single steps: one stop for each, so it is exact and slow;
 * if the program is not finished after SECONDS, status 3 says so and nothing is printed. A string
 * instruction with a repeat prefix is one instruction, as a hardware counter would have it.
 * Programs with threads or children are not supported, and are not needed here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)
#define SYSCALL_MAX 1024

enum { EXIT_TIMEOUT = 3 };

static void die(const char *what)
{
	fprintf(stderr, "count: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* One processor for both sides: a stop then costs a switch instead of a wake-up elsewhere. */
static void pin(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	if (cpu < 0)
		die("sched_getcpu");
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		die("sched_setaffinity");
}

static void wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
}

/* Starts the program; it stands at its first instruction when this returns. */
static pid_t start(char **argv)
{
	char *const no_env[] = { NULL };
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (personality(ADDR_NO_RANDOMIZE) < 0 || ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			die("child");
		raise(SIGSTOP);
		execve(argv[0], argv, no_env);
		die(argv[0]);
	}
	wait_for(pid, &status);
	if (!WIFSTOPPED(status)) {
		fprintf(stderr, "count: child did not stop\n");
		exit(1);
	}
	if (ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD |
	                                      PTRACE_O_EXITKILL) < 0)
		die("PTRACE_SETOPTIONS");
	if (ptrace(PTRACE_CONT, pid, 0, 0) < 0)
		die("PTRACE_CONT");
	wait_for(pid, &status);
	if (!WIFSTOPPED(status) || status >> 8 != (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
		fprintf(stderr, "count: %s was not executed\n", argv[0]);
		exit(1);
	}
	return pid;
}

/* Lets the program go on to its next stop. False when it has ended, with status 0. */
static int go_on(pid_t pid, int request, int signal, int *status)
{
	if (ptrace(request, pid, 0, (long)signal) < 0)
		die("ptrace");
	wait_for(pid, status);
	if (WIFSTOPPED(*status))
		return 1;
	if (!WIFEXITED(*status) || WEXITSTATUS(*status)) {
		fprintf(stderr, "count: the program ended with wait status %#x\n", *status);
		exit(1);
	}
	return 0;
}

static void syscalls(char **argv)
{
	static unsigned long count[SYSCALL_MAX];
	struct __ptrace_syscall_info info;
	pid_t pid = start(argv);
	int status, signal = 0;

	while (go_on(pid, PTRACE_SYSCALL, signal, &status)) {
		signal = WSTOPSIG(status);
		if (signal != SYSCALL_STOP)
			continue;
		signal = 0;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0)
			die("PTRACE_GET_SYSCALL_INFO");
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr < SYSCALL_MAX)
			count[info.entry.nr]++;
	}
	for (int nr = 0; nr < SYSCALL_MAX; nr++)
		if (count[nr])
			printf("%d %lu\n", nr, count[nr]);
}

/* The program counter, by the one way that costs a single system call. */
static long program_counter(pid_t pid)
{
#ifdef __x86_64__
	long pc;

	errno = 0;
	pc = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), 0);
	if (pc == -1 && errno)
		die("PTRACE_PEEKUSER");
	return pc;
#else
	(void)pid;
	errno = ENOSYS;
	die("instructions");
	return 0;
#endif
}

static void instructions(double seconds, char **argv)
{
	pid_t pid = start(argv);
	double end = now() + seconds;
	unsigned long count = 0, steps = 0;
	long last = -1;
	int status, signal = 0;

	do {
		long pc = program_counter(pid);

		count += pc != last;
		last = pc;
		if (++steps % 4096 == 0 && now() > end)
			exit(EXIT_TIMEOUT);
		if (!go_on(pid, PTRACE_SINGLESTEP, signal, &status))
			break;
		signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	} while (1);
	printf("%lu\n", count);
}

int main(int argc, char **argv)
{
	pin();
	if (argc >= 3 && !strcmp(argv[1], "syscalls")) {
		syscalls(argv + 2);
	} else if (argc >= 4 && !strcmp(argv[1], "instructions")) {
		instructions(atof(argv[2]), argv + 3);
	} else {
		fprintf(stderr, "usage: count syscalls PROGRAM [ARG...]\n"
		                "       count instructions SECONDS PROGRAM [ARG...]\n");
		return 2;
	}
	return 0;
}
