/* __reset_tls.c (replaces musl's): a SIGEV_THREAD timer's thread gets fresh TLS between callbacks. */
#include "pthread_impl.h"
#include "replace.h"

void __reset_tls(void); /* musl declares it without a prototype */
void __reset_tls(void)
{
	ld_tls_reset(__pthread_self()->dtv);
}
