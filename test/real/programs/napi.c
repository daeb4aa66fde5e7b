/*
 * napi.c: loads a .node module without node, as a C program that exports the names of Node-API.
 *
 * usage: napi MODULE [FUNCTION ARGUMENT...]
 *        napi MODULE -
 *
 * Says what the module exports, sorted; then calls a function with strings, numbers written #N,
 * buffers written @TEXT, ?0 (false) and ?1 (true), and says what it returned. With a dash it only
 * opens the module. Only what the modules of the corpus need is served (buffers by napi-bytes.c);
 * every other name that one of them wants is a stub that fails (the recipe makes them, napi-stubs.c).
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "napi.h"

#define API __attribute__((visibility("default")))

static struct value undefined = { .type = UNDEFINED }, nil = { .type = NIL };
static struct value no = { .type = BOOLEAN }, yes = { .type = BOOLEAN, .number = 1 };
static struct value global = { .type = OBJECT };
static struct value *pending;
static struct old_module *old;

static struct value *new_value(enum type type)
{
	struct value *v = calloc(1, sizeof *v);

	if (!v)
		abort();
	v->type = type;
	return v;
}

struct value *new_string(const char *text, size_t length)
{
	struct value *v = new_value(STRING);

	v->length = length == AUTO_LENGTH ? strlen(text) : length;
	v->text = malloc(v->length + 1);
	if (!v->text)
		abort();
	memcpy(v->text, text, v->length);
	v->text[v->length] = 0;
	return v;
}

static struct property *find(struct value *object, const char *name)
{
	struct property *p = object->properties;

	while (p && strcmp(p->name, name))
		p = p->next;
	return p;
}

static int set(struct value *object, const char *name, struct value *value)
{
	struct property *p = find(object, name);

	if (!p) {
		p = calloc(1, sizeof *p);
		if (!p)
			abort();
		p->name = strdup(name);
		p->next = object->properties;
		object->properties = p;
	}
	p->value = value;
	return OK;
}

static int throw_text(const char *text)
{
	struct value *e = new_value(OBJECT);

	set(e, "message", new_string(text ? text : "", AUTO_LENGTH));
	pending = e;
	return OK;
}

/* Values */

#define NUMBER_OF(name, ctype)							\
	API int napi_create_##name(void *env, ctype n, struct value **result)	\
	{									\
		*result = new_value(NUMBER);					\
		(*result)->number = (double)n;					\
		return OK;							\
	}									\
	API int napi_get_value_##name(void *env, struct value *v, ctype *n)	\
	{									\
		if (v->type != NUMBER)						\
			return NUMBER_EXPECTED;					\
		*n = (ctype)v->number;						\
		return OK;							\
	}

NUMBER_OF(int32, int32_t)
NUMBER_OF(uint32, uint32_t)
NUMBER_OF(int64, int64_t)
NUMBER_OF(double, double)

#define CONSTANT(name, what)							\
	API int napi_get_##name(void *env, struct value **result)		\
	{									\
		*result = what;							\
		return OK;							\
	}

CONSTANT(undefined, &undefined)
CONSTANT(null, &nil)
CONSTANT(global, &global)

API int napi_get_boolean(void *env, bool value, struct value **result)
{
	*result = value ? &yes : &no;
	return OK;
}

API int napi_get_value_bool(void *env, struct value *v, bool *result)
{
	*result = v->number != 0;
	return v->type == BOOLEAN ? OK : INVALID_ARG;
}

API int napi_create_object(void *env, struct value **result)
{
	*result = new_value(OBJECT);
	return OK;
}

API int napi_create_string_utf8(void *env, const char *text, size_t length, struct value **result)
{
	*result = new_string(text ? text : "", length);
	return OK;
}

API int napi_get_value_string_utf8(void *env, struct value *v, char *to, size_t size, size_t *got)
{
	size_t n = v->length;

	if (v->type != STRING)
		return STRING_EXPECTED;
	if (to && size) {
		n = n < size - 1 ? n : size - 1;
		memcpy(to, v->text, n);
		to[n] = 0;
	}
	if (got)
		*got = n;
	return OK;
}

