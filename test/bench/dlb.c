/* dlb.c: what dlopen and dlsym cost in a running program.
 *
 *   dlb LIBRARY SYMBOL...
 *
 * Opens LIBRARY, in whose tree of dependencies the symbols must be, and prints the CPU time of
 * five things on one line, tab-separated: the first dlopen (in microseconds), then (nanoseconds)
 * a dlsym in the global scope, a dlsym through the handle, a dlsym of a name that does not exist,
 * and a dlopen of the library once it is there. All but the first are the least of ROUNDS rounds.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 30 };

struct work {
	char *library;
	char **symbol, **missing;
	int count;
	void *handle;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void fail(const char *what)
{
	const char *why = dlerror();

	fprintf(stderr, "dlb: %s: %s\n", what, why ? why : "no reason given");
	exit(1);
}

static void look_up(const struct work *w, void *scope)
{
	for (int i = 0; i < w->count; i++)
		if (!dlsym(scope, w->symbol[i]))
			fail(w->symbol[i]);
}

static void global_scope(const struct work *w)
{
	look_up(w, RTLD_DEFAULT);
}

static void handle_scope(const struct work *w)
{
	look_up(w, w->handle);
}

static void missing(const struct work *w)
{
	for (int i = 0; i < w->count; i++)
		if (dlsym(RTLD_DEFAULT, w->missing[i]))
			fail(w->missing[i]);
	dlerror();
}

static void open_again(const struct work *w)
{
	for (int i = 0; i < w->count; i++)
		if (dlopen(w->library, RTLD_NOW | RTLD_NOLOAD) != w->handle)
			fail(w->library);
}

/* The smallest time of a round, for one of its calls. */
static double best(void (*round)(const struct work *), const struct work *w)
{
	double least = 0;

	for (int i = 0; i < ROUNDS; i++) {
		double t = now();

		round(w);
		t = now() - t;
		if (i == 0 || t < least)
			least = t;
	}
	return least / w->count;
}

/* Names that differ from the existing ones in their last byte only. */
static char **misspell(char **symbol, int count)
{
	char **name = malloc(count * sizeof *name);

	for (int i = 0; i < count; i++) {
		name[i] = strdup(symbol[i]);
		name[i][strlen(name[i]) - 1] = '~';
	}
	return name;
}

int main(int argc, char **argv)
{
	struct work w;
	double first;

	if (argc < 3) {
		fprintf(stderr, "usage: dlb LIBRARY SYMBOL...\n");
		return 2;
	}
	w.library = argv[1];
	w.symbol = argv + 2;
	w.count = argc - 2;
	w.missing = misspell(w.symbol, w.count);
	first = now();
	w.handle = dlopen(w.library, RTLD_NOW | RTLD_GLOBAL);
	first = now() - first;
	if (!w.handle)
		fail(w.library);
	printf("%.3f\t%.2f\t%.2f\t%.2f\t%.2f\n", first / 1e3, best(global_scope, &w),
	       best(handle_scope, &w), best(missing, &w), best(open_again, &w));
	return 0;
}
