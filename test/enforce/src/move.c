/* Renames its first argument to its second: static, so no loader has a say. */
#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc != 3 || rename(argv[1], argv[2]) != 0) {
		perror("move");
		return 1;
	}
	return 0;
}
