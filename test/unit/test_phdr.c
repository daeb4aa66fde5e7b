/* test_phdr.c: program headers: what a good image says, each rule broken once, what is fine. */
#include "unit.h"

#include "elfbuild.h"
#include "limits.h"

static void good(void **state)
{
	struct eb *b = eb_valid();
	struct ld_err err = {0};
	struct ld_image img;

	(void)state;
	expect_ok(eb_scan(b, &img, &err), &err);
	assert_int_equal(img.seg_cnt, 3);
	assert_int_equal(img.page, EB_PAGE);
	assert_int_equal(img.phnum, EB_PT_CNT);
	assert_int_equal(img.lo_va, 0);
	assert_int_equal(img.hi_va, EB_MEM_END);
	assert_int_equal(img.phdr_va, sizeof(struct ld_elf_ehdr));
	assert_int_equal(img.seg[0].prot, LD_PROT_R);
	assert_int_equal(img.seg[1].prot, LD_PROT_R | LD_PROT_X);
	assert_int_equal(img.seg[2].prot, LD_PROT_R | LD_PROT_W);
	assert_int_equal(img.seg[2].va, EB_RW_VA);
	assert_int_equal(img.seg[2].off, EB_RW_VA);
	assert_int_equal(img.seg[2].filesz, EB_FILE_END - EB_RW_VA);
	assert_int_equal(img.seg[2].memsz, EB_RW_END - EB_RW_VA);
	assert_int_equal(img.dyn_va, EB_DYN_VA);
	assert_int_equal(img.dyn_len, (b->dyn_cnt + 1) * sizeof *b->dyn);
	assert_int_equal(img.relro_va, EB_RW_VA);
	assert_int_equal(img.relro_len, EB_RELRO_END - EB_RW_VA);
	assert_int_equal(img.tls_va, EB_TLS_VA);
	assert_int_equal(img.tls_filesz, 0x20);
	assert_int_equal(img.tls_memsz, 0x30);
	assert_int_equal(img.tls_align, 16);
	assert_int_equal(img.interp_off, EB_INTERP_VA);
	assert_int_equal(img.interp_len, sizeof "/lib/ld.so");
	assert_int_equal(img.prop_off, EB_NOTE_VA);
	assert_int_equal(img.prop_len, 0x20);
	assert_int_equal(img.mutable_len, 0);
	assert_true(img.has_stack && !img.stack_exec);
	eb_free(b);
}

/* add a header; returns it */
static struct ld_elf_phdr *more(struct eb *b, struct ld_elf_phdr ph)
{
	b->ph[b->eh->e_phnum] = ph;
	return &b->ph[b->eh->e_phnum++];
}

static struct ld_elf_phdr copy_of(const struct eb *b, unsigned idx, uint64_t by)
{
	struct ld_elf_phdr ph = b->ph[idx];

	ph.p_vaddr += by;
	return ph;
}

/* each header by name, so that a case reads as what it breaks */
#define RO (&b->ph[EB_PT_RO])
#define TEXT (&b->ph[EB_PT_TEXT])
#define RW (&b->ph[EB_PT_RW])
#define DYN (&b->ph[EB_PT_DYNAMIC])
#define TLS (&b->ph[EB_PT_TLS])
#define RELRO (&b->ph[EB_PT_RELRO])
#define INTERP (&b->ph[EB_PT_INTERP])
#define PHDR (&b->ph[EB_PT_PHDR])
#define TOP ((ld_word)-1)

/* the larger changes; they return a value only to stand in an expression */
static int empty_loads(struct eb *b)
{
	RO->p_filesz = RO->p_memsz = 0;
	TEXT->p_filesz = TEXT->p_memsz = 0;
	RW->p_filesz = RW->p_memsz = 0;
	return 0;
}

static int swap_loads(struct eb *b)
{
	struct ld_elf_phdr ph = *TEXT;

	*TEXT = *RO;
	*RO = ph;
	return 0;
}

/* disjoint in bytes, not in pages */
static int share_page(struct eb *b)
{
	RO->p_filesz = RO->p_memsz = EB_TEXT_VA + 0x100;
	TEXT->p_vaddr += 0x800;
	TEXT->p_offset += 0x800;
	TEXT->p_filesz = TEXT->p_memsz = 0x800;
	return 0;
}

