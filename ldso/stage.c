/*
 * stage.c: the second start-up stage. Entered from born.c when the loader is relocated, against itself
 * only.
 *
 * Sets up a thread pointer and checks the loader's own headers. ld_stage2 may not use the stack
 * protector, whose canary the thread pointer leads to: this file is compiled without it.
 */
#include "dso.h"
#include "musl.h"

#define SELF_SEGS 4 /* PT_LOADs of the loader itself */

typedef void stage_fn(uintptr_t base, uintptr_t *sp, uintptr_t *auxv);

struct ld_obj ld_self LD_RELRO;
struct ld_dyn ld_self_dyn LD_RELRO;

static LD_NORETURN void give_up(void)
{
	static const char text[] = "ward: its own headers are damaged\n";

	(void)ld_os_write(2, text, sizeof text - 1);
	ld_os_exit(127);
}

/* where RELRO lies is known from the link: tools that strip a loader may lose the header that says it */
static ld_st know_self(uintptr_t base, struct ld_image *img, struct ld_seg *seg, struct ld_err *err)
{
	const struct ld_elf_ehdr *eh = (const void *)base;
	const struct ld_elf_phdr *ph = (const void *)(base + eh->e_phoff);
	ld_st st = ld_phdr_scan(ph, eh->e_phnum, eh->e_phoff, UINT64_MAX, ld_state.page, img, err);

	if (ld_failed(st))
		return st;
	if (img->seg_cnt > SELF_SEGS)
		return ld_err_set(err, LD_E_PHDR_SEGS, 0, img->seg_cnt, SELF_SEGS);
	for (uint32_t i = 0; i < img->seg_cnt; i++)
		seg[i] = img->seg[i];
	ld_self = (struct ld_obj){
		.name = "libc.so", .shortname = "libc.so", .flags = LD_OBJ_LIBC | LD_OBJ_KERNEL,
		.base = base, .map_addr = base + img->lo_va, .map_len = img->hi_va - img->lo_va,
		.phdr = ph, .phnum = img->phnum, .seg_cnt = img->seg_cnt,
		.dyn = (const void *)(base + img->dyn_va), .relro_addr = (uintptr_t)ld_start_area,
		.relro_len = (uintptr_t)ld_data_from - (uintptr_t)ld_start_area, .seg = seg,
	};
	ld_self.shortname_hash = ld_name_hash(ld_self.shortname);
	st = ld_dyn_parse(ld_self.dyn, img->dyn_len / sizeof *ld_self.dyn, img, &ld_self_dyn, err);
	if (ld_failed(st))
		return st;
	ld_self.init = ld_self.fini = 0;
	return ld_symtab_init(&ld_self.sym, img, &ld_self_dyn, base, err);
}

/* there is a thread pointer now */
static LD_NOINLINE void with_thread(uintptr_t base, uintptr_t *sp, uintptr_t *auxv)
{
	static struct ld_seg self_seg[SELF_SEGS] LD_RELRO;
	struct ld_err err = {0};
	struct ld_image img;

	ld_state.page = ld_aux(auxv, LD_AT_PAGESZ);
	if (!ld_is_pow2(ld_state.page))
		ld_os_exit(127);
	if (ld_failed(know_self(base, &img, self_seg, &err)))
		give_up();
	ld_start(sp, auxv);
}

void ld_stage2(uintptr_t base, uintptr_t *sp, uintptr_t *auxv)
{
	stage_fn *next = with_thread;

	ld_rt_early(auxv);
	/* the compiler must not move anything over the set-up of what it uses */
	__asm__ __volatile__("" : "+r"(next) : : "memory");
	next(base, sp, auxv);
}
