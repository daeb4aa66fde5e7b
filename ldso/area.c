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
 * One call instead of a fault for each page. Where the kernel does not know MADV_POPULATE_WRITE (before
 * Linux 5.14) the faults do it, so the result does not matter.
 */
static void populate(const void *from, const void *to, uint64_t page)
{
	uintptr_t lo = ld_align_down((uintptr_t)from, page), hi = ld_align_up((uintptr_t)to, page);

	(void)ld_os_madvise((void *)lo, hi - lo, LD_MADV_POPULATE_WRITE);
}

/*
 * Every start writes to all of these pages, RELRO and data behind it. All but the lowest address may be
 * anything: the kernel rounds the length up.
 */
void ld_area_warm(void)
{
	populate(ld_start_area, ld_room.buf.scratch + SCRATCH_AT_START, 1);
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