static int many_loads(struct eb *b, unsigned cnt)
{
	b->eh->e_phnum = EB_PT_CNT;
	/* the headers do not fit in the builder's room: they are parsed from anywhere */
	b->ph = realloc(NULL, (EB_PT_CNT + cnt) * sizeof *b->ph);
	assert_non_null(b->ph);
	memcpy(b->ph, b->mem + sizeof *b->eh, EB_PT_CNT * sizeof *b->ph);
	for (unsigned i = 3; i < cnt; i++)
		more(b, copy_of(b, EB_PT_RW, i * 0x10000));
	return 0;
}

/* a program whose headers no segment holds */
static int unmap_headers(struct eb *b)
{
	RO->p_offset = RO->p_vaddr = EB_PAGE;
	RO->p_filesz = RO->p_memsz = EB_RO_END - EB_PAGE;
	INTERP->p_offset = INTERP->p_vaddr = EB_PAGE;
	return 0;
}

#define CASES(X)                                                                                   \
	X(count_0, LD_E_EHDR_PHNUM, b->eh->e_phnum = 0)                                            \
	X(count_more, LD_E_EHDR_PHNUM, b->eh->e_phnum = LD_MAX_PHDRS + 1)                          \
	X(no_load, LD_E_PHDR_NOLOAD, RO->p_type = TEXT->p_type = RW->p_type = LD_PT_NULL)          \
	X(only_empty_loads, LD_E_PHDR_NOLOAD, empty_loads(b))                                      \
	X(filesz, LD_E_PHDR_FILESZ, TEXT->p_memsz = TEXT->p_filesz - 1)                            \
	X(wrap, LD_E_PHDR_WRAP, RW->p_memsz = TOP - RW->p_vaddr + 2)                               \
	X(wrap_rounding, LD_E_PHDR_WRAP, RW->p_memsz = TOP - RW->p_vaddr - 8)                      \
	X(wrap_address, LD_E_PHDR_WRAP, RW->p_vaddr = TOP & -EB_PAGE)                              \
	X(align_3, LD_E_PHDR_ALIGN, RO->p_align = 3)                                               \
	X(align_odd, LD_E_PHDR_ALIGN, RO->p_align = 0x1800)                                        \
	X(file_past_end, LD_E_PHDR_FILE, RW->p_filesz = RW->p_memsz)                               \
	X(file_huge, LD_E_PHDR_FILE, RW->p_filesz = RW->p_memsz = 0x100000000)                     \
	X(file_offset_past, LD_E_PHDR_FILE, TEXT->p_offset = EB_FILE_END + EB_PAGE)                \
	X(file_offset_wraps, LD_E_PHDR_FILE, TEXT->p_offset = TOP & -EB_PAGE)                      \
	X(order_swapped, LD_E_PHDR_ORDER, swap_loads(b))                                           \
	X(order_same, LD_E_PHDR_ORDER, *TEXT = *RO)                                                \
	X(order_overlap, LD_E_PHDR_ORDER, RO->p_memsz = RO->p_filesz = EB_TEXT_VA + 1)             \
	X(order_page, LD_E_PHDR_ORDER, share_page(b))                                              \
	X(congruent, LD_E_PHDR_CONGRUENT, TEXT->p_offset += 8)                                     \
	X(wx, LD_E_PHDR_WX, TEXT->p_flags |= LD_PF_W)                                              \
	X(wx_no_read, LD_E_PHDR_WX, RW->p_flags = LD_PF_W | LD_PF_X)                               \
	X(bss_read_only, LD_E_PHDR_BSS, TEXT->p_memsz += 1)                                        \
	X(bss_only_read_only, LD_E_PHDR_BSS, (TEXT->p_filesz = 0, TEXT->p_memsz = 8))              \
	X(segs, LD_E_PHDR_SEGS, many_loads(b, LD_MAX_SEGS + 1))                                    \
	X(span, LD_E_PHDR_SPAN, RW->p_memsz = LD_MAX_SPAN - EB_RW_VA + 1)                          \
	X(dynamic_outside, LD_E_PHDR_DYNAMIC, DYN->p_vaddr = 0x800000)                             \
	X(dynamic_hole, LD_E_PHDR_DYNAMIC, DYN->p_vaddr = EB_TEXT_END)                             \
	X(dynamic_bss, LD_E_PHDR_DYNAMIC, DYN->p_vaddr = EB_BSS_VA)                                \
	X(dynamic_tail, LD_E_PHDR_DYNAMIC, DYN->p_vaddr = EB_FILE_END - 8)                         \
	X(dynamic_wraps, LD_E_PHDR_DYNAMIC, DYN->p_filesz = TOP - 7)                               \
	X(dynamic_odd, LD_E_PHDR_DYNAMIC, DYN->p_vaddr += 4)                                       \
	X(dynamic_twice, LD_E_PHDR_DYNAMIC, more(b, *DYN))                                         \
	X(dynamic_empty, LD_E_PHDR_NODYNAMIC, DYN->p_filesz = 0)                                   \
	X(tls_outside, LD_E_PHDR_TLS, TLS->p_vaddr = 0x800000)                                     \
	X(tls_bss, LD_E_PHDR_TLS, TLS->p_vaddr = EB_BSS_VA)                                        \
	X(tls_filesz, LD_E_PHDR_TLS, TLS->p_filesz = TLS->p_memsz + 1)                             \
	X(tls_filesz_only, LD_E_PHDR_TLS, TLS->p_memsz = 0)                                        \
	X(tls_twice, LD_E_PHDR_TLS, more(b, *TLS))                                                 \
	X(tls_size, LD_E_PHDR_TLSSIZE, TLS->p_memsz = LD_MAX_TLS + 1)                              \
	X(tls_8_tib, LD_E_PHDR_TLSSIZE, TLS->p_memsz = 1ull << 43)                                 \
	X(tls_align_0, LD_E_PHDR_TLSALIGN, TLS->p_align = 0)                                       \
	X(tls_align_3, LD_E_PHDR_TLSALIGN, TLS->p_align = 3)                                       \
	X(tls_align_huge, LD_E_PHDR_TLSALIGN, TLS->p_align = 2 * LD_MAX_TLS_ALIGN)                 \
	X(relro_text, LD_E_PHDR_RELRO, RELRO->p_vaddr = EB_TEXT_VA)                                \
	X(relro_hole, LD_E_PHDR_RELRO, RELRO->p_vaddr = EB_TEXT_END + 8)                           \
	X(relro_below, LD_E_PHDR_RELRO, RELRO->p_vaddr = EB_RW_VA - 8)                             \
	X(relro_long, LD_E_PHDR_RELRO, RELRO->p_memsz = EB_MEM_END - EB_RW_VA + 1)                 \
	X(relro_128_mib, LD_E_PHDR_RELRO, RELRO->p_memsz = 128 << 20)                              \
	X(relro_wraps, LD_E_PHDR_RELRO, RELRO->p_memsz = TOP - 0x100)                              \
	X(relro_twice, LD_E_PHDR_RELRO, more(b, *RELRO))                                           \
	X(interp_outside, LD_E_PHDR_INTERP, INTERP->p_offset = EB_FILE_END - 4)                    \
	X(interp_empty, LD_E_PHDR_INTERP, INTERP->p_filesz = 0)                                    \
	X(interp_long, LD_E_PHDR_INTERP, INTERP->p_filesz = LD_MAX_PATH + 1)                       \
	X(interp_twice, LD_E_PHDR_INTERP, more(b, *INTERP))                                        \
	X(phdr_offset, LD_E_PHDR_PHDR, PHDR->p_offset += 8)                                        \
	X(phdr_address, LD_E_PHDR_PHDR, PHDR->p_vaddr += 8)                                        \
	X(phdr_unmapped, LD_E_PHDR_PHDR, unmap_headers(b))

