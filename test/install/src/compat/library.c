/* library.c: what broad.c loads: a constructor, thread-local data, a reference back into the program */
#include <stdio.h>

extern int exported_by_program(int);
static __thread int calls = 100;
static int ready;

__attribute__((constructor)) static void begin(void) { ready = 1; }

int library_call(int n)
{
	return ready ? exported_by_program(n) + ++calls : -1;
}
