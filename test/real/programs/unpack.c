/*
 * unpack.c: does what programs do that carry their libraries inside: writes one out, loads it,
 * removes it.
 *
 * usage: unpack SHAPE LIBRARY DIRECTORY
 *
 * Shapes: 0600, 0644, 0700 (a file of that mode, removed once it is loaded), open (0700, while
 * the program still has it open for writing), deleted (0700, removed before it is loaded through
 * /proc/self/fd), memfd, sealed (a memfd that nobody can write to any more).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char path[4096];

static void die(const char *what)
{
	perror(what);
	exit(3);
}

static void copy(int to, const char *from)
{
	static char buffer[1 << 16];
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		die(from);
	while ((n = read(fd, buffer, sizeof buffer)) > 0)
		if (write(to, buffer, (size_t)n) != n)
			die("write");
	if (n < 0)
		die(from);
	close(fd);
}

/* Through /proc, read-only, as the loader would open it. */
static void name_of(int fd)
{
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
}

static void make_memfd(const char *shape, const char *library)
{
	int fd = memfd_create("unpacked", MFD_ALLOW_SEALING);

	if (fd < 0)
		die("memfd_create");
	copy(fd, library);
	if (!strcmp(shape, "sealed") &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		die("F_ADD_SEALS");
	name_of(fd);
}

static void make_file(const char *shape, const char *library, const char *directory)
{
	mode_t mode = shape[0] == '0' ? (mode_t)strtoul(shape, 0, 8) : 0700;
	int fd;

	snprintf(path, sizeof path, "%s/unpacked.so", directory);
	umask(0);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		die(path);
	copy(fd, library);
	if (!strcmp(shape, "open"))
		return;
	close(fd);
	if (!strcmp(shape, "deleted")) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || unlink(path))
			die(path);
		name_of(fd);
	}
}

int main(int argc, char **argv)
{
	const char *(*greet)(void);
	void *library;

	if (argc != 4)
		return 2;
	if (!strcmp(argv[1], "memfd") || !strcmp(argv[1], "sealed"))
		make_memfd(argv[1], argv[2]);
	else
		make_file(argv[1], argv[2], argv[3]);
	library = dlopen(path, RTLD_NOW);
	if (!library)
		printf("dlopen: %s\n", dlerror());
	if (path[0] && strncmp(path, "/proc", 5))
		unlink(path);
	if (!library)
		return 1;
	greet = (const char *(*)(void))dlsym(library, "greet");
	printf("loaded: %s\n", greet ? greet() : dlerror());
	return 0;
}
