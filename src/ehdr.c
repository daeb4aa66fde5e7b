/*
 * ehdr.c: the ELF header, checked field by field.
 *
 * May call: memcpy, err. Owns: no data. The file's author controls every byte of copy.
 */
#include "ehdr.h"
#include "limits.h"

enum { ELF_CLASS_32 = 1, ELF_CLASS_64 = 2, ELF_DATA_LSB = 1, ELF_DATA_MSB = 2, ELF_VERSION = 1 };

enum {
	OUR_CLASS = LD_ARCH_BITS == 64 ? ELF_CLASS_64 : ELF_CLASS_32,
	OUR_DATA = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELF_DATA_LSB : ELF_DATA_MSB,
};

static ld_st bad(struct ld_err *err, enum ld_code code, size_t at, uint64_t got, uint64_t want)
{
	return ld_err_set(err, code, at, got, want);
}

/* the identification bytes: with these wrong, no other field means anything */
static ld_st check_ident(const struct ld_elf_ehdr *eh, struct ld_err *err)
{
	const unsigned char *id = eh->e_ident;

	if (id[LD_EI_CLASS] != OUR_CLASS)
		return bad(err, LD_E_EHDR_CLASS, LD_EI_CLASS, id[LD_EI_CLASS], OUR_CLASS);
	if (id[LD_EI_DATA] != OUR_DATA)
		return bad(err, LD_E_EHDR_DATA, LD_EI_DATA, id[LD_EI_DATA], OUR_DATA);
	if (id[LD_EI_VERSION] != ELF_VERSION)
		return bad(err, LD_E_EHDR_VERSION, LD_EI_VERSION, id[LD_EI_VERSION], ELF_VERSION);
	return LD_OK;
}

static ld_st check_fields(const struct ld_elf_ehdr *eh, uint64_t file_len, struct ld_err *err)
{
	const size_t phent = sizeof(struct ld_elf_phdr);

	if (eh->e_machine != LD_ARCH_MACHINE)
		return bad(err, LD_E_EHDR_MACHINE, offsetof(struct ld_elf_ehdr, e_machine),
			   eh->e_machine, LD_ARCH_MACHINE);
	if (eh->e_version != ELF_VERSION)
		return bad(err, LD_E_EHDR_VERSION, offsetof(struct ld_elf_ehdr, e_version),
			   eh->e_version, ELF_VERSION);
	if (eh->e_type != LD_ET_EXEC && eh->e_type != LD_ET_DYN)
		return bad(err, LD_E_EHDR_TYPE, offsetof(struct ld_elf_ehdr, e_type), eh->e_type,
			   0);
	if (eh->e_phentsize != phent)
		return bad(err, LD_E_EHDR_PHENTSIZE, offsetof(struct ld_elf_ehdr, e_phentsize),
			   eh->e_phentsize, phent);
	if (!eh->e_phnum || eh->e_phnum > LD_MAX_PHDRS)
		return bad(err, LD_E_EHDR_PHNUM, offsetof(struct ld_elf_ehdr, e_phnum),
			   eh->e_phnum, LD_MAX_PHDRS);
	if (!ld_range_ok(eh->e_phoff, eh->e_phnum * phent, file_len))
		return bad(err, LD_E_EHDR_PHOFF, offsetof(struct ld_elf_ehdr, e_phoff),
			   eh->e_phoff, 0);
	return LD_OK;
}

ld_st ld_ehdr_parse(struct ld_span copy, uint64_t file_len, struct ld_ehdr *out,
		    struct ld_err *err)
{
	static const unsigned char magic[4] = {0x7f, 'E', 'L', 'F'};
	const void *start = ld_span_at(copy, 0, sizeof magic);
	struct ld_elf_ehdr eh;
	ld_st st;

	/* a short text file shall be called what it is, so the magic comes before the length */
	if (start && memcmp(start, magic, sizeof magic))
		return bad(err, LD_E_EHDR_MAGIC, 0, 0, 0);
	start = ld_span_at(copy, 0, sizeof eh);
	if (!start || file_len < sizeof eh)
		return bad(err, LD_E_SHORT, 0, copy.len < file_len ? copy.len : file_len, 0);
	memcpy(&eh, start, sizeof eh);

	st = check_ident(&eh, err);
	if (ld_failed(st))
		return st;
	st = check_fields(&eh, file_len, err);
	if (ld_failed(st))
		return st;
	*out = (struct ld_ehdr){
		.entry_va = eh.e_entry,
		.phoff = eh.e_phoff,
		.phnum = eh.e_phnum,
		.type = eh.e_type,
	};
	return LD_OK;
}
