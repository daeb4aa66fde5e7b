/*
 * musl.c: the boundary. The only file, with replace/, that includes musl's internal headers.
 * Compiled without stack protector: ld_rt_early runs before there is a thread pointer.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/membarrier.h>
#include "pthread_impl.h"
#include "dynlink.h"
#include "fork_impl.h"
#include "libc.h"

/* before our headers, which hide all they declare: this one the program may copy */
extern char **__environ;

#include "replace/replace.h"
#include "musl.h"

hidden int __membarrier(int, int);
hidden void __block_app_sigs(void *);
hidden void __restore_sigs(void *);

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t init_cond = PTHREAD_COND_INITIALIZER;

void ld_rt_early(uintptr_t *auxv)
{
	libc.auxv = (size_t *)auxv;
	for (size_t *a = libc.auxv; *a; a += 2)
		if (*a == AT_HWCAP)
			__hwcap = a[1];
	if (__init_tp(ld_tls_early()) < 0)
		__builtin_trap();
}

void ld_rt_globals(uintptr_t *auxv, char **envp, uint64_t page, int secure, uintptr_t sysinfo)
{
	libc.auxv = (size_t *)auxv;
	libc.page_size = page;
	libc.secure = (char)secure;
	__environ = envp;
	if (sysinfo) {
		__sysinfo = sysinfo;
		__pthread_self()->sysinfo = sysinfo;
	}
}

void ld_rt_tls_totals(uint64_t block_len, uint64_t align, uint32_t cnt)
{
	libc.tls_size = block_len;
	libc.tls_align = align;
	libc.tls_cnt = cnt;
}

long ld_rt_main_tls(uint64_t block_len, uint64_t align, uint32_t cnt)
{
	ld_rt_tls_totals(block_len, align, cnt);
	return ld_tls_main();
}

uint64_t ld_rt_pthread_len(void)
{
	return sizeof(struct pthread);
}

void ld_rt_stack_size(uint64_t len)
{
	if (len > DEFAULT_STACK_MAX)
		len = DEFAULT_STACK_MAX;
	if (len > __default_stacksize)
		__default_stacksize = (unsigned)len;
}

void ld_rt_malloc_replaced(int malloc_, int aligned_alloc_)
{
	if (malloc_)
		__malloc_replaced = 1;
	if (aligned_alloc_)
		__aligned_alloc_replaced = 1;
}

void ld_rt_errno(int value)
{
	errno = value;
}

char **ld_rt_environ(void)
{
	return __environ;
}

void *ld_rt_tls_addr(uint32_t id, uint64_t off)
{
	return __tls_get_addr((tls_mod_off_t[]){id, off});
}

uintptr_t ld_rt_tlsdesc(int dynamic)
{
	return dynamic ? (uintptr_t)__tlsdesc_dynamic : (uintptr_t)__tlsdesc_static;
}

const char *ld_rt_version(void)
{
	return __libc_version;
}

void ld_rt_lock(void)
{
	pthread_mutex_lock(&load_lock);
}

void ld_rt_unlock(void)
{
	pthread_mutex_unlock(&load_lock);
}

void ld_rt_init_lock(void)
{
	pthread_mutex_lock(&init_lock);
}

void ld_rt_init_unlock(void)
{
	pthread_mutex_unlock(&init_lock);
}

void ld_rt_init_wait(void)
{
	pthread_cond_wait(&init_cond, &init_lock);
}

void ld_rt_init_wake(void)
{
	pthread_cond_broadcast(&init_cond);
}

uintptr_t ld_rt_self(void)
{
	return (uintptr_t)__pthread_self();
}

int ld_rt_cancel_off(void)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

void ld_rt_cancel_restore(int state)
{
	pthread_setcancelstate(state, 0);
}

void ld_rt_seterr(const char *text)
{
	__dl_seterr("%s", text);
}

uint32_t ld_rt_threads_begin(void)
{
	__inhibit_ptc();
	return (uint32_t)libc.threads_minus_1 + 1;
}

void ld_rt_threads_end(void)
{
	__release_ptc();
}

/* where lay_out of replace/__init_tls.c had the blocks begin */
static unsigned char *tls_origin(pthread_t td)
{
#ifdef TLS_ABOVE_TP
	return (unsigned char *)(td + 1);
#else
	return (unsigned char *)td;
#endif
}

void ld_rt_threads_install(const struct ld_rt_walk *w, void *ctx)
{
	pthread_t self = __pthread_self(), td = self;
	sigset_t set;
	uint32_t i = 0;

	__block_app_sigs(&set);
	__tl_lock();
	do
		w->prepare(ctx, i++, td->dtv, tls_origin(td));
	while ((td = td->next) != self);
	/* whoever sees a new dtv must see what it points to: a barrier in every other running thread */
	if (i > 1)
		__membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0);
	i = 0;
	do
		td->dtv = w->dtv(ctx, i++);
	while ((td = td->next) != self);
	__tl_unlock();
	__restore_sigs(&set);
}

/*
 * Around fork: -1 before, 0 in the parent, 1 in the child. In the child the locks are made anew: the
 * thread that owned them has another id there, and threads that were waiting no longer exist.
 */
hidden void __ldso_atfork(int who)
{
	if (who < 0) {
		pthread_mutex_lock(&load_lock);
		pthread_mutex_lock(&init_lock);
	} else if (!who) {
		pthread_mutex_unlock(&init_lock);
		pthread_mutex_unlock(&load_lock);
	} else {
		init_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
		load_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
		init_cond = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
		ld_init_forked();
	}
}

/* there is nothing left to do: the loader placed the main thread's TLS before the jump */
hidden void __init_tls(size_t *auxv)
{
	(void)auxv;
}

/*
 * The C library's own arrays of constructors and destructors are empty: start and end are one address.
 * Some linkers would define the names for the whole image otherwise.
 */
static void (*const no_array[1])(void) = {0};
hidden extern void (*const __init_array_start[1])(void) __attribute__((alias("no_array")));
hidden extern void (*const __init_array_end[1])(void) __attribute__((alias("no_array")));
hidden extern void (*const __fini_array_start[1])(void) __attribute__((alias("no_array")));
hidden extern void (*const __fini_array_end[1])(void) __attribute__((alias("no_array")));
