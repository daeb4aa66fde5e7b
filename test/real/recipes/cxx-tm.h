/* What libgcc2.c asks of gcc's machine headers and the compiler does not say by itself. */
#define MIN_UNITS_PER_WORD __SIZEOF_POINTER__
#define DWARF_REG_TO_UNWIND_COLUMN(r) (r)
