/* test_format.c: bounded text, escaping, and the golden test of every message. */
#include "unit.h"

#include "format.h"
#include "path.h"

#define E(what, text) "Error " what " NAME: " text " (needed by WHO)"
#define LOADING(text) E("loading shared library", text)
#define RELOCATING(text) E("relocating", text)

/* what each code says with got=0x10 want=0x20 sys=13 mode=0644 where=/mnt symbol=sym */
static const char *const golden[LD_E_CNT] = {
	[LD_E_NOT_FOUND] = LOADING("Permission denied"),
	[LD_E_OPEN] = LOADING("cannot open: Permission denied"),
	[LD_E_LEASE] = LOADING("cannot open: another process holds a lease on it: Permission denied"),
	[LD_E_STAT] = LOADING("fstat failed: Permission denied"),
	[LD_E_READ] = LOADING("cannot read: Permission denied"),
	[LD_E_SHORT] = LOADING("file too short: 0x10, must be 0x20"),
	[LD_E_MAP] = LOADING("cannot map: Permission denied"),
	[LD_E_PROTECT] = LOADING("cannot protect memory: Permission denied"),
	[LD_E_SEAL] = LOADING("cannot seal memory: Permission denied"),
	[LD_E_MEMORY] = LOADING("out of memory"),
	[LD_E_NAME_EMPTY] = LOADING("empty name: 0x10, must be 0x20"),
	[LD_E_NAME_LONG] = LOADING("name too long: 16, limit 32"),
	[LD_E_OBJS] = LOADING("too many objects: 16, limit 32"),
	[LD_E_CHANGED] =
		LOADING("file changed while it was being loaded: 0x10, must be 0x20"),
	[LD_E_REF_MODE] =
		LOADING("refused: no execute permission (mode 0644); chmod a+x NAME"),
	[LD_E_REF_NOEXEC] = LOADING("refused: file system /mnt is mounted noexec"),
	[LD_E_REF_BUSY] = LOADING("refused: open for writing by some process"),
	[LD_E_REF_LSM] =
		LOADING("refused by a security module (EACCES); see the kernel's audit log"),
	[LD_E_REF_UNLINKED] = LOADING("refused: not a file on disk (memfd or deleted)"),
	[LD_E_REF_TYPE] = LOADING("refused: not a regular file"),
	[LD_E_REF_MISSING] = LOADING("refused: the kernel's check is not available"),
	[LD_E_REF_FAKED] = LOADING(
		"refused: something answers the kernel's check in the kernel's place"),
	[LD_E_REF_RELATIVE] = LOADING("refused: relative path while restricted"),
	[LD_E_REF_OTHER] = LOADING("refused by the kernel: Permission denied"),
	[LD_E_REF_PATHFILE] = LOADING("refused: search path file /mnt (mode 0644, owner 16) must be a "
				      "regular file of root's, not writable by others, of at most 64 KiB "
				      "of text"),
	[LD_E_PATHFILE] = LOADING("cannot read the search path file /mnt: Permission denied"),
	[LD_E_EHDR_MAGIC] = LOADING("not an ELF file: 0x10, must be 0x20"),
	[LD_E_EHDR_CLASS] = LOADING("wrong ELF class: 0x10, must be 0x20"),
	[LD_E_EHDR_DATA] = LOADING("wrong byte order: 0x10, must be 0x20"),
	[LD_E_EHDR_VERSION] = LOADING("unknown ELF version: 0x10, must be 0x20"),
	[LD_E_EHDR_MACHINE] = LOADING("built for another machine: 0x10, must be 0x20"),
	[LD_E_EHDR_TYPE] =
		LOADING("neither a program nor a shared library: 0x10, must be 0x20"),
	[LD_E_EHDR_PHENTSIZE] = LOADING("wrong program header size: 0x10, must be 0x20"),
	[LD_E_EHDR_PHNUM] = LOADING("too many or no program headers: 16, limit 32"),
	[LD_E_EHDR_PHOFF] =
		LOADING("program headers outside the file: 0x10, must be 0x20"),
	[LD_E_EHDR_EXEC] = LOADING("a program, not a shared library: 0x10, must be 0x20"),
	[LD_E_EHDR_ENTRY] =
		LOADING("entry point outside executable segments: 0x10, must be 0x20"),
	[LD_E_PHDR_NOLOAD] = LOADING("no loadable segment: 0x10, must be 0x20"),
	[LD_E_PHDR_SEGS] = LOADING("too many loadable segments: 16, limit 32"),
	[LD_E_PHDR_WRAP] =
		LOADING("segment wraps around the address space: 0x10, must be 0x20"),
	[LD_E_PHDR_FILESZ] = LOADING(
		"segment is larger in the file than in memory: 0x10, must be 0x20"),
	[LD_E_PHDR_FILE] = LOADING("segment lies outside the file: 0x10, must be 0x20"),
	[LD_E_PHDR_ORDER] = LOADING(
		"segments overlap or are not in ascending order: 0x10, must be 0x20"),
	[LD_E_PHDR_CONGRUENT] = LOADING("segment's offset and address do not agree modulo the "
					"page size: 0x10, must be 0x20"),
	[LD_E_PHDR_ALIGN] =
		LOADING("segment's alignment is not a power of two: 0x10, must be 0x20"),
	[LD_E_PHDR_WX] = LOADING("refused: segment is both writable and executable"),
	[LD_E_PHDR_BSS] = LOADING(
		"read-only segment is larger in memory than in the file: 0x10, must be 0x20"),
	[LD_E_PHDR_SPAN] = LOADING("image too large: 16, limit 32"),
	[LD_E_PHDR_DYNAMIC] = LOADING("dynamic table outside the image: 0x10, must be 0x20"),
	[LD_E_PHDR_NODYNAMIC] = LOADING("no dynamic table: 0x10, must be 0x20"),
	[LD_E_PHDR_TLS] = LOADING(
		"thread-local storage image outside the image: 0x10, must be 0x20"),
	[LD_E_PHDR_TLSSIZE] = LOADING("thread-local storage too large: 16, limit 32"),
	[LD_E_PHDR_TLSALIGN] = LOADING("thread-local storage alignment: 0x10, must be 0x20"),
	[LD_E_PHDR_RELRO] =
		LOADING("RELRO range outside a writable segment: 0x10, must be 0x20"),
	[LD_E_PHDR_INTERP] = LOADING(
		"interpreter name outside the file or without an end: 0x10, must be 0x20"),
	[LD_E_PHDR_PHDR] = LOADING(
		"program header address disagrees with its offset: 0x10, must be 0x20"),
	[LD_E_DYN_END] = LOADING("dynamic table without an end: 0x10, must be 0x20"),
	[LD_E_DYN_RANGE] = LOADING(
		"table of the dynamic section outside the image: 0x10, must be 0x20"),
	[LD_E_DYN_ENTSIZE] =
		LOADING("wrong entry size in the dynamic section: 0x10, must be 0x20"),
	[LD_E_DYN_SIZE] = LOADING(
		"table size is not a multiple of the entry size: 0x10, must be 0x20"),
	[LD_E_DYN_STR] = LOADING("string outside the string table: 0x10, must be 0x20"),
	[LD_E_DYN_STRTAB] = LOADING("string table without an end: 0x10, must be 0x20"),
	[LD_E_DYN_NOSYM] = LOADING("no symbol, string or hash table: 0x10, must be 0x20"),
	[LD_E_DYN_NEEDED] = LOADING("too many needed libraries: 16, limit 32"),
	[LD_E_DYN_TEXTREL] = LOADING("refused: needs text relocations"),
	[LD_E_DYN_PLTREL] = LOADING("unknown kind of PLT relocations: 0x10, must be 0x20"),
	[LD_E_DYN_INIT] = LOADING(
		"constructor or destructor outside executable segments: 0x10, must be 0x20"),
	[LD_E_DYN_INITCNT] = LOADING("too many constructors or destructors: 16, limit 32"),
	[LD_E_DYN_ALIGN] = LOADING(
		"table of the dynamic section is not aligned: 0x10, must be 0x20"),
	[LD_E_HASH_EMPTY] = LOADING("hash table without buckets: 0x10, must be 0x20"),
	[LD_E_HASH_BLOOM] = LOADING("hash table's filter size: 0x10, must be 0x20"),
	[LD_E_HASH_RANGE] = LOADING("hash table outside the image: 0x10, must be 0x20"),
	[LD_E_REL_TYPE] = RELOCATING("sym: unknown relocation type 16"),
	[LD_E_REL_PLACE] = RELOCATING(
		"sym: relocation target outside writable segments: 0x10, must be 0x20"),
	[LD_E_REL_SYM] = RELOCATING(
		"sym: relocation's symbol outside the symbol table: 0x10, must be 0x20"),
	[LD_E_REL_UNDEF] = RELOCATING("sym: symbol not found"),
	[LD_E_REL_TLS] = RELOCATING("sym: symbol is not thread-local"),
	[LD_E_REL_IETLS] = RELOCATING("sym: initial-exec TLS resolves to dynamic definition in /mnt, "
				      "which another dlopen loaded before"),
	[LD_E_REL_TLSALIGN] = RELOCATING("sym: initial-exec TLS in /mnt: alignment 16 wanted, running "
					 "threads have 32; load it at start"),
	[LD_E_REL_TLSFULL] = RELOCATING("sym: initial-exec TLS in /mnt: 16 bytes wanted, 32 left; "
					"static-tls=BYTES in /etc/ward.conf keeps more"),
	[LD_E_REL_COPY] = RELOCATING(
		"sym: copy relocation larger than its source or target: 0x10, must be 0x20"),
	[LD_E_REL_IFUNC] = RELOCATING(
		"sym: indirect function outside executable segments: 0x10, must be 0x20"),
	[LD_E_EXITING] = LOADING("refused: cannot dlopen while the program is exiting"),
	[LD_E_FORKED] = LOADING("refused: state is inconsistent due to multithreaded fork"),
	[LD_E_REGISTRY] = LOADING("refused: the registry of objects is damaged"),
};

