/*
 * vdso.c: seal what the kernel gave every process: vdso and its data pages (vvar).
 *
 * Their bounds are not announced. Special mappings cannot be split: mseal of a part of the vdso is
 * EINVAL, of the whole it succeeds. The data pages lie directly below the vdso; they are recognised by
 * madvise(MADV_DOFORK), which changes nothing on an ordinary mapping and is EINVAL on a special one
 * (VM_PFNMAP; mm/madvise.c). So neither /proc nor a list of sizes is needed.
 *
 * Nearly always the kernel has put the registry directly below the data pages: then nothing is asked. If
 * there is a hole in between after all, mseal says ENOMEM and has sealed nothing.
 */
#include "dso.h"

#define MAX_PAGES 64
#define NEAR_PAGES 16

static int is_special(uintptr_t addr, uint64_t page)
{
	return ld_os_madvise((void *)addr, page, LD_MADV_DOFORK) == -LD_EINVAL;
}

/* the first page of the special mappings below the vdso; x86 has had six of them since Linux 6.13 */
static uintptr_t find_start(uintptr_t vdso, uint64_t page)
{
	uintptr_t lo = vdso;

	if (is_special(vdso - 6 * page, page) && !is_special(vdso - 7 * page, page))
		return vdso - 6 * page;
	for (int i = 0; i < MAX_PAGES && is_special(lo - page, page); i++)
		lo -= page;
	return lo;
}

/* where the image's own headers say that it ends; section headers come last in a vdso */
static uint64_t guess_len(uintptr_t vdso, uint64_t page)
{
	const struct ld_elf_ehdr *eh = (const void *)vdso;
	uint64_t end = eh->e_shoff + (uint64_t)eh->e_shnum * eh->e_shentsize;

	return end && end < MAX_PAGES * page ? ld_align_up(end, page) : page;
}

void ld_seal_system(uintptr_t vdso)
{
	uint64_t page = ld_state.page, len;
	uintptr_t lo;

	if (!vdso || vdso % page || !ld_state.have_seal || ld_state.policy.v[LD_KEY_VDSO] != LD_VDSO_SEAL)
		return;
	len = guess_len(vdso, page);
	lo = ld_state.log.hi;
	if (lo < vdso && vdso - lo <= NEAR_PAGES * page && !ld_os_mseal((void *)lo, vdso - lo + len))
		return;
	lo = find_start(vdso, page);
	if (!ld_os_mseal((void *)lo, vdso - lo + len))
		return;
	for (len = page; len <= MAX_PAGES * page; len += page)
		if (ld_os_mseal((void *)lo, vdso - lo + len) != -LD_EINVAL)
			return;
}
