/*
 * room.c: memory the one load at a time works in. A file of its own because the place matters: linked
 * behind everything in .bss that a start writes (mk/ward.mk), so its first page is shared with that.
 */
#include "room.h"

struct ld_room ld_room;
