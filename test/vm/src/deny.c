/*
 * Runs a command while a security module refuses one file.
 *
 *   deny OBJECT FILE ERRNO check|exec [-a FIFO] [-d FIFO] -- program [arg ...]
 *
 * OBJECT is deny.bpf.o. `check` refuses only the check, `exec` also execve; ERRNO 0 refuses
 * nothing and only counts. With -a the module is attached when somebody opens FIFO for reading,
 * with -d it is detached so; the reader sees the end of the file when that is done. Afterwards
 * prints `deny check=N exec=N other=N open=N later=N` and ends as the command did.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include "deny.h"

enum { MAX_LINKS = 8 };

static struct bpf_object *object;
static struct bpf_link *links[MAX_LINKS];
static int link_cnt;

static void must(int ok, const char *what)
{
	if (ok) return;
	fprintf(stderr, "deny: %s: errno %d %s\n", what, errno, strerror(errno));
	exit(124);
}

static int map_of(const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);
	must(fd >= 0, name);
	return fd;
}

static void load(const char *path, const char *file, int error, int only_check)
{
	struct stat st;
	struct deny_rule rule = { .error = error, .only_check = only_check };
	unsigned int zero = 0;
	must(!stat(file, &st), file);
	rule.ino = st.st_ino;
	rule.dev = major(st.st_dev) << 20 | minor(st.st_dev);
	object = bpf_object__open_file(path, 0);
	must(object != 0, path);
	must(!bpf_object__load(object), "load");
	must(!bpf_map_update_elem(map_of("rule"), &zero, &rule, BPF_ANY), "rule");
}

static void attach(void)
{
	struct bpf_program *p;
	bpf_object__for_each_program(p, object) {
		errno = E2BIG;
		must(link_cnt < MAX_LINKS, "programs");
		links[link_cnt] = bpf_program__attach(p);
		must(links[link_cnt++] != 0, bpf_program__name(p));
	}
}

static void detach(void)
{
	while (link_cnt) must(!bpf_link__destroy(links[--link_cnt]), "detach");
}

/* Do it as soon as somebody reads. */
static void when_read(const char *fifo, void (*what)(void))
{
	int fd = open(fifo, O_WRONLY | O_CLOEXEC);
	must(fd >= 0, fifo);
	what();
	close(fd);
}

static void print_seen(void)
{
	static const char *const names[SEEN_CNT] = {
		[SEEN_CHECK] = "check", [SEEN_EXEC] = "exec", [SEEN_CHECK_OTHER] = "other",
		[SEEN_OPEN] = "open", [SEEN_LATER] = "later",
	};
	int fd = map_of("seen");
	printf("deny");
	for (unsigned int i = 0; i < SEEN_CNT; i++) {
		unsigned long long n = 0;
		must(!bpf_map_lookup_elem(fd, &i, &n), "seen");
		printf(" %s=%llu", names[i], n);
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	const char *attach_at = 0, *detach_at = 0;
	int i = 5, st;
	for (; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
		if (!strcmp(argv[i], "-a")) attach_at = argv[i + 1];
		else if (!strcmp(argv[i], "-d")) detach_at = argv[i + 1];
		else break;
	}
	if (i + 1 >= argc || strcmp(argv[i], "--")) {
		fputs("usage: deny OBJECT FILE ERRNO check|exec [-a FIFO] [-d FIFO] -- ...\n", stderr);
		return 124;
	}
	load(argv[1], argv[2], atoi(argv[3]), !strcmp(argv[4], "check"));
	if (!attach_at) attach();
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		execv(argv[i + 1], argv + i + 1);
		printf("execve %s: errno %d\n", argv[i + 1], errno);
		fflush(stdout);
		_exit(126);
	}
	if (attach_at) when_read(attach_at, attach);
	if (detach_at) when_read(detach_at, detach);
	must(waitpid(pid, &st, 0) == pid, "wait");
	detach();
	print_seen();
	fflush(stdout);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}
