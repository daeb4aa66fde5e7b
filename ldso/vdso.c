/*
 * vdso.c: seal what the kernel gave every process: vdso and its data pages (vvar).
 *
 * Their bounds are not announced. Special mappings cannot be split: mseal of a part of the vdso is
 * EINVAL, of the whole it succeeds. The data pages lie directly below the vdso; they are recognised by
 * madvise(MADV_DOFORK), which changes nothing on an ordinary mapping and is EINVAL on a special one
 * (VM_PFNMAP; mm/madvise.c). So neither /proc nor a list of sizes is needed.
 */
#include "dso.h"

#define MAX_PAGES 64

void ld_seal_system(uintptr_t vdso)
{
	uint64_t page = ld_state.page;
	uintptr_t lo = vdso;

	if (!vdso || vdso % page || !ld_state.have_seal || ld_state.policy.v[LD_KEY_VDSO] != LD_VDSO_SEAL)
		return;
	for (int i = 0; i < MAX_PAGES; i++) {
		if (ld_os_madvise((void *)(lo - page), page, LD_MADV_DOFORK) != -LD_EINVAL)
			break;
		lo -= page;
	}
	for (uint64_t pages = 1; pages <= MAX_PAGES; pages++)
		if (ld_os_mseal((void *)lo, vdso - lo + pages * page) != -LD_EINVAL)
			return;
}
