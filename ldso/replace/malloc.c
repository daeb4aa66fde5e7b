/*
 * malloc.c (in front of musl's src/malloc/lite_malloc.c): malloc by a name of its own. musl's is a weak
 * second name of a local function, and valgrind puts its own functions in the place of names that are
 * neither: it took free and realloc, not malloc, and programs crashed below it.
 *
 * The first call also gives the allocator two pages to start with. musl's loader gives it what is left
 * over between segments, which here is sealed with its neighbours; without any, programs whose use of a
 * size goes up and down by one map and unmap a page each time (SQLite: 4300 times in one script).
 */
#include <stdlib.h>
#include <sys/mman.h>
#include "dynlink.h"
#include "libc.h"
#include "syscall.h"

/*
 * A slot of 4080 bytes, one of 1008, 496 and so on down. How often the allocator then maps and unmaps is
 * hard to foresee: of six lengths tried on the corpus this one did best (a second slot of 2032 bytes made
 * that SQLite script four times worse).
 */
#define START_LEN 6128

hidden void *__libc_malloc_impl(size_t);

static void give_start(void)
{
	long r = __syscall(SYS_mmap, 0, START_LEN, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if ((unsigned long)r < -4095UL)
		__malloc_donate((char *)r, (char *)r + START_LEN);
}

__attribute__((visibility("default"))) void *malloc(size_t n)
{
	static int is_given;

	if (!is_given) {
		is_given = 1;
		/* the allocator does not lock for this; with threads it goes without */
		if (!libc.need_locks)
			give_start();
	}
	return __libc_malloc_impl(n);
}
