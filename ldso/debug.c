/*
 * debug.c: what debuggers read: struct r_debug and a list of link_maps. Shadows: written here, never
 * read back, so forging them changes nothing. gdb finds r_debug through the main program's DT_DEBUG.
 */
#include "dso.h"

enum { RT_CONSISTENT = 0, RT_ADD = 1 };

struct r_debug {
	int r_version;
	struct ld_mut *r_map;
	uintptr_t r_brk;
	int r_state;
	uintptr_t r_ldbase;
};

/* hidden, but in the symbol table: gdb finds it there in a direct run, where /proc/PID/exe is the loader */
extern struct r_debug _r_debug;
struct r_debug _r_debug;

/* exported for programs that look for it; the pointer itself is constant and sealed */
extern LD_PUBLIC struct r_debug *const _dl_debug_addr;
struct r_debug *const _dl_debug_addr = &_r_debug;

LD_PUBLIC void _dl_debug_state(void);
LD_NOINLINE void _dl_debug_state(void)
{
	/* debuggers put a breakpoint here */
	__asm__ __volatile__("" : : : "memory");
}

uintptr_t ld_debug_struct(void)
{
	return (uintptr_t)&_r_debug;
}

void ld_debug_state(int adding)
{
	_r_debug.r_state = adding ? RT_ADD : RT_CONSISTENT;
	_dl_debug_state();
}

void ld_debug_publish(const struct ld_chunk *c)
{
	/* the last entry shown so far, found in the registry and not through the list */
	const struct ld_obj *before = c->obj_first ? ld_obj_at(c->obj_first - 1) : NULL;
	struct ld_mut *prev = before ? before->mut : NULL;

	for (uint32_t i = 0; i < c->obj_cnt; i++) {
		const struct ld_obj *o = c->objs[i];
		struct ld_mut *m = o->mut;

		m->l_addr = o->base;
		m->l_name = o->name;
		m->l_ld = o->dyn;
		m->l_prev = prev;
		m->l_next = NULL;
		if (prev)
			prev->l_next = m;
		prev = m;
	}
	if (!c->idx) {
		_r_debug.r_version = 1;
		_r_debug.r_map = c->mut;
		_r_debug.r_brk = (uintptr_t)_dl_debug_state;
		_r_debug.r_ldbase = ld_self.base;
	}
}
