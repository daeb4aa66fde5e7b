/*
 * phdr.c: the program headers, checked and sorted into what the loader wants to know.
 *
 * May call: memset, err. Owns: no data. The file's author controls every field of every header;
 * of an image the kernel has mapped, too: the kernel checks far less than this file does.
 * Two passes: PT_LOAD first, because all other ranges are judged against the segments.
 */
#include "phdr.h"

struct scan {
	const struct ld_elf_phdr *ph;
	uint32_t count;
	uint64_t phoff, file_len;
	struct ld_image *img;
	struct ld_err *err;
};

/* i, the index of the header, is what is reported as place */
static ld_st bad(const struct scan *s, enum ld_code code, uint32_t i, uint64_t got, uint64_t want)
{
	return ld_err_set(s->err, code, i, got, want);
}

/* does va + len, rounded up to a page, still fit the address space? */
static int end_fits(uint64_t va, uint64_t len, uint64_t page)
{
	return ld_range_ok(va, len, (ld_word)-page);
}

static uint32_t prot_of(uint32_t flags)
{
	return (flags & LD_PF_R ? LD_PROT_R : 0u) | (flags & LD_PF_W ? LD_PROT_W : 0u) |
	       (flags & LD_PF_X ? LD_PROT_X : 0u);
}

/* the fields of one PT_LOAD among themselves; gABI chapter 5 "Program Header" */
static ld_st check_load(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];
	uint64_t page = s->img->page;

	if (p->p_filesz > p->p_memsz)
		return bad(s, LD_E_PHDR_FILESZ, i, p->p_filesz, 0);
	if (!end_fits(p->p_vaddr, p->p_memsz, page))
		return bad(s, LD_E_PHDR_WRAP, i, p->p_vaddr, 0);
	if (p->p_align && !ld_is_pow2(p->p_align))
		return bad(s, LD_E_PHDR_ALIGN, i, p->p_align, 0);
	if (!ld_range_ok(p->p_offset, p->p_filesz, s->file_len))
		return bad(s, LD_E_PHDR_FILE, i, p->p_offset, 0);
	if (p->p_filesz && (p->p_offset - p->p_vaddr) % page)
		return bad(s, LD_E_PHDR_CONGRUENT, i, p->p_offset % page, p->p_vaddr % page);
	if (p->p_flags & LD_PF_W && p->p_flags & LD_PF_X)
		return bad(s, LD_E_PHDR_WX, i, p->p_flags, 0);
	/* no zero bytes can be provided where nothing may be written; a file page's rest is file */
	if (!(p->p_flags & LD_PF_W) && p->p_memsz > p->p_filesz &&
	    (!p->p_filesz || ld_align_up(p->p_vaddr + p->p_filesz, page) <
				     ld_align_up(p->p_vaddr + p->p_memsz, page)))
		return bad(s, LD_E_PHDR_BSS, i, p->p_memsz, 0);
	return LD_OK;
}

/* append one PT_LOAD; ascending and disjoint in whole pages */
static ld_st add_load(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];
	struct ld_image *img = s->img;
	ld_st st = check_load(s, i);

	if (ld_failed(st))
		return st;
	if (!p->p_memsz)
		return LD_OK;
	if (img->seg_cnt == LD_MAX_SEGS)
		return bad(s, LD_E_PHDR_SEGS, i, img->seg_cnt + 1, LD_MAX_SEGS);
	if (!img->seg_cnt)
		img->lo_va = ld_align_down(p->p_vaddr, img->page);
	else if (p->p_vaddr < img->hi_va)
		return bad(s, LD_E_PHDR_ORDER, i, p->p_vaddr, 0);
	img->hi_va = ld_align_up(p->p_vaddr + p->p_memsz, img->page);
	if (img->hi_va - img->lo_va > LD_MAX_SPAN)
		return bad(s, LD_E_PHDR_SPAN, i, img->hi_va - img->lo_va, LD_MAX_SPAN);
	img->seg[img->seg_cnt++] = (struct ld_seg){
		.va = p->p_vaddr,
		.memsz = p->p_memsz,
		.off = p->p_offset,
		.filesz = p->p_filesz,
		.prot = prot_of(p->p_flags),
	};
	return LD_OK;
}

const struct ld_seg *ld_image_seg(const struct ld_image *img, uint64_t va, uint64_t len)
{
	for (uint32_t i = 0; i < img->seg_cnt; i++) {
		const struct ld_seg *seg = &img->seg[i];

		if (va >= seg->va && ld_range_ok(va - seg->va, len, seg->memsz))
			return seg;
	}
	return NULL;
}