static void done(struct eb *b)
{
	if ((unsigned char *)b->ph != b->mem + sizeof *b->eh)
		free(b->ph);
	eb_free(b);
}

#define TEST(name, want, change)                                                                   \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct eb *b = eb_valid();                                                         \
		struct ld_err err = {0};                                                           \
		struct ld_image img;                                                               \
                                                                                                   \
		(void)state;                                                                       \
		(void)(change);                                                                    \
		expect_code(eb_scan(b, &img, &err), &err, want);                                   \
		done(b);                                                                           \
	}
CASES(TEST)

/* what real linkers write and must not be refused */
#define FINE(X)                                                                                    \
	X(align_0, RO->p_align = 0, img.seg_cnt == 3)                                              \
	X(align_1, RO->p_align = 1, img.seg_cnt == 3)                                              \
	X(empty_load, more(b, (struct ld_elf_phdr){.p_type = LD_PT_LOAD}), img.seg_cnt == 3)       \
	X(unknown_type, more(b, (struct ld_elf_phdr){.p_type = 0x60000001}), img.seg_cnt == 3)     \
	X(segs_24, many_loads(b, LD_MAX_SEGS), img.seg_cnt == LD_MAX_SEGS)                         \
	X(execute_only, TEXT->p_flags = LD_PF_X, img.seg[1].prot == LD_PROT_X)                     \
	X(rest_of_last_page, TEXT->p_filesz -= 8, img.seg[1].memsz == EB_PAGE)                     \
	X(bss_only, (RW->p_filesz = 0, DYN->p_type = TLS->p_type = LD_PT_NULL),                    \
	  img.seg[2].filesz == 0)                                                                  \
	X(bss_only_offset, (RW->p_filesz = 0, RW->p_offset = 1, DYN->p_type = LD_PT_NULL,          \
			    TLS->p_type = LD_PT_NULL),                                             \
	  img.seg[2].memsz == EB_RW_END - EB_RW_VA)                                                \
	X(no_dynamic, DYN->p_type = LD_PT_NULL, img.dyn_len == 0)                                  \
	X(no_phdr, PHDR->p_type = LD_PT_NULL, img.phdr_va == sizeof *b->eh)                        \
	X(headers_unmapped, (unmap_headers(b), PHDR->p_type = LD_PT_NULL), img.phdr_va == 0)       \
	X(tls_empty, TLS->p_memsz = TLS->p_filesz = 0, img.tls_memsz == 0 && img.tls_align == 1)   \
	X(tls_empty_align_0, TLS->p_memsz = TLS->p_filesz = TLS->p_align = 0,                      \
	  img.tls_memsz == 0 && img.tls_align == 1)                                                \
	X(tls_bss_only, (TLS->p_filesz = 0, TLS->p_vaddr = EB_RW_END), img.tls_memsz == 0x30)      \
	X(relro_empty, RELRO->p_memsz = 0, img.relro_len == 0)                                     \
	X(relro_empty_anywhere, (RELRO->p_memsz = 0, RELRO->p_vaddr = 0x800000), !img.relro_va)   \
	X(relro_padded, RELRO->p_memsz = EB_MEM_END - EB_RW_VA,                                    \
	  img.relro_len == EB_MEM_END - EB_RW_VA)                                                  \
	X(relro_end_inwards, RELRO->p_memsz += 8, img.relro_len == EB_RELRO_END - EB_RW_VA)        \
	X(relro_below_a_page, RELRO->p_memsz = 8, img.relro_len == 0)                              \
	X(relro_start_outwards, (RELRO->p_vaddr += 8, RELRO->p_memsz -= 8),                        \
	  img.relro_va == EB_RW_VA && img.relro_len == EB_PAGE)                                    \
	X(stack_exec, b->ph[EB_PT_STACK].p_flags |= LD_PF_X, img.stack_exec)                       \
	X(stack_absent, b->ph[EB_PT_STACK].p_type = LD_PT_NULL, !img.has_stack && !img.stack_exec) \
	X(stack_size, b->ph[EB_PT_STACK].p_memsz = 0x20000, img.stack_len == 0x20000)              \
	X(note_as_property, b->ph[EB_PT_PROPERTY].p_type = LD_PT_NOTE, img.prop_len == 0x20)       \
	X(note_not_fitting, (b->ph[EB_PT_PROPERTY].p_type = LD_PT_NOTE,                            \
			     b->ph[EB_PT_PROPERTY].p_align = 4),                                   \
	  img.prop_len == 0)                                                                       \
	X(note_long, b->ph[EB_PT_PROPERTY].p_filesz = LD_MAX_NOTE + 1, img.prop_len == 0)          \
	X(note_outside, b->ph[EB_PT_PROPERTY].p_offset = EB_FILE_END, img.prop_len == 0)           \
	X(note_unmapped, b->ph[EB_PT_PROPERTY].p_offset = EB_RO_END - 8, img.prop_len == 0)        \
	X(mutable_data, mutable_at(b, EB_DATA_VA, 0x100), img.mutable_len == 0x100)                \
	X(mutable_text, mutable_at(b, EB_TEXT_VA, 0x100), img.mutable_len == 0)                    \
	X(mutable_long, mutable_at(b, EB_DATA_VA, TOP), img.mutable_len == 0)                      \
	X(mutable_second, (mutable_at(b, EB_DATA_VA, 8), mutable_at(b, EB_BSS_VA, 16)),            \
	  img.mutable_va == EB_DATA_VA && img.mutable_len == 8)

