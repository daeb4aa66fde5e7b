/*
 * area.c: memory that is placed on purpose. This file is linked first, so what it defines lies at the
 * start of RELRO and of .bss: fewer pages are touched at start, and a touched page is what a start pays for.
 */
#include "room.h"

#define SCRATCH_AT_START 3840 /* used by a program that needs a library or none */

/* the first registry memory: part of RELRO, so it is protected and sealed together with it */
_Alignas(LD_ARCH_PAGE_MAX) __attribute__((section(".data.rel.ro.area")))
unsigned char ld_start_area[LD_START_AREA];

/* the group being loaded */
static struct ld_group group;

/*
 * Every start writes to all of these pages, RELRO and data behind it: one call instead of a fault for each.
 * The start is that of a page, and the kernel rounds the length up. Where it does not know
 * MADV_POPULATE_WRITE (before Linux 5.14) the faults do it, so the result does not matter.
 */
void ld_area_warm(void)
{
	uintptr_t end = (uintptr_t)(ld_room.buf.scratch + SCRATCH_AT_START);

	(void)ld_os_madvise(ld_start_area, end - (uintptr_t)ld_start_area, LD_MADV_POPULATE_WRITE);
}

struct ld_group *ld_group_init(void)
{
	struct ld_group *g = &group;

	memset(g, 0, sizeof *g);
	g->last = &g->first;
	g->img = &ld_room.img; /* like the buffers, written before it is read */
	g->buf = &ld_room.buf;
	g->buf->plan.op_max = 0; /* its list lies in the scratch of one load */
	ld_scratch_init(&g->scratch, g->buf->scratch, sizeof g->buf->scratch);
	return g;
}
