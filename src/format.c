/*
 * format.c: text from constant words and typed values. Never a format string from data (P11).
 *
 * May call: memcpy, err. Owns: constant tables. File names, symbols and paths are untrusted bytes:
 * they go through ld_text_raw, so that no terminal or log reader obeys them.
 */
#include "format.h"
#include "limits.h"
#include "path.h"

#define RAW_MAX 256

/* errnos of Linux's generic table: what opening, checking, mapping and protecting can answer */
struct errno_text {
	int sys;
	char text[44]; /* no pointer: nothing to relocate at start */
};

static const struct errno_text errnos[] = {
	{1, "Operation not permitted"},
	{2, "No such file or directory"},
	{4, "Interrupted system call"},
	{5, "Input/output error"},
	{6, "No such device or address"},
	{7, "Argument list too long"},
	{8, "Exec format error"},
	{9, "Bad file descriptor"},
	{11, "Resource temporarily unavailable"},
	{12, "Out of memory"},
	{13, "Permission denied"},
	{14, "Bad address"},
	{16, "Device or resource busy"},
	{17, "File exists"},
	{19, "No such device"},
	{20, "Not a directory"},
	{21, "Is a directory"},
	{22, "Invalid argument"},
	{23, "Too many open files in system"},
	{24, "Too many open files"},
	{26, "Text file busy"},
	{27, "File too large"},
	{28, "No space left on device"},
	{30, "Read-only file system"},
	{36, "Filename too long"},
	{38, "Function not implemented"},
	{40, "Too many levels of symbolic links"},
	{75, "Value too large for data type"},
	{95, "Operation not supported"},
	{116, "Stale file handle"},
	{126, "Required key not available"},
};

void ld_text_init(struct ld_text *t, char *buf, size_t cap)
{
	t->buf = buf;
	t->cap = cap;
	t->len = 0;
	buf[0] = 0;
}

static void put(struct ld_text *t, char c)
{
	if (t->len + 1 < t->cap) {
		t->buf[t->len++] = c;
		t->buf[t->len] = 0;
	} else {
		memcpy(t->buf + t->len - 3, "...", 3);
	}
}

void ld_text_str(struct ld_text *t, const char *constant)
{
	while (*constant)
		put(t, *constant++);
}

static void put_number(struct ld_text *t, uint64_t v, unsigned base, unsigned digits_min)
{
	char digits[24]; /* 2^64 has 22 octal digits */
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v || n < digits_min);
	while (n)
		put(t, digits[--n]);
}

static void put_escaped(struct ld_text *t, unsigned char c)
{
	ld_text_str(t, "\\x");
	put_number(t, c, 16, 2);
}

static void put_byte(struct ld_text *t, unsigned char c)
{
	if (c >= 0x20 && c < 0x7f)
		put(t, (char)c);
	else
		put_escaped(t, c);
}

static void put_raw(struct ld_text *t, const char *s, size_t max)
{
	for (size_t i = 0; s[i]; i++) {
		if (i == max) {
			ld_text_str(t, "...");
			return;
		}
		put_byte(t, (unsigned char)s[i]);
	}
}

void ld_text_raw(struct ld_text *t, const char *s)
{
	put_raw(t, s, RAW_MAX);
}

void ld_text_word(struct ld_text *t, const char *s, size_t len)
{
	if (!s || !len) {
		put(t, '-');
		return;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (i == RAW_MAX) {
			ld_text_str(t, "\\...");
			return;
		}
		if (c > 0x20 && c < 0x7f && c != '\\' && (c != '-' || len > 1))
			put(t, (char)c);
		else
			put_escaped(t, c);
	}
}

void ld_text_span(struct ld_text *t, struct ld_span s)
{
	for (uint64_t i = 0; i < s.len && i < RAW_MAX; i++)
		put_byte(t, s.p[i]);
	if (s.len > RAW_MAX)
		ld_text_str(t, "...");
}

void ld_text_dec(struct ld_text *t, uint64_t v)
{
	put_number(t, v, 10, 1);
}

void ld_text_hex(struct ld_text *t, uint64_t v)
{
	ld_text_str(t, "0x");
	put_number(t, v, 16, 1);
}

void ld_text_oct(struct ld_text *t, uint64_t v)
{
	put_number(t, v, 8, 4);
}

void ld_text_errno(struct ld_text *t, int sys)
{
	for (size_t i = 0; i < LD_COUNTOF(errnos); i++) {
		if (errnos[i].sys == sys) {
			ld_text_str(t, errnos[i].text);
			return;
		}
	}
	ld_text_str(t, "errno ");
	if (sys < 0)
		put(t, '-');
	ld_text_dec(t, sys < 0 ? 0 - (uint64_t)sys : (uint64_t)sys);
}

/* the name the user asked for */
static void put_object(struct ld_text *t, const struct ld_err *err)
{
	if (err->object)
		ld_text_raw(t, err->object);
	else
		ld_text_raw(t, err->path[0] ? err->path : "(no name)");
}

/* the file that name led to, where it is known: what a command must be given */
static void put_file(struct ld_text *t, const struct ld_err *err)
{
	if (err->path[0])
		ld_text_raw(t, err->path);
	else
		put_object(t, err);
}

