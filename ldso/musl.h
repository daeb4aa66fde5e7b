/*
 * musl.h: what the loader asks of the C library it lives in. musl.c is the only file (besides
 * replace/) that knows musl's internals; everything else sees these calls.
 */
#ifndef LD_MUSL_H
#define LD_MUSL_H

#include "base.h"

/* thread pointer for the loader's own use; before this no stack protector and no errno */
void ld_rt_early(uintptr_t *auxv);
/* what libc wants to know before its first allocation */
void ld_rt_globals(uintptr_t *auxv, char **envp, uint64_t page, int secure, uintptr_t sysinfo);
/* the main thread's block with all TLS images; 0, or -errno */
long ld_rt_main_tls(uint64_t block_len, uint64_t align, uint32_t cnt);
void ld_rt_tls_totals(uint64_t block_len, uint64_t align, uint32_t cnt);
uint64_t ld_rt_pthread_len(void);
void ld_rt_stack_size(uint64_t len); /* PT_GNU_STACK of a start object */
void ld_rt_malloc_replaced(int malloc_, int aligned_alloc_);
void ld_rt_errno(int value);
char **ld_rt_environ(void); /* the program's, as it is now; may be NULL */
void *ld_rt_tls_addr(uint32_t id, uint64_t off);
uintptr_t ld_rt_tlsdesc(int dynamic);
const char *ld_rt_version(void);

/* the loader's lock, and the lock and condition of constructors */
void ld_rt_lock(void);
void ld_rt_unlock(void);
void ld_rt_init_lock(void);
void ld_rt_init_unlock(void);
void ld_rt_init_wait(void);
void ld_rt_init_wake(void);
uintptr_t ld_rt_self(void);
int ld_rt_cancel_off(void);
void ld_rt_cancel_restore(int state);

/* message for dlerror() of this thread */
void ld_rt_seterr(const char *text);

/*
 * Give every running thread a dtv of cnt modules. threads: an upper bound while ptc is held.
 * install() is called with the thread list locked; see tls.c.
 */
uint32_t ld_rt_threads_begin(void); /* stops thread creation; returns the number of threads */
void ld_rt_threads_end(void);
struct ld_rt_walk {
	/* tp: what offsets of static blocks count from */
	void (*prepare)(void *ctx, uint32_t i, const uintptr_t *old_dtv, unsigned char *tp);
	uintptr_t *(*dtv)(void *ctx, uint32_t i);
};
void ld_rt_threads_install(const struct ld_rt_walk *w, void *ctx);

#endif
