/*
 * late.c: a process that goes on while its loader is replaced. Says "ready", waits for a line, and only then loads a
 * library, starts threads, runs a child and ends by exit handlers.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static __thread int own = 5;
static int (*sum)(int);

static void *run(void *arg)
{
	own += (int)(long)arg;
	return (void *)(long)(own + sum(0));
}

static void at_exit(void)
{
	puts("exit handlers ran");
}

int main(int argc, char **argv)
{
	pthread_t id[8];
	void *plugin, *got;
	char line[16];
	int status;

	atexit(at_exit);
	puts("ready");
	fflush(stdout);
	if (argc != 2 || !fgets(line, sizeof line, stdin))
		return 1;
	plugin = dlopen(argv[1], RTLD_NOW);
	if (!plugin)
		return printf("dlopen: %s\n", dlerror()), 1;
	sum = (int (*)(int))dlsym(plugin, "plugin_sum");
	for (long i = 0; i < 8; i++)
		if (pthread_create(&id[i], 0, run, (void *)i))
			return puts("no thread"), 1;
	for (long i = 0; i < 8; i++)
		if (pthread_join(id[i], &got) || (long)got != 45 + i)
			return puts("a thread"), 1;
	if (!fork())
		_exit(sum(2) == 42 ? 0 : 1);
	if (wait(&status) < 0 || status)
		return puts("a child"), 1;
	puts("done");
	return 0;
}