API int napi_typeof(void *env, struct value *v, int *result)
{
	*result = v ? (int)v->type : UNDEFINED;
	return OK;
}

#define IS_NEVER(name)								\
	API int napi_is_##name(void *env, struct value *v, bool *result)	\
	{									\
		*result = false;						\
		return OK;							\
	}

IS_NEVER(array)
IS_NEVER(arraybuffer)
IS_NEVER(promise)
IS_NEVER(error)

/* Properties, functions, classes */

API int napi_set_named_property(void *env, struct value *o, const char *name, struct value *v)
{
	return set(o, name, v);
}

API int napi_get_named_property(void *env, struct value *o, const char *name, struct value **result)
{
	struct property *p = find(o, name);

	*result = p ? p->value : &undefined;
	return OK;
}

API int napi_has_named_property(void *env, struct value *o, const char *name, bool *result)
{
	*result = find(o, name);
	return OK;
}

API int napi_set_property(void *env, struct value *o, struct value *name, struct value *v)
{
	return name->type == STRING ? set(o, name->text, v) : FAILURE;
}

API int napi_get_property(void *env, struct value *o, struct value *name, struct value **result)
{
	if (name->type != STRING)
		return FAILURE;
	return napi_get_named_property(env, o, name->text, result);
}

API int napi_create_function(void *env, const char *name, size_t length, callback function,
			     void *data, struct value **result)
{
	*result = new_value(FUNCTION);
	(*result)->function = function;
	(*result)->data = data;
	return OK;
}

API int napi_define_properties(void *env, struct value *o, size_t count,
			       const struct descriptor *d)
{
	for (; count; count--, d++) {
		const char *name = d->name ? d->name : d->name_value->text;
		struct value *v = d->value ? d->value : &undefined;

		if (!name)
			continue;
		if (d->method)
			napi_create_function(env, name, 0, d->method, d->data, &v);
		set(o, name, v);
	}
	return OK;
}

API int napi_define_class(void *env, const char *name, size_t length, callback constructor,
			  void *data, size_t count, const struct descriptor *d,
			  struct value **result)
{
	napi_create_function(env, name, length, constructor, data, result);
	for (; count; count--, d++)
		if (d->attributes & STATIC_PROPERTY)
			napi_define_properties(env, *result, 1, d);
	return OK;
}

API int napi_get_cb_info(void *env, struct call *info, size_t *count, struct value **arguments,
			 struct value **self, void **data)
{
	if (count && arguments)
		for (size_t i = 0; i < *count; i++)
			arguments[i] = i < info->count ? info->arguments[i] : &undefined;
	if (count)
		*count = info->count;
	if (self)
		*self = info->self;
	if (data)
		*data = info->data;
	return OK;
}

/* References, hooks: nothing is ever freed, so a reference is its value. */

API int napi_create_reference(void *env, struct value *v, uint32_t count, struct value **result)
{
	*result = v;
	return OK;
}

API int napi_get_reference_value(void *env, struct value *ref, struct value **result)
{
	*result = ref;
	return OK;
}

API int napi_create_threadsafe_function(void *env, struct value *function, struct value *resource,
					struct value *name, size_t queue, size_t threads,
					void *finalize_data, void *finalize, void *context,
					void *call, void **result)
{
	*result = new_value(EXTERNAL);
	return OK;
}

/* An object's native part. */
API int napi_wrap(void *env, struct value *o, void *native, void *finalize, void *hint,
		  struct value **result)
{
	o->data = native;
	if (result)
		*result = o;
	return OK;
}

API int napi_unwrap(void *env, struct value *o, void **result)
{
	*result = o->data;
	return OK;
}

#define DOES_NOTHING(name) API int name(void) { return OK; }

DOES_NOTHING(napi_delete_reference)
DOES_NOTHING(napi_unref_threadsafe_function)
DOES_NOTHING(napi_release_threadsafe_function)
DOES_NOTHING(napi_add_env_cleanup_hook)
DOES_NOTHING(napi_open_handle_scope)
DOES_NOTHING(napi_close_handle_scope)
DOES_NOTHING(napi_set_instance_data)

/* Errors */

