/*
 * Fills a page of a loaded library with other content through userfaultfd.
 *
 *   uffd LIB code    drop the page of who()'s code, refill it with code that says "owned"
 *   uffd LIB blank   fill a page that was never touched
 */
#include "where.h"
#include <sys/ioctl.h>

enum { SYS_uffd = 323, MODE_MISSING = 1 };
#define UFFD_API 0xaa
#define IOC_API 0xc018aa3ful
#define IOC_REGISTER 0xc020aa00ul
#define IOC_COPY 0xc028aa03ul

struct uffd_api {
	uint64_t api, features, ioctls;
};
struct uffd_register {
	uint64_t start, len, mode, ioctls;
};
struct uffd_copy {
	uint64_t dst, src, len, mode;
	int64_t copied;
};

static const char *owned(void)
{
	return "owned";
}

static int fill(uintptr_t page, void *content)
{
	struct uffd_api api = { UFFD_API, 0, 0 };
	struct uffd_register reg = { page, PAGE, MODE_MISSING, 0 };
	struct uffd_copy copy = { page, (uintptr_t)content, PAGE, 0, 0 };
	int fd = syscall(SYS_uffd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, IOC_API, &api)) {
		printf("uffd unavailable: errno %d\n", errno);
		exit(95);
	}
	if (ioctl(fd, IOC_REGISTER, &reg)) return printf("register: errno %d\n", errno);
	if (ioctl(fd, IOC_COPY, &copy)) return printf("copy: errno %d\n", errno);
	return printf("filled\n");
}

int main(int argc, char **argv)
{
	if (argc != 3) return 98;
	void *h = dlopen(argv[1], RTLD_NOW);
	if (!h) fail(dlerror());
	const char *(*who)(void) = (const char *(*)(void))dlsym(h, "who");
	unsigned char *copy = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		0);
	if (!who || copy == MAP_FAILED) fail("who");
	uintptr_t page;
	if (!strcmp(argv[2], "code")) {
		page = DOWN(who);
		memcpy(copy, (void *)page, PAGE);
		write_jump(copy + ((uintptr_t)who - page), (const void *)owned);
		if (madvise((void *)page, PAGE, MADV_DONTNEED)) printf("drop: errno %d\n", errno);
	} else {
		page = DOWN(dlsym(h, "blank"));
		strcpy((char *)copy + 0, "owned");
	}
	fill(page, copy);
	printf("who: %s\n", who());
	fflush(stdout);
	_exit(0); /* past destructors: their code or data may be what was replaced */
}
