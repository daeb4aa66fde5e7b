/*
 * dlerror.c (replaces musl's): the text of a thread's last dl* error, without malloc.
 *
 * Buffers come from an arena of fixed slots; a thread keeps its slot's address in its dlerror_buf. That
 * word is reachable by attackers, so it is used only when it is a slot of the arena. Slots of threads
 * that ended wait on an atomic list and are taken over by the next error.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "atomic.h"
#include "dynlink.h"
#include "pthread_impl.h"
#include "syscall.h"

#define SLOT_LEN 1024
#define FIRST_SLOTS 4
#define MORE_SLOTS 4096

static char first[FIRST_SLOTS][SLOT_LEN];
static char *volatile more; /* MORE_SLOTS slots, mapped when the first ones are used up */
static volatile int used;   /* slots handed out from both */
static void *volatile dead; /* list of slots of ended threads, linked through their first word */

static int is_slot(const char *p)
{
	uintptr_t off = (uintptr_t)p - (uintptr_t)first;
	char *m = more;

	if (off < sizeof first)
		return off % SLOT_LEN == 0;
	off = (uintptr_t)p - (uintptr_t)m;
	return m && off < (uintptr_t)MORE_SLOTS * SLOT_LEN && off % SLOT_LEN == 0;
}

static char *more_slots(void)
{
	long r;

	if (more)
		return more;
#ifndef SYS_mmap2
#define SYS_mmap2 SYS_mmap
#endif
	r = __syscall(SYS_mmap2, 0, (size_t)MORE_SLOTS * SLOT_LEN, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r < 0 && r > -4096)
		return 0;
	if (a_cas_p(&more, 0, (void *)r))
		__syscall(SYS_munmap, r, (size_t)MORE_SLOTS * SLOT_LEN);
	return more;
}

/* take the whole list, keep its head, put the rest back: no element is ever compared by address */
static char *reuse_dead(void)
{
	void *list, *rest, *old, *tail;

	do
		list = dead;
	while (list && a_cas_p(&dead, list, 0) != list);
	if (!list || !is_slot(list))
		return 0;
	rest = *(void **)list;
	for (tail = rest; tail && is_slot(tail) && *(void **)tail; tail = *(void **)tail)
		;
	if (rest && is_slot(rest) && is_slot(tail)) {
		do {
			old = dead;
			*(void **)tail = old;
		} while (a_cas_p(&dead, old, rest) != old);
	}
	return list;
}

static char *new_slot(void)
{
	char *p = reuse_dead(), *m;
	int i;

	if (p)
		return p;
	i = a_fetch_add(&used, 1);
	if (i >= 0 && i < FIRST_SLOTS)
		return first[i];
	m = more_slots();
	if (m && i >= 0 && i - FIRST_SLOTS < MORE_SLOTS)
		return m + (size_t)(i - FIRST_SLOTS) * SLOT_LEN;
	return 0;
}

__attribute__((visibility("default"))) char *dlerror(void)
{
	pthread_t self = __pthread_self();

	if (!self->dlerror_flag)
		return 0;
	self->dlerror_flag = 0;
	if (!is_slot(self->dlerror_buf))
		return (char *)"Dynamic linker has no room for an error message";
	return self->dlerror_buf;
}

/* at thread exit, thread list locked, signals blocked: no lock, no allocation */
hidden void __dl_thread_cleanup(void)
{
	char *slot = __pthread_self()->dlerror_buf;
	void *head;

	if (!is_slot(slot))
		return;
	do {
		head = dead;
		*(void **)slot = head;
	} while (a_cas_p(&dead, head, slot) != head);
}

hidden void __dl_vseterr(const char *fmt, va_list ap)
{
	pthread_t self = __pthread_self();

	if (!is_slot(self->dlerror_buf))
		self->dlerror_buf = new_slot();
	self->dlerror_flag = 1;
	if (self->dlerror_buf)
		vsnprintf(self->dlerror_buf, SLOT_LEN, fmt, ap);
}

hidden void __dl_seterr(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	__dl_vseterr(fmt, ap);
	va_end(ap);
}