const struct ld_seg *ld_image_file(const struct ld_image *img, uint64_t va, uint64_t len)
{
	for (uint32_t i = 0; i < img->seg_cnt; i++) {
		const struct ld_seg *seg = &img->seg[i];

		if (va >= seg->va && ld_range_ok(va - seg->va, len, seg->filesz))
			return seg;
	}
	return NULL;
}

/* the segment that maps the file's bytes [off, off + len), or NULL */
static const struct ld_seg *seg_of_off(const struct ld_image *img, uint64_t off, uint64_t len)
{
	for (uint32_t i = 0; i < img->seg_cnt; i++) {
		const struct ld_seg *seg = &img->seg[i];

		if (off >= seg->off && ld_range_ok(off - seg->off, len, seg->filesz))
			return seg;
	}
	return NULL;
}

static ld_st scan_dynamic(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];
	struct ld_image *img = s->img;

	if (!p->p_filesz)
		return bad(s, LD_E_PHDR_NODYNAMIC, i, 0, 0);
	if (img->dyn_len || p->p_vaddr % sizeof(ld_word) ||
	    !ld_image_file(img, p->p_vaddr, p->p_filesz))
		return bad(s, LD_E_PHDR_DYNAMIC, i, p->p_vaddr, 0);
	img->dyn_va = p->p_vaddr;
	img->dyn_len = p->p_filesz;
	return LD_OK;
}

static ld_st scan_tls(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];
	struct ld_image *img = s->img;

	if (p->p_filesz > p->p_memsz)
		return bad(s, LD_E_PHDR_TLS, i, p->p_filesz, 0);
	if (!p->p_memsz)
		return LD_OK;
	if (p->p_memsz > LD_MAX_TLS)
		return bad(s, LD_E_PHDR_TLSSIZE, i, p->p_memsz, LD_MAX_TLS);
	if (!ld_is_pow2(p->p_align) || p->p_align > LD_MAX_TLS_ALIGN)
		return bad(s, LD_E_PHDR_TLSALIGN, i, p->p_align, 0);
	/* without initial bytes the address only says what it is congruent to */
	if (img->tls_memsz || (p->p_filesz && !ld_image_file(img, p->p_vaddr, p->p_filesz)))
		return bad(s, LD_E_PHDR_TLS, i, p->p_vaddr, 0);
	img->tls_va = p->p_vaddr;
	img->tls_filesz = p->p_filesz;
	img->tls_memsz = p->p_memsz;
	img->tls_align = p->p_align;
	return LD_OK;
}

static ld_st scan_relro(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];
	struct ld_image *img = s->img;
	const struct ld_seg *seg = ld_image_seg(img, p->p_vaddr, 0);
	uint64_t end;

	if (!p->p_memsz)
		return LD_OK;
	/* a range that begins where one segment ends and the next begins belongs to the next */
	if (seg && p->p_vaddr == seg->va + seg->memsz)
		seg = ld_image_seg(img, p->p_vaddr, 1);
	if (!seg || !(seg->prot & LD_PROT_W) || img->relro_va ||
	    !end_fits(p->p_vaddr, p->p_memsz, img->page))
		return bad(s, LD_E_PHDR_RELRO, i, p->p_vaddr, 0);
	end = p->p_vaddr + p->p_memsz;
	if (end > ld_align_up(seg->va + seg->memsz, img->page))
		return bad(s, LD_E_PHDR_RELRO, i, end, 0);
	img->relro_va = ld_align_down(p->p_vaddr, img->page);
	img->relro_len = ld_align_down(end, img->page) - img->relro_va;
	return LD_OK;
}

/* only the range is judged here: whoever reads the name checks that it ends */
static ld_st scan_interp(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];
	struct ld_image *img = s->img;

	if (img->interp_len || !p->p_filesz || p->p_filesz > LD_MAX_PATH ||
	    !ld_range_ok(p->p_offset, p->p_filesz, s->file_len))
		return bad(s, LD_E_PHDR_INTERP, i, p->p_filesz, 0);
	img->interp_off = p->p_offset;
	img->interp_len = p->p_filesz;
	return LD_OK;
}

