/*
 * starter.c: start a program over and over, and count how it ends.
 *
 *	starter COUNT STOP WORD PROGRAM
 *
 * Until at least COUNT starts were made and the file STOP is there. Each start must exit with 0 and write one of the
 * lines "hello from stock" and "hello from ward"; WORD (stock, ward, both) says which must have been met in the end.
 * Prints `N starts, N failures, N stock, N ward`; the first failures on stderr.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct timespec pause_ns = {0, 1000000};	/* the installations are to get on, too */
static char *const none[] = {0};

struct end {
	int error, status;	/* of posix_spawn, of waitpid */
	char out[512];
};

static void start(char *program, struct end *e)
{
	char *argv[] = {program, 0};
	posix_spawn_file_actions_t to;
	int fds[2];
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	memset(e, 0, sizeof *e);
	if (pipe(fds)) {
		e->error = errno;
		return;
	}
	posix_spawn_file_actions_init(&to);
	posix_spawn_file_actions_adddup2(&to, fds[1], 1);
	posix_spawn_file_actions_adddup2(&to, fds[1], 2);
	posix_spawn_file_actions_addclose(&to, fds[0]);
	e->error = posix_spawn(&pid, program, &to, 0, argv, none);
	posix_spawn_file_actions_destroy(&to);
	close(fds[1]);
	while (!e->error && len < sizeof e->out - 1
			&& (n = read(fds[0], e->out + len, sizeof e->out - 1 - len)) > 0)
		len += n;
	close(fds[0]);
	if (!e->error && waitpid(pid, &e->status, 0) != pid)
		e->error = errno;
}

int main(int argc, char **argv)
{
	long count = 0, failures = 0, stock = 0, ward = 0;
	struct end e;

	if (argc != 5)
		return 2;
	for (; count < atol(argv[1]) || access(argv[2], F_OK); count++) {
		nanosleep(&pause_ns, 0);
		start(argv[4], &e);
		if (!e.error && !e.status && !strcmp(e.out, "hello from stock\n"))
			stock++;
		else if (!e.error && !e.status && !strcmp(e.out, "hello from ward\n"))
			ward++;
		else if (failures++ < 5)
			fprintf(stderr, "start %ld: error %d, status %#x, output: %s\n", count + 1, e.error, e.status, e.out);
	}
	printf("%ld starts, %ld failures, %ld stock, %ld ward\n", count, failures, stock, ward);
	if (strcmp(argv[3], "ward") && !stock)
		failures++, fputs("never on stock musl\n", stderr);
	if (strcmp(argv[3], "stock") && !ward)
		failures++, fputs("never on ward\n", stderr);
	return failures != 0;
}
