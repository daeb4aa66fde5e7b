/*
 * note.c: GNU property notes (Linux Extensions to gABI, "Program Property"), and ward's own.
 *
 * May call: memcpy, memcmp. Owns: no data. The file's author controls every byte; as
 * properties only ask for more protection, anything malformed simply asks for nothing. What a program's
 * policy may do is decided by its reader.
 */
#include "note.h"

struct note_head {
	uint32_t name_len, desc_len, type;
};

struct prop_head {
	uint32_t type, data_len;
};

/* notes and properties are padded to a word; the sums stay far below 2^64, all terms are 32-bit */
static uint64_t pad(uint64_t len)
{
	return ld_align_up(len, sizeof(ld_word));
}

/* one property; 0 = malformed */
static int take(const struct prop_head *head, const void *data, struct ld_props *out)
{
	switch (head->type) {
	case LD_GNU_PROPERTY_MEMORY_SEAL:
		if (head->data_len)
			return 0;
		out->memory_seal = 1;
		return 1;
	case LD_ARCH_FEATURE_1:
		if (head->data_len != sizeof out->feature_1)
			return 0;
		memcpy(&out->feature_1, data, sizeof out->feature_1);
		return 1;
	default:
		return 1;
	}
}

/* the properties of one note, ascending by type; 0 = malformed */
static int walk_props(struct ld_span desc, struct ld_props *out)
{
	struct prop_head head;
	uint32_t last = 0;

	for (uint64_t off = 0; off < desc.len; off += pad(sizeof head + (uint64_t)head.data_len)) {
		const void *at = ld_span_at(desc, off, sizeof head), *data;

		if (!at)
			return 0;
		memcpy(&head, at, sizeof head);
		data = ld_span_at(desc, off + sizeof head, head.data_len);
		if (!data || (off && head.type <= last) || !take(&head, data, out))
			return 0;
		last = head.type;
	}
	return 1;
}

void ld_note_props(struct ld_span note, struct ld_props *out)
{
	static const char owner[4] = "GNU";
	struct note_head head;
	uint64_t off = 0;

	*out = (struct ld_props){0, 0};
	while (off < note.len) {
		const void *at = ld_span_at(note, off, sizeof head), *name;
		uint64_t desc_off;
		struct ld_span desc;

		if (!at)
			return;
		memcpy(&head, at, sizeof head);
		name = ld_span_at(note, off + sizeof head, head.name_len);
		desc_off = off + pad(sizeof head + (uint64_t)head.name_len);
		desc.p = ld_span_at(note, desc_off, head.desc_len);
		desc.len = head.desc_len;
		if (!name || !desc.p)
			return;
		if (head.type == LD_NT_GNU_PROPERTY_TYPE_0 && head.name_len == sizeof owner &&
		    !memcmp(name, owner, sizeof owner)) {
			if (!walk_props(desc, out))
				*out = (struct ld_props){0, 0};
			return;
		}
		off = desc_off + pad(head.desc_len);
	}
}

struct ld_span ld_note_policy(struct ld_span notes, uint64_t align)
{
	static const char owner[5] = "ward";
	struct ld_span desc = {NULL, 0};
	struct note_head head;
	uint64_t off = 0;

	align = align == 8 ? 8 : 4;
	while (off < notes.len) {
		const void *at = ld_span_at(notes, off, sizeof head), *name;
		uint64_t desc_off;

		if (!at)
			break;
		memcpy(&head, at, sizeof head);
		name = ld_span_at(notes, off + sizeof head, head.name_len);
		desc_off = off + ld_align_up(sizeof head + (uint64_t)head.name_len, align);
		desc.p = ld_span_at(notes, desc_off, head.desc_len);
		if (!name || !desc.p)
			break;
		if (head.type == LD_NT_WARD_POLICY && head.name_len == sizeof owner &&
		    !memcmp(name, owner, sizeof owner)) {
			for (desc.len = head.desc_len; desc.len && !desc.p[desc.len - 1];)
				desc.len--;
			return desc;
		}
		off = desc_off + ld_align_up(head.desc_len, align);
	}
	return (struct ld_span){NULL, 0};
}
