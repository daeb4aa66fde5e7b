/* local.h: a thread_local object that says when it comes and goes. */
#ifndef LOCAL_H
#define LOCAL_H

#include <cstdio>

struct Local {
	explicit Local(const char *where) : where(where) { printf("%s: constructed\n", where); }
	~Local() { printf("%s: destroyed, count %d\n", where, count); }
	const char *where;
	int count = 0;
};

#endif
