/*
 * os_linux.c: os.h by raw system calls. No policy, no globals, no thread pointer: callable from
 * the second start-up stage on.
 */
#include "os.h"
#include "ld_sys.h"
#include "limits.h"

enum {
	AT_NO_AUTOMOUNT_ = 0x800, AT_EACCESS_ = 0x200, X_OK_ = 1, AT_EMPTY_PATH_ = 0x1000, AT_EXECVE_CHECK_ = 0x10000,
	O_RDWR_ = 2, O_CLOEXEC_ = 02000000, O_NOCTTY_ = 0400, O_NONBLOCK_ = 04000, O_PATH_ = 010000000,
	AT_SYMLINK_NOFOLLOW_ = 0x100,
	MAP_SHARED_ = 1, MAP_PRIVATE_ = 2, MAP_FIXED_ = 0x10, MAP_ANONYMOUS_ = 0x20,
	MAP_NORESERVE_ = 0x4000, MAP_POPULATE_ = 0x8000, MAP_FIXED_NOREPLACE_ = 0x100000,
	PROT_GROWSDOWN_ = 0x01000000, PR_GET_SECUREBITS_ = 27, PR_SET_MDWE_ = 65, MDWE_REFUSE_EXEC_GAIN_ = 1, F_GETFD_ = 1, F_GET_SEALS_ = 1034,
	STATX_BASIC_ = 0x7ff, STATX_MNT_ID_ = 0x1000,
	AF_UNIX_ = 1, SOCK_DGRAM_ = 2, SOCK_CLOEXEC_ = 02000000, SOCK_NONBLOCK_ = 04000, MSG_DONTWAIT_ = 0x40,
	MSG_NOSIGNAL_ = 0x4000, POLLOUT_ = 4, RWF_NOWAIT_ = 8, SIG_BLOCK_ = 0, SIG_SETMASK_ = 2,
	SIGPIPE_ = 13, LANDLOCK_VERSION_ = 1,
};

/* struct statx, include/uapi/linux/stat.h: the same on every architecture */
struct statx_time {
	int64_t sec;
	uint32_t nsec, pad;
};
struct statx_buf {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id, spare[13];
};
_Static_assert(sizeof(struct statx_buf) == 256, "struct statx has 256 bytes");

static long sys(long n, long a, long b, long c, long d, long e, long f)
{
	return ld_sys6(n, a, b, c, d, e, f);
}

long ld_os_open(const char *path)
{
	return sys(LD_NR_OPENAT, LD_AT_FDCWD, (long)path, O_CLOEXEC_ | O_NOCTTY_ | O_NONBLOCK_, 0, 0, 0);
}

long ld_os_open_dir(int dir, const char *name)
{
	return sys(LD_NR_OPENAT, dir, (long)name, O_CLOEXEC_ | O_PATH_ | LD_O_DIRECTORY | LD_O_NOFOLLOW,
		   0, 0, 0);
}

long ld_os_close(int fd)
{
	return sys(LD_NR_CLOSE, fd, 0, 0, 0, 0, 0);
}

long ld_os_open_null(void)
{
	return sys(LD_NR_OPENAT, LD_AT_FDCWD, (long)"/dev/null", O_RDWR_ | O_NOCTTY_, 0, 0, 0);
}

long ld_os_fd_flags(int fd)
{
	return sys(LD_NR_FCNTL, fd, F_GETFD_, 0, 0, 0, 0);
}

static long statx_at(int dir, const char *name, long flags, struct ld_stat *st)
{
	struct statx_buf x;
	long r = sys(LD_NR_STATX, dir, (long)name, flags, STATX_BASIC_ | STATX_MNT_ID_, (long)&x, 0);

	if (r)
		return r;
	st->dev = (uint64_t)x.dev_major << 32 | x.dev_minor;
	st->ino = x.ino;
	st->size = x.size;
	st->mtime = x.mtime.sec * 1000000000 + x.mtime.nsec;
	st->mode = x.mode;
	st->nlink = x.nlink;
	st->uid = x.uid;
	st->rdev = (uint64_t)x.rdev_major << 32 | x.rdev_minor;
	st->gid = x.gid;
	st->mount_id = x.mask & STATX_MNT_ID_ ? x.mnt_id : 0;
	return 0;
}

