/*
 * lfs64.h: names of glibc's large-file interface. musl's files are always large; programs that were built
 * against an older musl, or with _LARGEFILE64_SOURCE, ask for these names.
 */
#ifndef LD_LFS64_H
#define LD_LFS64_H

#include "base.h"

/* strip the 64 of a glibc large-file name ("open64" -> "open"): 1 and *out, or 0 when it is none */
int ld_lfs64_name(const char *name, char *out, size_t len);

#endif
