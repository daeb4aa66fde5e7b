/*
 * verdict.h: the one decision function. Facts in, verdict and reason out; audit prints what it says,
 * enforcing applies it, so that what audit did not report runs when enforced.
 */
#ifndef LD_VERDICT_H
#define LD_VERDICT_H

#include "err.h"
#include "policy.h"

enum {
	LD_SECBIT_RESTRICT_FILE = 1 << 8,
	LD_SECBIT_DENY_INTERACTIVE = 1 << 10,
};

/* what holds for a start or a dlopen */
struct ld_facts {
	int secure;          /* AT_SECURE, ids differ, or auxv incomplete */
	uint32_t securebits; /* of the calling thread */
	int was_restricted;  /* an earlier dlopen was restricted: stays so */
	int have_check;      /* the kernel knows AT_EXECVE_CHECK, or something says so for it */
	const struct ld_policy *policy;
};

/* what holds for one file */
struct ld_file_facts {
	int regular;
	uint32_t mode, nlink;
	int seals_ok;      /* nlink is 0 and it is a memfd nobody can write any more */
	int checked;       /* the check was made */
	int check_errno;   /* positive errno, 0 = executable */
	int control_errno; /* positive errno of the control; ENOTDIR is right; 0 with control_made = faked */
	int control_made;
	int no_x;          /* its mode gives this process no execute permission (asked only then, too) */
	int noexec;        /* its file system is mounted noexec (asked only after a refusal) */
};

struct ld_verdict {
	enum ld_code code; /* LD_E_NONE = nothing against it */
	int sys;           /* errno behind it, 0 = none */
	int refuse;        /* apply it (enforcing), or only report it */
};

int ld_facts_enforcing(const struct ld_facts *f);
int ld_facts_restricted(const struct ld_facts *f);
/* is the kernel to be asked at all? */
int ld_facts_asking(const struct ld_facts *f);

struct ld_verdict ld_verdict_of(const struct ld_facts *f, const struct ld_file_facts *file);

/* the word of an audit line: mode, noexec, busy, lsm, unlinked, type, missing, faked, other */
const char *ld_verdict_word(enum ld_code code);

#endif
