/*
 * sym.c: symbol lookup. Pure: reads the tables it is given, calls nothing.
 *
 * The tables lie in mapped files. They were checked before, but a writer with access to the file (or
 * an overlay that lies) may change them afterwards, so every index and offset is checked where it
 * is used: a damaged table gives a wrong or no answer, never an access outside its segment.
 */
#include "sym.h"
#include "dyn.h"
#include "hash.h"

#define OK_TYPES                                                                                   \
	(1u << LD_STT_NOTYPE | 1u << LD_STT_OBJECT | 1u << LD_STT_FUNC | 1u << LD_STT_COMMON |     \
	 1u << LD_STT_TLS | 1u << LD_STT_GNU_IFUNC)
#define OK_BINDS (1u << LD_STB_GLOBAL | 1u << LD_STB_WEAK | 1u << LD_STB_GNU_UNIQUE)

void ld_name_init(struct ld_name *n, const char *s)
{
	n->s = s;
	n->gnu = ld_hash_gnu(s, &n->len);
	n->have_sysv = 0;
	n->sysv = 0;
}

void ld_name_init_in(struct ld_name *n, const char *s, size_t max)
{
	n->s = s;
	n->gnu = ld_hash_gnu_in(s, max, &n->len);
	n->have_sysv = 0;
	n->sysv = 0;
}

/* memcmp() == 0 by words: names are compared far more often than they differ */
static int same_bytes(const char *a, const char *b, size_t len)
{
	for (; len >= 8; len -= 8, a += 8, b += 8)
		if (ld_load64(a) != ld_load64(b))
			return 0;
	for (; len; len--, a++, b++)
		if (*a != *b)
			return 0;
	return 1;
}

/* bytes from link-time address va to the end of the file bytes of its segment; 0 = in none */
static uint64_t room_at(const struct ld_image *img, uint64_t va)
{
	const struct ld_seg *seg = ld_image_file(img, va, 1);

	return seg ? seg->va + seg->filesz - va : 0;
}

static uint32_t min_u32(uint32_t a, uint64_t b)
{
	return b < a ? (uint32_t)b : a;
}

static ld_st gnu_init(struct ld_symtab *t, const struct ld_image *img, uint64_t va, uintptr_t base,
		      struct ld_err *err)
{
	uint64_t room = room_at(img, va), head, chains;
	const uint32_t *h = (const uint32_t *)(base + va);
	uint32_t nbuckets, symoffset, bloom_cnt, shift;

	if (room < 16 || va % sizeof(ld_word))
		return ld_err_set(err, LD_E_HASH_RANGE, va, room, 16);
	nbuckets = h[0];
	symoffset = h[1];
	bloom_cnt = h[2];
	shift = h[3];
	if (!nbuckets)
		return ld_err_set(err, LD_E_HASH_EMPTY, va, 0, 0);
	if (!ld_is_pow2(bloom_cnt) || shift > 31)
		return ld_err_set(err, LD_E_HASH_BLOOM, va, bloom_cnt, 0);
	head = 16 + (uint64_t)bloom_cnt * sizeof(ld_word);
	chains = head + (uint64_t)nbuckets * 4;
	if (chains > room)
		return ld_err_set(err, LD_E_HASH_RANGE, va, chains, room);
	t->bloom = (const ld_word *)(base + va + 16);
	t->bloom_mask = bloom_cnt - 1;
	t->bloom_shift = shift;
	t->nbuckets = nbuckets;
	t->symoffset = symoffset;
	t->buckets = (const uint32_t *)(base + va + head);
	t->chains = t->buckets + nbuckets;
	t->chain_max = min_u32(t->sym_max, symoffset + (room - chains) / 4);
	return LD_OK;
}

static ld_st sysv_init(struct ld_symtab *t, const struct ld_image *img, uint64_t va, uintptr_t base,
		       struct ld_err *err)
{
	uint64_t room = room_at(img, va), need;
	const uint32_t *h = (const uint32_t *)(base + va);

	if (room < 8 || va % 4)
		return ld_err_set(err, LD_E_HASH_RANGE, va, room, 8);
	if (!h[0])
		return ld_err_set(err, LD_E_HASH_EMPTY, va, 0, 0);
	need = 8 + 4 * ((uint64_t)h[0] + h[1]);
	if (need > room)
		return ld_err_set(err, LD_E_HASH_RANGE, va, need, room);
	t->sysv = h;
	t->nbuckets = h[0];
	t->sym_max = t->chain_max = min_u32(t->sym_max, h[1]);
	return LD_OK;
}

ld_st ld_symtab_init(struct ld_symtab *t, const struct ld_image *img, const struct ld_dyn *dyn,
		     uintptr_t base, struct ld_err *err)
{
	uint64_t room = room_at(img, dyn->symtab_va);

	*t = (struct ld_symtab){0};
	t->syms = (const struct ld_elf_sym *)(base + dyn->symtab_va);
	t->strs = (const char *)(base + dyn->strtab_va);
	t->strsz = dyn->strsz;
	t->sym_max = min_u32(UINT32_MAX, room / sizeof *t->syms);
	if (t->strs[t->strsz - 1])
		return ld_err_set(err, LD_E_DYN_STRTAB, dyn->strtab_va, 0, 0);
	if (dyn->versym_va) {
		t->versym = (const uint16_t *)(base + dyn->versym_va);
		t->sym_max = min_u32(t->sym_max, room_at(img, dyn->versym_va) / 2);
	}
	if (dyn->gnu_hash_va)
		return gnu_init(t, img, dyn->gnu_hash_va, base, err);
	return sysv_init(t, img, dyn->hash_va, base, err);
}