static const char *line_of(const struct ld_err *err)
{
	static char buf[2048];
	struct ld_text t;

	ld_text_init(&t, buf, sizeof buf);
	ld_format_err(&t, err);
	assert_int_equal(t.len, strlen(buf));
	return buf;
}

static void every_message(void **state)
{
	(void)state;
	for (int code = 1; code < LD_E_CNT; code++) {
		struct ld_err err = {
			.code = (uint16_t)code,
			.mode = 0644,
			.sys = 13,
			.object = "NAME",
			.needed_by = "WHO",
			.symbol = "sym",
			.where = "/mnt",
			.got = 0x10,
			.want = 0x20,
		};

		if (!golden[code])
			fail_msg("no golden text for code %d (\"%s\")", code, ld_err_text(code));
		assert_string_equal(line_of(&err), golden[code]);
	}
}

#define LIB "Error loading shared library "

/* name, error, line: what changes with the facts */
#define CASES(X)                                                                                   \
	X(not_found, ((struct ld_err){.code = LD_E_NOT_FOUND, .sys = 2, .object = "libfoo.so.1",   \
				      .needed_by = "/usr/bin/app"}),                               \
	  LIB "libfoo.so.1: No such file or directory (needed by /usr/bin/app)")                   \
	X(not_searched, ((struct ld_err){.code = LD_E_NOT_FOUND, .sys = 2, .object = "l",          \
					 .where = "/tmp/\033", .got = LD_DIR_WRITABLE}),           \
	  LIB "l: No such file or directory; not searched while restricted: /tmp/\\x1b: others may "  \
	      "write to it or to a directory above it")                                            \
	X(mode, ((struct ld_err){.code = LD_E_REF_MODE, .sys = 13, .mode = 0640,                   \
				 .object = "libfoo.so.1", .needed_by = "/usr/bin/app",             \
				 .path = "/usr/lib/libfoo.so.1"}),                                 \
	  LIB "libfoo.so.1: refused: no execute permission (mode 0640); chmod a+x "                \
	      "/usr/lib/libfoo.so.1 (needed by /usr/bin/app)")                                     \
	X(mode_0, ((struct ld_err){.code = LD_E_REF_MODE, .object = "a"}),                         \
	  LIB "a: refused: no execute permission (mode 0000); chmod a+x a")                        \
	X(mode_setuid, ((struct ld_err){.code = LD_E_REF_MODE, .mode = 04600, .object = "a"}),     \
	  LIB "a: refused: no execute permission (mode 4600); chmod a+x a")                        \
	X(noexec_unknown, ((struct ld_err){.code = LD_E_REF_NOEXEC, .object = "a"}),               \
	  LIB "a: refused: mounted noexec")                                                        \
	X(security_module, ((struct ld_err){.code = LD_E_REF_LSM, .sys = 1, .object = "a"}),       \
	  LIB "a: refused by a security module (EPERM); see the kernel's audit log")               \
	X(found_as, ((struct ld_err){.code = LD_E_REF_BUSY, .object = "a.so", .path = "/l/a.so",     \
				     .needed_by = "/p"}),                                          \
	  LIB "a.so: refused: open for writing by some process; found as /l/a.so (needed by /p)")  \
	X(path_for_object, ((struct ld_err){.code = LD_E_EXITING, .path = "/p"}),                  \
	  LIB "/p: refused: cannot dlopen while the program is exiting")                           \
	X(no_object, ((struct ld_err){.code = LD_E_MEMORY}), LIB "(no name): out of memory")       \
	X(no_bound, ((struct ld_err){.code = LD_E_EHDR_MAGIC, .got = 5, .object = "a"}),           \
	  LIB "a: not an ELF file")                                                                \
	X(no_errno, ((struct ld_err){.code = LD_E_OPEN, .object = "a"}), LIB "a: cannot open")     \
	X(no_symbol, ((struct ld_err){.code = LD_E_REL_TYPE, .got = 77, .object = "a"}),           \
	  "Error relocating a: unknown relocation type 77")                                        \
	X(symbol, ((struct ld_err){.code = LD_E_REL_UNDEF, .symbol = "f\n", .object = "./a b"}),   \
	  "Error relocating ./a b: f\\x0a: symbol not found")                                      \
	X(escapes, ((struct ld_err){.code = LD_E_NOT_FOUND, .sys = 2,                              \
				    .object = "\033[31m\nFAKE\177\377\\",                          \
				    .needed_by = "a\tb"}),                                         \
	  LIB "\\x1b[31m\\x0aFAKE\\x7f\\xff\\: No such file or directory (needed by a\\x09b)")     \
	X(percent, ((struct ld_err){.code = LD_E_MEMORY, .object = "%s%n%d"}),                     \
	  LIB "%s%n%d: out of memory")                                                             \
	X(unknown_code, ((struct ld_err){.code = LD_E_CNT, .object = "a"}), LIB "a: ")

