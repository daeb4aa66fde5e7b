/* elfbuild.c: see elfbuild.h. The holes are poisoned, so that a read in one is an ASan error. */
#include <sanitizer/asan_interface.h>

#include "unit.h"

#include "elfbuild.h"
#include "hash.h"

enum { SYM_ROOM = 40, STR_ROOM = 0x300, RELA_ROOM = 40, REL_ROOM = 16, DYN_ROOM = 90 };

static void segment(struct eb *b, unsigned idx, uint32_t flags, uint64_t va, uint64_t file_end,
		    uint64_t end)
{
	b->ph[idx] = (struct ld_elf_phdr){
		.p_type = LD_PT_LOAD,
		.p_flags = flags,
		.p_offset = va,
		.p_vaddr = va,
		.p_paddr = va,
		.p_filesz = file_end - va,
		.p_memsz = end - va,
		.p_align = EB_PAGE,
	};
}

static void part(struct eb *b, unsigned idx, uint32_t type, uint64_t va, uint64_t len,
		 uint64_t align)
{
	b->ph[idx] = (struct ld_elf_phdr){
		.p_type = type,
		.p_flags = LD_PF_R,
		.p_offset = va,
		.p_vaddr = va,
		.p_paddr = va,
		.p_filesz = len,
		.p_memsz = len,
		.p_align = align,
	};
}

static void write_headers(struct eb *b)
{
	const unsigned char ident[16] = {0x7f, 'E', 'L', 'F', LD_ARCH_BITS / 32, 1, 1};

	memcpy(b->eh->e_ident, ident, sizeof ident);
	b->eh->e_type = LD_ET_DYN;
	b->eh->e_machine = LD_ARCH_MACHINE;
	b->eh->e_version = 1;
	b->eh->e_entry = EB_TEXT_VA;
	b->eh->e_phoff = sizeof *b->eh;
	b->eh->e_ehsize = sizeof *b->eh;
	b->eh->e_phentsize = sizeof *b->ph;
	b->eh->e_phnum = EB_PT_CNT;

	part(b, EB_PT_PHDR, LD_PT_PHDR, sizeof *b->eh, EB_PT_CNT * sizeof *b->ph, 8);
	part(b, EB_PT_INTERP, LD_PT_INTERP, EB_INTERP_VA, sizeof "/lib/ld.so", 1);
	segment(b, EB_PT_RO, LD_PF_R, 0, EB_RO_END, EB_RO_END);
	segment(b, EB_PT_TEXT, LD_PF_R | LD_PF_X, EB_TEXT_VA, EB_TEXT_END, EB_TEXT_END);
	segment(b, EB_PT_RW, LD_PF_R | LD_PF_W, EB_RW_VA, EB_FILE_END, EB_RW_END);
	part(b, EB_PT_DYNAMIC, LD_PT_DYNAMIC, EB_DYN_VA, 0, 8);
	part(b, EB_PT_TLS, LD_PT_TLS, EB_TLS_VA, 0x20, 16);
	b->ph[EB_PT_TLS].p_memsz = 0x30;
	part(b, EB_PT_RELRO, LD_PT_GNU_RELRO, EB_RW_VA, EB_RELRO_END - EB_RW_VA, 1);
	b->ph[EB_PT_STACK] = (struct ld_elf_phdr){.p_type = LD_PT_GNU_STACK, .p_flags = 6};
	part(b, EB_PT_PROPERTY, LD_PT_GNU_PROPERTY, EB_NOTE_VA, 0x20, 8);
	memcpy(b->mem + EB_INTERP_VA, "/lib/ld.so", sizeof "/lib/ld.so");
}

struct eb *eb_new(void)
{
	struct eb *b = calloc(1, sizeof *b);

	assert_non_null(b);
	b->mem = aligned_alloc(EB_PAGE, EB_MEM_END);
	assert_non_null(b->mem);
	memset(b->mem, 0, EB_MEM_END);
	b->eh = (void *)b->mem;
	b->ph = (void *)(b->mem + sizeof *b->eh);
	b->dyn = (void *)(b->mem + EB_DYN_VA);
	b->sym = (void *)(b->mem + EB_SYM_VA);
	b->str = (char *)b->mem + EB_STR_VA;
	b->versym = (void *)(b->mem + EB_VERSYM_VA);
	b->rela = (void *)(b->mem + EB_RELA_VA);
	b->jmprel = (void *)(b->mem + EB_JMPREL_VA);
	b->rel = (void *)(b->mem + EB_REL_VA);
	b->relr = (void *)(b->mem + EB_RELR_VA);
	b->gnu_va = EB_GNU_VA;
	b->str_va = EB_STR_VA;
	b->sym_cnt = 1;
	b->str_len = 1;
	write_headers(b);
	ASAN_POISON_MEMORY_REGION(b->mem + EB_RO_END, EB_TEXT_VA - EB_RO_END);
	ASAN_POISON_MEMORY_REGION(b->mem + EB_TEXT_END, EB_RW_VA - EB_TEXT_END);
	ASAN_POISON_MEMORY_REGION(b->mem + EB_RW_END, EB_MEM_END - EB_RW_END);
	return b;
}

