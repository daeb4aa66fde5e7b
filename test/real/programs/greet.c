/*
 * greet.c: a library with one function. Built three times: as the library a program needs, as one
 * to preload (WHO=preloaded), and as one that only LD_LIBRARY_PATH finds first (WHO=elsewhere).
 */
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* A pointer in constant data: the loader writes it, then nobody ever again. */
const char *const greet_table[] = { "hello from the library " TEXT(WHO), "goodbye" };

const char *greet(void)
{
	return greet_table[0];
}
