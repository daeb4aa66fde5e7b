/*
 * elf.h: ELF structures and numbers, our own list.
 *
 * The C libraries' <elf.h> differ from each other and lack some of these (musl: the memory-seal
 * property, DT_AARCH64_*; Debian's: R_RISCV_TLSDESC), and the core includes no libc header.
 * Facts from the System V gABI, the GNU gABI extensions and the psABIs. The native class only:
 * LD_ARCH_BITS comes from the architecture's ld_arch.h.
 */
#ifndef LD_ELF_H
#define LD_ELF_H

#include "base.h"
#include "ld_arch.h"

typedef uintptr_t ld_word;

struct ld_elf_ehdr {
	unsigned char e_ident[16];
	uint16_t e_type, e_machine;
	uint32_t e_version;
	ld_word e_entry, e_phoff, e_shoff;
	uint32_t e_flags;
	uint16_t e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};

#if LD_ARCH_BITS == 64
struct ld_elf_phdr {
	uint32_t p_type, p_flags;
	uint64_t p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
};
struct ld_elf_sym {
	uint32_t st_name;
	unsigned char st_info, st_other;
	uint16_t st_shndx;
	uint64_t st_value, st_size;
};
#define LD_R_SYM(info) ((uint32_t)((info) >> 32))
#define LD_R_TYPE(info) ((uint32_t)(info))
#else
struct ld_elf_phdr {
	uint32_t p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align;
};
struct ld_elf_sym {
	uint32_t st_name, st_value, st_size;
	unsigned char st_info, st_other;
	uint16_t st_shndx;
};
#define LD_R_SYM(info) ((uint32_t)((info) >> 8))
#define LD_R_TYPE(info) ((uint32_t)((info) & 255))
#endif

struct ld_elf_dyn {
	ld_word d_tag, d_val;
};
struct ld_elf_rel {
	ld_word r_offset, r_info;
};
struct ld_elf_rela {
	ld_word r_offset, r_info, r_addend;
};

#define LD_ST_TYPE(info) ((info) & 15)
#define LD_ST_BIND(info) ((info) >> 4)

enum { LD_EI_CLASS = 4, LD_EI_DATA = 5, LD_EI_VERSION = 6, LD_EI_OSABI = 7 };
enum { LD_ET_EXEC = 2, LD_ET_DYN = 3 };
enum { LD_EM_386 = 3, LD_EM_ARM = 40, LD_EM_X86_64 = 62, LD_EM_AARCH64 = 183, LD_EM_RISCV = 243 };
enum { LD_PF_X = 1, LD_PF_W = 2, LD_PF_R = 4 };
enum {
	LD_PT_NULL = 0,
	LD_PT_LOAD = 1,
	LD_PT_DYNAMIC = 2,
	LD_PT_INTERP = 3,
	LD_PT_NOTE = 4,
	LD_PT_PHDR = 6,
	LD_PT_TLS = 7,
	LD_PT_GNU_STACK = 0x6474e551,
	LD_PT_GNU_RELRO = 0x6474e552,
	LD_PT_GNU_PROPERTY = 0x6474e553,
	LD_PT_GNU_MUTABLE = 0x65a3dbe5, /* OpenBSD's number: ranges that stay writable and unsealed */
};
enum {
	LD_DT_NULL = 0,
	LD_DT_NEEDED = 1,
	LD_DT_PLTRELSZ = 2,
	LD_DT_PLTGOT = 3,
	LD_DT_HASH = 4,
	LD_DT_STRTAB = 5,
	LD_DT_SYMTAB = 6,
	LD_DT_RELA = 7,
	LD_DT_RELASZ = 8,
	LD_DT_RELAENT = 9,
	LD_DT_STRSZ = 10,
	LD_DT_SYMENT = 11,
	LD_DT_INIT = 12,
	LD_DT_FINI = 13,
	LD_DT_SONAME = 14,
	LD_DT_RPATH = 15,
	LD_DT_REL = 17,
	LD_DT_RELSZ = 18,
	LD_DT_RELENT = 19,
	LD_DT_PLTREL = 20,
	LD_DT_DEBUG = 21,
	LD_DT_TEXTREL = 22,
	LD_DT_JMPREL = 23,
	LD_DT_BIND_NOW = 24,
	LD_DT_INIT_ARRAY = 25,
	LD_DT_FINI_ARRAY = 26,
	LD_DT_INIT_ARRAYSZ = 27,
	LD_DT_FINI_ARRAYSZ = 28,
	LD_DT_RUNPATH = 29,
	LD_DT_FLAGS = 30,
	LD_DT_RELRSZ = 35,
	LD_DT_RELR = 36,
	LD_DT_RELRENT = 37,
	LD_DT_GNU_HASH = 0x6ffffef5,
	LD_DT_VERSYM = 0x6ffffff0,
	LD_DT_FLAGS_1 = 0x6ffffffb,
};
enum { LD_DF_TEXTREL = 4, LD_DF_BIND_NOW = 8 };
enum { LD_DF_1_NOW = 1, LD_DF_1_PIE = 0x08000000 };
enum { LD_STB_LOCAL = 0, LD_STB_GLOBAL = 1, LD_STB_WEAK = 2, LD_STB_GNU_UNIQUE = 10 };
enum {
	LD_STT_NOTYPE = 0,
	LD_STT_OBJECT = 1,
	LD_STT_FUNC = 2,
	LD_STT_COMMON = 5,
	LD_STT_TLS = 6,
	LD_STT_GNU_IFUNC = 10,
};
enum {
	LD_AT_NULL = 0,
	LD_AT_PHDR = 3,
	LD_AT_PHENT = 4,
	LD_AT_PHNUM = 5,
	LD_AT_PAGESZ = 6,
	LD_AT_BASE = 7,
	LD_AT_ENTRY = 9,
	LD_AT_UID = 11,
	LD_AT_EUID = 12,
	LD_AT_GID = 13,
	LD_AT_EGID = 14,
	LD_AT_HWCAP = 16,
	LD_AT_SECURE = 23,
	LD_AT_RANDOM = 25,
	LD_AT_EXECFN = 31,
	LD_AT_SYSINFO = 32,
	LD_AT_SYSINFO_EHDR = 33,
	LD_AT_CNT = 38,
};
enum {
	LD_NT_GNU_PROPERTY_TYPE_0 = 5,
	LD_GNU_PROPERTY_MEMORY_SEAL = 3,
	LD_GNU_PROPERTY_AARCH64_FEATURE_1_AND = 0xc0000000,
	LD_GNU_PROPERTY_X86_FEATURE_1_AND = 0xc0000002,
};

#endif
