/* A library with thread-local storage and a library of its own below it (libwho.so). */
#include <unistd.h>

extern const char *who(void);
__thread long tree_words[64] = { 7 };

__attribute__((constructor)) static void begin(void)
{
	if (write(1, "ctor tree\n", 10) < 0) _exit(99);
}

const char *tree(void)
{
	return tree_words[0]++ == 7 ? who() : "thread-local storage lost";
}
