/*
 * napi.h: the little of Node-API that napi.c serves: its types, as node's documentation has them.
 */
#ifndef NAPI_H
#define NAPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum status { OK = 0, INVALID_ARG = 1, STRING_EXPECTED = 3, NUMBER_EXPECTED = 6, FAILURE = 9,
	PENDING = 10 };
enum type { UNDEFINED, NIL, BOOLEAN, NUMBER, STRING, SYMBOL, OBJECT, FUNCTION, EXTERNAL, BIGINT };

#define AUTO_LENGTH SIZE_MAX
#define STATIC_PROPERTY (1 << 10)

struct value;
struct call;
typedef struct value *(*callback)(void *env, struct call *info);

struct property {
	char *name;
	struct value *value;
	struct property *next;
};

/* A value; one that was made is never freed: the process is short. */
struct value {
	enum type type;
	double number;
	char *text;
	size_t length;
	callback function;
	void *data;
	struct property *properties;
	bool bytes;			/* of an object: a buffer, its contents are text and length */
};

/* What a called function is told. */
struct call {
	size_t count;
	struct value **arguments;
	struct value *self;
	void *data;
};

struct descriptor {
	const char *name;
	struct value *name_value;
	callback method, getter, setter;
	struct value *value;
	int attributes;
	void *data;
};

struct old_module {
	int version;
	unsigned flags;
	const char *filename;
	struct value *(*start)(void *env, struct value *exports);
	const char *name;
	void *private_data, *reserved[4];
};

/* A new string; length may be AUTO_LENGTH. */
struct value *new_string(const char *text, size_t length);
/* Node-API: a buffer with these bytes; data: where they are now. */
int napi_create_buffer_copy(void *env, size_t length, const void *from, void **data,
			    struct value **result);

#endif
