/*
 * vet.c: what the kernel says about an open descriptor, and what holds for this call: fstat, control,
 * check, and the facts for verdict.c, which alone decides. Nothing is looked up by name here.
 *
 * An attacker controls the file, who else has it open, and the seccomp filters the process has inherited.
 * A filter sees numbers, arguments and the place of a call, never memory. So check and control are made
 * to look alike: one call site, one address of the path, the same descriptor.
 */
#include "dso.h"

const unsigned short ld_busy_waits[LD_BUSY_WAITS] = {250, 500, 1000, 2000, 4000};

/* ---- what holds for this start or dlopen ---- */

/*
 * Two flags that can be set and not cleared, by any thread: pages nobody can use for anything else. Sealed
 * is set; mprotect to what they are already tells (and says so as well when one was unmapped). Where
 * there are no seals, readable is set.
 */
enum { ONCE_RESTRICTED, ONCE_RESTRICT_FILE };

static void *once_page(unsigned flag)
{
	return (void *)(ld_state.once_page + flag * ld_state.page);
}

static int once_is_set(unsigned flag)
{
	if (ld_sealing())
		return ld_os_mprotect(once_page(flag), ld_state.page, 0) != 0;
	/* no check, no securebits: they came together. Not asked then, because memcheck would complain. */
	return ld_state.have_check && ld_os_is_readable(once_page(flag));
}

static void once_set(unsigned flag)
{
	if (ld_sealing())
		(void)ld_os_mseal(once_page(flag), ld_state.page);
	else
		(void)ld_os_mprotect(once_page(flag), ld_state.page, LD_PROT_R);
}

/* facts only ever tighten: what start or an earlier dlopen found, in whatever thread, still holds */
static void add_earlier(struct ld_facts *f)
{
	uint32_t bits = f->securebits;
	int was = ld_state.restricted;

	if (!was)
		was = once_is_set(ONCE_RESTRICTED);
	f->was_restricted = was;
	f->securebits |= ld_state.securebits;
	if (was && !(f->securebits & LD_SECBIT_RESTRICT_FILE) && once_is_set(ONCE_RESTRICT_FILE))
		f->securebits |= LD_SECBIT_RESTRICT_FILE;
	if (!was && ld_facts_restricted(f))
		once_set(ONCE_RESTRICTED);
	if (bits & ~ld_state.securebits & LD_SECBIT_RESTRICT_FILE)
		once_set(ONCE_RESTRICT_FILE);
}

void ld_facts_now(struct ld_facts *f)
{
	long bits = ld_os_securebits();

	f->secure = ld_state.secure;
	f->policy = &ld_state.policy;
	f->have_check = ld_state.have_check;
	/* prctl fails only when a filter says so: then assume the strictest */
	f->securebits = bits < 0 ? LD_SECBIT_RESTRICT_FILE : (uint32_t)bits;
	f->was_restricted = ld_state.restricted;
	if (!ld_state.once_page) { /* start, before the registry exists; ld_kernel_probe follows */
		ld_state.securebits = f->securebits;
		return;
	}
	add_earlier(f);
	/* not asked at start, when nothing called for the check */
	if (LD_UNLIKELY(ld_state.policy.v[LD_KEY_CHECK] == LD_CHECK_OFF) && !f->have_check &&
	    ld_facts_enforcing(f)) {
		char word[2];

		f->have_check = ld_os_check(-1, word) == -LD_EBADF;
	}
}

/* ---- what holds for one file ---- */

/* a file without a name passes the kernel's check even while it can be written: ask for seals */
static int memfd_is_frozen(int fd)
{
	long seals = ld_os_memfd_seals(fd), want = LD_F_SEAL_WRITE | LD_F_SEAL_SHRINK | LD_F_SEAL_SEAL;

	return seals >= 0 && (seals & want) == want;
}

/*
 * A library that was just written is often busy for a moment: a child that its writer forked meanwhile
 * holds the descriptor until it executes something. Waited for when the answer counts.
 */
static int check_waiting(struct ld_group *g, int fd)
{
	int patient = ld_facts_enforcing(&g->facts) ||
		      g->facts.policy->v[LD_KEY_REPORT] != LD_REPORT_QUIET;
	long r = ld_os_check(fd, g->word);

	for (size_t i = 0; r == -LD_ETXTBSY && patient && i < LD_BUSY_WAITS; i++) {
		ld_os_sleep_us(ld_busy_waits[i]);
		r = ld_os_check(fd, g->word);
	}
	return (int)-r;
}

