/* A library whose zeroed page is read-only, so that nobody ever touches it. */
__attribute__((aligned(4096))) char blank[8192];

const char *who(void)
{
	return blank;
}
