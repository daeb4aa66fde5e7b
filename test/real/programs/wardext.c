/*
 * wardext.c: a loadable SQLite extension of our own: one function, ward_mirror(TEXT), that gives
 * the text backwards. It reaches SQLite only through the table of pointers it is handed.
 */
#include <stddef.h>

#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT1

static void mirror(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const unsigned char *text = sqlite3_value_text(argv[0]);
	int len = sqlite3_value_bytes(argv[0]);
	char *out;
	int i;

	(void)argc;
	if (!text) {
		sqlite3_result_null(ctx);
		return;
	}
	out = sqlite3_malloc(len + 1);
	if (!out) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	for (i = 0; i < len; i++)
		out[i] = (char)text[len - 1 - i];
	sqlite3_result_text(ctx, out, len, sqlite3_free);
}

int sqlite3_wardext_init(sqlite3 *db, char **error, const sqlite3_api_routines *api)
{
	SQLITE_EXTENSION_INIT2(api);
	(void)error;
	return sqlite3_create_function(db, "ward_mirror", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
		NULL, mirror, NULL, NULL);
}
