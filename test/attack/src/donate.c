/* Does malloc ever hand out memory that lies inside the image of an object? */
#include "where.h"

static uintptr_t low[64], high[64];
static int cnt;

static int add(struct dl_phdr_info *i, size_t size, void *arg)
{
	uintptr_t lo = -1, hi = 0;
	(void)size;
	(void)arg;
	for (int k = 0; k < i->dlpi_phnum; k++) {
		const ElfW(Phdr) *p = i->dlpi_phdr + k;
		if (p->p_type != PT_LOAD) continue;
		uintptr_t at = i->dlpi_addr + p->p_vaddr;
		if (at < lo) lo = at;
		if (at + p->p_memsz > hi) hi = at + p->p_memsz;
	}
	if (hi && cnt < 64) {
		low[cnt] = DOWN(lo);
		high[cnt++] = UP(hi);
	}
	return 0;
}

int main(void)
{
	int inside = 0;
	dl_iterate_phdr(add, 0);
	for (size_t size = 8; size < 4096; size += 8)
		for (int n = 0; n < 8; n++) {
			uintptr_t p = (uintptr_t)malloc(size);
			for (int i = 0; i < cnt; i++)
				if (p >= low[i] && p < high[i] && !inside++)
					printf("malloc(%zu) = %#lx in image %d\n", size, (long)p, i);
		}
	printf("%d of the pointers lie in an image of %d objects\n", inside, cnt);
	return 0;
}
