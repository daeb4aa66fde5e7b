/* format.h: text from constant words and typed values. Never a format string from data (P11). */
#ifndef LD_FORMAT_H
#define LD_FORMAT_H

#include "err.h"
#include "span.h"

/* a bounded text: when full, the rest is dropped and the text ends in "..." */
struct ld_text {
	char *buf;
	size_t len, cap; /* len bytes are used, cap - 1 at most; always NUL-terminated; cap >= 8 */
};

void ld_text_init(struct ld_text *t, char *buf, size_t cap);
void ld_text_str(struct ld_text *t, const char *constant);
/* untrusted bytes: 0x20-0x7e kept (backslash too), others \xNN; after 256 input bytes "..." */
void ld_text_raw(struct ld_text *t, const char *s);
/*
 * untrusted bytes as one word of a line that programs read: blanks and backslashes escaped too; "-" is
 * nothing (NULL or empty), a lone '-' is \x2d; what is cut after 256 input bytes ends in "\...".
 */
void ld_text_word(struct ld_text *t, const char *s, size_t len);
void ld_text_span(struct ld_text *t, struct ld_span s); /* the same; a NUL is \x00 */
void ld_text_dec(struct ld_text *t, uint64_t v);
void ld_text_hex(struct ld_text *t, uint64_t v); /* with 0x */
void ld_text_oct(struct ld_text *t, uint64_t v); /* 4 digits at least: 0644 */
/* "No such file or directory" etc. for the errnos a loader meets, "errno N" for others */
void ld_text_errno(struct ld_text *t, int sys);

/*
 * The one line for a failed load, without newline:
 *   "Error loading shared library OBJECT: TEXT (needed by WHO)"      most codes
 *   "Error relocating OBJECT: SYMBOL: symbol not found"              kind LINK and LD_E_REL_*
 * When a search led to a file of another name, "; found as PATH" stands before (needed by ...).
 * OBJECT is err->object (or err->path when object is NULL), TEXT by kind: REFUSED is prefixed with
 * "refused: "; LD_E_REF_MODE adds " (mode 0644); chmod a+x OBJECT", where err->path, the file the
 * name led to, stands for OBJECT when it is set; LD_E_REF_NOEXEC reads "refused: file system WHERE
 * is mounted noexec"; LD_E_REF_LSM reads "refused by a security module (EPERM); see the kernel's
 * audit log"; LD_E_NOT_FOUND is just the errno text; SYSTEM adds ": " and the errno text; BAD with
 * want != 0 adds ": 0xGOT, must be 0xWANT" (LD_E_REL_TYPE: the number); LIMIT adds
 * ": GOT, limit WANT".
 * Texts as in design section 4 "Messages". (needed by WHO) is left out when needed_by is NULL.
 */
void ld_format_err(struct ld_text *t, const struct ld_err *err);

#endif
