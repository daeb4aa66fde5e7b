/* deny.h: what the security module and its loader tell each other. */
#ifndef DENY_H
#define DENY_H

struct deny_rule {
	unsigned long long ino;
	unsigned int dev;   /* as the kernel numbers devices */
	unsigned int error; /* positive errno; 0 = only count */
	int only_check;     /* let the file be executed: refuse only when asked about it */
	int pad;
};

enum {
	SEEN_CHECK,       /* bprm_creds_for_exec, is_check, our file */
	SEEN_EXEC,        /* the same without is_check */
	SEEN_CHECK_OTHER, /* is_check, another file */
	SEEN_OPEN,        /* file_open for execution, our file */
	SEEN_LATER,       /* bprm_check_security, our file: never for a mere check */
	SEEN_CNT,
};

#endif
