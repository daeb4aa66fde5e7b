/* line.h: one line of a report, as a value and as text. One format for all of them. */
#ifndef LD_LINE_H
#define LD_LINE_H

#include "format.h"

enum ld_event {
	LD_EV_REFUSE,     /* a file is not loaded */
	LD_EV_IGNORE,     /* a variable or option is not honoured */
	LD_EV_DROP,       /* a search directory is passed over */
	LD_EV_LOADED,     /* an object was loaded (report=all) */
	LD_EV_NOTED,      /* something odd without consequence (report=all) */
	LD_EV_FAILED,     /* a start failed for another reason than a verdict */
	LD_EV_SUPPRESSED, /* no further lines of this process */
	LD_EV_CNT
};

struct ld_line {
	enum ld_event event;
	int applied;           /* it happened; else it would have, had restriction been on */
	const char *subject;   /* untrusted, subject_len bytes */
	size_t subject_len;
	const char *needed_by; /* untrusted; NULL = nobody */
	const char *reason;    /* one constant word */
	int64_t mode;          /* permission bits, -1 = unknown */
	uint32_t securebits;
	uint64_t pid;
	uint64_t lost;         /* lines that found no room since the last that did; 0 = not shown */
};

/* what the longest line needs, newline and NUL included; below PIPE_BUF */
#define LD_LINE_MAX 2304

/*
 * "ward: audit: EVENT SUBJECT needed-by=WHO reason=WORD mode=MODE securebits=BITS pid=PID[ lost=N]"
 * without newline. SUBJECT and WHO are words (ld_text_word): the line splits at blanks. EVENT is refused,
 * ignored or dropped when applied, else two words, "would refuse" and so on; or loaded, noted,
 * failed, suppressed.
 */
void ld_line_format(struct ld_text *t, const struct ld_line *l);

/* never 0; the same for lines that say the same about the same */
uint64_t ld_line_hash(const struct ld_line *l);

#endif
