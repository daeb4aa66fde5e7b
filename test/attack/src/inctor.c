/* A library whose constructor tries to make its own relocated constants writable. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char ok[] = "ctor mprotect: ok\n", refused[] = "ctor mprotect: refused\n";
static const char *const volatile table[] = { ok, refused };

__attribute__((constructor)) static void begin(void)
{
	uintptr_t page = (uintptr_t)table & ~(uintptr_t)4095;
	int bad = mprotect((void *)page, 4096, PROT_READ | PROT_WRITE) != 0;
	if (write(1, table[bad], strlen(table[bad])) < 0) _exit(99);
}
