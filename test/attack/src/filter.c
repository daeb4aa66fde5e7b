/*
 * Starts a program below seccomp filters that a hostile or careful caller could leave behind.
 *
 *   filter op ... -- program [arg ...]
 *
 * ret=CALL:N        CALL returns -N, or 0 when N is 0, without being made
 * fd=CALL:N:FD      the same where the first argument is FD
 * at=CALL:N:ADDR    the same where the second argument is ADDR
 * not=CALL:N:ADDR   the same where it is anything else
 *
 * CALL is a number or one of the names below. Filters see numbers and arguments, never memory.
 * Static, so that no loader is in between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's layouts; musl has no kernel headers. */
struct insn {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};
struct prog {
	unsigned short len;
	const struct insn *insn;
};

enum { SYS_mseal_ = 462, SECCOMP_SET_FILTER = 1, LD_W_ABS = 0x20, JEQ_K = 0x15, RET_K = 0x06 };
enum { AT_NR = 0, AT_ARG0 = 16, AT_ARG1 = 24 }; /* offsets in struct seccomp_data */
#define RET_ERRNO 0x00050000u
#define RET_ALLOW 0x7fff0000u

static const struct {
	const char *name;
	unsigned nr;
} calls[] = {
	{ "execveat", SYS_execveat }, { "prctl", SYS_prctl }, { "mseal", SYS_mseal_ },
	{ "mprotect", SYS_mprotect }, { "madvise", SYS_madvise }, { "statx", SYS_statx },
	{ "readlinkat", SYS_readlinkat }, { "faccessat2", SYS_faccessat2 },
	{ "fcntl", SYS_fcntl }, { "fstatfs", SYS_fstatfs }, { "pread64", SYS_pread64 },
};

static void die(const char *what)
{
	dprintf(2, "filter: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static unsigned number_of(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (strlen(calls[i].name) == len && !strncmp(calls[i].name, word, len))
			return calls[i].nr;
	errno = EINVAL;
	if (*word < '0' || *word > '9') die(word);
	return strtoul(word, 0, 0);
}

static void install(const struct insn *insn, unsigned len)
{
	const struct prog p = { len, insn };
	if (syscall(SYS_seccomp, SECCOMP_SET_FILTER, 0, &p)) die("seccomp");
}

static void add(const char *kind, const char *spec)
{
	const char *colon = strchr(spec, ':');
	char *end;
	errno = EINVAL;
	if (!colon) die(spec);
	unsigned nr = number_of(spec, colon - spec);
	unsigned err = strtoul(colon + 1, &end, 0);
	uint64_t arg = *end == ':' ? strtoull(end + 1, 0, 0) : 0;
	unsigned at = !strcmp(kind, "fd") ? AT_ARG0 : AT_ARG1;
	int negate = !strcmp(kind, "not");
	if (strcmp(kind, "ret") && *end != ':') die(spec);
	const struct insn all[] = {
		{ LD_W_ABS, 0, 0, AT_NR }, { JEQ_K, 0, 1, nr },
		{ RET_K, 0, 0, RET_ERRNO | err }, { RET_K, 0, 0, RET_ALLOW },
	};
	const struct insn one[] = {
		{ LD_W_ABS, 0, 0, AT_NR }, { JEQ_K, 0, 5, nr },
		{ LD_W_ABS, 0, 0, at }, { JEQ_K, 0, negate ? 2 : 3, (uint32_t)arg },
		{ LD_W_ABS, 0, 0, at + 4 }, { JEQ_K, negate, !negate, (uint32_t)(arg >> 32) },
		{ RET_K, 0, 0, RET_ERRNO | err }, { RET_K, 0, 0, RET_ALLOW },
	};
	if (!strcmp(kind, "ret")) install(all, sizeof all / sizeof *all);
	else install(one, sizeof one / sizeof *one);
}

int main(int argc, char **argv, char **envp)
{
	int i = 1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) die("no_new_privs");
	for (; i < argc && strcmp(argv[i], "--"); i++) {
		char *eq = strchr(argv[i], '=');
		errno = EINVAL;
		if (!eq) die(argv[i]);
		*eq = 0;
		if (strcmp(argv[i], "ret") && strcmp(argv[i], "fd") && strcmp(argv[i], "at")
		    && strcmp(argv[i], "not")) die(argv[i]);
		add(argv[i], eq + 1);
	}
	if (i + 1 >= argc) {
		dprintf(2, "usage: filter op ... -- program [arg ...]\n");
		return 125;
	}
	execve(argv[i + 1], argv + i + 1, envp);
	dprintf(2, "filter: execve %s: %s\n", argv[i + 1], strerror(errno));
	return 126;
}
