/* verdict.c: see verdict.h. Pure. */
#include "verdict.h"
#include "os.h"

int ld_facts_enforcing(const struct ld_facts *f)
{
	return (f->securebits & LD_SECBIT_RESTRICT_FILE) ||
	       f->policy->v[LD_KEY_CHECK] == LD_CHECK_ENFORCE;
}

int ld_facts_restricted(const struct ld_facts *f)
{
	return f->secure || f->was_restricted ||
	       (f->securebits & (LD_SECBIT_RESTRICT_FILE | LD_SECBIT_DENY_INTERACTIVE)) ||
	       f->policy->v[LD_KEY_CHECK] == LD_CHECK_ENFORCE;
}

int ld_facts_asking(const struct ld_facts *f)
{
	return f->policy->v[LD_KEY_CHECK] != LD_CHECK_OFF || ld_facts_enforcing(f);
}

/* why the kernel said no, as far as it can be seen */
static enum ld_code reason(const struct ld_file_facts *file)
{
	if (file->check_errno == LD_ETXTBSY)
		return LD_E_REF_BUSY;
	if (file->check_errno == LD_EACCES || file->check_errno == LD_EPERM) {
		if (file->noexec)
			return LD_E_REF_NOEXEC;
		if (file->check_errno == LD_EACCES && (!(file->mode & 0111) || file->no_x))
			return LD_E_REF_MODE;
		return LD_E_REF_LSM;
	}
	return LD_E_REF_OTHER;
}

/*
 * Nobody was asked although the policy asks. A kernel that cannot be asked is the business of the key
 * missing, unless a securebit is set: whoever sets it counts on being obeyed. Not to have asked a kernel
 * that can be asked is never right.
 */
static struct ld_verdict not_checked(const struct ld_facts *f)
{
	struct ld_verdict v = {LD_E_NONE, 0, 0};
	int must = (f->securebits & LD_SECBIT_RESTRICT_FILE) || f->have_check ||
		   f->policy->v[LD_KEY_MISSING] == LD_MISSING_REFUSE;

	if (!must && !ld_facts_enforcing(f))
		return v;
	v.code = LD_E_REF_MISSING;
	v.refuse = must && ld_facts_enforcing(f);
	return v;
}

struct ld_verdict ld_verdict_of(const struct ld_facts *f, const struct ld_file_facts *file)
{
	struct ld_verdict v = {LD_E_NONE, 0, ld_facts_enforcing(f)};

	if (!file->regular) {
		/* nothing to map: refused whatever the policy is */
		v.code = LD_E_REF_TYPE;
		v.refuse = 1;
		return v;
	}
	if (file->control_made && file->control_errno != LD_ENOTDIR) {
		v.code = LD_E_REF_FAKED;
		v.sys = file->control_errno;
		return v;
	}
	if (file->checked && file->check_errno) {
		v.code = reason(file);
		v.sys = file->check_errno;
		return v;
	}
	if (file->nlink == 0 && !file->seals_ok && (ld_facts_asking(f) || ld_facts_restricted(f))) {
		v.code = LD_E_REF_UNLINKED;
		v.refuse = ld_facts_restricted(f);
		return v;
	}
	if (!file->checked && ld_facts_asking(f))
		return not_checked(f);
	return v;
}

const char *ld_verdict_word(enum ld_code code)
{
	switch (code) {
	case LD_E_NONE:
		return "ok";
	case LD_E_REF_MODE:
		return "mode";
	case LD_E_REF_NOEXEC:
		return "noexec";
	case LD_E_REF_BUSY:
		return "busy";
	case LD_E_REF_LSM:
		return "lsm";
	case LD_E_REF_UNLINKED:
		return "unlinked";
	case LD_E_REF_TYPE:
		return "type";
	case LD_E_REF_MISSING:
		return "missing";
	case LD_E_REF_FAKED:
		return "faked";
	default:
		return "other";
	}
}
