/*
 * check.h: how a test program says what it expected and what it got.
 *
 * The first failed check prints one line and ends the process with status 1 at once, from
 * whichever thread, constructor or destructor it was in. Programs end with `return done()`, which
 * prints the "ok" that the runner waits for: a program that never ran prints nothing.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHECK(c) \
	((c) ? (void)0 : check_fail(__FILE__, __LINE__, "%s is false", #c))
#define EQ(got, want) \
	check_eq(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
#define PTREQ(got, want) \
	check_ptr(__FILE__, __LINE__, #got, (const void *)(got), (const void *)(want))
#define STREQ(got, want) \
	check_str(__FILE__, __LINE__, #got, (got), (want))

#define check_fail(file, line, ...) \
	(dprintf(2, "%s:%d: ", strrchr("/" file, '/') + 1, line), \
	 dprintf(2, __VA_ARGS__), dprintf(2, "\n"), _exit(1))

__attribute__((unused))
static void check_eq(const char *file, int line, const char *what, long long got, long long want)
{
	if (got == want) return;
	dprintf(2, "%s:%d: %s: expected %lld, got %lld\n", file, line, what, want, got);
	_exit(1);
}

__attribute__((unused))
static void check_ptr(const char *file, int line, const char *what, const void *got,
	const void *want)
{
	if (got == want) return;
	dprintf(2, "%s:%d: %s: expected %p, got %p\n", file, line, what, want, got);
	_exit(1);
}

__attribute__((unused))
static void check_str(const char *file, int line, const char *what, const char *got,
	const char *want)
{
	if (got && !strcmp(got, want)) return;
	dprintf(2, "%s:%d: %s: expected \"%s\", got \"%s\"\n", file, line, what, want,
		got ? got : "(null)");
	_exit(1);
}

__attribute__((unused))
static int done(void)
{
	puts("ok");
	return fflush(stdout) ? 1 : 0;
}

#endif