/* once for a group, and for every new descriptor number: a filter could tell those apart */
static void control(struct ld_group *g, int fd)
{
	if (g->controlled && (g->control_fd == fd || g->control_errno != LD_ENOTDIR))
		return;
	g->control_errno = (int)-ld_os_check_control(fd, g->word);
	g->control_fd = fd;
	g->controlled = 1;
}

/* valgrind 3.19 and the like take the check for an execve of nothing: it does not exist here */
static int is_emulated(const struct ld_group *g, int check_errno)
{
	return check_errno == LD_EFAULT && !(g->controlled && g->control_errno == LD_ENOTDIR);
}

/* ask what the facts demand and has not been asked; can be called again when they have become stricter */
static void gather(struct ld_group *g, struct ld_file *f)
{
	struct ld_file_facts *ff = &f->facts;
	int enforcing = ld_facts_enforcing(&g->facts);
	uint64_t type;

	if (!ff->regular)
		return;
	if (!ff->nlink && !ff->seals_ok)
		ff->seals_ok = memfd_is_frozen(f->fd);
	if (!g->facts.have_check || !ld_facts_asking(&g->facts))
		return;
	if (enforcing || ld_state.check_odd)
		control(g, f->fd);
	ff->control_made = g->controlled;
	ff->control_errno = g->control_errno;
	if (ff->checked && !(ff->check_errno == LD_ETXTBSY && enforcing))
		return;
	ff->check_errno = check_waiting(g, f->fd);
	ff->checked = 1;
	if (is_emulated(g, ff->check_errno)) {
		ff->checked = ff->check_errno = ff->control_made = g->controlled = 0;
		g->facts.have_check = 0;
		if (!g->runtime)
			ld_state.have_check = 0;
	} else if (ff->check_errno) {
		long flags = ld_os_fs_flags(f->fd, &type);

		ff->noexec = flags > 0 && (flags & LD_ST_NOEXEC);
		ff->no_x = ld_os_may_execute(f->fd) == -LD_EACCES;
	}
}

static ld_st refuse(struct ld_group *g, struct ld_file *f, const struct ld_verdict *v)
{
	struct ld_err *err = &g->err;
	const char *base = ld_path_base(f->path);
	char *buf = (char *)g->buf->head;

	(void)ld_err_set(err, v->code, 0, 0, 0);
	err->sys = v->sys;
	err->mode = f->st.mode & 07777;
	if (v->code == LD_E_REF_NOEXEC && ld_mount_point(f->st.mount_id, buf, sizeof g->buf->head))
		err->where = ld_alloc_str(&g->scratch, buf, ld_strlen(buf));
	if (v->code == LD_E_REF_NOEXEC && !err->where)
		err->where = ld_alloc_str(&g->scratch, f->path, (size_t)(base - f->path));
	return (ld_st){v->code};
}

ld_st ld_vet_again(struct ld_group *g, struct ld_file *f, const char *needed_by)
{
	struct ld_verdict v;
	ld_st st = LD_OK;

	gather(g, f);
	v = ld_verdict_of(&g->facts, &f->facts);
	f->verdict = v.code;
	if (v.code)
		ld_report_audit(g, f->path, needed_by, &v, f->st.mode & 07777);
	if (v.code && v.refuse) {
		st = refuse(g, f, &v);
		(void)ld_os_close(f->fd);
		ld_err_path(&g->err, f->path);
	}
	return st;
}

ld_st ld_vet_stat(struct ld_group *g, struct ld_file *f)
{
	long r = ld_os_fstat(f->fd, &f->st);
	ld_st st = LD_OK;

	if (r) {
		st = ld_err_sys(&g->err, LD_E_STAT, (int)-r);
		(void)ld_os_close(f->fd);
		ld_err_path(&g->err, f->path);
		return st;
	}
	f->facts = (struct ld_file_facts){.regular = (f->st.mode & LD_S_IFMT) == LD_S_IFREG,
					  .mode = f->st.mode, .nlink = f->st.nlink};
	return st;
}

ld_st ld_vet(struct ld_group *g, struct ld_file *f, const char *needed_by)
{
	ld_st st = ld_vet_stat(g, f);

	return ld_failed(st) ? st : ld_vet_again(g, f, needed_by);
}

ld_st ld_vet_main(struct ld_group *g, struct ld_file *f)
{
	/* what is no file is never read; what would only be reported waits for the note */
	f->decided = !f->facts.regular || ld_facts_enforcing(&g->facts);
	if (f->decided)
		return ld_vet_again(g, f, g->requester);
	gather(g, f);
	return LD_OK;
}

ld_st ld_vet_main_again(struct ld_group *g, struct ld_file *f)
{
	if (f->decided)
		return LD_OK;
	f->decided = 1;
	return ld_vet_again(g, f, g->requester);
}
