/*
 * line.c: see line.h. Pure.
 *
 * Subject and requester are chosen by whoever names files: they leave as words without blanks, control
 * bytes or backslashes, so that they can pretend to be neither another field nor another line.
 */
#include "line.h"

static const char *const words[LD_EV_CNT][2] = {
	[LD_EV_REFUSE] = {"would refuse", "refused"},
	[LD_EV_IGNORE] = {"would ignore", "ignored"},
	[LD_EV_DROP] = {"would drop", "dropped"},
	[LD_EV_LOADED] = {"loaded", "loaded"},
	[LD_EV_NOTED] = {"noted", "noted"},
	[LD_EV_FAILED] = {"failed", "failed"},
	[LD_EV_SUPPRESSED] = {"suppressed", "suppressed"},
};

void ld_line_format(struct ld_text *t, const struct ld_line *l)
{
	ld_text_str(t, "ward: audit: ");
	ld_text_str(t, words[l->event][!!l->applied]);
	ld_text_str(t, " ");
	ld_text_word(t, l->subject, l->subject_len);
	ld_text_str(t, " needed-by=");
	ld_text_word(t, l->needed_by, l->needed_by ? ld_strlen(l->needed_by) : 0);
	ld_text_str(t, " reason=");
	ld_text_str(t, l->reason);
	ld_text_str(t, " mode=");
	if (l->mode < 0)
		ld_text_str(t, "-");
	else
		ld_text_oct(t, (uint64_t)l->mode);
	ld_text_str(t, " securebits=");
	ld_text_hex(t, l->securebits);
	ld_text_str(t, " pid=");
	ld_text_dec(t, l->pid);
	if (l->lost) {
		ld_text_str(t, " lost=");
		ld_text_dec(t, l->lost);
	}
}

/* FNV-1a; the end of each part counts too */
static uint64_t mix(uint64_t h, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3;
	return (h ^ 0x100) * 0x100000001b3;
}

uint64_t ld_line_hash(const struct ld_line *l)
{
	const char kind[2] = {(char)l->event, (char)!!l->applied};
	uint64_t h = mix(0xcbf29ce484222325, kind, sizeof kind);

	h = mix(h, l->subject, l->subject_len);
	h = mix(h, l->needed_by, l->needed_by ? ld_strlen(l->needed_by) : 0);
	h = mix(h, l->reason, ld_strlen(l->reason));
	return h | 1;
}
