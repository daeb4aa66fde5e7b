/* test_ehdr.c: the ELF header: each field wrong once, and the limits of the table's place. */
#include "unit.h"

#include "elfbuild.h"
#include "limits.h"

static ld_st parse(const struct eb *b, uint64_t copy_len, uint64_t file_len, struct ld_ehdr *out,
		   struct ld_err *err)
{
	return ld_ehdr_parse((struct ld_span){b->mem, copy_len}, file_len, out, err);
}

static void good(void **state)
{
	struct eb *b = eb_new();
	struct ld_err err = {0};
	struct ld_ehdr eh;

	(void)state;
	expect_ok(parse(b, sizeof *b->eh, EB_FILE_END, &eh, &err), &err);
	assert_int_equal(eh.entry_va, EB_TEXT_VA);
	assert_int_equal(eh.phoff, sizeof *b->eh);
	assert_int_equal(eh.phnum, EB_PT_CNT);
	assert_int_equal(eh.type, LD_ET_DYN);
	b->eh->e_type = LD_ET_EXEC;
	b->eh->e_phnum = LD_MAX_PHDRS;
	expect_ok(parse(b, sizeof *b->eh, EB_FILE_END, &eh, &err), &err);
	assert_int_equal(eh.type, LD_ET_EXEC);
	/* a table that ends exactly with the file */
	b->eh->e_phoff = EB_FILE_END - LD_MAX_PHDRS * sizeof *b->ph;
	expect_ok(parse(b, sizeof *b->eh, EB_FILE_END, &eh, &err), &err);
	eb_free(b);
}

/* a copy of 0 to 63 bytes: too short, never read beyond (the copy is exactly as long) */
static void short_copies(void **state)
{
	struct eb *b = eb_new();

	(void)state;
	for (size_t len = 0; len < sizeof *b->eh; len++) {
		unsigned char *copy = malloc(len ? len : 1);
		struct ld_err err = {0};
		struct ld_ehdr eh;

		assert_non_null(copy);
		memcpy(copy, b->mem, len);
		expect_code(ld_ehdr_parse((struct ld_span){copy, len}, len, &eh, &err), &err,
			    LD_E_SHORT);
		assert_int_equal(err.got, len);
		free(copy);
	}
	eb_free(b);
}

/* a short text file is called what it is */
static void short_text(void **state)
{
	const unsigned char text[] = "GROUP ( x )";
	struct ld_err err = {0};
	struct ld_ehdr eh;

	(void)state;
	expect_code(ld_ehdr_parse((struct ld_span){text, sizeof text}, sizeof text, &eh, &err),
		    &err, LD_E_EHDR_MAGIC);
}

/* the length of the file, not of the copy, bounds the table; and the file may shrink meanwhile */
static void file_shorter_than_copy(void **state)
{
	struct eb *b = eb_new();
	struct ld_err err = {0};
	struct ld_ehdr eh;

	(void)state;
	expect_code(parse(b, sizeof *b->eh, sizeof *b->eh - 1, &eh, &err), &err, LD_E_SHORT);
	eb_free(b);
}

#define CASES(X)                                                                                   \
	X(magic_first, LD_E_EHDR_MAGIC, e->e_ident[0] = 0)                                         \
	X(magic_last, LD_E_EHDR_MAGIC, e->e_ident[3] = 'G')                                        \
	X(class_32, LD_E_EHDR_CLASS, e->e_ident[LD_EI_CLASS] = 1)                                  \
	X(class_0, LD_E_EHDR_CLASS, e->e_ident[LD_EI_CLASS] = 0)                                   \
	X(class_3, LD_E_EHDR_CLASS, e->e_ident[LD_EI_CLASS] = 3)                                   \
	X(data_msb, LD_E_EHDR_DATA, e->e_ident[LD_EI_DATA] = 2)                                    \
	X(data_0, LD_E_EHDR_DATA, e->e_ident[LD_EI_DATA] = 0)                                      \
	X(ident_version, LD_E_EHDR_VERSION, e->e_ident[LD_EI_VERSION] = 2)                         \
	X(version, LD_E_EHDR_VERSION, e->e_version = 0)                                            \
	X(machine_386, LD_E_EHDR_MACHINE, e->e_machine = LD_EM_386)                                \
	X(machine_0, LD_E_EHDR_MACHINE, e->e_machine = 0)                                          \
	X(type_rel, LD_E_EHDR_TYPE, e->e_type = 1)                                                 \
	X(type_core, LD_E_EHDR_TYPE, e->e_type = 4)                                                \
	X(phentsize_0, LD_E_EHDR_PHENTSIZE, e->e_phentsize = 0)                                    \
	X(phentsize_8, LD_E_EHDR_PHENTSIZE, e->e_phentsize = 8)                                    \
	X(phentsize_more, LD_E_EHDR_PHENTSIZE, e->e_phentsize++)                                   \
	X(phnum_0, LD_E_EHDR_PHNUM, e->e_phnum = 0)                                                \
	X(phnum_more, LD_E_EHDR_PHNUM, e->e_phnum = LD_MAX_PHDRS + 1)                              \
	X(phnum_max, LD_E_EHDR_PHNUM, e->e_phnum = 0xffff)                                         \
	X(phoff_end, LD_E_EHDR_PHOFF, e->e_phoff = EB_FILE_END)                                    \
	X(phoff_tail, LD_E_EHDR_PHOFF, e->e_phoff = EB_FILE_END - EB_PT_CNT * sizeof *b->ph + 1)   \
	X(phoff_negative, LD_E_EHDR_PHOFF, e->e_phoff = (ld_word)-256)                             \
	X(phoff_wraps, LD_E_EHDR_PHOFF, e->e_phoff = (ld_word)-1)

#define TEST(name, want, change)                                                                   \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct eb *b = eb_new();                                                           \
		struct ld_elf_ehdr *e = b->eh;                                                     \
		struct ld_err err = {0};                                                           \
		struct ld_ehdr eh;                                                                 \
                                                                                                   \
		(void)state;                                                                       \
		change;                                                                            \
		expect_code(parse(b, sizeof *e, EB_FILE_END, &eh, &err), &err, want);              \
		eb_free(b);                                                                        \
	}
CASES(TEST)

#define ENTRY(name, want, change) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	cmocka_unit_test(good),
	cmocka_unit_test(short_copies),
	cmocka_unit_test(short_text),
	cmocka_unit_test(file_shorter_than_copy),
	CASES(ENTRY)
};
UNIT_RUN(ehdr, tests)
