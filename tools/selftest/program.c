/*
 * program.c: the self-test of an installation. Run through the loader that is about to be installed: threads,
 * TLS of the program and of a library that is loaded later, a child. Prints "self-test ok" or what is wrong.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4

static __thread int own = 7;
static int (*sum)(int);

static int wrong(const char *what, const char *detail)
{
	printf("self-test: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
	return 1;
}

/* each thread has its own copies: of the program's variable and of the library's */
static void *run(void *arg)
{
	int n = (int)(long)arg;
	char *block = malloc(4096 + n);

	if (!block)
		return "no memory";
	memset(block, n, 4096 + n);
	free(block);
	own += n;
	if (own != 7 + n)
		return "the program's TLS";
	return sum(n) == 40 + n && sum(0) == 40 + n ? 0 : "the library's TLS";
}

static int threads(void)
{
	pthread_t id[THREADS];
	void *what;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&id[i], 0, run, (void *)(long)i))
			return wrong("no thread", 0);
	for (int i = 0; i < THREADS; i++)
		if (pthread_join(id[i], &what) || what)
			return wrong("a thread", what);
	return 0;
}

static int child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sum(2) == 42 ? 3 : 4);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 3)
		return wrong("a child", 0);
	return 0;
}

int main(int argc, char **argv)
{
	void *plugin;

	if (argc != 2)
		return wrong("usage", "program LIBRARY");
	plugin = dlopen(argv[1], RTLD_NOW);
	if (!plugin)
		return wrong("dlopen", dlerror());
	sum = (int (*)(int))dlsym(plugin, "plugin_sum");
	if (!sum)
		return wrong("dlsym", dlerror());
	if (dlsym(plugin, "plugin_none") || !dlerror())
		return wrong("dlsym", "found what is not there");
	if (threads() || child())
		return 1;
	return puts("self-test ok") < 0;
}