long ld_os_fstat(int fd, struct ld_stat *st)
{
	return statx_at(fd, "", AT_EMPTY_PATH_, st);
}

long ld_os_stat_at(int dir, const char *path, struct ld_stat *st)
{
	return statx_at(dir, path, AT_NO_AUTOMOUNT_, st);
}

long ld_os_lstat_at(int dir, const char *name, struct ld_stat *st)
{
	return statx_at(dir, name, AT_SYMLINK_NOFOLLOW_ | AT_NO_AUTOMOUNT_, st);
}

long ld_os_open_place(const char *path)
{
	return sys(LD_NR_OPENAT, LD_AT_FDCWD, (long)path, O_PATH_ | O_CLOEXEC_, 0, 0, 0);
}

long ld_os_may_execute(int fd)
{
	return sys(LD_NR_FACCESSAT2, fd, (long)"", X_OK_, AT_EMPTY_PATH_ | AT_EACCESS_, 0, 0);
}

long ld_os_pread(int fd, void *buf, size_t len, uint64_t off)
{
	size_t done = 0;

	while (done < len) {
		long r = sys(LD_NR_PREAD64, fd, (long)buf + (long)done, (long)(len - done),
			     (long)(off + done), 0, 0);

		if (r == -LD_EINTR)
			continue;
		if (r < 0)
			return r;
		if (!r)
			break;
		done += (size_t)r;
	}
	return (long)done;
}

long ld_os_write(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		long r = sys(LD_NR_WRITE, fd, (long)buf + (long)done, (long)(len - done), 0, 0, 0);

		if (r == -LD_EINTR)
			continue;
		if (r <= 0)
			return r ? r : -LD_EIO;
		done += (size_t)r;
	}
	return (long)done;
}

struct poll_fd {
	int fd;
	short events, revents;
};

/* pipes and sockets know how not to wait; nothing is written then when there is no room */
static long write_now(int fd, const void *buf, size_t len)
{
	const struct {
		const void *base;
		size_t len;
	} part = {buf, len};

	return sys(LD_NR_PWRITEV2, fd, (long)&part, 1, -1, -1, RWF_NOWAIT_);
}

/*
 * Terminals do not: they are asked for room first. poll has an answer for no descriptor at all when
 * RLIMIT_NOFILE is 0 (EINVAL): then there is nothing left to ask.
 */
static long write_if_room(int fd, const void *buf, size_t len, unsigned wait_ms)
{
	struct poll_fd p = {fd, POLLOUT_, 0};
	long time[2] = {wait_ms / 1000, (long)(wait_ms % 1000) * 1000000};
	long r = write_now(fd, buf, len), asked;

	if (r >= 0 || r == -LD_EPIPE || r == -LD_EBADF)
		return r;
	asked = sys(LD_NR_PPOLL, (long)&p, 1, (long)time, 0, 0, 0);
	if (asked >= 0 && !(p.revents & POLLOUT_))
		return -LD_EAGAIN;
	if (r == -LD_EAGAIN)
		return write_now(fd, buf, len);
	return sys(LD_NR_WRITE, fd, (long)buf, (long)len, 0, 0, 0);
}

long ld_os_write_soon(int fd, const void *buf, size_t len, unsigned wait_ms)
{
	uint64_t pipe_bit[2] = {1ull << (SIGPIPE_ - 1), 0}, was[2] = {0, 0}, pending[2] = {0, 0};
	long no_time[2] = {0, 0}, r;

	(void)sys(LD_NR_RT_SIGPENDING, (long)pending, LD_SIGSET_LEN, 0, 0, 0, 0);
	(void)sys(LD_NR_RT_SIGPROCMASK, SIG_BLOCK_, (long)pipe_bit, (long)was, LD_SIGSET_LEN, 0, 0);
	r = write_if_room(fd, buf, len, wait_ms);
	/* take away the signal that we caused, not one that waited before */
	if (r == -LD_EPIPE && !(pending[0] & pipe_bit[0]))
		(void)sys(LD_NR_RT_SIGTIMEDWAIT, (long)pipe_bit, 0, (long)no_time, LD_SIGSET_LEN, 0, 0);
	(void)sys(LD_NR_RT_SIGPROCMASK, SIG_SETMASK_, (long)was, 0, LD_SIGSET_LEN, 0, 0);
	return r < 0 ? r : (size_t)r == len ? r : -LD_EIO;
}

