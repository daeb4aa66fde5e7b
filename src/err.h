/*
 * err.h: what went wrong, as data. Nothing here formats text: format.c does.
 *
 * The first error wins; callers on the way up may only fill in context that is still empty
 * (object, needed_by). kind decides what is shown beside the constant text.
 */
#ifndef LD_ERR_H
#define LD_ERR_H

#include "base.h"

enum ld_code {
	LD_E_NONE = 0,
#define LD_ERR(code, kind, text) code,
#include "err.def"
#undef LD_ERR
	LD_E_CNT
};

enum ld_kind { LD_K_BAD, LD_K_REFUSED, LD_K_SYSTEM, LD_K_MEMORY, LD_K_LIMIT, LD_K_LINK };

struct ld_err {
	uint16_t code;         /* enum ld_code; 0 = nothing went wrong yet */
	uint16_t mode;         /* st_mode & 07777 of a refused file */
	int sys;               /* errno (positive) of the system call, 0 = none */
	const char *object;    /* file or name it is about; lives as long as the load does */
	const char *needed_by; /* who asked for it; NULL = nobody in particular */
	const char *symbol;    /* symbol name; NULL = none; at most LD_MAX_NAME bytes are shown */
	const char *where;     /* mount point, search path file, directory not searched, defining object, or NULL */
	uint64_t at;           /* file offset, address or index the value was found at */
	uint64_t got, want;    /* offending value and bound; want 0 = not shown */
	char path[256];        /* copy of object's path where it does not outlive the failure */
};

/* constant text and kind of a code; "" and LD_K_BAD for an unknown one */
const char *ld_err_text(int code);
enum ld_kind ld_err_kind(int code);

/* record code with values unless an error is recorded already; returns the recorded code */
ld_st ld_err_set(struct ld_err *err, enum ld_code code, uint64_t at, uint64_t got, uint64_t want);

/* the same for a failed system call: sys is the positive errno */
ld_st ld_err_sys(struct ld_err *err, enum ld_code code, int sys);

/* note which file a name led to (cut to fit); the first one wins */
void ld_err_path(struct ld_err *err, const char *path);

/* fill in the object and the requester where they are still empty */
void ld_err_context(struct ld_err *err, const char *object, const char *needed_by);

#endif
