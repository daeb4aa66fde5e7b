/* policy.h: what the operator wants, as a value. One grammar for all sources of policy. */
#ifndef LD_POLICY_H
#define LD_POLICY_H

#include "base.h"
#include "span.h"

/* each key's values from lax to strict; the numbers are compared */
enum { LD_CHECK_OFF, LD_CHECK_AUDIT, LD_CHECK_ENFORCE };
enum { LD_MISSING_REPORT, LD_MISSING_REFUSE };
enum { LD_DIRECT_ALLOW, LD_DIRECT_DENY };
enum { LD_SEAL_OFF, LD_SEAL_CODE, LD_SEAL_ALL };
enum { LD_VDSO_KEEP, LD_VDSO_SEAL };
enum { LD_TEXT_PRIVATE, LD_TEXT_SHARED };
enum { LD_LOCKDOWN_NONE, LD_LOCKDOWN_WX, LD_LOCKDOWN_EXEC };
enum { LD_REPORT_QUIET, LD_REPORT_DENIALS, LD_REPORT_ALL };

enum ld_policy_key {
	LD_KEY_CHECK,
	LD_KEY_MISSING,
	LD_KEY_DIRECT,
	LD_KEY_SEAL,
	LD_KEY_VDSO,
	LD_KEY_TEXT,
	LD_KEY_LOCKDOWN,
	LD_KEY_STATIC_TLS, /* a number of bytes, no restriction: from less to more */
	LD_KEY_REPORT, /* not a restriction: the last word wins */
	LD_KEY_CNT
};

/* who set a key, for those who ask (--diagnose); decides nothing */
enum ld_policy_source {
	LD_FROM_BUILD,
	LD_FROM_FLOOR,
	LD_FROM_CONF,    /* /etc/ward.conf */
	LD_FROM_SECTION, /* a section of it for this program */
	LD_FROM_NOTE,    /* .note.ward of the program */
	LD_FROM_COMMAND, /* --policy */
	LD_FROM_ENV,     /* LD_WARD */
	LD_FROM_CNT
};

struct ld_policy {
	uint32_t v[LD_KEY_CNT];
	unsigned char from[LD_KEY_CNT]; /* enum ld_policy_source */
};

/* sets of keys, as bits 1 << enum ld_policy_key */
#define LD_KEY_BIT(key) (1u << (key))
#define LD_KEYS_ALL ((1u << LD_KEY_CNT) - 1)
#define LD_KEYS_PRESET (LD_KEYS_ALL & ~LD_KEY_BIT(LD_KEY_STATIC_TLS)) /* what "strict" sets */
#define LD_KEYS_ENV (LD_KEY_BIT(LD_KEY_CHECK) | LD_KEY_BIT(LD_KEY_SEAL) | LD_KEY_BIT(LD_KEY_REPORT))
/* what the program's own note may relax when the process is not restricted */
#define LD_KEYS_NOTE_LOWER                                                                         \
	(LD_KEY_BIT(LD_KEY_SEAL) | LD_KEY_BIT(LD_KEY_VDSO) | LD_KEY_BIT(LD_KEY_TEXT) |             \
	 LD_KEY_BIT(LD_KEY_REPORT))

/* what a source of policy may do */
struct ld_policy_rights {
	enum ld_policy_source source;
	unsigned keys;  /* which keys it may set; others are wrong words */
	unsigned lower; /* which of them it may also make laxer; the others only get stricter */
};

/* what became of one word */
enum ld_policy_word {
	LD_WORD_OK,
	LD_WORD_UNKNOWN, /* neither key=value nor a preset */
	LD_WORD_KEY,     /* no such key */
	LD_WORD_VALUE,   /* no such value of that key */
	LD_WORD_DENIED,  /* not for this source */
};

/* the built-in default: check=audit missing=report direct=allow seal=code vdso=seal text=private
 * lockdown=none static-tls=0 report=quiet; how many bytes static-tls is, the build says (ldso/policy.c) */
void ld_policy_default(struct ld_policy *p);

/*
 * Apply one word, "check=enforce" or a preset (watch, enforce, strict), to *p. A preset is a wrong
 * word unless the source may set all its keys: who says "strict" must not get a part of it. A wrong
 * word changes nothing. A right word that would make a key laxer than the source may is right, and
 * changes nothing.
 */
enum ld_policy_word ld_policy_word(struct ld_policy *p, struct ld_span word,
				   const struct ld_policy_rights *r);

/*
 * Apply words separated by blanks, tabs, newlines or commas. Wrong ones are skipped; their number is
 * returned and the first one's place and length stored in *bad (may be NULL).
 */
unsigned ld_policy_words(struct ld_policy *p, struct ld_span words, const struct ld_policy_rights *r,
			 struct ld_span *bad);

/* raise every key of *p to at least floor's; not report, which restricts nothing */
void ld_policy_raise(struct ld_policy *p, const struct ld_policy *floor);

/* "check" and "enforce" for printing; NULL for numbers out of range, and where the value is a number */
const char *ld_policy_key_name(unsigned key);
const char *ld_policy_value_name(unsigned key, unsigned value);

#endif
