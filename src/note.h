/* note.h: GNU property notes: does the object ask for sealed data, is it BTI/IBT marked? */
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

#endif
