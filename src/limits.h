/*
 * limits.h: the one table of limits. Each has its own error code; none is reached by real programs
 * (the largest seen: 13 segments, 60 DT_NEEDED, 97 MB, 22 KB of TLS).
 */
#ifndef LD_LIMITS_H
#define LD_LIMITS_H

#define LD_MAX_PHDRS 64              /* program headers */
#define LD_MAX_SEGS 24               /* PT_LOAD segments */
#define LD_MAX_DYN 4096              /* entries of the dynamic table */
#define LD_MAX_NEEDED 1024           /* DT_NEEDED entries of one object */
#define LD_MAX_OBJS 16384            /* objects in one process */
#define LD_MAX_NAME 255              /* bytes of a library name without a slash */
#define LD_MAX_PATH 4096             /* bytes of a path, with its NUL */
#define LD_MAX_NOTE 4096             /* bytes of property notes that are read */
#define LD_MAX_SPAN 0x4000000000ull  /* bytes of address space of one object */
#define LD_MAX_TLS 0x10000000ull     /* bytes of thread-local storage of one object */
#define LD_MAX_TLS_ALIGN 0x10000ull  /* alignment of thread-local storage */
#define LD_MAX_STATIC_TLS 1048576    /* bytes of every thread that static-tls= may keep */
#define LD_MAX_SOCKET 108            /* bytes of a socket's path, with its NUL: sun_path, unix(7) */
#define LD_MAX_INIT 65536            /* entries of an init or fini array */

#endif
