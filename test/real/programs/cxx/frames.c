/* libframes.so: C between a throw and its catch. */
#include <unwind.h>

struct trace { void (*frame)(void *pc, void *arg); void *arg; };

void frames_call(void (*f)(int), int what, int depth)
{
	if (depth)
		frames_call(f, what, depth - 1);
	else
		f(what);
	__asm__ volatile ("" ::: "memory"); /* no tail call */
}

static _Unwind_Reason_Code one(struct _Unwind_Context *c, void *p)
{
	struct trace *t = p;

	t->frame((void *)_Unwind_GetIP(c), t->arg);
	return _URC_NO_REASON;
}

void frames_walk(void (*frame)(void *pc, void *arg), void *arg)
{
	struct trace t = { frame, arg };

	_Unwind_Backtrace(one, &t);
	__asm__ volatile ("" ::: "memory");
}
