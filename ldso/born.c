/*
 * born.c: the first start-up stage, from the kernel's jump to a loader that is all there.
 *
 * The loader's writable segment has no bytes in the file (mk/ward.ld, tools/loader-image): the kernel
 * makes it anonymous memory, and what the linker put there is copied from among the constants. So no
 * page that is written here was ever a page of the file: none is copied on write, and MADV_DONTNEED,
 * which a seal does not stop on pages of files, brings nothing back.
 *
 * May use: its stack, constants without pointers, hidden functions. May not use: anything in the writable
 * segment before it is filled, anything reached through the GOT before it is relocated (on some machines
 * that is how memcpy is called), the stack protector.
 */
#include "dso.h"
#include "rel.h"

/* room for the copy: what lies between the symbols below; tools/loader-image fills it and checks */
__attribute__((section(".image"), used, aligned(16))) const unsigned char ld_image[8192] = {0};

extern unsigned char ld_relro_from[], ld_relro_to[]; /* mk/ward.ld, like ld_data_from, ld_data_to */
extern const struct ld_elf_ehdr __ehdr_start;                                     /* the linker */
extern const struct ld_elf_dyn _DYNAMIC[];

void ld_born(uintptr_t *sp);

__asm__(".pushsection .text.ld_entry,\"ax\",@progbits\n\t.globl ld_entry\n\t.hidden ld_entry\n\t"
	".type ld_entry,@function\nld_entry:\n\t" LD_ARCH_ENTRY("ld_born") "\n\t"
	".size ld_entry, . - ld_entry\n\t.popsection");

/* the file we came from: what the program names as its interpreter, or in a direct run what was started */
static const char *own_path(const uintptr_t *auxv, uintptr_t own_phdr)
{
	const struct ld_elf_phdr *ph = (const void *)ld_aux(auxv, LD_AT_PHDR);
	const struct ld_elf_phdr *end = ph + ld_aux(auxv, LD_AT_PHNUM);
	uintptr_t bias = 0;

	if ((uintptr_t)ph == own_phdr)
		return (const char *)ld_aux(auxv, LD_AT_EXECFN);
	for (; ph < end; ph++) {
		if (ph->p_type == LD_PT_PHDR)
			bias = ld_aux(auxv, LD_AT_PHDR) - ph->p_vaddr;
		if (ph->p_type == LD_PT_INTERP)
			return (const char *)(bias + ph->p_vaddr);
	}
	return NULL;
}

/*
 * valgrind knows the C library, whose malloc it puts its own in place of, when it has seen a file
 * mapped executable and once more writable. For it, and nobody else, the bytes do come from the file.
 */
static LD_COLD void map_for_valgrind(const uintptr_t *auxv, uintptr_t base)
{
	const struct ld_elf_phdr *ph = (const void *)(base + __ehdr_start.e_phoff);
	uintptr_t from = (uintptr_t)ld_start_area;
	uint64_t page = ld_aux(auxv, LD_AT_PAGESZ), len = ld_align_up((uintptr_t)ld_data_to - from, page);
	const char *path = own_path(auxv, (uintptr_t)ph);
	long fd = path ? ld_os_open(path) : -1;

	if (ld_os_failed(fd))
		return;
	while (base + ph->p_vaddr != from || ph->p_type != LD_PT_LOAD)
		ph++;
	(void)ld_os_munmap((void *)from, len);
	if (ld_os_failed(ld_os_map_file(from, len, LD_PROT_RW, 0, (int)fd, ph->p_offset)))
		ld_bug();
	for (volatile unsigned char *p = ld_data_to; (uintptr_t)p < from + len; p++)
		*p = 0;
	(void)ld_os_close((int)fd);
}

/* copies [to, end) in words, the last one whole, and returns where the next part is */
static const uintptr_t *fill(unsigned char *to, const unsigned char *end, const uintptr_t *from)
{
	for (; to < end; to += sizeof *from) {
		*(uintptr_t *)to = *from++;
		__asm__("" : : : "memory"); /* else the compiler makes a call of memcpy out of this */
	}
	return from;
}

static void unpack(void)
{
	const uintptr_t *from = (const uintptr_t *)ld_image;

	__asm__("" : "+r"(from)); /* not the zeros that the compiler sees */
	from = fill(ld_relro_from, ld_relro_to, from);
	(void)fill(ld_data_from, ld_data_to, from);
}

/* the program may replace a symbol: that is for later, when it is known (link.c) */
static void apply(uintptr_t base, const struct ld_elf_sym *syms, const struct ld_elf_rela *r, size_t len)
{
	for (const struct ld_elf_rela *end = r + len / sizeof *r; r < end; r++) {
		uintptr_t value = base + r->r_addend;

		switch (ld_rel_kind(LD_R_TYPE(r->r_info))) {
		case LD_REL_ABS:
		case LD_REL_GOT:
		case LD_REL_PLT:
			value += syms[LD_R_SYM(r->r_info)].st_value;
			/* fall through */
		case LD_REL_RELATIVE:
			*(uintptr_t *)(base + r->r_offset) = value;
			break;
		default:
			ld_bug();
		}
	}
}

static uintptr_t dyn(uintptr_t tag)
{
	for (const struct ld_elf_dyn *d = _DYNAMIC; d->d_tag; d++)
		if (d->d_tag == tag)
			return d->d_val;
	return 0;
}

static void relocate(uintptr_t base)
{
	const struct ld_elf_sym *syms = (const void *)(base + dyn(LD_DT_SYMTAB));

	apply(base, syms, (const void *)(base + dyn(LD_DT_RELA)), dyn(LD_DT_RELASZ));
	apply(base, syms, (const void *)(base + dyn(LD_DT_JMPREL)), dyn(LD_DT_PLTRELSZ));
}

void ld_born(uintptr_t *sp)
{
	uintptr_t base = (uintptr_t)&__ehdr_start, *auxv = sp + 1 + sp[0] + 1;

	while (*auxv++)
		;
	if (LD_UNLIKELY(ld_os_on_valgrind()))
		map_for_valgrind(auxv, base);
	ld_area_warm();
	unpack();
	relocate(base);
	ld_stage2(base, sp, auxv);
}