/* does symbol i carry exactly this name and not a hidden version? */
static int name_matches(const struct ld_symtab *t, uint32_t i, const struct ld_name *n)
{
	uint64_t off = t->syms[i].st_name;

	if (off >= t->strsz || n->len >= t->strsz - off)
		return 0;
	if (!same_bytes(t->strs + off, n->s, n->len + 1))
		return 0;
	return !t->versym || !(t->versym[i] & 0x8000);
}

static const struct ld_elf_sym *gnu_find(const struct ld_symtab *t, const struct ld_name *n)
{
	uint32_t i = t->buckets[n->gnu % t->nbuckets];

	if (i < t->symoffset)
		return NULL;
	for (; i < t->chain_max; i++) {
		uint32_t h = t->chains[i - t->symoffset];

		if ((h | 1) == (n->gnu | 1) && name_matches(t, i, n))
			return &t->syms[i];
		if (h & 1)
			break;
	}
	return NULL;
}

static const struct ld_elf_sym *sysv_find(const struct ld_symtab *t, struct ld_name *n)
{
	const uint32_t *buckets = t->sysv + 2, *chains = buckets + t->nbuckets;
	uint32_t i, steps;

	if (!n->have_sysv) {
		n->sysv = ld_hash_sysv(n->s);
		n->have_sysv = 1;
	}
	i = buckets[n->sysv % t->nbuckets];
	for (steps = 0; i && i < t->sym_max && steps < t->sym_max; steps++, i = chains[i])
		if (name_matches(t, i, n))
			return &t->syms[i];
	return NULL;
}

/* may the object define the name? one word of the filter decides most questions */
static inline int bloom_may(const ld_word *bloom, uint32_t mask, uint32_t shift, uint32_t h)
{
	ld_word w = bloom[h / LD_ARCH_BITS & mask];

	return (w >> h % LD_ARCH_BITS & w >> (h >> shift) % LD_ARCH_BITS & 1) != 0;
}

const struct ld_elf_sym *ld_symtab_find(const struct ld_symtab *t, struct ld_name *n)
{
	if (!t->bloom)
		return t->sysv ? sysv_find(t, n) : NULL;
	if (!bloom_may(t->bloom, t->bloom_mask, t->bloom_shift, n->gnu))
		return NULL;
	return gnu_find(t, n);
}

int ld_sym_usable(const struct ld_elf_sym *sym, int find)
{
	unsigned type = LD_ST_TYPE(sym->st_info);

	if (!sym->st_shndx && ((find & LD_FIND_DEF) || type == LD_STT_TLS))
		return 0;
	if (!sym->st_value && type != LD_STT_TLS)
		return 0;
	return (OK_TYPES >> type & 1) && (OK_BINDS >> LD_ST_BIND(sym->st_info) & 1);
}

struct ld_def ld_scope_find(const struct ld_scope *scope, struct ld_name *n, int find)
{
	for (; scope; scope = scope->next) {
		const struct ld_probe *p = scope->probe, *end = p + scope->cnt;

		for (; p < end; p++) {
			const struct ld_elf_sym *sym;

			if (LD_LIKELY(p->bloom != NULL)) {
				if (!bloom_may(p->bloom, p->bloom_mask, p->bloom_shift, n->gnu))
					continue;
				sym = gnu_find(&p->obj->sym, n);
			} else {
				sym = ld_symtab_find(&p->obj->sym, n);
			}
			if (sym && ld_sym_usable(sym, find))
				return (struct ld_def){sym, p->obj};
		}
	}
	return (struct ld_def){NULL, NULL};
}

uint32_t ld_symtab_count(const struct ld_symtab *t)
{
	uint32_t max = 0;

	if (!t->bloom)
		return t->sym_max;
	for (uint32_t b = 0; b < t->nbuckets; b++)
		if (t->buckets[b] > max)
			max = t->buckets[b];
	if (max < t->symoffset)
		return min_u32(t->symoffset, t->sym_max);
	while (max < t->chain_max && !(t->chains[max - t->symoffset] & 1))
		max++;
	return max < t->chain_max ? max + 1 : t->chain_max;
}

const char *ld_sym_name(const struct ld_symtab *t, const struct ld_elf_sym *sym)
{
	/* the table's last byte was NUL when it was checked; stop there in any case */
	return sym->st_name < t->strsz ? t->strs + sym->st_name : NULL;
}

void ld_probe_init(struct ld_probe *p, const struct ld_obj *o)
{
	p->bloom = o->sym.bloom;
	p->bloom_mask = o->sym.bloom_mask;
	p->bloom_shift = o->sym.bloom_shift;
	p->obj = o;
}
