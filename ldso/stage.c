/*
 * stage.c: the second start-up stage. Entered from musl's _dlstart_c when only relative relocations of
 * the loader have been applied.
 *
 * May use: its stack, hidden data, hidden functions, memcpy and memset (bound at link time). May not
 * use: anything reached through the GOT (default-visibility data), errno, and in __dls2 itself the
 * stack protector: this file is compiled without it.
 */
#include "dso.h"
#include "musl.h"

#define SELF_SEGS 6 /* PT_LOADs of the loader itself */

typedef void stage2_fn(uintptr_t base, uintptr_t *sp, uintptr_t *auxv);
typedef void stage_fn(uintptr_t *sp, uintptr_t *auxv);

struct ld_obj ld_self LD_RELRO;
struct ld_dyn ld_self_dyn LD_RELRO;

void __dls2(unsigned char *base, uintptr_t *sp);

static LD_NORETURN void give_up(void)
{
	static const char text[] = "ward: cannot relocate itself\n";

	(void)ld_os_write(2, text, sizeof text - 1);
	ld_os_exit(127);
}

static uintptr_t aux(const uintptr_t *auxv, uintptr_t type)
{
	for (; *auxv; auxv += 2)
		if (*auxv == type)
			return auxv[1];
	return 0;
}

static ld_st know_self(uintptr_t base, struct ld_image *img, struct ld_seg *seg, struct ld_err *err)
{
	const struct ld_elf_ehdr *eh = (const void *)base;
	const struct ld_elf_phdr *ph = (const void *)(base + eh->e_phoff);
	ld_st st = ld_phdr_scan(ph, eh->e_phnum, eh->e_phoff, UINT64_MAX, ld_state.page, img, err);
	uintptr_t from, end;

	if (ld_failed(st))
		return st;
	/*
	 * All that is written from here on goes to anonymous memory: MADV_DONTNEED cannot undo it. The
	 * start area, which comes first (area.c), holds nothing yet.
	 */
	from = base + img->relro_va;
	end = from + img->relro_len;
	if (from == (uintptr_t)ld_start_area)
		from += LD_START_AREA;
	if (ld_anonymize(base + img->relro_va, img->relro_len, from, end - from))
		return ld_err_set(err, LD_E_MAP, 0, 0, 0);
	if (img->seg_cnt > SELF_SEGS)
		return ld_err_set(err, LD_E_PHDR_SEGS, 0, img->seg_cnt, SELF_SEGS);
	for (uint32_t i = 0; i < img->seg_cnt; i++)
		seg[i] = img->seg[i];
	ld_self = (struct ld_obj){
		.name = "libc.so", .shortname = "libc.so", .flags = LD_OBJ_LIBC | LD_OBJ_KERNEL,
		.base = base, .map_addr = base + img->lo_va, .map_len = img->hi_va - img->lo_va,
		.phdr = ph, .phnum = img->phnum, .seg_cnt = img->seg_cnt,
		.dyn = (const void *)(base + img->dyn_va),
		.relro_addr = base + img->relro_va, .relro_len = img->relro_len, .seg = seg,
	};
	ld_self.shortname_hash = ld_name_hash(ld_self.shortname);
	st = ld_dyn_parse(ld_self.dyn, img->dyn_len / sizeof *ld_self.dyn, img, &ld_self_dyn, err);
	if (ld_failed(st))
		return st;
	ld_self.init = ld_self.fini = 0;
	return ld_symtab_init(&ld_self.sym, img, &ld_self_dyn, base, err);
}

static ld_st relocate_self(struct ld_err *err)
{
	struct ld_probe probe;
	struct ld_scope scope = {&probe, 1, NULL};
	struct ld_linker lk = {.scope = &scope, .copy_scope = &scope, .err = err};

	ld_probe_init(&probe, &ld_self);
	return ld_apply_object(&lk, &ld_self, &ld_self_dyn);
}

/* there is a thread pointer now; the loader is not relocated yet */
static LD_NOINLINE void stage2(uintptr_t base, uintptr_t *sp, uintptr_t *auxv)
{
	static struct ld_seg self_seg[SELF_SEGS] LD_RELRO;
	struct ld_err err = {0};
	struct ld_image img;
	stage_fn *next = ld_start;

	ld_state.page = aux(auxv, LD_AT_PAGESZ);
	if (!ld_is_pow2(ld_state.page))
		ld_os_exit(127);
	if (ld_failed(know_self(base, &img, self_seg, &err)) || ld_failed(relocate_self(&err)))
		give_up();
	/* the compiler must not move what comes next over the relocation of what it uses */
	__asm__ __volatile__("" : "+r"(next) : : "memory");
	next(sp, auxv);
}

/*
 * The thread pointer comes first: the core is compiled with the stack protector, whose canary lies
 * there. Setting it up touches hidden data only, so it needs no relocation.
 */
void __dls2(unsigned char *base, uintptr_t *sp)
{
	stage2_fn *next = stage2;
	uintptr_t *auxv = sp + 1 + sp[0] + 1;

	while (*auxv++)
		;
	ld_area_warm(aux(auxv, LD_AT_PAGESZ));
	ld_rt_early(auxv);
	__asm__ __volatile__("" : "+r"(next) : : "memory");
	next((uintptr_t)base, sp, auxv);
}
