/* lfs64.c: see lfs64.h. Pure. */
#include "lfs64.h"

int ld_lfs64_name(const char *name, char *out, size_t len)
{
	/* one string, so that it needs no relocation; a list of pointers would */
	static const char names[] =
		"aio_cancel\0aio_error\0aio_fsync\0aio_read\0aio_return\0aio_suspend\0aio_write\0"
		"alphasort\0creat\0fallocate\0fgetpos\0fopen\0freopen\0fseeko\0fsetpos\0fstat\0"
		"fstatat\0fstatfs\0fstatvfs\0ftello\0ftruncate\0ftw\0getdents\0getrlimit\0glob\0"
		"globfree\0lio_listio\0lockf\0lseek\0lstat\0mkostemp\0mkostemps\0mkstemp\0mkstemps\0"
		"mmap\0nftw\0open\0openat\0posix_fadvise\0posix_fallocate\0pread\0preadv\0prlimit\0"
		"pwrite\0pwritev\0readdir\0scandir\0sendfile\0setrlimit\0stat\0statfs\0statvfs\0"
		"tmpfile\0truncate\0versionsort\0__fxstat\0__fxstatat\0__lxstat\0__xstat\0";
	size_t n = ld_strlen(name), cut;

	/* the re-entrant readdir64_r carries its 64 in the middle */
	if (n == 11 && len > 10 && !memcmp(name, "readdir64_r", 11)) {
		memcpy(out, "readdir_r", 10);
		return 1;
	}
	if (n < 3 || name[n - 2] != '6' || name[n - 1] != '4' || n - 1 > len)
		return 0;
	cut = n - 2;
	for (const char *p = names; *p; p += ld_strlen(p) + 1) {
		if (ld_strlen(p) != cut || memcmp(p, name, cut))
			continue;
		memcpy(out, name, cut);
		out[cut] = 0;
		return 1;
	}
	return 0;
}
