/*
 * __init_tls.c (replaces musl's src/env/__init_tls.c): thread pointer and TLS blocks, with the module
 * records taken from the sealed registry instead of a writable list. Runs before there is a thread
 * pointer, so without stack protector.
 */
#define SYSCALL_NO_TLS 1
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include "pthread_impl.h"
#include "libc.h"
#include "syscall.h"
#include "ld_config.h"
#include "replace.h"

/* also the kernel's clear-child-tid word of the main thread */
volatile int __thread_list_lock;

/*
 * Enough for programs that start without TLS of their own, with what the build keeps for later dlopens
 * (tlslayout.c): dtv in front or behind.
 */
#define EARLY_ALIGN 64
#define EARLY_LEN (sizeof(struct pthread) + LD_BUILD_STATIC_TLS + 2 * EARLY_ALIGN + 8 * sizeof(void *))
static _Alignas(EARLY_ALIGN) unsigned char early_tls[EARLY_LEN];

int __init_tp(void *p)
{
	pthread_t td = p;
	int r;

	td->self = td;
	r = __set_thread_area(TP_ADJ(td));
	if (r < 0)
		return -1;
	if (r == 0)
		libc.can_do_threads = 1;
	td->tid = (int)__syscall(SYS_set_tid_address, &__thread_list_lock);
	td->detach_state = DT_JOINABLE;
	td->locale = &libc.global_locale;
	td->robust_list.head = &td->robust_list.head;
	td->sysinfo = __sysinfo;
	td->prev = td->next = td;
	return 0;
}

/* lay out a block of len bytes at mem: where struct pthread, TLS and dtv lie is musl's ABI */
static void *lay_out(unsigned char *mem, size_t len, size_t align, size_t cnt)
{
	uintptr_t *dtv;
	pthread_t td;

#ifdef TLS_ABOVE_TP
	dtv = (uintptr_t *)(mem + len) - (cnt + 1);
	mem += -((uintptr_t)mem + sizeof(struct pthread)) & (align - 1);
	td = (pthread_t)mem;
	mem += sizeof(struct pthread);
#else
	dtv = (uintptr_t *)mem;
	mem += len - sizeof(struct pthread);
	mem -= (uintptr_t)mem & (align - 1);
	td = (pthread_t)mem;
#endif
	dtv[0] = cnt;
	td->dtv = dtv;
	if (cnt && ld_tls_fill(mem, dtv) != cnt)
		__builtin_trap();
	return td;
}

void *ld_tls_early(void)
{
	return lay_out(early_tls, sizeof early_tls, EARLY_ALIGN, 0);
}

/* called by pthread_create for every thread: mem is zeroed and has libc.tls_size bytes */
void *__copy_tls(unsigned char *mem)
{
	uint64_t align, len;
	uint32_t cnt;

	/* the totals pthread_create used are writable memory: they must be the sealed ones */
	len = ld_tls_block(&align, &cnt);
	if (libc.tls_size != len)
		__builtin_trap();
	return lay_out(mem, len, align, cnt);
}

/* the main thread's final block */
long ld_tls_main(void)
{
	uint64_t align, len;
	uint32_t cnt;
	long r;

	len = ld_tls_block(&align, &cnt);
	if (!cnt && len <= sizeof early_tls && align <= EARLY_ALIGN)
		return 0; /* the early one does */
#ifndef SYS_mmap2
#define SYS_mmap2 SYS_mmap
#endif
	r = __syscall(SYS_mmap2, 0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r < 0 && r > -4096)
		return r;
	if (__init_tp(lay_out((unsigned char *)r, len, align, cnt)) < 0)
		__builtin_trap();
	return 0;
}
