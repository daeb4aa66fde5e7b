/*
 * unit.h: what every unit test includes. The C library's headers come first: base.h makes all that
 * is declared after it hidden.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"

/*
 * The result is want, recorded as such. A code that was seen is written to the file COVER_LOG
 * names: test/unit/run demands every code of err.def.
 */
#define expect_code(st, err, want) unit_expect(st, err, want, __FILE__, __LINE__)
void unit_expect(ld_st st, const struct ld_err *err, int want, const char *file, int line);

#define expect_ok(st, err) expect_code(st, err, LD_E_NONE)

/* one group per file under test; each returns the number of failed tests */
#define UNIT_GROUPS(X)                                                                             \
	X(hash) X(span) X(err) X(format) X(ehdr) X(phdr) X(dyn) X(note) X(path) X(policy) X(conf)  \
	X(line) X(graph) X(tlslayout) X(sym) X(layout) X(apply) X(arena) X(registry) X(verdict)            \
	X(open) X(walk) X(vet) X(map) X(sources)
#define UNIT_DECLARE(name) int run_##name(void);
UNIT_GROUPS(UNIT_DECLARE)

#define UNIT_RUN(name, tests)                                                                      \
	int run_##name(void)                                                                       \
	{                                                                                          \
		return cmocka_run_group_tests_name(#name, tests, NULL, NULL);                      \
	}

#endif
