/* replace.h: between the loader and the musl files it replaces. */
#ifndef LD_REPLACE_H
#define LD_REPLACE_H

#include <stddef.h>
#include <stdint.h>

/* ldso/replace/__init_tls.c */
__attribute__((visibility("hidden"))) void *ld_tls_early(void);
__attribute__((visibility("hidden"))) long ld_tls_main(void);

/* ldso/tls.c */
__attribute__((visibility("hidden"))) uint32_t ld_tls_fill(unsigned char *, uintptr_t *);
__attribute__((visibility("hidden"))) void ld_tls_reset(uintptr_t *);
__attribute__((visibility("hidden"))) uint64_t ld_tls_block(uint64_t *, uint32_t *);

/* ldso/init.c */
__attribute__((visibility("hidden"))) void ld_init_forked(void);

#endif
