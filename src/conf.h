/*
 * conf.h: the system file /etc/ward.conf as a list of items: settings, sections, wrong lines.
 *
 *	# a comment
 *	check=enforce report=denials            words of the policy grammar (policy.h), presets
 *	preload=/lib/a.so:/lib/b.so             libraries to load first; "preload=" is none
 *	report-to=/run/ward.sock                a datagram socket; "report-to=stderr" is none
 *	[/usr/bin/program]                      what follows is for this program only
 *
 * Words are separated by blanks, tabs or commas (a comma inside preload= and report-to= belongs to the
 * path); '#' at the start of a word begins a comment. A line counts as a whole or not at all. No
 * system call is made here; nothing is allocated: an item points into the text.
 */
#ifndef LD_CONF_H
#define LD_CONF_H

#include "format.h"
#include "policy.h"

enum ld_conf_kind {
	LD_CONF_END,
	LD_CONF_WORDS,   /* text: the line's right words */
	LD_CONF_SECTION, /* text: the absolute path */
	LD_CONF_WRONG,   /* problem, text: what is wrong */
};

enum ld_conf_problem {
	LD_CONF_BYTE,        /* a control byte: byte */
	LD_CONF_WORD,        /* neither key=value nor a preset */
	LD_CONF_KEY,
	LD_CONF_VALUE,       /* of the key name */
	LD_CONF_PRELOAD,     /* not absolute paths separated by colons */
	LD_CONF_REPORT_TO,   /* neither stderr nor an absolute path that fits a socket address */
	LD_CONF_HEADER,      /* no ']' at the end */
	LD_CONF_HEADER_PATH, /* not an absolute path of at most LD_MAX_PATH - 1 bytes */
};

struct ld_conf_item {
	enum ld_conf_kind kind;
	enum ld_conf_problem problem;
	uint32_t line; /* counted from 1 */
	unsigned char byte;
	struct ld_span name, text;
};

/* where a reader is; the text is not changed */
struct ld_conf {
	struct ld_span text;
	uint64_t pos;
	uint32_t line;
	int muted; /* behind a broken header: nobody knows whom these lines are for */
};

/* what the file says for this process; the spans point into its text, p NULL = nothing said */
struct ld_settings {
	struct ld_policy policy;
	struct ld_span preload, report_to;
};

void ld_conf_begin(struct ld_conf *c, struct ld_span text);

/*
 * The next item; 0 = the end. Comments, empty lines and what follows a broken section header up to
 * the next header are passed over. Works on any bytes.
 */
int ld_conf_next(struct ld_conf *c, struct ld_conf_item *out);

/*
 * Apply an item of kind LD_CONF_WORDS. With r->lower == 0, when it is not certain that the line
 * is meant for this process, preload= and report-to= are left out: they are no restriction.
 */
void ld_conf_apply(const struct ld_conf_item *item, const struct ld_policy_rights *r,
		   struct ld_settings *s);

/* the value of a key as one writes it */
void ld_conf_value(struct ld_text *t, unsigned key, uint32_t value);

/* an item of kind LD_CONF_WRONG in words: unknown key "chek", line ignored */
void ld_conf_describe(struct ld_text *t, const struct ld_conf_item *item);

#endif
