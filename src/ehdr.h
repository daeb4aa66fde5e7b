/* ehdr.h: the ELF header, checked. Input is a bounded copy; nothing is believed. */
#ifndef LD_EHDR_H
#define LD_EHDR_H

#include "elf.h"
#include "err.h"
#include "span.h"

struct ld_ehdr {
	uint64_t entry_va;
	uint64_t phoff;   /* file offset of the program headers */
	uint32_t phnum;   /* 1..LD_MAX_PHDRS */
	uint16_t type;    /* LD_ET_EXEC or LD_ET_DYN */
};

/*
 * Parse the header at the start of file (a copy of its first bytes; file_len is the length of the
 * whole file). Checked: magic, class, data, version, machine (LD_ARCH_MACHINE), type, e_phentsize,
 * e_phnum, and that the program headers lie inside the file. gABI chapter 4, "ELF Header".
 * Errors: LD_E_SHORT, LD_E_EHDR_*.
 */
ld_st ld_ehdr_parse(struct ld_span copy, uint64_t file_len, struct ld_ehdr *out,
		    struct ld_err *err) LD_MUST_CHECK;

#endif