void eb_free(struct eb *b)
{
	ASAN_UNPOISON_MEMORY_REGION(b->mem, EB_MEM_END);
	free(b->mem);
	free(b);
}

uint32_t eb_str(struct eb *b, const char *s)
{
	uint32_t at = b->str_len, len = (uint32_t)strlen(s) + 1;

	assert_true(at + len <= STR_ROOM);
	memcpy(b->str + at, s, len);
	b->str_len += len;
	return at;
}

void eb_sym(struct eb *b, const char *name, unsigned bind, unsigned type, unsigned shndx,
	    uint64_t value, uint64_t size)
{
	assert_true(b->sym_cnt < SYM_ROOM);
	b->sym[b->sym_cnt++] = (struct ld_elf_sym){
		.st_name = eb_str(b, name),
		.st_info = (unsigned char)(bind << 4 | type),
		.st_shndx = (uint16_t)shndx,
		.st_value = value,
		.st_size = size,
	};
}

void eb_func(struct eb *b, const char *name, uint64_t value)
{
	eb_sym(b, name, LD_STB_GLOBAL, LD_STT_FUNC, 1, value, 16);
}

void eb_undef(struct eb *b, const char *name, unsigned bind)
{
	eb_sym(b, name, bind, LD_STT_FUNC, 0, 0, 0);
}

uint32_t eb_sym_idx(const struct eb *b, const char *name)
{
	for (uint32_t i = 1; i < b->sym_cnt; i++)
		if (!strcmp(b->str + b->sym[i].st_name, name))
			return i;
	fail_msg("no symbol \"%s\" in the test object", name);
	return 0;
}

static uint32_t bucket_of(const struct eb *b, uint32_t i)
{
	size_t len;

	return ld_hash_gnu(b->str + b->sym[i].st_name, &len) % b->nbuckets;
}

/* insertion sort: stable, and there are few */
static void sort_by_bucket(struct eb *b)
{
	for (uint32_t i = b->symoffset + 1; i < b->sym_cnt; i++) {
		for (uint32_t k = i; k > b->symoffset; k--) {
			struct ld_elf_sym sym = b->sym[k];
			uint16_t ver = b->versym[k];

			if (bucket_of(b, k) >= bucket_of(b, k - 1))
				break;
			b->sym[k] = b->sym[k - 1];
			b->sym[k - 1] = sym;
			b->versym[k] = b->versym[k - 1];
			b->versym[k - 1] = ver;
		}
	}
}

static void build_gnu(struct eb *b)
{
	enum { SHIFT = 6, BLOOM_CNT = 2 };
	ld_word *bloom = (void *)(b->mem + b->gnu_va + 16);
	uint32_t *buckets = (uint32_t *)(bloom + BLOOM_CNT), *chains = buckets + b->nbuckets;

	sort_by_bucket(b);
	b->gnu = (void *)(b->mem + b->gnu_va);
	b->gnu[0] = b->nbuckets;
	b->gnu[1] = b->symoffset;
	b->gnu[2] = BLOOM_CNT;
	b->gnu[3] = SHIFT;
	for (uint32_t i = b->symoffset; i < b->sym_cnt; i++) {
		size_t len;
		uint32_t h = ld_hash_gnu(b->str + b->sym[i].st_name, &len);
		int last = i + 1 == b->sym_cnt || bucket_of(b, i + 1) != bucket_of(b, i);

		bloom[h / LD_ARCH_BITS % BLOOM_CNT] |= (ld_word)1 << h % LD_ARCH_BITS |
						       (ld_word)1 << (h >> SHIFT) % LD_ARCH_BITS;
		if (!buckets[bucket_of(b, i)])
			buckets[bucket_of(b, i)] = i;
		chains[i - b->symoffset] = (h & ~1u) | (uint32_t)last;
	}
}

static void build_sysv(struct eb *b)
{
	uint32_t *buckets, *chains;

	b->sysv = (void *)(b->mem + EB_SYSV_VA);
	b->sysv[0] = b->nbuckets;
	b->sysv[1] = b->sym_cnt;
	buckets = b->sysv + 2;
	chains = buckets + b->nbuckets;
	for (uint32_t i = 1; i < b->sym_cnt; i++) {
		uint32_t k = ld_hash_sysv(b->str + b->sym[i].st_name) % b->nbuckets;

		chains[i] = buckets[k];
		buckets[k] = i;
	}
}

