/* os_fake.c: see os_fake.h. Implements what src/ and the tested files of ldso/ use of os.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

#include "os.h"
#include "os_fake.h"

enum { FD_FIRST = 100, LOG_LEN = 8192, DIR_FIRST = 500, DIR_CNT = 8, DIR_LEN = 4096 };

uint32_t os_fake_securebits, os_fake_euid;
unsigned os_fake_slept, os_fake_fds, os_fake_calls;
size_t os_fake_mapped;

int os_fake_status;

static jmp_buf exit_to;
static int exit_caught;
static struct os_fake_file *table;
static size_t table_cnt;
static unsigned fail_at;
static int fail_sys;
static char log_text[LOG_LEN], log_last[256];
static size_t log_len;
static const char *check_word; /* a filter must not tell check and control apart by their path */

void os_fake_files(struct os_fake_file *files, size_t cnt)
{
	table = files;
	table_cnt = cnt;
	os_fake_euid = 0;
	os_fake_securebits = os_fake_slept = os_fake_fds = 0;
	check_word = NULL;
	exit_caught = 0;
	log_len = 0;
	log_text[0] = log_last[0] = 0;
	os_fake_fail(0, 0);
}

void os_fake_fail(unsigned n, int sys)
{
	os_fake_calls = 0;
	fail_at = n;
	fail_sys = sys;
}

const char *os_fake_log(void)
{
	return log_text;
}

static void note(const char *call, const char *what, long result)
{
	char line[256];
	int n;

	if (what)
		n = snprintf(line, sizeof line, "%s %s=%ld", call, what, result);
	else
		n = snprintf(line, sizeof line, result < 0 ? "%s" : "%s %ld", call, result);
	assert_true(n > 0 && n < (int)sizeof line);
	if (!strcmp(line, log_last))
		return;
	strcpy(log_last, line);
	assert_true(log_len + (size_t)n + 2 < sizeof log_text);
	log_len += (size_t)sprintf(log_text + log_len, "%s%s", log_len ? " " : "", line);
}

/* 0, or what this call is made to fail with */
static long failing(void)
{
	return ++os_fake_calls == fail_at ? -fail_sys : 0;
}

/* ---- files ---- */

static struct os_fake_file *file_of(int fd)
{
	size_t i = (size_t)(fd - FD_FIRST);

	if (fd < FD_FIRST || i >= table_cnt || !table[i].fds)
		fail_msg("descriptor %d is not open", fd);
	return &table[i];
}

long ld_os_open(const char *path)
{
	long r = failing();

	for (size_t i = 0; !r && i < table_cnt; i++) {
		if (strcmp(table[i].path, path))
			continue;
		r = table[i].open ? -table[i].open : FD_FIRST + (long)i;
		if (r > 0) {
			table[i].fds++;
			os_fake_fds++;
		}
	}
	if (!r)
		r = -ENOENT;
	note("open", path, r);
	return r;
}

/* ---- directories: not logged, one open descriptor or two at a time ---- */

static char dirs[DIR_CNT][DIR_LEN]; /* path of each open one, "" = free */

static struct os_fake_file *find(const char *path)
{
	for (size_t i = 0; i < table_cnt; i++)
		if (!strcmp(table[i].path, path))
			return &table[i];
	return NULL;
}

static void below(int dir, const char *name, char *path)
{
	const char *head = dir == LD_AT_FDCWD ? "" : dirs[dir - DIR_FIRST];

	assert_true(dir == LD_AT_FDCWD || (dir >= DIR_FIRST && *head));
	assert_true(strlen(head) + strlen(name) + 2 < DIR_LEN);
	sprintf(path, "%s%s%s", head, *head && strcmp(head, "/") ? "/" : "", name);
}

long ld_os_open_dir(int dir, const char *name)
{
	char path[DIR_LEN];
	const struct os_fake_file *f;
	long r = failing();

	below(dir, name, path);
	f = find(path);
	if (r || (f && f->open))
		return r ? r : -f->open;
	if (f && (f->mode & LD_S_IFMT) != OS_FAKE_DIR)
		return -ENOTDIR;
	for (int i = 0; i < DIR_CNT; i++) {
		if (*dirs[i])
			continue;
		strcpy(dirs[i], path);
		os_fake_fds++;
		return DIR_FIRST + i;
	}
	fail_msg("too many directories are open");
	return -EMFILE;
}

