/* A library that calls another through its procedure linkage table and has writable data. */
extern const char *who(void);

long ask_count = 1;

const char *ask(void)
{
	ask_count++;
	return who();
}
