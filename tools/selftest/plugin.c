/* plugin.c: the library that the self-test of an installation loads: constructor, TLS, a symbol of the C library */
#include <string.h>

static int constructed;
static __thread int mine = 40;
static const char *volatile const text = "two";

__attribute__((constructor)) static void construct(void) { constructed = 1; }

int plugin_sum(int n)
{
	mine += n;
	return constructed ? mine + (int)strlen(text) - 3 : -1;
}
