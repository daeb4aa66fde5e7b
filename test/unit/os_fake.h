/*
 * os_fake.h: the kernel face for unit tests: real memory, files out of a table, every call counted
 * and logged, and any call can be made to fail.
 */
#ifndef OS_FAKE_H
#define OS_FAKE_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

enum { OS_FAKE_REG = 0100000, OS_FAKE_FIFO = 0010000, OS_FAKE_DIR = 0040000, OS_FAKE_LINK = 0120000, OS_FAKE_CHECKS = 8, OS_FAKE_MOUNT = 42 };

/*
 * One file; errnos are positive, 0 = the call succeeds. A directory needs no entry unless it is special: it is
 * root's, with mode 0755; what it is called in an entry is how it is reached. data of a link is its text.
 */
struct os_fake_file {
	const char *path;
	const unsigned char *data;
	uint64_t len;
	uint32_t mode, nlink, uid, gid;
	int open;
	int stat[2];               /* the first fstat, and later ones */
	int64_t grown;             /* size and mtime have changed by so much when asked again */
	int check[OS_FAKE_CHECKS]; /* one after the other, the last one for ever */
	int control;               /* ENOTDIR is what a kernel says */
	int execute;               /* faccessat2(2) */
	long seals, fs_flags;      /* a result, or -errno */
	uint64_t fs_type;
	int stat_at;               /* stat by name */
	uint64_t ino;              /* 0 = its own; else that of another name of the same file */
	/* what happened to it */
	unsigned stats, checks, fds;
};

/* forget everything; cnt files from now on; descriptor 100 + index */
void os_fake_files(struct os_fake_file *files, size_t cnt);

/* calls so far, "open /a=100 fstat 100 ..."; consecutive equal ones are shown once */
const char *os_fake_log(void);

/*
 * ld_os_exit: 0 = the code after it is reached by jumping back here, with the status in
 * os_fake_status; without this an exit fails the test.
 */
#define os_fake_catch_exit() setjmp(*os_fake_exit_to())
jmp_buf *os_fake_exit_to(void);
extern int os_fake_status;

extern uint32_t os_fake_euid;
extern uint32_t os_fake_securebits; /* UINT32_MAX: prctl fails */
extern unsigned os_fake_slept;      /* microseconds */
extern size_t os_fake_mapped;       /* bytes mapped and not unmapped yet */
extern unsigned os_fake_fds;        /* descriptors open */
extern unsigned os_fake_calls;      /* calls that can fail since os_fake_fail */

/* the n-th such call from now (1 = the next) fails with sys; n 0 = none does */
void os_fake_fail(unsigned n, int sys);

/* len bytes nobody can touch, for regions; never fails */
void *os_fake_region(size_t len);
void os_fake_region_free(void *p, size_t len);

/* may the byte be read? written? */
int os_fake_readable(const void *p);
int os_fake_writable(void *p);

#endif