API int napi_create_error(void *env, struct value *code, struct value *text, struct value **result)
{
	*result = new_value(OBJECT);
	return set(*result, "message", text);
}

API int napi_throw(void *env, struct value *error)
{
	pending = error;
	return OK;
}

API int napi_throw_error(void *env, const char *code, const char *text)
{
	return throw_text(text);
}

API int napi_throw_type_error(void *env, const char *code, const char *text)
{
	return throw_text(text);
}

API int napi_is_exception_pending(void *env, bool *result)
{
	*result = pending;
	return OK;
}

API int napi_get_and_clear_last_exception(void *env, struct value **result)
{
	*result = pending ? pending : &undefined;
	pending = 0;
	return OK;
}

API void napi_module_register(struct old_module *module)
{
	old = module;
}

/* The program */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_exports(struct value *exports)
{
	size_t count = 0, i = 0;
	const char **names;

	for (struct property *p = exports->properties; p; p = p->next)
		count++;
	names = calloc(count + 1, sizeof *names);
	if (!names)
		abort();
	for (struct property *p = exports->properties; p; p = p->next)
		names[i++] = p->name;
	qsort(names, count, sizeof *names, by_name);
	printf("%zu exports\n", count);
	for (i = 0; i < count; i++)
		printf("\t%s\n", names[i]);
}

static void print_bytes(const struct value *v)
{
	printf("buffer of %zu\n", v->length);
	for (size_t i = 0; i < v->length; i++)
		printf("%02x%s", (unsigned char)v->text[i], i % 32 == 31 ? "\n" : "");
	putchar('\n');
}

static void print_value(const struct value *v)
{
	if (!v || v->type == UNDEFINED)
		puts("undefined");
	else if (v->type == NUMBER)
		printf("number %.17g\n", v->number);
	else if (v->type == STRING)
		printf("string %s\n", v->text);
	else if (v->type == BOOLEAN)
		printf("boolean %d\n", v->number != 0);
	else if (v->bytes)
		print_bytes(v);
	else
		printf("type %d\n", v->type);
}

static int complain(const char *what)
{
	struct property *p = pending ? find(pending, "message") : 0;

	printf("%s: exception: %s\n", what, p && p->value->text ? p->value->text : "?");
	return 1;
}

static struct value *argument(const char *word)
{
	struct value *v;

	if (word[0] == '#')
		napi_create_double(0, atof(word + 1), &v);
	else if (word[0] == '@')
		napi_create_buffer_copy(0, strlen(word + 1), word + 1, 0, &v);
	else if (word[0] == '?')
		v = word[1] == '1' ? &yes : &no;
	else
		v = new_string(word, AUTO_LENGTH);
	return v;
}

static int call(struct value *exports, char **words)
{
	struct property *p = find(exports, words[0]);
	struct value *arguments[8], *result;
	struct call info = { 0, arguments, exports, 0 };

	if (!p || p->value->type != FUNCTION) {
		printf("no function %s\n", words[0]);
		return 1;
	}
	for (words++; *words && info.count < 8; words++)
		arguments[info.count++] = argument(*words);
	info.data = p->value->data;
	result = p->value->function(&global, &info);
	if (pending)
		return complain(p->name);
	print_value(result);
	return 0;
}

int main(int argc, char **argv)
{
	struct value *(*start)(void *env, struct value *exports);
	struct value *exports = new_value(OBJECT), *replaced;
	void *module;

	if (argc < 2)
		return 2;
	module = dlopen(argv[1], RTLD_NOW);
	if (!module) {
		printf("dlopen: %s\n", dlerror());
		return 1;
	}
	start = (struct value *(*)(void *, struct value *))dlsym(module, "napi_register_module_v1");
	if (!start && old)
		start = old->start;
	if (!start) {
		puts("no napi_register_module_v1");
		return 1;
	}
	if (argc == 3 && !strcmp(argv[2], "-")) {
		puts("opened");
		return 0;
	}
	replaced = start(&global, exports);
	if (pending)
		return complain("register");
	if (replaced)
		exports = replaced;
	print_exports(exports);
	return argc > 2 ? call(exports, argv + 2) : 0;
}
