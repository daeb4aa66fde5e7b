/*
 * policy.c: what the operator wants, as a value. The one grammar for all sources of policy.
 *
 * May call: memcmp, memset. Owns: constant tables. A word may come from the environment; where it
 * came from, and so what it may change, is the caller's knowledge (struct ld_policy_rights).
 */
#include "policy.h"
#include "limits.h"

#define VALUES_MAX 3

struct key {
	const char *name;
	const char *value[VALUES_MAX]; /* from lax to strict */
	unsigned char dflt;
};

static const struct key keys_table[LD_KEY_CNT] = {
	[LD_KEY_CHECK] = {"check", {"off", "audit", "enforce"}, LD_CHECK_AUDIT},
	[LD_KEY_MISSING] = {"missing", {"report", "refuse"}, LD_MISSING_REPORT},
	[LD_KEY_DIRECT] = {"direct", {"allow", "deny"}, LD_DIRECT_ALLOW},
	[LD_KEY_SEAL] = {"seal", {"off", "code", "all"}, LD_SEAL_CODE},
	[LD_KEY_VDSO] = {"vdso", {"keep", "seal"}, LD_VDSO_SEAL},
	[LD_KEY_TEXT] = {"text", {"private", "shared"}, LD_TEXT_PRIVATE},
	[LD_KEY_LOCKDOWN] = {"lockdown", {"none", "wx", "exec"}, LD_LOCKDOWN_NONE},
	[LD_KEY_STATIC_TLS] = {"static-tls", {NULL}, 0}, /* values are numbers */
	[LD_KEY_REPORT] = {"report", {"quiet", "denials", "all"}, LD_REPORT_QUIET},
};

struct preset {
	const char *name;
	unsigned keys; /* those it sets */
	unsigned char v[LD_KEY_CNT];
};

#define WATCH_KEYS \
	(LD_KEY_BIT(LD_KEY_CHECK) | LD_KEY_BIT(LD_KEY_SEAL) | LD_KEY_BIT(LD_KEY_VDSO) | LD_KEY_BIT(LD_KEY_REPORT))

static const struct preset presets[] = {
	{"watch",
	 WATCH_KEYS,
	 {[LD_KEY_CHECK] = LD_CHECK_AUDIT,
	  [LD_KEY_SEAL] = LD_SEAL_CODE,
	  [LD_KEY_VDSO] = LD_VDSO_SEAL,
	  [LD_KEY_REPORT] = LD_REPORT_DENIALS}},
	{"enforce",
	 WATCH_KEYS | LD_KEY_BIT(LD_KEY_MISSING),
	 {[LD_KEY_CHECK] = LD_CHECK_ENFORCE,
	  [LD_KEY_MISSING] = LD_MISSING_REFUSE,
	  [LD_KEY_SEAL] = LD_SEAL_CODE,
	  [LD_KEY_VDSO] = LD_VDSO_SEAL,
	  [LD_KEY_REPORT] = LD_REPORT_DENIALS}},
	{"strict",
	 LD_KEYS_PRESET,
	 {[LD_KEY_CHECK] = LD_CHECK_ENFORCE,
	  [LD_KEY_MISSING] = LD_MISSING_REFUSE,
	  [LD_KEY_DIRECT] = LD_DIRECT_DENY,
	  [LD_KEY_SEAL] = LD_SEAL_CODE,
	  [LD_KEY_VDSO] = LD_VDSO_SEAL,
	  [LD_KEY_TEXT] = LD_TEXT_SHARED,
	  [LD_KEY_LOCKDOWN] = LD_LOCKDOWN_EXEC,
	  [LD_KEY_REPORT] = LD_REPORT_DENIALS}},
};

void ld_policy_default(struct ld_policy *p)
{
	for (unsigned i = 0; i < LD_KEY_CNT; i++) {
		p->v[i] = keys_table[i].dflt;
		p->from[i] = LD_FROM_BUILD;
	}
}

static int is_separator(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == ',';
}

static int span_is(struct ld_span s, const char *word)
{
	return s.len == ld_strlen(word) && !memcmp(s.p, word, s.len);
}

