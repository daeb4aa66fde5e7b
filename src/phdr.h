/* phdr.h: the program headers, checked and sorted into what the loader wants to know. */
#ifndef LD_PHDR_H
#define LD_PHDR_H

#include "elf.h"
#include "err.h"
#include "limits.h"
#include "span.h"

enum { LD_PROT_R = 1, LD_PROT_W = 2, LD_PROT_X = 4 }; /* PROT_* of mmap(2), same on every arch */

/* one PT_LOAD; ascending, disjoint at page granularity, never both W and X */
struct ld_seg {
	uint64_t va, memsz;   /* link-time address and bytes in memory */
	uint64_t off, filesz; /* file offset and bytes in the file */
	uint32_t prot;        /* LD_PROT_* */
};

/* everything the program headers say; every range has been checked against the segments */
struct ld_image {
	struct ld_seg seg[LD_MAX_SEGS];
	uint32_t seg_cnt;
	uint32_t phnum;
	uint64_t page;                /* page size the checks were made for */
	uint64_t lo_va, hi_va;        /* page-aligned span */
	uint64_t phdr_va;             /* address of the program headers in memory, 0 = not mapped */
	uint64_t dyn_va, dyn_len;     /* PT_DYNAMIC, len 0 = none */
	uint64_t relro_va, relro_len; /* page-aligned inwards at the end, outwards at the start */
	uint64_t tls_va, tls_filesz, tls_memsz, tls_align; /* memsz 0 = no PT_TLS; align >= 1 */
	uint64_t interp_off, interp_len;                   /* PT_INTERP, len 0 = none */
	/* PT_GNU_PROPERTY, else a fitting PT_NOTE; in a segment's file bytes, len 0 = none */
	uint64_t prop_off, prop_len;
	uint64_t mutable_va, mutable_len; /* PT_GNU_MUTABLE */
	uint64_t stack_len;           /* p_memsz of PT_GNU_STACK */
	int has_stack, stack_exec;    /* PT_GNU_STACK present / with PF_X */
};

/*
 * Check count program headers ph and fill *out. file_len is the length of the file, or UINT64_MAX
 * for an image the kernel has mapped (then file offsets are not checked). page is the page size.
 * phoff is where the headers lie in the file. Rules: gABI chapter 5 "Program Header"; ascending and
 * disjoint PT_LOAD, p_filesz <= p_memsz, only writable segments may have memsz > filesz beyond
 * their last page, offset and address congruent modulo page, no W+X; PT_DYNAMIC, PT_TLS inside one
 * PT_LOAD's file bytes; PT_GNU_RELRO inside one writable PT_LOAD, where lld pads it up to a page
 * beyond p_memsz: accepted. PT_GNU_RELRO with p_memsz 0 is none. An empty PT_LOAD is left out, so
 * segment indices are not header indices. A header that may occur once (dynamic, TLS, RELRO,
 * interpreter) and comes twice is an error. err->at is the index of the header.
 * Errors: LD_E_PHDR_*, LD_E_EHDR_PHNUM.
 */
ld_st ld_phdr_scan(const struct ld_elf_phdr *ph, uint32_t count, uint64_t phoff, uint64_t file_len,
		   uint64_t page, struct ld_image *out, struct ld_err *err) LD_MUST_CHECK;

/* the segment whose memory [va, va + memsz) holds [va, va + len), or NULL */
const struct ld_seg *ld_image_seg(const struct ld_image *img, uint64_t va, uint64_t len);

/* the same for the bytes that come from the file */
const struct ld_seg *ld_image_file(const struct ld_image *img, uint64_t va, uint64_t len);

/*
 * The next header of kind PT_NOTE among the count at ph, from *i on, whose notes lie in the file's part of
 * a readable segment, at the place that the segment says; *i is behind it afterwards. NULL = no
 * more. img is the scan of these headers.
 */
const struct ld_elf_phdr *ld_phdr_note(const struct ld_image *img, const struct ld_elf_phdr *ph,
				       uint32_t count, uint32_t *i);

#endif