void eb_hash(struct eb *b, int kinds, uint32_t nbuckets)
{
	b->kinds = kinds;
	b->nbuckets = nbuckets;
	b->symoffset = 1;
	while (b->symoffset < b->sym_cnt && !b->sym[b->symoffset].st_shndx)
		b->symoffset++;
	for (uint32_t i = b->symoffset; i < b->sym_cnt; i++)
		assert_int_not_equal(b->sym[i].st_shndx, 0);
	if (kinds & EB_GNU)
		build_gnu(b);
	if (kinds & EB_SYSV)
		build_sysv(b);
}

static struct ld_elf_rela rela(uint64_t place, uint32_t type, uint32_t sym, uint64_t addend)
{
	return (struct ld_elf_rela){place, (ld_word)sym << 32 | type, addend};
}

void eb_rela(struct eb *b, uint64_t place, uint32_t type, uint32_t sym, uint64_t addend)
{
	assert_true(b->rela_cnt < RELA_ROOM);
	b->rela[b->rela_cnt++] = rela(place, type, sym, addend);
}

void eb_jmprel(struct eb *b, uint64_t place, uint32_t type, uint32_t sym, uint64_t addend)
{
	assert_true(b->jmprel_cnt < REL_ROOM);
	b->jmprel[b->jmprel_cnt++] = rela(place, type, sym, addend);
}

void eb_rel(struct eb *b, uint64_t place, uint32_t type, uint32_t sym)
{
	assert_true(b->rel_cnt < REL_ROOM);
	b->rel[b->rel_cnt++] = (struct ld_elf_rel){place, (ld_word)sym << 32 | type};
}

void eb_relr(struct eb *b, ld_word entry)
{
	assert_true(b->relr_cnt < REL_ROOM);
	b->relr[b->relr_cnt++] = entry;
}

void eb_dyn_add(struct eb *b, ld_word tag, ld_word val)
{
	assert_true(b->dyn_cnt < DYN_ROOM);
	b->dyn[b->dyn_cnt++] = (struct ld_elf_dyn){tag, val};
	b->dyn[b->dyn_cnt] = (struct ld_elf_dyn){LD_DT_NULL, 0};
	b->ph[EB_PT_DYNAMIC].p_filesz = (b->dyn_cnt + 1) * sizeof *b->dyn;
	b->ph[EB_PT_DYNAMIC].p_memsz = b->ph[EB_PT_DYNAMIC].p_filesz;
}

struct ld_elf_dyn *eb_dyn(struct eb *b, ld_word tag)
{
	for (uint32_t i = 0; i < b->dyn_cnt; i++)
		if (b->dyn[i].d_tag == tag)
			return &b->dyn[i];
	fail_msg("no dynamic entry %#lx in the test object", (unsigned long)tag);
	return NULL;
}

void eb_dyn_drop(struct eb *b, ld_word tag)
{
	eb_dyn(b, tag)->d_tag = 0x6ffffe00; /* a number nobody has given a meaning */
}

static void add_table(struct eb *b, ld_word tag, uint64_t va, ld_word len_tag, uint64_t len)
{
	if (!len)
		return;
	eb_dyn_add(b, tag, va);
	eb_dyn_add(b, len_tag, len);
}

void eb_dynamic(struct eb *b)
{
	eb_dyn_add(b, LD_DT_STRTAB, b->str_va);
	eb_dyn_add(b, LD_DT_STRSZ, b->str_len);
	eb_dyn_add(b, LD_DT_SYMTAB, EB_SYM_VA);
	eb_dyn_add(b, LD_DT_SYMENT, sizeof *b->sym);
	if (b->kinds & EB_GNU)
		eb_dyn_add(b, LD_DT_GNU_HASH, b->gnu_va);
	if (b->kinds & EB_SYSV)
		eb_dyn_add(b, LD_DT_HASH, EB_SYSV_VA);
	if (b->versioned)
		eb_dyn_add(b, LD_DT_VERSYM, EB_VERSYM_VA);
	add_table(b, LD_DT_RELA, EB_RELA_VA, LD_DT_RELASZ, b->rela_cnt * sizeof *b->rela);
	add_table(b, LD_DT_REL, EB_REL_VA, LD_DT_RELSZ, b->rel_cnt * sizeof *b->rel);
	add_table(b, LD_DT_RELR, EB_RELR_VA, LD_DT_RELRSZ, b->relr_cnt * sizeof *b->relr);
	add_table(b, LD_DT_JMPREL, EB_JMPREL_VA, LD_DT_PLTRELSZ, b->jmprel_cnt * sizeof *b->rela);
	if (b->jmprel_cnt)
		eb_dyn_add(b, LD_DT_PLTREL, LD_DT_RELA);
}

