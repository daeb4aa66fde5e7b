/* room.h: memory for the one load at a time (room.c), for area.c and anon.c only. */
#ifndef LD_ROOM_H
#define LD_ROOM_H

#include "dso.h"

/* what every start uses first */
struct ld_room {
	struct ld_image img;
	unsigned char copy[4096]; /* of a page that is being replaced (anon.c) */
	_Alignas(16) unsigned char scratch[16384];
	struct ld_buffers buf;
};

extern struct ld_room ld_room;

#endif