/* the loader takes a program's base from this header: it must agree with the segments */
static ld_st scan_phdr(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];

	if (p->p_offset != s->phoff)
		return bad(s, LD_E_PHDR_PHDR, i, p->p_offset, s->phoff);
	if (!s->img->phdr_va || p->p_vaddr != s->img->phdr_va)
		return bad(s, LD_E_PHDR_PHDR, i, p->p_vaddr, s->img->phdr_va);
	return LD_OK;
}

/*
 * A place for property notes: PT_GNU_PROPERTY, or, in files of older linkers, the PT_NOTE whose
 * alignment is that of property notes. They only ask for more protection, so one that is out of
 * bounds is as good as none; the range returned is mapped, whichever way it is going to be read.
 */
static void scan_props(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];
	struct ld_image *img = s->img;

	if (p->p_type == LD_PT_NOTE && (img->prop_len || p->p_align != sizeof(ld_word)))
		return;
	if (!p->p_filesz || p->p_filesz > LD_MAX_NOTE ||
	    !seg_of_off(img, p->p_offset, p->p_filesz))
		return;
	img->prop_off = p->p_offset;
	img->prop_len = p->p_filesz;
}

/* a request for less protection: honoured when well-formed, and only the first */
static void scan_mutable(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];
	const struct ld_seg *seg = ld_image_seg(s->img, p->p_vaddr, p->p_memsz);

	if (s->img->mutable_len || !seg || !(seg->prot & LD_PROT_W))
		return;
	s->img->mutable_va = p->p_vaddr;
	s->img->mutable_len = p->p_memsz;
}

static ld_st scan_other(const struct scan *s, uint32_t i)
{
	const struct ld_elf_phdr *p = &s->ph[i];

	switch (p->p_type) {
	case LD_PT_DYNAMIC:
		return scan_dynamic(s, i);
	case LD_PT_TLS:
		return scan_tls(s, i);
	case LD_PT_GNU_RELRO:
		return scan_relro(s, i);
	case LD_PT_INTERP:
		return scan_interp(s, i);
	case LD_PT_PHDR:
		return scan_phdr(s, i);
	case LD_PT_NOTE:
	case LD_PT_GNU_PROPERTY:
		scan_props(s, i);
		break;
	case LD_PT_GNU_MUTABLE:
		scan_mutable(s, i);
		break;
	case LD_PT_GNU_STACK:
		s->img->has_stack = 1;
		s->img->stack_exec |= !!(p->p_flags & LD_PF_X);
		s->img->stack_len = p->p_memsz;
		break;
	default: /* unknown kinds are nobody's business but their reader's */
		break;
	}
	return LD_OK;
}

ld_st ld_phdr_scan(const struct ld_elf_phdr *ph, uint32_t count, uint64_t phoff, uint64_t file_len,
		   uint64_t page, struct ld_image *out, struct ld_err *err)
{
	const struct scan s = {ph, count, phoff, file_len, out, err};
	const uint64_t ph_len = count * sizeof *ph;
	const struct ld_seg *seg;
	ld_st st = LD_OK;

	memset(out, 0, sizeof *out);
	out->page = page;
	out->phnum = count;
	out->tls_align = 1;
	if (!count || count > LD_MAX_PHDRS)
		return bad(&s, LD_E_EHDR_PHNUM, 0, count, LD_MAX_PHDRS);

	for (uint32_t i = 0; i < count && !ld_failed(st); i++)
		if (ph[i].p_type == LD_PT_LOAD)
			st = add_load(&s, i);
	if (ld_failed(st))
		return st;
	if (!out->seg_cnt)
		return bad(&s, LD_E_PHDR_NOLOAD, 0, 0, 0);

	seg = seg_of_off(out, phoff, ph_len);
	if (seg)
		out->phdr_va = seg->va + (phoff - seg->off);
	for (uint32_t i = 0; i < count && !ld_failed(st); i++)
		if (ph[i].p_type != LD_PT_LOAD)
			st = scan_other(&s, i);
	return st;
}

const struct ld_elf_phdr *ld_phdr_note(const struct ld_image *img, const struct ld_elf_phdr *ph,
				       uint32_t count, uint32_t *i)
{
	while (*i < count) {
		const struct ld_elf_phdr *p = &ph[(*i)++];
		const struct ld_seg *seg;

		if (p->p_type != LD_PT_NOTE || !p->p_filesz || p->p_filesz > LD_MAX_NOTE)
			continue;
		seg = ld_image_file(img, p->p_vaddr, p->p_filesz);
		if (seg && seg->prot & LD_PROT_R && p->p_offset - seg->off == p->p_vaddr - seg->va)
			return p;
	}
	return NULL;
}