#define TEST(name, error, want)                                                                    \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct ld_err err = error;                                                         \
                                                                                                   \
		(void)state;                                                                       \
		assert_string_equal(line_of(&err), want);                                          \
	}
CASES(TEST)

/* every buffer length: NUL-terminated, never a byte too far, cut text ends in "..." */
static void every_buffer(void **state)
{
	const char *whole = "constant 0x2a 42 0052 raw\\x01";
	size_t need = strlen(whole) + 1;

	(void)state;
	for (size_t cap = 8; cap <= need + 2; cap++) {
		char *buf = malloc(cap);
		struct ld_text t;

		assert_non_null(buf);
		ld_text_init(&t, buf, cap);
		ld_text_str(&t, "constant ");
		ld_text_hex(&t, 42);
		ld_text_str(&t, " ");
		ld_text_dec(&t, 42);
		ld_text_str(&t, " ");
		ld_text_oct(&t, 42);
		ld_text_str(&t, " ");
		ld_text_raw(&t, "raw\001");
		assert_int_equal(t.len, strlen(buf));
		assert_int_equal(t.len, cap >= need ? need - 1 : cap - 1);
		if (cap >= need) {
			assert_string_equal(buf, whole);
		} else {
			assert_memory_equal(buf, whole, cap - 4);
			assert_string_equal(buf + cap - 4, "...");
		}
		free(buf);
	}
}

