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
	unsigned char v[LD_KEY_CNT];
	unsigned char from[LD_KEY_CNT]; /* enum ld_policy_source */
};

/* keys a source may set, as a bit set of 1 << enum ld_policy_key */
#define LD_KEYS_ALL ((1u << LD_KEY_CNT) - 1)
#define LD_KEYS_ENV (1u << LD_KEY_CHECK | 1u << LD_KEY_SEAL | 1u << LD_KEY_REPORT)

/* the built-in default: check=audit missing=report direct=allow seal=code vdso=seal text=private
 * lockdown=none report=quiet */
void ld_policy_default(struct ld_policy *p);

/*
 * Apply words ("check=enforce seal=all", presets watch|enforce|strict, separated by blanks or
 * commas) to *p. tighten: a key never gets laxer than it is (report excepted). keys: which keys may
 * be set; others are wrong words, and so is a preset unless keys holds all that it sets. Wrong
 * words are skipped; their number is returned and the first one's place and length stored in *bad
 * (may be NULL).
 */
unsigned ld_policy_words(struct ld_policy *p, struct ld_span words, int tighten, unsigned keys,
			 struct ld_span *bad);

/* raise every key of *p to at least floor's (report excepted) */
void ld_policy_raise(struct ld_policy *p, const struct ld_policy *floor);

/* "check" and "enforce" for printing; NULL for numbers out of range */
const char *ld_policy_key_name(unsigned key);
const char *ld_policy_value_name(unsigned key, unsigned value);

#endif
