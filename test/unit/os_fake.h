/*
 * os_fake.h: the kernel face for unit tests: real memory, counted, and any call can be made to fail.
 */
#ifndef OS_FAKE_H
#define OS_FAKE_H

#include <stddef.h>

/* mappings made by map_anon and not unmapped yet */
extern size_t os_fake_mapped;
/* calls made since os_fake_fail */
extern unsigned os_fake_calls;

/* the n-th call from now (1 = the next) fails with ENOMEM; 0 = none does */
void os_fake_fail(unsigned n);

/* len bytes nobody can touch, for regions; never fails */
void *os_fake_region(size_t len);
void os_fake_region_free(void *p, size_t len);

/* may the byte be read? written? */
int os_fake_readable(const void *p);
int os_fake_writable(void *p);

#endif
