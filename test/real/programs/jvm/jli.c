/* libjli.so: finds the machine beside itself, starts it on a thread with a stack of its own size.
 *
 * options: --local		open libjvm.so RTLD_LOCAL
 *	    --path		set LD_LIBRARY_PATH and start anew, as OpenJDK does on musl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm.h"

static char lib[PATH_MAX];
static int local;

static void find_lib(void)
{
	Dl_info i;

	if (!dladdr((void *)(size_t)JLI_Launch, &i) || !realpath(i.dli_fname, lib))
		exit(10);
	*strrchr(lib, '/') = 0;
}

static void *java_main(void *arg)
{
	char path[PATH_MAX + 32];
	int (*create)(const char *), (*count)(void);
	void *(*load)(const char *), *vm, *zip, *app;
	int (*run)(int);

	(void)arg;
	snprintf(path, sizeof path, "%s/server/libjvm.so", lib);
	vm = dlopen(path, RTLD_NOW | (local ? RTLD_LOCAL : RTLD_GLOBAL));
	if (!vm) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&create = dlsym(vm, "JNI_CreateJavaVM");
	*(void **)&load = dlsym(vm, "JVM_LoadLibrary");
	*(void **)&count = dlsym(vm, "JVM_Count");
	if (create(lib))
		exit(1);
	snprintf(path, sizeof path, "%s/libzip.so", lib);
	zip = load(path);
	if (!zip) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&run = dlsym(zip, "Java_zip_run");
	printf("zip %d\n", run(20));
	/* A library of an application: it names no libjvm.so, and takes its functions all the same. */
	snprintf(path, sizeof path, "%s/../app/libapp.so", lib);
	app = load(path);
	printf("app %s\n", app ? "loaded" : "refused");
	if (!app)
		fprintf(stderr, "%s\n", dlerror());
	printf("same libjvm: %d\n", dlopen("libjvm.so", RTLD_NOW | RTLD_NOLOAD) == vm);
	printf("count %d\n", count());
	return NULL;
}

int JLI_Launch(int argc, char **argv)
{
	pthread_attr_t a;
	pthread_t t;
	int path = 0;

	find_lib();
	for (int i = 1; i < argc; i++) {
		local |= !strcmp(argv[i], "--local");
		path |= !strcmp(argv[i], "--path");
	}
	if (path && !getenv("LD_LIBRARY_PATH")) {
		char value[PATH_MAX + 16];
		snprintf(value, sizeof value, "%s/server", lib);
		setenv("LD_LIBRARY_PATH", value, 1);
		execv("/proc/self/exe", argv);
		return 11;
	}
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 64 << 20);
	if (pthread_create(&t, &a, java_main, NULL) || pthread_join(t, NULL))
		return 12;
	puts("done");
	return 0;
}
