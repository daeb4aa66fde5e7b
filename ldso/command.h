/* command.h: the loader run by hand. */
#ifndef LD_COMMAND_H
#define LD_COMMAND_H

#include "base.h"

struct ld_command {
	char **argv;       /* the program's, NULL-terminated; argv[0] is its path */
	const char *argv0; /* --argv0; NULL = none */
	const char *preload, *library_path, *policy;
	const char *check_conf; /* --check-conf: nothing else counts */
	const char *explain; /* --explain: the symbol; implies list */
	int list, verbose;   /* --list, --list=verbose */
	int diagnose;        /* --diagnose; argv[0] may be NULL then */
};

/* parse the options of a direct run; prints and exits for --help, --version, no program (1), wrong use (2) */
LD_COLD void ld_command_parse(int argc, char **argv, struct ld_command *c);

#endif
