/*
 * malloc.c (in front of musl's src/malloc/lite_malloc.c): malloc by a name of its own. musl's is a weak
 * second name of a local function, and valgrind puts its own functions in the place of names that are
 * neither: it took free and realloc, not malloc, and programs crashed below it.
 *
 * The first call also gives the allocator a page to start with. musl's loader gives it what is left over
 * between segments, which here is sealed with its neighbours; without any, programs whose use of a size
 * goes up and down by one map and unmap a page each time (SQLite: 4300 times in one script).
 */
#include <stdlib.h>
#include <sys/mman.h>
#include "dynlink.h"
#include "libc.h"
#include "syscall.h"

/*
 * In pieces: of each the allocator makes one slot of 496 bytes, one of 240, and so on down. How often it
 * maps and unmaps later is hard to foresee. Of eighteen ways to divide up to four pages, tried on 49
 * programs of the corpus, this is one of the two that bring none of them into such a loop but one module
 * (libsql's, about 120 times), which no way helps.
 */
enum { PAGE_LEN = 4096, PIECE_LEN = 1024, PIECE_USED = PIECE_LEN - 16 };

hidden void *__libc_malloc_impl(size_t);

static void give_start(void)
{
	long r = __syscall(SYS_mmap, 0, PAGE_LEN, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if ((unsigned long)r >= -4095UL)
		return;
	for (char *p = (char *)r, *end = p + PAGE_LEN; p < end; p += PIECE_LEN)
		__malloc_donate(p, p + PIECE_USED);
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
