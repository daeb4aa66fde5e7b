/*
 * init.c: constructors and destructors. Their addresses come from sealed memory only. What is writable
 * (who is at it, what is done, the order for exit) are flags, indices and a thread's address that is
 * compared, never followed: forged, they can replay or skip constructors, no more.
 */
#include "dso.h"
#include "musl.h"

int ld_exiting;

/* index + 1 of the object whose constructors started last; 0 = none */
static uint32_t fini_head;

enum { NOT_DONE, DONE, DEAD };

/*
 * In the child of a fork: constructors that another thread was running will never end. They are marked, so
 * that a later dlopen of their object fails instead of waiting for ever.
 */
void ld_init_forked(void)
{
	uintptr_t self = ld_rt_self();

	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c)) {
		for (uint32_t i = 0; i < c->obj_cnt; i++) {
			struct ld_mut *m = c->objs[i]->mut;

			if (!m->visitor || m->visitor == self)
				continue;
			m->visitor = 0;
			m->done = DEAD;
		}
	}
}

int ld_init_done(const struct ld_obj *o)
{
	return o->mut->done == DONE;
}

int ld_init_dead(const struct ld_obj *o)
{
	return o->mut->done == DEAD;
}

typedef void init_fn(int, char **, char **);

/*
 * Every constructor gets what main gets, also in a later dlopen: argv where the kernel put it, since some
 * (Go's) look for the auxiliary vector behind it; the environment as it is now.
 */
static void run_ctors(const struct ld_obj *o)
{
	static char *none[1];
	char **envp = ld_rt_environ();

	if (!envp) /* clearenv() */
		envp = none;
	if (o->init)
		((init_fn *)o->init)(ld_state.argc, ld_state.argv, envp);
	for (uint32_t i = 0; i < o->init_cnt; i++)
		((init_fn *)o->init_array[i])(ld_state.argc, ld_state.argv, envp);
}

void ld_init_run(const struct ld_obj *const *order, uint32_t cnt)
{
	uintptr_t self = ld_rt_self();

	ld_rt_init_lock();
	for (uint32_t i = 0; i < cnt; i++) {
		const struct ld_obj *o = order[i];
		struct ld_mut *m = o->mut;

		while ((m->visitor && m->visitor != self) || ld_exiting)
			ld_rt_init_wait();
		if (m->visitor || m->done)
			continue;
		m->visitor = self;
		if (o->fini || o->fini_cnt) {
			m->fini_next = fini_head;
			fini_head = o->idx + 1;
		}
		ld_rt_init_unlock();
		run_ctors(o);
		ld_rt_init_lock();
		m->visitor = 0;
		m->done = DONE;
		ld_rt_init_wake();
	}
	ld_rt_init_unlock();
}

void __libc_start_init(void)
{
	const struct ld_chunk *c = ld_state.log.first;

	ld_init_run(c->order, c->order_cnt);
}

static void run_dtors(const struct ld_obj *o)
{
	for (uint32_t i = o->fini_cnt; i--;)
		((void (*)(void))o->fini_array[i])();
	if (o->fini)
		((void (*)(void))o->fini)();
}

/* after atexit handlers, before stdio is flushed. Both locks are kept: others sleep to the end. */
void __libc_exit_fini(void)
{
	uintptr_t self = ld_rt_self();
	uint32_t at, left = LD_MAX_OBJS;

	ld_rt_lock();
	ld_rt_init_lock();
	ld_exiting = 1;
	ld_rt_unlock();
	for (at = fini_head; at && left--;) {
		const struct ld_obj *o = ld_obj_at(at - 1);

		if (!o)
			break;
		while (o->mut->visitor && o->mut->visitor != self)
			ld_rt_init_wait();
		at = o->mut->fini_next;
		if (o->mut->done == DONE)
			run_dtors(o);
	}
}