static long stat_of(const char *path, struct ld_stat *st)
{
	const struct os_fake_file *f = find(path);

	*st = (struct ld_stat){.mode = OS_FAKE_DIR | 0755, .ino = 1};
	if (f) {
		st->mode = f->mode;
		st->uid = f->uid;
		st->gid = f->gid;
	}
	return failing();
}

/* by name: files of the table only, logged */
static long stat_name(int dir, const char *path, struct ld_stat *st)
{
	char full[256] = "";
	const struct os_fake_file *f;

	if (dir != LD_AT_FDCWD)
		snprintf(full, sizeof full, "%s/", file_of(dir)->path);
	strncat(full, path, sizeof full - strlen(full) - 1);
	f = find(full);
	note("stat", full, f ? -f->stat_at : -ENOENT);
	if (!f || f->stat_at)
		return f ? -f->stat_at : -ENOENT;
	*st = (struct ld_stat){.dev = 1, .ino = f->ino ? f->ino : FD_FIRST + (uint64_t)(f - table),
			       .mode = f->mode, .uid = f->uid};
	return 0;
}

long ld_os_stat_at(int dir, const char *name, struct ld_stat *st)
{
	char path[DIR_LEN];

	if (dir < DIR_FIRST && strcmp(name, "/"))
		return stat_name(dir, name, st);
	below(dir, name, path);
	return stat_of(path, st);
}

long ld_os_lstat_at(int dir, const char *name, struct ld_stat *st)
{
	return ld_os_stat_at(dir, name, st);
}

long ld_os_readlink_at(int dir, const char *name, char *buf, size_t len)
{
	char path[DIR_LEN];
	const struct os_fake_file *f;

	below(dir, name, path);
	f = find(path);
	assert_non_null(f);
	len = len < f->len ? len : f->len;
	memcpy(buf, f->data, len);
	return (long)len;
}

long ld_os_geteuid(void)
{
	return os_fake_euid;
}

long ld_os_close(int fd)
{
	if (fd >= DIR_FIRST) {
		assert_true(*dirs[fd - DIR_FIRST]);
		dirs[fd - DIR_FIRST][0] = 0;
		os_fake_fds--;
		return 0;
	}
	file_of(fd)->fds--;
	os_fake_fds--;
	note("close", NULL, fd);
	return 0;
}

long ld_os_fstat(int fd, struct ld_stat *st)
{
	struct os_fake_file *f;
	int again;
	long r;

	if (fd >= DIR_FIRST)
		return stat_of(dirs[fd - DIR_FIRST], st);
	f = file_of(fd);
	again = f->stats++ != 0;
	r = failing();
	note("fstat", NULL, fd);
	if (r || f->stat[again])
		return r ? r : -f->stat[again];
	*st = (struct ld_stat){
		.dev = 1,
		.ino = f->ino ? f->ino : (uint64_t)fd,
		.size = f->len + (again ? (uint64_t)f->grown : 0),
		.mtime = again ? f->grown : 0,
		.mode = f->mode,
		.nlink = f->nlink,
		.uid = f->uid,
		.gid = f->gid,
		.mount_id = OS_FAKE_MOUNT,
	};
	return 0;
}

long ld_os_open_place(const char *path)
{
	return ld_os_open(path);
}

long ld_os_pread(int fd, void *buf, size_t len, uint64_t off)
{
	struct os_fake_file *f = file_of(fd);
	long r = failing();

	note("read", NULL, fd);
	if (r || off >= f->len)
		return r;
	len = len < f->len - off ? len : f->len - off;
	memcpy(buf, f->data + off, len);
	return (long)len;
}

long ld_os_check(int fd, char word[2])
{
	struct os_fake_file *f = file_of(fd);
	unsigned n = f->checks++;

	note("check", NULL, fd);
	assert_true(!check_word || check_word == word);
	return -f->check[n < OS_FAKE_CHECKS ? n : OS_FAKE_CHECKS - 1];
}

long ld_os_check_control(int fd, char word[2])
{
	note("control", NULL, fd);
	check_word = word;
	return -file_of(fd)->control;
}

