/* room.h: memory for the one load at a time (room.c), for area.c only. */
#ifndef LD_ROOM_H
#define LD_ROOM_H

#include "dso.h"

/* what every start uses first: img and a little scratch; head and path are for files */
struct ld_room {
	struct ld_image img;
	struct ld_buffers buf;
};

extern struct ld_room ld_room;

#endif
