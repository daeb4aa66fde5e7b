/*
 * facts.c: what holds for this start: the auxiliary vector, secure or not, the environment, what the
 * kernel can do. Opens nothing but /dev/null.
 */
#include "format.h"
#include "start.h"

void ld_auxv_read(const uintptr_t *raw, struct ld_auxv *a)
{
	*a = (struct ld_auxv){0};
	for (; *raw; raw += 2) {
		if (*raw >= LD_AT_CNT)
			continue;
		a->v[*raw] = raw[1];
		a->present |= 1ull << *raw;
	}
}

/* any of the five entries missing counts as secure: an emulator or a crafted stack proves nothing */
int ld_auxv_secure(const struct ld_auxv *a)
{
	uint64_t need = 1ull << LD_AT_UID | 1ull << LD_AT_EUID | 1ull << LD_AT_GID | 1ull << LD_AT_EGID |
			1ull << LD_AT_SECURE;

	return (a->present & need) != need || a->v[LD_AT_SECURE] || a->v[LD_AT_UID] != a->v[LD_AT_EUID] ||
	       a->v[LD_AT_GID] != a->v[LD_AT_EGID];
}

/* ---- environment ---- */

/* value of the first entry NAME=value; entries without '=' are nobody's */
const char *ld_env_get(char **envp, const char *name)
{
	for (; *envp; envp++) {
		const char *rest = ld_after(*envp, name);

		if (rest && *rest == '=')
			return rest + 1;
	}
	return NULL;
}

/* variables that steer a loader or a C library: a secure process's children must not see them */
static int is_unsafe_variable(const char *entry)
{
	static const char names[][20] = { /* no pointers: nothing to relocate at start */
		"LD_", "DYLD_", "GLIBC_TUNABLES", "GCONV_PATH", "GETCONF_DIR", "HOSTALIASES", "LOCALDOMAIN",
		"LOCPATH", "MUSL_LOCPATH", "MALLOC_", "JE_MALLOC_CONF", "MIMALLOC_", "SCUDO_OPTIONS",
		"LIBC_DEBUG_", "LIBC_HOOKS_", "NIS_PATH", "NLSPATH", "RESOLV_HOST_CONF", "RES_OPTIONS",
		"TMPDIR", "TZDIR",
	};

	for (size_t i = 0; i < LD_COUNTOF(names); i++) {
		const char *rest = ld_after(entry, names[i]);
		size_t n = ld_strlen(names[i]);

		if (rest && (names[i][n - 1] == '_' || *rest == '=' || !*rest))
			return 1;
	}
	return 0;
}

/*
 * Remove them in place: all copies, no allocation, so nothing here can fail and leave one behind. The
 * C library finds the auxiliary vector behind the array's end, so it moves down with it (a few words:
 * it stays at the top of the stack, where pthread_getattr_np expects it). Returns its new place.
 */
uintptr_t *ld_env_scrub(char **envp, uintptr_t *auxv)
{
	char **to = envp;
	uintptr_t *end = auxv, *moved;

	for (; *envp; envp++)
		if (!is_unsafe_variable(*envp))
			*to++ = *envp;
	*to++ = NULL;
	moved = (uintptr_t *)to;
	while (*end)
		end += 2;
	end += 2;
	memmove(moved, auxv, (size_t)(end - auxv) * sizeof *auxv);
	memset(moved + (end - auxv), 0, (size_t)(auxv - moved) * sizeof *auxv);
	return moved;
}

/* ---- descriptors ---- */

#define DEV_NULL ((uint64_t)1 << 32 | 3) /* major and minor, Documentation/admin-guide/devices.txt */

static LD_COLD void fill_descriptor(int fd)
{
	struct ld_stat st;

	/* the lower ones are open, so the kernel gives this number or none */
	if (ld_os_open_null() == fd && !ld_os_fstat(fd, &st) && st.rdev == DEV_NULL)
		return;
	if (fd < 2)
		ld_report_text("ward: standard descriptors are closed, and /dev/null cannot take their place",
			       NULL, "");
	ld_os_exit(127);
}

/* each is asked by itself: poll(2) of all three fails under a small RLIMIT_NOFILE (attack row D04) */
void ld_fds_fill(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (ld_os_fd_flags(fd) < 0)
			fill_descriptor(fd);
}

/* ---- kernel ---- */

/*
 * Does this kernel know the check, does it know mseal? Two calls that do nothing. What policy has no use
 * for is not asked: an inherited seccomp filter may kill for the call itself (attack row A38). No kernel
 * says 0 about descriptor -1: whatever does is asked on, and the control shows what it is worth.
 */
void ld_kernel_probe(struct ld_facts *f)
{
	const uint32_t *v = ld_state.policy.v;

	if (!ld_state.asked_check && (v[LD_KEY_CHECK] != LD_CHECK_OFF || ld_facts_enforcing(f))) {
		char word[2];
		long r = ld_os_check(-1, word);

		ld_state.asked_check = 1;
		ld_state.check_odd = r == 0;
		ld_state.have_check = r == 0 || r == -LD_EBADF;
	}
	if (!ld_state.asked_seal && (v[LD_KEY_SEAL] != LD_SEAL_OFF || v[LD_KEY_VDSO] != LD_VDSO_KEEP)) {
		ld_state.asked_seal = 1;
		ld_state.have_seal = LD_ARCH_SEAL && ld_os_mseal(NULL, 0) == 0;
	}
	f->have_check = ld_state.have_check;
}
