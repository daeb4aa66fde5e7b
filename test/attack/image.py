"""Changing an ELF file in memory, field by field."""

import struct

# name: (offset in the ELF header, struct code)
HEADER = {
    "class": (4, "B"), "data": (5, "B"), "ident_version": (6, "B"), "type": (16, "H"),
    "machine": (18, "H"), "version": (20, "I"), "phoff": (32, "Q"), "ehsize": (52, "H"),
    "phentsize": (54, "H"), "phnum": (56, "H"),
}
# name: (offset in a program header, struct code)
PHDR = {
    "type": (0, "I"), "flags": (4, "I"), "offset": (8, "Q"), "vaddr": (16, "Q"),
    "paddr": (24, "Q"), "filesz": (32, "Q"), "memsz": (40, "Q"), "align": (48, "Q"),
}
PHDR_LEN = 56
PT_NULL, PT_LOAD, PT_GNU_STACK, PT_GNU_RELRO = 0, 1, 0x6474e551, 0x6474e552


class Image:
    """A 64-bit little-endian ELF file."""

    def __init__(self, path):
        with open(path, "rb") as h:
            self.data = bytearray(h.read())

    def get(self, name):
        """A field of the ELF header."""
        off, code = HEADER[name]
        return struct.unpack_from("<" + code, self.data, off)[0]

    def set(self, **fields):
        """Set fields of the ELF header; negative values wrap."""
        for name, value in fields.items():
            off, code = HEADER[name]
            struct.pack_into("<" + code, self.data, off,
                             value % (1 << 8 * struct.calcsize("<" + code)))
        return self

    def phdrs(self, kind):
        """The offsets of all program headers of one type."""
        first, count = self.get("phoff"), self.get("phnum")
        return [at for at in range(first, first + count * PHDR_LEN, PHDR_LEN)
                if struct.unpack_from("<I", self.data, at)[0] == kind]

    def pget(self, at, name):
        """A field of the program header at this offset."""
        off, code = PHDR[name]
        return struct.unpack_from("<" + code, self.data, at + off)[0]

    def pset(self, at, **fields):
        """Set fields of the program header at this offset."""
        for name, value in fields.items():
            off, code = PHDR[name]
            struct.pack_into("<" + code, self.data, at + off, value)
        return self
