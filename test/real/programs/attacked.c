/*
 * attacked.c: plays the attacker who can make system calls in a process, against constant data of
 * a library (greet_table: relocated by the loader, then read-only).
 *
 * usage: attacked wait			print the address and the process id, wait for the end of stdin
 *        attacked mprotect|munmap|dontneed	try it on the page of the table, say what came of it
 *
 * Exit status: 0 the attack was refused and the data is intact, 3 it went through.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char *const greet_table[];

static void *page;
static size_t page_len;

static void faulted(int signal)
{
	static const char text[] = "and the process crashes: the page is gone\n";

	(void)signal;
	if (write(1, text, sizeof text - 1) < 0)
		_exit(4);
	_exit(3);
}

static int attempt(const char *what)
{
	if (strcmp(what, "mprotect") == 0)
		return mprotect(page, page_len, PROT_READ | PROT_WRITE);
	if (strcmp(what, "munmap") == 0)
		return munmap(page, page_len);
	return madvise(page, page_len, MADV_DONTNEED);
}

int main(int argc, char **argv)
{
	const char *const *volatile table = greet_table;
	const char *before = table[0];
	int c;

	page_len = (size_t)sysconf(_SC_PAGESIZE);
	page = (void *)((uintptr_t)greet_table & ~(uintptr_t)(page_len - 1));
	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "wait") == 0) {
		printf("%p\n", (void *)greet_table);
		fflush(stdout);
		while ((c = getchar()) != EOF)
			continue;
		return 0;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGSEGV, faulted);
	signal(SIGBUS, faulted);
	if (attempt(argv[1]) != 0) {
		printf("refused (%s), ", strerror(errno));
		printf("%s\n", table[0] == before ? "the data is intact" : "yet the data changed");
		return table[0] == before ? 0 : 3;
	}
	printf("went through, ");
	if (strcmp(argv[1], "mprotect") == 0)
		*(const char **)(uintptr_t)table = "forged";
	if (table[0] == before)
		printf("yet the data is intact\n");
	else
		printf("the pointer is now %s\n", strcmp(argv[1], "mprotect") == 0 ? table[0] :
			"what the file holds");
	_exit(3);	/* the page also tells exit() which destructors to run */
}