long ld_os_memfd_seals(int fd)
{
	note("seals", NULL, fd);
	return file_of(fd)->seals;
}

long ld_os_fs_flags(int fd, uint64_t *type)
{
	*type = file_of(fd)->fs_type;
	note("statfs", NULL, fd);
	return file_of(fd)->fs_flags;
}

long ld_os_may_execute(int fd)
{
	note("access", NULL, fd);
	return -file_of(fd)->execute;
}

/* ---- the process ---- */

jmp_buf *os_fake_exit_to(void)
{
	exit_caught = 1;
	return &exit_to;
}

LD_NORETURN void ld_os_exit(int status)
{
	if (!exit_caught)
		fail_msg("exit with status %d", status);
	exit_caught = 0;
	os_fake_status = status;
	longjmp(exit_to, 1);
}

long ld_os_set_mdwe(void)
{
	long r = failing();

	note("mdwe", NULL, r);
	return r;
}

long ld_os_securebits(void)
{
	return os_fake_securebits == UINT32_MAX ? -EPERM : (long)os_fake_securebits;
}

void ld_os_sleep_us(unsigned us)
{
	os_fake_slept += us;
	note("sleep", NULL, -1);
}

/* ---- memory ---- */

static long map(uintptr_t addr, size_t len, int prot, int flags)
{
	void *p;

	if (addr)
		flags |= MAP_FIXED_NOREPLACE;
	p = mmap((void *)addr, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	os_fake_mapped += len;
	return (long)p;
}

long ld_os_map_anon(uintptr_t addr, size_t len, int populate)
{
	long r = failing();

	(void)populate;
	note("anon", NULL, -1);
	return r ? r : map(addr, len, PROT_READ | PROT_WRITE, 0);
}

long ld_os_map_none(uintptr_t addr, size_t len)
{
	long r = failing();

	note("none", NULL, -1);
	return r ? r : map(addr, len, PROT_NONE, MAP_NORESERVE);
}

long ld_os_map_file(uintptr_t addr, size_t len, uint32_t prot, int shared, int fd, uint64_t off)
{
	struct os_fake_file *f = file_of(fd);
	long r = failing();

	note(shared ? "share" : "map", NULL, fd);
	if (r)
		return r;
	r = map(addr, len, PROT_READ | PROT_WRITE, 0);
	if (r < 0)
		return r;
	if (off < f->len)
		memcpy((void *)addr, f->data + off, len < f->len - off ? len : f->len - off);
	assert_int_equal(mprotect((void *)addr, len, (int)prot), 0);
	return r;
}

long ld_os_munmap(void *p, size_t len)
{
	assert_true(os_fake_mapped >= len);
	assert_int_equal(munmap(p, len), 0);
	os_fake_mapped -= len;
	return 0;
}

static long remap(uintptr_t addr, size_t len, int prot)
{
	void *p = mmap((void *)addr, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return p == MAP_FAILED ? -errno : (long)p;
}

long ld_os_remap_anon(uintptr_t addr, size_t len, int populate)
{
	long r = failing();

	(void)populate;
	return r ? r : remap(addr, len, PROT_READ | PROT_WRITE);
}

long ld_os_remap_none(uintptr_t addr, size_t len)
{
	long r = failing();

	return r ? r : remap(addr, len, PROT_NONE);
}

long ld_os_mprotect(void *p, size_t len, uint32_t prot)
{
	long r = failing();

	if (r)
		return r;
	return mprotect(p, len, (int)prot) ? -errno : 0;
}

int ld_os_on_valgrind(void)
{
	return 0;
}

long ld_os_mseal(void *p, size_t len)
{
	(void)p;
	(void)len;
	note("seal", NULL, -1);
	return failing();
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
	n = write(ends[1], p, 1);
	if (n == 1 && writing) /* what is written back is what stood there */
		n = read(ends[0], p, 1);
	else if (n == 1)
		n = read(ends[0], &c, 1);
	assert_int_equal(close(ends[0]) | close(ends[1]), 0);
	return n == 1;
}

int os_fake_readable(const void *p)
{
	return try_byte((void *)p, 0);
}

int ld_os_is_readable(const void *p)
{
	return os_fake_readable(p);
}

int os_fake_writable(void *p)
{
	return try_byte(p, 1);
}