static struct ld_elf_phdr *mutable_at(struct eb *b, uint64_t va, uint64_t len)
{
	return more(b, (struct ld_elf_phdr){
			       .p_type = LD_PT_GNU_MUTABLE, .p_vaddr = va, .p_memsz = len});
}

#define FINE_TEST(name, change, claim)                                                             \
	static void fine_##name(void **state)                                                      \
	{                                                                                          \
		struct eb *b = eb_valid();                                                         \
		struct ld_err err = {0};                                                           \
		struct ld_image img;                                                               \
                                                                                                   \
		(void)state;                                                                       \
		(void)(change);                                                                    \
		expect_ok(eb_scan(b, &img, &err), &err);                                           \
		assert_true(claim);                                                                \
		done(b);                                                                           \
	}
FINE(FINE_TEST)

/* the kernel has mapped it: there is no file to compare with, all else holds */
static void kernel_mapped(void **state)
{
	struct eb *b = eb_valid();
	struct ld_err err = {0};
	struct ld_image img;

	(void)state;
	RW->p_filesz = RW->p_memsz;
	expect_ok(ld_phdr_scan(b->ph, EB_PT_CNT, sizeof *b->eh, UINT64_MAX, EB_PAGE, &img, &err),
		  &err);
	RW->p_flags |= LD_PF_X;
	expect_code(ld_phdr_scan(b->ph, EB_PT_CNT, sizeof *b->eh, UINT64_MAX, EB_PAGE, &img, &err),
		    &err, LD_E_PHDR_WX);
	assert_int_equal(err.at, EB_PT_RW);
	eb_free(b);
}

