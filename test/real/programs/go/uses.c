/* A C program that uses a library written in Go, linked to it (built with -DLINKED) or by dlopen.
 *
 * usage: uses LIBRARY [WORDS...]
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS(F) \
	F(char *, go_args, (void)) F(char *, go_env, (const char *)) F(char *, go_fault, (void)) \
	F(int, go_sum, (int (*)(int), int)) F(int, go_collect, (int)) F(int, go_file, (const char *)) \
	F(void, go_free, (void *))

#ifdef LINKED
#define DECLARE(type, name, args) type name args;
FUNCTIONS(DECLARE)
static void find(const char *library) { (void)library; }
#else
#define POINTER(type, name, args) static type (*name) args;
FUNCTIONS(POINTER)
static void find(const char *library)
{
	void *h = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!h) {
		fprintf(stderr, "%s\n", dlerror());
		exit(3);
	}
#define GET(type, name, args) *(void **)&name = dlsym(h, #name);
	FUNCTIONS(GET)
}
#endif

static __thread int calls;
static int twice(int n)
{
	calls++;
	return 2 * n;
}

static void *thread(void *arg)
{
	(void)arg;
	return (void *)(long)(go_sum(twice, 50) + go_collect(300));
}

static void show(const char *what, char *text)
{
	printf("%s: %s\n", what, text ? text : "(none)");
	if (text)
		go_free(text);
}

int main(int argc, char **argv)
{
	pthread_t t[8];
	long sum = 0;

	if (argc < 2)
		return 2;
	find(argv[1]);
	show("args", strstr(go_args(), argv[1]) ? go_args() : NULL);
	show("env", go_env("GO_TEST"));
	show("env", go_env("GO_NOTHING"));
	printf("sum %d\n", go_sum(twice, 100));
	show("fault", go_fault());
	for (int i = 0; i < 8; i++)
		if (pthread_create(&t[i], NULL, thread, NULL))
			return 4;
	for (int i = 0; i < 8; i++) {
		void *v;
		pthread_join(t[i], &v);
		sum += (long)v;
	}
	printf("threads %ld\n", sum);
	printf("collected %d\n", go_collect(20000));
	printf("file %d\n", go_file("none"));
	return 0;
}
