"""Reads what the contract tests ask of a 64-bit little-endian ELF file; trusts it, it is ours."""

import struct

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_TLS = 1, 2, 3, 4, 7
PT_GNU_EH_FRAME, PT_GNU_STACK, PT_GNU_RELRO = 0x6474E550, 0x6474E551, 0x6474E552
PF_X, PF_W, PF_R = 1, 2, 4
ET_REL, ET_EXEC, ET_DYN = 1, 2, 3

DT_NEEDED, DT_SONAME, DT_RPATH, DT_TEXTREL, DT_JMPREL, DT_PLTRELSZ = 1, 14, 15, 22, 23, 2
DT_RELA, DT_RELASZ, DT_RUNPATH, DT_FLAGS, DT_RELR = 7, 8, 29, 30, 36
DT_HASH, DT_GNU_HASH, DT_FLAGS_1, DT_STRTAB = 4, 0x6FFFFEF5, 0x6FFFFFFB, 5
DF_BIND_NOW, DF_TEXTREL, DF_1_NOW, DF_1_PIE = 8, 4, 1, 0x08000000

SHT_SYMTAB, SHT_NOTE, SHT_DYNSYM = 2, 7, 11
SHN_UNDEF = 0
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE = 1, 2, 3, 4
NT_GNU_BUILD_ID, NT_GNU_PROPERTY = 3, 5
X86_FEATURE_1, AARCH64_FEATURE_1 = 0xC0000002, 0xC0000000


class Segment:
    """One program header."""

    def __init__(self, fields):
        (self.type, self.flags, self.off, self.va, _, self.filesz, self.memsz,
         self.align) = fields


class Symbol:
    """One entry of a symbol table."""

    def __init__(self, name, info, other, shndx, value, size):
        self.name, self.shndx, self.value, self.size = name, shndx, value, size
        self.bind, self.type, self.visibility = info >> 4, info & 15, other & 3

    @property
    def defined(self):
        """Whether the file defines the name."""
        return self.shndx != SHN_UNDEF


class Elf:
    """One file: segments, sections, dynamic table, symbols, notes."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as h:
            self.data = h.read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise AssertionError("%s: not a 64-bit little-endian ELF file" % path)
        (self.type, self.machine, _, self.entry, phoff, shoff, _, _, phentsize, phnum, shentsize,
         shnum, shstrndx) = struct.unpack_from("<HHIQQQIHHHHHH", self.data, 16)
        self.segments = [Segment(struct.unpack_from("<IIQQQQQQ", self.data, phoff + i * phentsize))
                         for i in range(phnum)]
        raw = [struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + i * shentsize)
               for i in range(shnum)]
        names = raw[shstrndx][4] if raw else 0
        self.sections = [(self.string(names + s[0]),) + s[1:] for s in raw]

    def string(self, off):
        """The string at a file offset."""
        return self.data[off:self.data.index(b"\0", off)].decode()

    def of_type(self, kind):
        """Segments of one type."""
        return [s for s in self.segments if s.type == kind]

    def offset(self, va):
        """The file offset of a link-time address."""
        for s in self.of_type(PT_LOAD):
            if s.va <= va < s.va + s.filesz:
                return va - s.va + s.off
        raise AssertionError("%s: address %#x is in no segment" % (self.path, va))

    @property
    def interp(self):
        """PT_INTERP's path, or None."""
        found = self.of_type(PT_INTERP)
        return self.string(found[0].off) if found else None

    def dynamic(self):
        """{tag: [value, ...]}; empty without PT_DYNAMIC."""
        found = {}
        for seg in self.of_type(PT_DYNAMIC):
            for off in range(seg.off, seg.off + seg.filesz, 16):
                tag, value = struct.unpack_from("<QQ", self.data, off)
                if tag == 0:
                    break
                found.setdefault(tag, []).append(value)
        return found

    def needed(self):
        """The names in DT_NEEDED."""
        dyn = self.dynamic()
        return [self.string(self.offset(dyn[DT_STRTAB][0]) + v) for v in dyn.get(DT_NEEDED, [])]

    def flags(self):
        """DT_FLAGS and DT_FLAGS_1."""
        dyn = self.dynamic()
        return dyn.get(DT_FLAGS, [0])[0], dyn.get(DT_FLAGS_1, [0])[0]

    def relocations(self):
        """(offset, type, symbol index) of DT_RELA and DT_JMPREL."""
        dyn = self.dynamic()
        for table, size in ((DT_RELA, DT_RELASZ), (DT_JMPREL, DT_PLTRELSZ)):
            if table in dyn:
                start = self.offset(dyn[table][0])
                for off in range(start, start + dyn[size][0], 24):
                    r_off, info, _ = struct.unpack_from("<QQq", self.data, off)
                    yield r_off, info & 0xFFFFFFFF, info >> 32

    def symbols(self, kind):
        """All symbols of the table of section type `kind`, the first (empty) one left out."""
        for _, sh_type, _, _, off, size, link, *_ in self.sections:
            if sh_type == kind:
                strings = self.sections[link][4]
                for at in range(off + 24, off + size, 24):
                    name, info, other, shndx, value, length = struct.unpack_from(
                        "<IBBHQQ", self.data, at)
                    yield Symbol(self.string(strings + name), info, other, shndx, value, length)

    def notes(self):
        """(name, type, description) of every note, from sections or else from segments."""
        places = [(s[4], s[5], s[8]) for s in self.sections if s[1] == SHT_NOTE]
        for start, size, align in places or [(s.off, s.filesz, s.align)
                                             for s in self.of_type(PT_NOTE)]:
            align = 8 if align == 8 else 4
            at, end = start, start + size
            while at + 12 <= end:
                namesz, descsz, kind = struct.unpack_from("<III", self.data, at)
                desc = at + 12 + (namesz + 3 & -4)
                yield self.data[at + 12:at + 12 + namesz], kind, self.data[desc:desc + descsz]
                at = (desc + descsz + align - 1) & -align

    def feature_1(self):
        """The GNU property that says which hardware checks the code is made for, or 0."""
        for name, kind, desc in self.notes():
            at = 0
            while name == b"GNU\0" and kind == NT_GNU_PROPERTY and at + 8 <= len(desc):
                prop, size = struct.unpack_from("<II", desc, at)
                if prop in (X86_FEATURE_1, AARCH64_FEATURE_1):
                    return struct.unpack_from("<I", desc, at + 8)[0]
                at += 8 + (size + 7 & -8)
        return 0