static void numbers(void **state)
{
	char buf[256];
	struct ld_text t;

	(void)state;
	ld_text_init(&t, buf, sizeof buf);
	ld_text_dec(&t, 0);
	ld_text_str(&t, " ");
	ld_text_dec(&t, UINT64_MAX);
	ld_text_str(&t, " ");
	ld_text_hex(&t, 0);
	ld_text_str(&t, " ");
	ld_text_hex(&t, UINT64_MAX);
	ld_text_str(&t, " ");
	ld_text_oct(&t, 0);
	ld_text_str(&t, " ");
	ld_text_oct(&t, UINT64_MAX);
	assert_string_equal(buf, "0 18446744073709551615 0x0 0xffffffffffffffff 0000 "
				 "1777777777777777777777");
}

/* at most 256 input bytes, however long they become */
static void raw_length(void **state)
{
	char in[400], buf[2048];
	struct ld_text t;

	(void)state;
	memset(in, 1, sizeof in);
	in[256] = 0;
	ld_text_init(&t, buf, sizeof buf);
	ld_text_raw(&t, in);
	assert_int_equal(t.len, 4 * 256);
	in[256] = 1;
	in[399] = 0;
	ld_text_init(&t, buf, sizeof buf);
	ld_text_raw(&t, in);
	assert_int_equal(t.len, 4 * 256 + 3);
	assert_string_equal(buf + 4 * 255, "\\x01...");
}

