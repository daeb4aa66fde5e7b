/* main.c: runs a group of tests and records which error codes were produced. */
#include "unit.h"

static const char *const code_names[LD_E_CNT] = {
	[LD_E_NONE] = "success",
#define LD_ERR(code, kind, text) [code] = #code,
#include "err.def"
#undef LD_ERR
};

static const char *name_of(int code)
{
	return code >= 0 && code < LD_E_CNT ? code_names[code] : "an unknown code";
}

static void record(int code)
{
	const char *path = getenv("COVER_LOG");
	FILE *f;

	if (!path || !code)
		return;
	f = fopen(path, "a");
	if (!f || fprintf(f, "%s\n", name_of(code)) < 0 || fclose(f)) {
		perror(path);
		abort();
	}
}

void unit_expect(ld_st st, const struct ld_err *err, int want, const char *file, int line)
{
	if (st.code != want || err->code != want) {
		print_error("%s:%d: expected %s, returned %s, recorded %s\n", file, line,
			    name_of(want), name_of(st.code), name_of(err->code));
		_fail(file, line);
	}
	record(want);
}

static const struct {
	const char *name;
	int (*run)(void);
} groups[] = {
#define GROUP(name) {#name, run_##name},
	UNIT_GROUPS(GROUP)
};

/* without an argument: the names of the groups; else run that one, 1 = a test failed */
int main(int argc, char **argv)
{
	for (size_t i = 0; i < LD_COUNTOF(groups); i++) {
		if (argc < 2)
			puts(groups[i].name);
		else if (!strcmp(argv[1], groups[i].name))
			return groups[i].run() != 0;
	}
	return argc < 2 ? 0 : 2;
}
