/*
 * note.h: notes: GNU properties (does the object ask for sealed data, is it BTI/IBT marked?) and
 * the policy of a program, .note.ward.
 */
#ifndef LD_NOTE_H
#define LD_NOTE_H

#include "elf.h"
#include "err.h"
#include "span.h"

struct ld_props {
	int memory_seal;     /* GNU_PROPERTY_MEMORY_SEAL present */
	uint32_t feature_1;  /* the architecture's FEATURE_1_AND bits, 0 = absent */
};

/*
 * Read the properties out of a bounded copy of PT_GNU_PROPERTY. A malformed note means "no
 * properties", never an error: they only ask for more protection (Linux reads them the same way).
 */
void ld_note_props(struct ld_span note, struct ld_props *out);

#define LD_NT_WARD_POLICY 1 /* note type of owner "ward": policy words */

/*
 * The policy words in a segment of notes: descriptor of the first note of owner "ward" and type
 * LD_NT_WARD_POLICY, without NULs at its end; align is p_align of the segment (8: notes are padded
 * to 8 bytes, else to 4). p NULL = there is none, or the notes before it are malformed.
 */
struct ld_span ld_note_policy(struct ld_span notes, uint64_t align);

#endif