/* a symbol name is cut at 255 bytes */
static void long_symbol(void **state)
{
	char name[300];
	struct ld_err err = {.code = LD_E_REL_UNDEF, .object = "a", .symbol = name};
	const char *prefix = "Error relocating a: ", *line;

	(void)state;
	memset(name, 's', sizeof name);
	name[sizeof name - 1] = 0;
	line = line_of(&err);
	assert_string_equal(line + strlen(prefix) + 255, "...: symbol not found");
}

static void errnos(void **state)
{
	/* those a loader is told, in the generic numbering, and some it is not */
	static const struct {
		int sys;
		const char *text;
	} want[] = {
		{1, "Operation not permitted"},
		{2, "No such file or directory"},
		{5, "Input/output error"},
		{8, "Exec format error"},
		{12, "Out of memory"},
		{13, "Permission denied"},
		{20, "Not a directory"},
		{22, "Invalid argument"},
		{24, "Too many open files"},
		{26, "Text file busy"},
		{36, "Filename too long"},
		{38, "Function not implemented"},
		{40, "Too many levels of symbolic links"},
		{0, "errno 0"},
		{4095, "errno 4095"},
		{-13, "errno -13"},
		{INT_MIN, "errno -2147483648"},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(want); i++) {
		char buf[64];
		struct ld_text t;

		ld_text_init(&t, buf, sizeof buf);
		ld_text_errno(&t, want[i].sys);
		assert_string_equal(buf, want[i].text);
	}
}

#define ENTRY(name, error, want) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_message),
	CASES(ENTRY)
	cmocka_unit_test(every_buffer),
	cmocka_unit_test(numbers),
	cmocka_unit_test(raw_length),
	cmocka_unit_test(long_symbol),
	cmocka_unit_test(errnos),
};
UNIT_RUN(format, tests)
