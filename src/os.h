/*
 * os.h: the kernel, as far as a loader needs it. Raw system calls: results are >= 0 or -errno, no
 * policy, no errno, no cancellation points. os_linux.c implements it; tests link a fake instead.
 */
#ifndef LD_OS_H
#define LD_OS_H

#include "base.h"

enum { LD_PROT_RW = 3 };
enum { LD_AT_FDCWD = -100 }; /* for a directory: the current one */
enum { LD_S_IFMT = 0170000, LD_S_IFDIR = 0040000, LD_S_IFREG = 0100000, LD_S_IFLNK = 0120000,
       LD_S_ISVTX = 01000 };

enum {
	LD_EPERM = 1, LD_ENOENT = 2, LD_EINTR = 4, LD_EIO = 5, LD_ENOEXEC = 8, LD_EBADF = 9, LD_EAGAIN = 11,
	LD_ENOMEM = 12, LD_EACCES = 13, LD_EFAULT = 14, LD_EEXIST = 17, LD_ENOTDIR = 20, LD_EINVAL = 22,
	LD_EMFILE = 24, LD_ETXTBSY = 26, LD_EPIPE = 32, LD_ENAMETOOLONG = 36, LD_ENOSYS = 38, LD_ELOOP = 40,
};

struct ld_stat {
	uint64_t dev, ino, size;
	int64_t mtime;           /* nanoseconds */
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev;           /* of a device node, as dev */
	uint64_t mount_id;       /* 0 = the kernel does not tell */
};

static inline int ld_os_failed(long r)
{
	return LD_UNLIKELY((unsigned long)r > -4096ul);
}

/* open(2) O_RDONLY|O_CLOEXEC|O_NOCTTY|O_NONBLOCK: a FIFO, a tty or a lease never holds us up */
long ld_os_open(const char *path);
/* a directory, never through a symbolic link: only to stand in and to ask about (O_PATH) */
long ld_os_open_dir(int dir, const char *name);
long ld_os_close(int fd);
/* /dev/null for reading and writing, kept over execve: a stand-in for a standard stream */
long ld_os_open_null(void);
/* fcntl(2) F_GETFD: -EBADF tells that the descriptor is closed, whatever RLIMIT_NOFILE says */
long ld_os_fd_flags(int fd);
long ld_os_fstat(int fd, struct ld_stat *st);
/* statx(2) of path below the directory dir, symbolic links followed, nothing opened or automounted */
long ld_os_stat_at(int dir, const char *path, struct ld_stat *st);
/* of the name itself, also when it is a symbolic link */
long ld_os_lstat_at(int dir, const char *name, struct ld_stat *st);
/* open(2) O_PATH|O_CLOEXEC: a place to look from; neither read nor search permission of the file asked */
long ld_os_open_place(const char *path);
/* all len bytes at off, or fewer at the end of the file; restarts when interrupted */
long ld_os_pread(int fd, void *buf, size_t len, uint64_t off);
/* all len bytes, or -errno */
long ld_os_write(int fd, const void *buf, size_t len);
/*
 * The same, but it neither stays blocked nor raises SIGPIPE: when there is no room within wait_ms,
 * -EAGAIN. For at most PIPE_BUF (4096) bytes. Not on a regular file, which has always room.
 */
long ld_os_write_soon(int fd, const void *buf, size_t len, unsigned wait_ms);
/*
 * One datagram to the UNIX socket at path, through a close-on-exec descriptor that is closed again;
 * does not wait. 0, or -errno: -EAGAIN = its queue is full.
 */
long ld_os_datagram(const char *path, const void *buf, size_t len);

/* populate: MAP_POPULATE; addr 0 = anywhere, else MAP_FIXED_NOREPLACE at addr */
long ld_os_map_anon(uintptr_t addr, size_t len, int populate);
long ld_os_map_none(uintptr_t addr, size_t len);
/* MAP_FIXED over what is ours already */
long ld_os_remap_anon(uintptr_t addr, size_t len, int populate);
long ld_os_remap_none(uintptr_t addr, size_t len);
/* MAP_FIXED_NOREPLACE of a file, private or shared */
long ld_os_map_file(uintptr_t addr, size_t len, uint32_t prot, int shared, int fd, uint64_t off);
long ld_os_munmap(void *p, size_t len);
long ld_os_mprotect(void *p, size_t len, uint32_t prot);
/* mprotect(2) with PROT_GROWSDOWN: down to the start of the stack's mapping */
long ld_os_mprotect_stack(void *p, size_t len, uint32_t prot);
long ld_os_mseal(void *p, size_t len);
long ld_os_madvise(void *p, size_t len, int advice);
/* may a byte at p be read? asks the kernel to do it, so nothing happens when not */
int ld_os_is_readable(const void *p);

/*
 * The kernel's verdict on the file behind fd: execveat(2) with AT_EMPTY_PATH|AT_EXECVE_CHECK and no
 * arguments (Linux 6.14, Documentation/userspace-api/check_exec.rst). argv and envp are NULL on purpose:
 * valgrind 3.19 ignores the flag and would execute the file; with NULL it answers EFAULT.
 */
long ld_os_check(int fd, char word[2]);
/*
 * The same call with one byte behind the path pointer set: the kernel must say ENOTDIR for a regular
 * file. A seccomp filter sees the pointer, not the byte: one that fakes the verdict fakes this too. The
 * path stands in word, at the same address for both, which the caller provides.
 */
long ld_os_check_control(int fd, char word[2]);
/* not of the kernel: does valgrind run us? Nobody else can say yes */
int ld_os_on_valgrind(void);
/* hand the process over to the file behind fd */
long ld_os_exec(int fd, char *const *argv, char *const *envp);

long ld_os_securebits(void);
/* prctl(2) PR_SET_MDWE, REFUSE_EXEC_GAIN: irrevocable, inherited */
long ld_os_set_mdwe(void);
/* prctl(2) with one of LD_PR_*, which only read */
long ld_os_prctl_get(int what);
/* the kernel's Landlock ABI, landlock_create_ruleset(2) */
long ld_os_landlock_abi(void);
long ld_os_personality(unsigned long persona); /* 0xffffffff reads */
long ld_os_readlink(const char *path, char *buf, size_t len);
long ld_os_readlink_at(int dir, const char *name, char *buf, size_t len);
long ld_os_memfd_seals(int fd);  /* F_GET_SEALS */
long ld_os_fs_flags(int fd, uint64_t *type); /* f_flags of fstatfs(2); type = f_type */
long ld_os_may_execute(int fd);  /* faccessat2(2) X_OK with the effective ids: 0, or -errno */
long ld_os_getpid(void);
long ld_os_geteuid(void);
void ld_os_sleep_us(unsigned us);
LD_NORETURN void ld_os_exit(int status);

enum { LD_MADV_DONTNEED = 4, LD_MADV_DOFORK = 11, LD_MADV_POPULATE_WRITE = 23, LD_ST_NOEXEC = 8 };
enum { LD_PR_SECCOMP = 21, LD_PR_NO_NEW_PRIVS = 39, LD_PR_MDWE = 66 };
enum { LD_F_SEAL_SEAL = 1, LD_F_SEAL_SHRINK = 2, LD_F_SEAL_WRITE = 8 };
#define LD_TMPFS_MAGIC 0x01021994u
#define LD_PROC_MAGIC 0x9fa0u

#endif