static void put_refused(struct ld_text *t, const struct ld_err *err)
{
	const char *text = ld_err_text(err->code);

	if (!ld_after(text, "refused"))
		ld_text_str(t, "refused: ");
	switch (err->code) {
	case LD_E_REF_MODE:
		ld_text_str(t, text);
		ld_text_str(t, " (mode ");
		ld_text_oct(t, err->mode);
		ld_text_str(t, "); chmod a+x ");
		put_file(t, err);
		break;
	case LD_E_REF_NOEXEC:
		if (err->where) {
			ld_text_str(t, "file system ");
			ld_text_raw(t, err->where);
			ld_text_str(t, " is ");
		}
		ld_text_str(t, text);
		break;
	case LD_E_REF_LSM:
		ld_text_str(t, text);
		ld_text_str(t, err->sys == 13 ? " (EACCES)" : " (EPERM)");
		ld_text_str(t, "; see the kernel's audit log");
		break;
	case LD_E_REF_OTHER:
		ld_text_str(t, text);
		ld_text_str(t, ": ");
		ld_text_errno(t, err->sys);
		break;
	case LD_E_REF_PATHFILE:
		ld_text_str(t, text);
		ld_text_str(t, " ");
		ld_text_raw(t, err->where ? err->where : "");
		ld_text_str(t, " (mode ");
		ld_text_oct(t, err->mode);
		ld_text_str(t, ", owner ");
		ld_text_dec(t, err->got);
		ld_text_str(t, ") must be a regular file of root's, not writable by others, of at most "
			       "64 KiB of text");
		break;
	default:
		ld_text_str(t, text);
		break;
	}
}

static void put_system(struct ld_text *t, const struct ld_err *err)
{
	const char *text = ld_err_text(err->code);

	ld_text_str(t, text);
	if (err->code == LD_E_PATHFILE && err->where) {
		ld_text_str(t, " ");
		ld_text_raw(t, err->where);
	}
	if (*text && err->sys)
		ld_text_str(t, ": ");
	if (err->sys)
		ld_text_errno(t, err->sys);
	if (err->code == LD_E_NOT_FOUND && err->where && *ld_dir_phrase((unsigned)err->got)) {
		ld_text_str(t, "; not searched while restricted: ");
		ld_text_raw(t, err->where);
		ld_text_str(t, ": ");
		ld_text_str(t, ld_dir_phrase((unsigned)err->got));
	}
}

static void put_bad(struct ld_text *t, const struct ld_err *err)
{
	ld_text_str(t, ld_err_text(err->code));
	if (err->code == LD_E_REL_TYPE) {
		ld_text_str(t, " ");
		ld_text_dec(t, err->got);
	} else if (err->want) {
		ld_text_str(t, ": ");
		ld_text_hex(t, err->got);
		ld_text_str(t, ", must be ");
		ld_text_hex(t, err->want);
	}
}

static void put_limit(struct ld_text *t, const struct ld_err *err)
{
	ld_text_str(t, ld_err_text(err->code));
	ld_text_str(t, ": ");
	ld_text_dec(t, err->got);
	ld_text_str(t, ", limit ");
	ld_text_dec(t, err->want);
}

static void put_link(struct ld_text *t, const struct ld_err *err)
{
	int full = err->code == LD_E_REL_TLSFULL;

	ld_text_str(t, ld_err_text(err->code));
	if (err->code != LD_E_REL_IETLS && err->code != LD_E_REL_TLSALIGN && !full)
		return;
	if (err->where) {
		ld_text_str(t, " in ");
		ld_text_raw(t, err->where);
	}
	if (err->code == LD_E_REL_IETLS) {
		ld_text_str(t, err->where ? ", which another dlopen loaded before" : "");
		return;
	}
	ld_text_str(t, full ? ": " : ": alignment ");
	ld_text_dec(t, err->got);
	ld_text_str(t, full ? " bytes wanted, " : " wanted, running threads have ");
	ld_text_dec(t, err->want);
	ld_text_str(t, full ? " left; static-tls=BYTES in /etc/ward.conf keeps more"
			    : "; load it at start");
}

static int is_relocating(int code)
{
	return ld_err_kind(code) == LD_K_LINK || (code >= LD_E_REL_TYPE && code <= LD_E_REL_IFUNC);
}

void ld_format_err(struct ld_text *t, const struct ld_err *err)
{
	int relocating = is_relocating(err->code);

	ld_text_str(t, relocating ? "Error relocating " : "Error loading shared library ");
	put_object(t, err);
	ld_text_str(t, ": ");
	if (relocating && err->symbol) {
		put_raw(t, err->symbol, LD_MAX_NAME);
		ld_text_str(t, ": ");
	}
	switch (ld_err_kind(err->code)) {
	case LD_K_REFUSED:
		put_refused(t, err);
		break;
	case LD_K_SYSTEM:
		put_system(t, err);
		break;
	case LD_K_LIMIT:
		put_limit(t, err);
		break;
	case LD_K_BAD:
		put_bad(t, err);
		break;
	case LD_K_LINK:
		put_link(t, err);
		break;
	case LD_K_MEMORY:
		ld_text_str(t, ld_err_text(err->code));
		break;
	}
	if (err->object && err->path[0] && err->code != LD_E_REF_MODE && !ld_streq(err->object, err->path)) {
		ld_text_str(t, "; found as ");
		ld_text_raw(t, err->path);
	}
	if (err->needed_by) {
		ld_text_str(t, " (needed by ");
		ld_text_raw(t, err->needed_by);
		ld_text_str(t, ")");
	}
}
