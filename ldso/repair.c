/*
 * repair.c: what the kernel mapped executable without need goes back to what it should be: the data of
 * a process that inherited READ_IMPLIES_EXEC, the stack of a program that asked for an executable one.
 */
#include "start.h"

#define READ_IMPLIES_EXEC 0x0400000ul

/* everything the kernel mapped readable is executable under that personality: put it back */
static void repair_object(const struct ld_obj *o)
{
	for (uint32_t i = 0; i < o->seg_cnt; i++) {
		uintptr_t lo = ld_align_down(o->base + o->seg[i].va, ld_state.page);
		uintptr_t hi = ld_align_up(o->base + o->seg[i].va + o->seg[i].memsz, ld_state.page);

		if (!(o->seg[i].prot & LD_PROT_X))
			(void)ld_os_mprotect((void *)lo, hi - lo, o->seg[i].prot);
	}
}

static int stack_to_rw(const uintptr_t *sp, uintptr_t top)
{
	uintptr_t lo = ld_align_down((uintptr_t)sp, ld_state.page);
	uintptr_t hi = ld_align_up(top, ld_state.page);

	return ld_os_mprotect_stack((void *)lo, hi - lo, LD_PROT_RW) != 0;
}

/* the end of the last string the kernel put on the stack: the program's file name */
static uintptr_t stack_top(const struct ld_auxv *a, char **argv)
{
	const char *last = (const char *)a->v[LD_AT_EXECFN];

	for (; *argv; argv++)
		if (*argv > last)
			last = *argv;
	return (uintptr_t)last + ld_strlen(last) + 1;
}

/* before anything is mapped: READ_IMPLIES_EXEC inherited from outside would make it executable */
int ld_personality_clear(void)
{
	long persona = ld_os_personality(0xffffffff);

	if (persona < 0 || !(persona & (long)READ_IMPLIES_EXEC))
		return 0;
	(void)ld_os_personality((unsigned long)persona & ~READ_IMPLIES_EXEC);
	return 1;
}

/* what the kernel mapped executable without need: data under that personality, main's stack */
void ld_repair_kernel_mapped(const uintptr_t *sp, const struct ld_auxv *a, int implied,
				 const struct ld_new *main_new)
{
	int stack_exec = (main_new->o->flags & LD_OBJ_KERNEL) && main_new->stack_exec;

	if (implied) {
		repair_object(&ld_self);
		if (main_new->o->flags & LD_OBJ_KERNEL)
			repair_object(main_new->o);
	}
	if ((implied || stack_exec) && stack_to_rw(sp, stack_top(a, ld_state.envp)) && stack_exec)
		ld_report_text("ward: the stack stays executable: the kernel refuses to change it", NULL, "");
}
