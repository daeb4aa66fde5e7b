/* os_fake.c: see os_fake.h. Implements what src/arena.c and src/registry.c use of os.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "os.h"
#include "os_fake.h"

size_t os_fake_mapped;
unsigned os_fake_calls;
static unsigned fail_at;

void os_fake_fail(unsigned n)
{
	os_fake_calls = 0;
	fail_at = n;
}

static int failing(void)
{
	return ++os_fake_calls == fail_at;
}

void *os_fake_region(size_t len)
{
	void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

void os_fake_region_free(void *p, size_t len)
{
	assert_int_equal(munmap(p, len), 0);
}

/* the kernel reads or writes the byte for us and says EFAULT instead of killing */
static int try_byte(void *p, int writing)
{
	int ends[2];
	char c = 0;
	ssize_t n;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	n = write(ends[1], writing ? &c : p, 1);
	if (n == 1 && writing) {
		/* what is written back is what stood there */
		n = read(ends[0], &c, 1);
		c = n == 1 ? *(char *)p : 0;
		assert_int_equal(write(ends[1], &c, 1), 1);
		n = read(ends[0], p, 1);
	}
	assert_int_equal(close(ends[0]) | close(ends[1]), 0);
	return n == 1;
}

int os_fake_readable(const void *p)
{
	return try_byte((void *)p, 0);
}

int os_fake_writable(void *p)
{
	return os_fake_readable(p) && try_byte(p, 1);
}

long ld_os_map_anon(uintptr_t addr, size_t len, int populate)
{
	void *p;

	(void)populate;
	assert_int_equal(addr, 0);
	if (failing())
		return -ENOMEM;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	os_fake_mapped++;
	return (long)p;
}

long ld_os_munmap(void *p, size_t len)
{
	assert_true(os_fake_mapped > 0);
	assert_int_equal(munmap(p, len), 0);
	os_fake_mapped--;
	return 0;
}

long ld_os_mprotect(void *p, size_t len, uint32_t prot)
{
	if (failing())
		return -ENOMEM;
	return mprotect(p, len, (int)prot) ? -errno : 0;
}

long ld_os_remap_none(uintptr_t addr, size_t len)
{
	if (failing())
		return -ENOMEM;
	return mmap((void *)addr, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
			       MAP_FAILED ?
		       -errno :
		       0;
}