/* struct sockaddr_un, include/uapi/linux/un.h */
struct sun {
	uint16_t family;
	char path[LD_MAX_SOCKET];
};

long ld_os_datagram(const char *path, const void *buf, size_t len)
{
	struct sun to = {AF_UNIX_, {0}};
	size_t n = 0;
	long fd, r;

	while (path[n])
		n++;
	if (n >= sizeof to.path)
		return -LD_ENAMETOOLONG;
	for (size_t i = 0; i < n; i++)
		to.path[i] = path[i];
	fd = sys(LD_NR_SOCKET, AF_UNIX_, SOCK_DGRAM_ | SOCK_CLOEXEC_ | SOCK_NONBLOCK_, 0, 0, 0, 0);
	if (fd < 0)
		return fd;
	r = sys(LD_NR_SENDTO, fd, (long)buf, (long)len, MSG_DONTWAIT_ | MSG_NOSIGNAL_, (long)&to, sizeof to);
	(void)ld_os_close((int)fd);
	return r < 0 ? r : 0;
}

/* kernels before 4.17 take NOREPLACE for a hint: what lies elsewhere is given back */
static long map_at(uintptr_t addr, size_t len, long prot, long flags, int fd, uint64_t off)
{
	long r = sys(LD_NR_MMAP, (long)addr, (long)len, prot,
		     flags | (addr ? MAP_FIXED_NOREPLACE_ : 0), fd, (long)off);

	if (!addr || ld_os_failed(r) || (uintptr_t)r == addr)
		return r;
	(void)ld_os_munmap((void *)r, len);
	return -LD_EEXIST;
}

long ld_os_map_anon(uintptr_t addr, size_t len, int populate)
{
	return map_at(addr, len, LD_PROT_RW,
		      MAP_PRIVATE_ | MAP_ANONYMOUS_ | (populate ? MAP_POPULATE_ : 0), -1, 0);
}

long ld_os_map_none(uintptr_t addr, size_t len)
{
	return map_at(addr, len, 0, MAP_PRIVATE_ | MAP_ANONYMOUS_ | MAP_NORESERVE_, -1, 0);
}

long ld_os_remap_anon(uintptr_t addr, size_t len, int populate)
{
	return sys(LD_NR_MMAP, (long)addr, (long)len, LD_PROT_RW,
		   MAP_PRIVATE_ | MAP_ANONYMOUS_ | MAP_FIXED_ | (populate ? MAP_POPULATE_ : 0), -1, 0);
}

long ld_os_remap_none(uintptr_t addr, size_t len)
{
	return sys(LD_NR_MMAP, (long)addr, (long)len, 0,
		   MAP_PRIVATE_ | MAP_ANONYMOUS_ | MAP_FIXED_ | MAP_NORESERVE_, -1, 0);
}

long ld_os_map_file(uintptr_t addr, size_t len, uint32_t prot, int shared, int fd, uint64_t off)
{
	return map_at(addr, len, (long)prot, shared ? MAP_SHARED_ : MAP_PRIVATE_, fd, off);
}

long ld_os_munmap(void *p, size_t len)
{
	return sys(LD_NR_MUNMAP, (long)p, (long)len, 0, 0, 0, 0);
}

long ld_os_mprotect(void *p, size_t len, uint32_t prot)
{
	return sys(LD_NR_MPROTECT, (long)p, (long)len, (long)prot, 0, 0, 0);
}

long ld_os_mprotect_stack(void *p, size_t len, uint32_t prot)
{
	return sys(LD_NR_MPROTECT, (long)p, (long)len, (long)prot | PROT_GROWSDOWN_, 0, 0, 0);
}

