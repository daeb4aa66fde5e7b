/*
 * deferred.c: slots of lazily opened objects whose symbol nobody defined yet (RTLD_LAZY). They are
 * listed in the sealed registry and tried again after every dlopen that succeeded; only the object's
 * own slots are ever written.
 */
#include "seal.h"

static int is_waiting(const struct ld_deferred *d)
{
	return *(const uintptr_t *)d->place == d->initial;
}

/* the RELRO pages of o that still wait, or were waiting when it was loaded */
static void waiting_pages(const struct ld_chunk *c, const struct ld_obj *o, uintptr_t *lo, uintptr_t *hi,
			  int *waiting)
{
	*lo = *hi = 0;
	*waiting = 0;
	for (const struct ld_deferred *d = c->deferred; d; d = d->next) {
		if (d->obj != o || !ld_in_relro(o, d->place))
			continue;
		ld_pages_widen(lo, hi, d->place);
		*waiting |= is_waiting(d);
	}
}

static void store_deferred(const struct ld_chunk *c, const struct ld_deferred *d, uintptr_t value)
{
	uintptr_t page = ld_page_down(d->place), lo, hi;
	int waiting;

	if (!ld_in_relro(d->obj, d->place)) {
		*(uintptr_t *)d->place = value;
		return;
	}
	if (ld_os_mprotect((void *)page, ld_state.page, LD_PROT_RW))
		return;
	*(uintptr_t *)d->place = value;
	(void)ld_os_mprotect((void *)page, ld_state.page, LD_PROT_R);
	waiting_pages(c, d->obj, &lo, &hi, &waiting);
	if (!waiting && ld_sealing())
		(void)ld_os_mseal((void *)lo, hi - lo);
}

void ld_deferred_retry(struct ld_group *g)
{
	const struct ld_scope *scope = NULL;

	for (const struct ld_chunk *c = ld_state.log.first; c; c = ld_chunk_next(c)) {
		for (const struct ld_deferred *d = c->deferred; d; d = d->next) {
			uintptr_t value;

			if (!is_waiting(d))
				continue;
			if (!scope)
				scope = ld_scope_published(&g->scratch, NULL);
			if (!scope)
				return;
			if (ld_apply_deferred(scope, &ld_self, d, &value))
				store_deferred(c, d, value);
		}
	}
}
