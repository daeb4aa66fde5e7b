/* A library whose constructor writes a file that its caller chooses: not made for privilege. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("PCPROFILE_OUTPUT");
	if (!name) return;
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, "profile\n", 8) != 8) _exit(99);
	close(fd);
}
