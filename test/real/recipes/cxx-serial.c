/* The unwinder keeps a cache in its callback and counts on dl_iterate_phdr to call it from one thread
 * at a time, as glibc does. musl does not: threads that throw at once tie the cache into a ring.
 */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>

__attribute__((visibility("hidden")))
int serial_iterate(int (*f)(struct dl_phdr_info *, size_t, void *), void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int r;

	pthread_mutex_lock(&lock);
	r = dl_iterate_phdr(f, arg);
	pthread_mutex_unlock(&lock);
	return r;
}
