/*
 * malloc.c (in front of musl's src/malloc/lite_malloc.c): malloc by a name of its own. musl's is a weak
 * second name of a local function, and valgrind 3.19 puts its own functions in the place of names that
 * are neither: it took free and realloc, not malloc, and programs crashed below it.
 */
#include <stdlib.h>
#include "libc.h"

hidden void *__libc_malloc_impl(size_t);

__attribute__((visibility("default"))) void *malloc(size_t n)
{
	return __libc_malloc_impl(n);
}
