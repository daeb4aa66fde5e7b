/* path.h: search paths as strings; no system call is made here. */
#ifndef LD_PATH_H
#define LD_PATH_H

#include "base.h"

enum {
	LD_PATH_NEWLINE = 1, /* '\n' separates too (the system path file only) */
};

/* why a directory is not searched when restricted */
enum ld_dir_reason {
	LD_DIR_OK,
	LD_DIR_RELATIVE, /* the current directory decides which one it is */
	LD_DIR_OWNER,    /* it, or one above it, is somebody else's */
	LD_DIR_WRITABLE, /* others may write to it, or exchange it for another */
	LD_DIR_CNT
};

/*
 * Step through a search path "a:b:c". *pos is where to go on (start: the string itself); the next
 * usable entry is copied to buf with '/' and name (which has no slash) appended and NUL-terminated.
 * Empty entries are always skipped; entries with control bytes (0x01-0x1f, 0x7f; newline is one unless LD_PATH_NEWLINE) and
 * entries that would not fit are skipped.
 * $ORIGIN and ${ORIGIN} are replaced by origin only when they stand at the start of an entry and
 * are followed by '/' or its end; an entry with any other '$', or with origin NULL, empty, not
 * absolute, or containing control bytes, is dropped. Splitting comes before expansion,
 * so a ':' inside origin splits nothing (attack rows B03-B07).
 * Returns the length written (without NUL), or 0 when the path is exhausted.
 */
size_t ld_path_next(const char **pos, const char *origin, const char *name, int flags, char *buf,
		    size_t buf_len);

/* length of the directory part of path ("/a/b" -> 2, "/b" -> 1, "b" -> 0) */
size_t ld_path_dir_len(const char *path);

/* last component of path */
const char *ld_path_base(const char *path);

/* a word for reports and a phrase for messages; "" for LD_DIR_OK and what is no reason */
const char *ld_dir_word(unsigned reason);
const char *ld_dir_phrase(unsigned reason);

/* is name one of musl's own names: "lib" + c|pthread|rt|m|dl|util|xnet + "."..., no slash? */
int ld_path_is_libc(const char *name);

#endif
