/*
 * err.c: the table of reasons and the recording of the first one.
 *
 * May call: nothing. Owns: constant tables generated from err.def. Formats nothing.
 */
#include "err.h"

static const char *const texts[LD_E_CNT] = {
	[LD_E_NONE] = "",
#define LD_ERR(code, kind, text) [code] = text,
#include "err.def"
#undef LD_ERR
};

static const unsigned char kinds[LD_E_CNT] = {
#define LD_ERR(code, kind, text) [code] = LD_K_##kind,
#include "err.def"
#undef LD_ERR
};

const char *ld_err_text(int code)
{
	return code >= 0 && code < LD_E_CNT ? texts[code] : "";
}

enum ld_kind ld_err_kind(int code)
{
	return code >= 0 && code < LD_E_CNT ? (enum ld_kind)kinds[code] : LD_K_BAD;
}

ld_st ld_err_set(struct ld_err *err, enum ld_code code, uint64_t at, uint64_t got, uint64_t want)
{
	if (!err->code) {
		err->code = (uint16_t)code;
		err->at = at;
		err->got = got;
		err->want = want;
	}
	return (ld_st){err->code};
}

ld_st ld_err_sys(struct ld_err *err, enum ld_code code, int sys)
{
	if (!err->code) {
		err->code = (uint16_t)code;
		err->sys = sys;
	}
	return (ld_st){err->code};
}

void ld_err_context(struct ld_err *err, const char *object, const char *needed_by)
{
	if (!err->object)
		err->object = object;
	if (!err->needed_by)
		err->needed_by = needed_by;
}

void ld_err_path(struct ld_err *err, const char *path)
{
	size_t n = ld_strlen(path), max = sizeof err->path - 1;

	if (err->path[0])
		return;
	n = n < max ? n : max;
	memcpy(err->path, path, n);
	err->path[n] = 0;
}
