/* newer.c: calls what musl 1.2.4 and 1.2.5 brought */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>

int main(int argc, char **argv)
{
	struct statx st;
	char c[2] = "";
	struct iovec v = {c, 1};
	FILE *f = fopen(argv[0], "r");

	if (statx(AT_FDCWD, argv[0], 0, STATX_SIZE, &st) || preadv2(fileno(f), &v, 1, 1, 0) != 1)
		return puts("wrong"), 1;
	return printf("%d %s\n", st.stx_size > 1000, c) < 0;
}
