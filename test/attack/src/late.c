/*
 * A program whose threads have securebits of their own. Words, one after the other:
 *
 *   bits=N        prctl(PR_SET_SECUREBITS, N) in the main thread
 *   open=PATH     dlopen in the main thread
 *   other=PATH    dlopen in a thread that was there before any word
 *   userns        a new user namespace, which resets securebits on Linux before 7
 *   show          the main thread's securebits
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NEWUSER = 0x10000000 };

static const char *volatile wanted;
static sem_t asked, answered;

static void open_lib(const char *who, const char *path)
{
	void *h = dlopen(path, RTLD_NOW);
	printf("%s %s: %s\n", who, path, h ? "ok" : dlerror());
}

static void *other(void *arg)
{
	for (;;) {
		while (sem_wait(&asked)) ;
		open_lib("other", wanted);
		sem_post(&answered);
	}
	return arg;
}

static void run(const char *word)
{
	if (!strncmp(word, "bits=", 5)) {
		printf("%s: %d\n", word, prctl(PR_SET_SECUREBITS, strtoul(word + 5, 0, 0), 0, 0, 0)
		       ? errno : 0);
	} else if (!strncmp(word, "open=", 5)) {
		open_lib("open", word + 5);
	} else if (!strncmp(word, "other=", 6)) {
		wanted = word + 6;
		sem_post(&asked);
		while (sem_wait(&answered)) ;
	} else if (!strcmp(word, "userns")) {
		printf("userns: %d\n", syscall(SYS_unshare, NEWUSER) ? errno : 0);
	} else if (!strcmp(word, "show")) {
		printf("show %#x\n", prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	} else {
		printf("unknown word %s\n", word);
		exit(98);
	}
}

int main(int argc, char **argv)
{
	pthread_t t;
	int threaded = 0;
	if (sem_init(&asked, 0, 0) || sem_init(&answered, 0, 0)) return 97;
	for (int i = 1; i < argc; i++) threaded |= !strncmp(argv[i], "other=", 6);
	if (threaded && pthread_create(&t, 0, other, 0)) return 97;
	for (int i = 1; i < argc; i++) run(argv[i]);
	puts("late done");
	return 0;
}