/* an image made for pages of 4096 bytes on a machine with larger ones */
static void larger_pages(void **state)
{
	struct eb *b = eb_valid();
	struct ld_err err = {0};
	struct ld_image img;

	(void)state;
	expect_code(ld_phdr_scan(b->ph, EB_PT_CNT, sizeof *b->eh, EB_FILE_END, 65536, &img, &err),
		    &err, LD_E_PHDR_ORDER);
	eb_free(b);
}

static void lookups(void **state)
{
	struct eb *b = eb_valid();
	struct ld_err err = {0};
	struct ld_image img;

	(void)state;
	expect_ok(eb_scan(b, &img, &err), &err);
	assert_ptr_equal(ld_image_seg(&img, 0, 1), &img.seg[0]);
	assert_ptr_equal(ld_image_seg(&img, EB_RO_END - 1, 1), &img.seg[0]);
	assert_null(ld_image_seg(&img, EB_RO_END - 1, 2));
	assert_null(ld_image_seg(&img, EB_RO_END, 1));
	assert_null(ld_image_seg(&img, 0, UINT64_MAX));
	assert_null(ld_image_seg(&img, UINT64_MAX, 1));
	assert_ptr_equal(ld_image_seg(&img, EB_BSS_VA, 8), &img.seg[2]);
	assert_null(ld_image_file(&img, EB_BSS_VA, 8));
	assert_null(ld_image_file(&img, EB_BSS_VA - 4, 8));
	assert_ptr_equal(ld_image_file(&img, EB_BSS_VA - 8, 8), &img.seg[2]);
	eb_free(b);
}

#define ENTRY(name, want, change) cmocka_unit_test(name),
#define FINE_ENTRY(name, change, claim) cmocka_unit_test(fine_##name),
static const struct CMUnitTest tests[] = {
	cmocka_unit_test(good),
	CASES(ENTRY)
	FINE(FINE_ENTRY)
	cmocka_unit_test(kernel_mapped),
	cmocka_unit_test(larger_pages),
	cmocka_unit_test(lookups),
};
UNIT_RUN(phdr, tests)