static void set(struct ld_policy *p, unsigned key, uint32_t value,
		const struct ld_policy_rights *r)
{
	if (value <= p->v[key] && !(r->lower & LD_KEY_BIT(key)))
		return;
	p->v[key] = value;
	p->from[key] = (unsigned char)r->source;
}

static enum ld_policy_word apply_preset(struct ld_policy *p, struct ld_span word,
					const struct ld_policy_rights *r)
{
	for (size_t i = 0; i < LD_COUNTOF(presets); i++) {
		const struct preset *pre = &presets[i];

		if (!span_is(word, pre->name))
			continue;
		if (pre->keys & ~r->keys)
			return LD_WORD_DENIED;
		for (unsigned k = 0; k < LD_KEY_CNT; k++)
			if (pre->keys & LD_KEY_BIT(k))
				set(p, k, pre->v[k], r);
		return LD_WORD_OK;
	}
	return LD_WORD_UNKNOWN;
}

/* decimal digits and nothing else: 1 = a number of at most max */
static int read_number(struct ld_span s, uint32_t max, uint32_t *out)
{
	uint32_t n = 0;

	for (uint64_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return 0;
		n = n * 10 + (uint32_t)(s.p[i] - '0');
		if (n > max)
			return 0;
	}
	*out = n;
	return s.len != 0;
}

static enum ld_policy_word apply_value(struct ld_policy *p, unsigned key, struct ld_span value,
				       const struct ld_policy_rights *r)
{
	if (!(r->keys & LD_KEY_BIT(key)))
		return LD_WORD_DENIED;
	if (key == LD_KEY_STATIC_TLS) {
		uint32_t bytes;

		if (!read_number(value, LD_MAX_STATIC_TLS, &bytes))
			return LD_WORD_VALUE;
		set(p, key, bytes, r);
		return LD_WORD_OK;
	}
	for (unsigned i = 0; i < VALUES_MAX; i++) {
		const char *name = ld_policy_value_name(key, i);

		if (name && span_is(value, name)) {
			set(p, key, i, r);
			return LD_WORD_OK;
		}
	}
	return LD_WORD_VALUE;
}

enum ld_policy_word ld_policy_word(struct ld_policy *p, struct ld_span word,
				   const struct ld_policy_rights *r)
{
	struct ld_span name = {word.p, 0}, value;

	while (name.len < word.len && word.p[name.len] != '=')
		name.len++;
	if (name.len == word.len)
		return apply_preset(p, word, r);
	value = (struct ld_span){word.p + name.len + 1, word.len - name.len - 1};
	for (unsigned k = 0; k < LD_KEY_CNT; k++)
		if (span_is(name, keys_table[k].name))
			return apply_value(p, k, value, r);
	return LD_WORD_KEY;
}

unsigned ld_policy_words(struct ld_policy *p, struct ld_span words, const struct ld_policy_rights *r,
			 struct ld_span *bad)
{
	unsigned wrong = 0;
	uint64_t i = 0;

	if (bad)
		*bad = (struct ld_span){NULL, 0};
	while (i < words.len) {
		struct ld_span word = {words.p + i, 0};

		if (is_separator(words.p[i])) {
			i++;
			continue;
		}
		for (; i < words.len && !is_separator(words.p[i]); i++)
			word.len++;
		if (ld_policy_word(p, word, r) == LD_WORD_OK)
			continue;
		if (!wrong++ && bad)
			*bad = word;
	}
	return wrong;
}

void ld_policy_raise(struct ld_policy *p, const struct ld_policy *floor)
{
	for (unsigned i = 0; i < LD_KEY_CNT; i++)
		if (i != LD_KEY_REPORT && floor->v[i] > p->v[i]) {
			p->v[i] = floor->v[i];
			p->from[i] = LD_FROM_FLOOR;
		}
}

const char *ld_policy_key_name(unsigned key)
{
	return key < LD_KEY_CNT ? keys_table[key].name : NULL;
}

const char *ld_policy_value_name(unsigned key, unsigned value)
{
	return key < LD_KEY_CNT && value < VALUES_MAX ? keys_table[key].value[value] : NULL;
}