long ld_os_mseal(void *p, size_t len)
{
	return sys(LD_NR_MSEAL, (long)p, (long)len, 0, 0, 0, 0);
}

long ld_os_madvise(void *p, size_t len, int advice)
{
	return sys(LD_NR_MADVISE, (long)p, (long)len, advice, 0, 0, 0);
}

/* one call site for check and control: a filter sees where a call comes from */
static LD_NOINLINE long check_with(int fd, const char *word)
{
	return sys(LD_NR_EXECVEAT, fd, (long)word, 0, 0, AT_EMPTY_PATH_ | AT_EXECVE_CHECK_, 0);
}

long ld_os_check(int fd, char word[2])
{
	word[0] = word[1] = 0;
	return check_with(fd, word);
}

long ld_os_check_control(int fd, char word[2])
{
	word[0] = 'x';
	word[1] = 0;
	return check_with(fd, word);
}

int ld_os_on_valgrind(void)
{
	static const unsigned long running_on_valgrind[6] = {0x1001};

	return ld_sys_valgrind(running_on_valgrind) != 0;
}

long ld_os_exec(int fd, char *const *argv, char *const *envp)
{
	return sys(LD_NR_EXECVEAT, fd, (long)"", (long)argv, (long)envp, AT_EMPTY_PATH_, 0);
}

long ld_os_securebits(void)
{
	return sys(LD_NR_PRCTL, PR_GET_SECUREBITS_, 0, 0, 0, 0, 0);
}

long ld_os_set_mdwe(void)
{
	return sys(LD_NR_PRCTL, PR_SET_MDWE_, MDWE_REFUSE_EXEC_GAIN_, 0, 0, 0, 0);
}

long ld_os_prctl_get(int what)
{
	return sys(LD_NR_PRCTL, what, 0, 0, 0, 0, 0);
}

long ld_os_landlock_abi(void)
{
	return sys(LD_NR_LANDLOCK_CREATE_RULESET, 0, 0, LANDLOCK_VERSION_, 0, 0, 0);
}

long ld_os_personality(unsigned long persona)
{
	return sys(LD_NR_PERSONALITY, (long)persona, 0, 0, 0, 0, 0);
}

long ld_os_readlink_at(int dir, const char *name, char *buf, size_t len)
{
	return sys(LD_NR_READLINKAT, dir, (long)name, (long)buf, (long)len, 0, 0);
}

long ld_os_readlink(const char *path, char *buf, size_t len)
{
	return ld_os_readlink_at(LD_AT_FDCWD, path, buf, len);
}

int ld_os_is_readable(const void *p)
{
	char buf[1];

	/* the name is read before anything else; what it says does not matter */
	return ld_os_readlink(p, buf, sizeof buf) != -LD_EFAULT;
}

long ld_os_memfd_seals(int fd)
{
	return sys(LD_NR_FCNTL, fd, F_GET_SEALS_, 0, 0, 0, 0);
}

long ld_os_fs_flags(int fd, uint64_t *type)
{
	/* struct statfs of 64-bit architectures: eleven words, type first, flags last */
	long s[16] = {0};
	long r = sys(LD_NR_FSTATFS, fd, (long)s, 0, 0, 0, 0);

	if (r)
		return r;
	*type = (uint64_t)s[0];
	return s[10] & 0x7fffffff;
}

long ld_os_getpid(void)
{
	return sys(LD_NR_GETPID, 0, 0, 0, 0, 0, 0);
}

long ld_os_geteuid(void)
{
	return sys(LD_NR_GETEUID, 0, 0, 0, 0, 0, 0);
}

void ld_os_sleep_us(unsigned us)
{
	long ts[2] = {us / 1000000, (long)(us % 1000000) * 1000};

	(void)sys(LD_NR_NANOSLEEP, (long)ts, 0, 0, 0, 0, 0);
}

LD_NORETURN void ld_os_exit(int status)
{
	for (;;)
		(void)sys(LD_NR_EXIT_GROUP, status, 0, 0, 0, 0, 0);
}
