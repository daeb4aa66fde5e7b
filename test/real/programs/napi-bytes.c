/*
 * napi-bytes.c: buffers of bytes, for modules that are given them or return them. See napi.c.
 */
#include <stdlib.h>
#include <string.h>

#include "napi.h"

#define API __attribute__((visibility("default")))
#define UINT8_ARRAY 1

API int napi_is_buffer(void *env, struct value *v, bool *result)
{
	*result = v->bytes;
	return OK;
}

API int napi_is_typedarray(void *env, struct value *v, bool *result)
{
	*result = v->bytes;
	return OK;
}

API int napi_create_buffer_copy(void *env, size_t length, const void *from, void **data,
				struct value **result)
{
	struct value *v = new_string(from, length);

	v->type = OBJECT;
	v->bytes = true;
	if (data)
		*data = v->text;
	*result = v;
	return OK;
}

/* Nothing is ever freed, so what the module says is called for that is not. */
API int napi_create_external_buffer(void *env, size_t length, void *from, void *finalize, void *hint,
				    struct value **result)
{
	return napi_create_buffer_copy(env, length, from, 0, result);
}

API int napi_get_buffer_info(void *env, struct value *v, void **data, size_t *length)
{
	if (!v->bytes)
		return INVALID_ARG;
	if (data)
		*data = v->text;
	if (length)
		*length = v->length;
	return OK;
}

/* A buffer is the only typed array there is, and its own ArrayBuffer. */
API int napi_get_typedarray_info(void *env, struct value *v, int *type, size_t *length, void **data,
				 struct value **buffer, size_t *offset)
{
	if (type)
		*type = UINT8_ARRAY;
	if (buffer)
		*buffer = v;
	if (offset)
		*offset = 0;
	return napi_get_buffer_info(env, v, data, length);
}
