/*
 * area.c: memory that is placed on purpose. This file is linked first, so what it defines lies at the
 * start of RELRO and of .bss: fewer pages are touched at start, and a touched page is what a start pays for.
 */
#include "dso.h"

/* the first registry memory: part of RELRO, so it is protected and sealed together with it */
_Alignas(LD_ARCH_PAGE_MAX) __attribute__((section(".data.rel.ro.area")))
unsigned char ld_start_area[LD_START_AREA];

/* the group being loaded, and behind it its scratch memory, whose first bytes share the page */
static struct {
	struct ld_group group;
	_Alignas(16) unsigned char scratch[16384];
} hot;

static struct ld_buffers buffers;

struct ld_group *ld_group_init(void)
{
	struct ld_group *g = &hot.group;

	memset(g, 0, sizeof *g);
	g->last = &g->first;
	g->buf = &buffers; /* written before they are read */
	ld_scratch_init(&g->scratch, hot.scratch, sizeof hot.scratch);
	return g;
}