/* an object with something of everything */
struct eb *eb_valid(void)
{
	struct eb *b = eb_new();

	eb_undef(b, "wanted", LD_STB_GLOBAL);
	eb_func(b, "alpha", EB_TEXT_VA + 0x10);
	eb_func(b, "beta", EB_TEXT_VA + 0x20);
	eb_func(b, "gamma", EB_TEXT_VA + 0x30);
	eb_hash(b, EB_GNU | EB_SYSV, 2);
	eb_rela(b, EB_GOT_VA, 0, 0, 0);
	eb_rel(b, EB_GOT_VA, 0, 0);
	eb_relr(b, EB_GOT_VA);
	eb_jmprel(b, EB_GOT_VA, 0, 0, 0);
	eb_dyn_add(b, LD_DT_NEEDED, eb_str(b, "libneeded.so"));
	eb_dyn_add(b, LD_DT_SONAME, eb_str(b, "libself.so"));
	eb_dyn_add(b, LD_DT_RUNPATH, eb_str(b, "$ORIGIN"));
	eb_dynamic(b);
	eb_dyn_add(b, LD_DT_RELAENT, sizeof *b->rela);
	eb_dyn_add(b, LD_DT_RELENT, sizeof *b->rel);
	eb_dyn_add(b, LD_DT_RELRENT, sizeof *b->relr);
	eb_dyn_add(b, LD_DT_PLTGOT, EB_GOT_VA);
	eb_dyn_add(b, LD_DT_INIT, EB_TEXT_VA);
	eb_dyn_add(b, LD_DT_FINI, EB_TEXT_END - 1);
	add_table(b, LD_DT_INIT_ARRAY, EB_INIT_VA, LD_DT_INIT_ARRAYSZ, 2 * sizeof(ld_word));
	add_table(b, LD_DT_FINI_ARRAY, EB_FINI_VA, LD_DT_FINI_ARRAYSZ, sizeof(ld_word));
	eb_dyn_add(b, LD_DT_FLAGS, 0);
	eb_dyn_add(b, LD_DT_FLAGS_1, 0);
	return b;
}

ld_word *eb_word(struct eb *b, uint64_t va)
{
	assert_true(va % sizeof(ld_word) == 0 && va < EB_MEM_END);
	return (ld_word *)(b->mem + va);
}

void eb_file(const struct eb *b, unsigned char *data)
{
	memset(data, 0, EB_FILE_END);
	memcpy(data, b->mem, EB_RO_END);
	memcpy(data + EB_TEXT_VA, b->mem + EB_TEXT_VA, EB_TEXT_END - EB_TEXT_VA);
	memcpy(data + EB_RW_VA, b->mem + EB_RW_VA, EB_FILE_END - EB_RW_VA);
}

ld_st eb_scan(const struct eb *b, struct ld_image *img, struct ld_err *err)
{
	return ld_phdr_scan(b->ph, b->eh->e_phnum, b->eh->e_phoff, EB_FILE_END, EB_PAGE, img, err);
}

ld_st eb_parse(const struct eb *b, struct ld_image *img, struct ld_dyn *dyn, struct ld_err *err)
{
	struct ld_span file = {b->mem, sizeof *b->eh};
	struct ld_ehdr eh;
	ld_st st = ld_ehdr_parse(file, EB_FILE_END, &eh, err);

	if (!ld_failed(st))
		st = eb_scan(b, img, err);
	if (!ld_failed(st))
		st = ld_dyn_parse(b->dyn, img->dyn_len / sizeof *b->dyn, img, dyn, err);
	return st;
}

void eb_load(struct eb *b, const char *name, struct eb_loaded *out)
{
	struct ld_err err = {0};

	memset(out, 0, sizeof *out);
	expect_ok(eb_parse(b, &out->img, &out->dyn, &err), &err);
	out->obj.name = name;
	out->obj.base = (uintptr_t)b->mem;
	out->obj.map_addr = out->obj.base;
	out->obj.map_len = EB_MEM_END;
	out->obj.seg = out->img.seg;
	out->obj.seg_cnt = out->img.seg_cnt;
	expect_ok(ld_symtab_init(&out->obj.sym, &out->img, &out->dyn, out->obj.base, &err), &err);
	ld_probe_init(&out->probe, &out->obj);
}
