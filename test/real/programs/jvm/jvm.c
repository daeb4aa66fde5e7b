/* lib/server/libjvm.so: what HotSpot does to its process, in small.
 *
 * Threads with guard pages in their own stacks, faults that are answered (stack overflow, the null
 * pointer, the polling page), code made at run time, libraries opened by absolute path.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vm.h"

enum { PAGE = 4096, GUARD = 4 * PAGE };

struct java_thread {
	sigjmp_buf retry;
	char *guard;
	int count;
};

static __thread struct java_thread *self;
static int total;
static char *polling;
static char alt_stack[16 * PAGE];

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	char *at = si->si_addr;

	(void)uc;
	if (!self) {
		signal(sig, SIG_DFL);
		return;
	}
	if (at >= self->guard && at < self->guard + GUARD) {
		mprotect(self->guard, GUARD, PROT_READ | PROT_WRITE);
		siglongjmp(self->retry, 1);
	}
	siglongjmp(self->retry, at == polling ? 2 : 3);
}

static void attach(struct java_thread *t)
{
	pthread_attr_t a;
	void *bottom;
	size_t size;

	pthread_getattr_np(pthread_self(), &a);
	pthread_attr_getstack(&a, &bottom, &size);
	pthread_attr_destroy(&a);
	t->guard = (char *)(((size_t)bottom + PAGE - 1) & -(size_t)PAGE) + 2 * PAGE;
	mprotect(t->guard, GUARD, PROT_NONE);
	self = t;
}

static int deeper(int n)
{
	volatile char frame[512];

	frame[0] = (char)n;
	return deeper(n + 1) + frame[0];
}

static const char *fault(int which)
{
	static const char *names[] = { "none", "stack overflow", "safepoint", "null pointer" };
	volatile int r = sigsetjmp(self->retry, 1);

	if (!r) {
		switch (which) {
		case 1: deeper(0); break;
		case 2: *(volatile char *)polling; break;
		case 3: *(volatile int *)16 = 1; break;
		}
	}
	return names[r];
}

/* x86-64 and aarch64: return the first argument plus one. */
static int made_code(int n)
{
#ifdef __x86_64__
	static const unsigned char code[] = { 0x8d, 0x47, 0x01, 0xc3 };
#else
	static const unsigned code[] = { 0x11000400, 0xd65f03c0 };
#endif
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	memcpy(p, code, sizeof code);
	__builtin___clear_cache(p, p + sizeof code);
	return ((int (*)(int))(size_t)p)(n);
}

int JVM_Count(void)
{
	if (self)
		self->count++;
	return __sync_add_and_fetch(&total, 1);
}

void *JVM_LoadLibrary(const char *path)
{
	void *h = dlopen(path, RTLD_LAZY);
	int (*load)(void) = NULL;

	if (h)
		*(void **)&load = dlsym(h, "JNI_OnLoad");
	if (load)
		printf("%s: JNI_OnLoad %#x\n", strrchr(path, '/') + 1, load());
	return h;
}

struct work { void (*f)(void *); void *arg; };

static void *thread(void *p)
{
	struct work w = *(struct work *)p;
	struct java_thread t = { .count = 0 };

	attach(&t);
	w.f(w.arg);
	mprotect(t.guard, GUARD, PROT_READ | PROT_WRITE);
	return NULL;
}

int JVM_StartThread(void (*f)(void *), void *arg)
{
	struct work w = { f, arg };
	pthread_t t;

	return pthread_create(&t, NULL, thread, &w) || pthread_join(t, NULL);
}

int JNI_CreateJavaVM(const char *lib)
{
	static struct java_thread first;
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t alt = { .ss_sp = alt_stack, .ss_size = sizeof alt_stack };
	char path[PATH_MAX];
	void *h;

	polling = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGSEGV, &sa, NULL);
	sigaltstack(&alt, NULL);
	attach(&first);
	for (int i = 1; i < 4; i++)
		puts(fault(i));
	printf("code %d\n", made_code(41));
	snprintf(path, sizeof path, "%s/libjava.so", lib);
	h = JVM_LoadLibrary(path);
	if (!h) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	return 0;
}
