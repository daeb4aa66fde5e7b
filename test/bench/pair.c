/* pair.c: start-up timer for several programs that are to be compared with each other.
 *
 *   pair SECONDS MIN_ROUNDS PROGRAM...
 *
 * Runs the programs in rounds, in every round each once and in random order, in an empty
 * environment, from exec to exit, until SECONDS have passed and MIN_ROUNDS are done. What is
 * compared are programs of one round, so a disturbance that lasts longer than a round cancels
 * out. Prints a line for each round with, for each program and tab-separated: CPU time (user and
 * system, by the scheduler's clock) and elapsed time in microseconds, and minor page faults.
 * The last line is "others BUSY STEAL": how many processors other work kept busy meanwhile, and
 * what share of a processor the hypervisor took away.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PROGRAMS = 8, MAX_ROUNDS = 4000, WARM_UP = 3 };

struct sample {
	double cpu, wall;
	long faults;
};

struct machine {
	double busy, steal;
};

static void die(const char *what)
{
	fprintf(stderr, "pair: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double microseconds(struct timeval t)
{
	return t.tv_sec * 1e6 + t.tv_usec;
}

static double cpu_used(const struct rusage *u)
{
	return microseconds(u->ru_utime) + microseconds(u->ru_stime);
}

static struct sample run(char *program)
{
	char *const argv[] = { program, NULL };
	char *const no_env[] = { NULL };
	struct rusage usage;
	double begin = now();
	int status;
	pid_t pid;

	errno = posix_spawn(&pid, program, NULL, NULL, argv, no_env);
	if (errno)
		die(program);
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			die("wait4");
	if (status) {
		fprintf(stderr, "pair: %s ended with wait status %#x\n", program, status);
		exit(1);
	}
	return (struct sample){ .cpu = cpu_used(&usage), .wall = now() - begin,
	                        .faults = usage.ru_minflt };
}

/* What the whole machine has done so far, in microseconds of processor time. */
static struct machine machine_time(void)
{
	double user, nice, system, idle, iowait, irq, softirq, steal, tick;
	FILE *f = fopen("/proc/stat", "re");

	if (!f)
		die("/proc/stat");
	if (fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle,
	           &iowait, &irq, &softirq, &steal) != 8) {
		fprintf(stderr, "pair: /proc/stat is not understood\n");
		exit(1);
	}
	fclose(f);
	tick = 1e6 / sysconf(_SC_CLK_TCK);
	return (struct machine){ (user + nice + system + irq + softirq) * tick, steal * tick };
}

static double own_time(void)
{
	struct rusage self, children;

	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	return cpu_used(&self) + cpu_used(&children);
}

/* A random order of n things, the same sequence of orders in every run of this tool. */
static void shuffle(int *order, int n)
{
	static uint64_t seed = 1;

	for (int i = n - 1; i > 0; i--) {
		int k, old = order[i];

		seed = seed * 6364136223846793005 + 1442695040888963407;
		k = (seed >> 33) % (unsigned)(i + 1);
		order[i] = order[k];
		order[k] = old;
	}
}

/* Runs all programs in rounds; returns how many. */
static int measure(double seconds, int min_rounds, char **program, int programs,
                   struct sample (*round)[MAX_PROGRAMS])
{
	int order[MAX_PROGRAMS];
	double end;
	int n;

	for (int k = 0; k < programs; k++) {
		order[k] = k;
		for (int i = 0; i < WARM_UP; i++)
			run(program[k]);
	}
	end = now() + seconds * 1e6;
	for (n = 0; n < MAX_ROUNDS && (n < min_rounds || now() < end); n++) {
		shuffle(order, programs);
		for (int k = 0; k < programs; k++)
			round[n][order[k]] = run(program[order[k]]);
	}
	return n;
}

int main(int argc, char **argv)
{
	static struct sample round[MAX_ROUNDS][MAX_PROGRAMS];
	struct machine before, after;
	double own, begin, elapsed;
	int rounds, programs = argc - 3;

	if (programs < 1 || programs > MAX_PROGRAMS) {
		fprintf(stderr, "usage: pair SECONDS MIN_ROUNDS PROGRAM... (at most %d)\n",
		        MAX_PROGRAMS);
		return 2;
	}
	/* Being preferred to other work makes for less noise; without the right, as is. */
	setpriority(PRIO_PROCESS, 0, -20);
	before = machine_time();
	own = own_time();
	begin = now();
	rounds = measure(atof(argv[1]), atoi(argv[2]), argv + 3, programs, round);
	elapsed = now() - begin;
	own = own_time() - own;
	after = machine_time();
	for (int i = 0; i < rounds; i++)
		for (int k = 0; k < programs; k++)
			printf("%.0f\t%.1f\t%ld%c", round[i][k].cpu, round[i][k].wall,
			       round[i][k].faults, k + 1 < programs ? '\t' : '\n');
	printf("others\t%.3f\t%.3f\n", (after.busy - before.busy - own) / elapsed,
	       (after.steal - before.steal) / elapsed);
	return 0;
}
