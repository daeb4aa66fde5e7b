/*
 * refuse.c: why a start ends before anything is loaded: what the policy asks for is not to be had, or
 * the policy forbids this very start. One line each, exit 127. What the policy asks for and this
 * system, or this version, does not have must not be taken for granted.
 */
#include "start.h"

static LD_COLD LD_NORETURN void refuse(const char *text)
{
	ld_report_text(text, NULL, "");
	ld_os_exit(127);
}

LD_COLD LD_NORETURN void ld_refuse_build(void)
{
	refuse("ward: built with a wrong word in --policy or --floor");
}

/* what is missing: the end, or said when somebody listens */
static LD_COLD void missing(const char *cannot, const char *without, int end, int report)
{
	if (end)
		refuse(cannot);
	if (report && ld_state.policy.v[LD_KEY_REPORT] != LD_REPORT_QUIET)
		ld_report_text(without, NULL, "");
}

void ld_refuse_missing(struct ld_group *g, int report)
{
	const uint32_t *v = ld_state.policy.v;
	int by_bits = (g->facts.securebits & LD_SECBIT_RESTRICT_FILE) != 0;
	int end = v[LD_KEY_MISSING] == LD_MISSING_REFUSE;

	if (LD_UNLIKELY(!ld_state.have_check) && ld_facts_enforcing(&g->facts))
		missing(by_bits ? "ward: cannot enforce: this kernel has no AT_EXECVE_CHECK (Linux 6.14); "
				  "securebits demand it"
				: "ward: cannot enforce: this kernel has no AT_EXECVE_CHECK (Linux 6.14); "
				  "missing=report would run without",
			"ward: running without the kernel's check: AT_EXECVE_CHECK (Linux 6.14) is missing",
			end || by_bits, report);
	if (LD_UNLIKELY(!ld_state.have_seal) &&
	    (v[LD_KEY_SEAL] != LD_SEAL_OFF || v[LD_KEY_VDSO] == LD_VDSO_SEAL))
		missing("ward: cannot seal: this kernel has no mseal (Linux 6.10); missing=report would run without",
			"ward: running without seals: mseal (Linux 6.10) is missing", end, report);
}

void ld_refuse_lockdown(void)
{
	if (ld_state.policy.v[LD_KEY_LOCKDOWN] >= LD_LOCKDOWN_EXEC)
		refuse("ward: lockdown=exec is not available in this version; lockdown=wx is");
}

void ld_refuse_direct(void)
{
	if (ld_state.policy.v[LD_KEY_DIRECT] == LD_DIRECT_DENY)
		refuse("ward: direct runs are denied by policy");
}

/* from here on no mapping gains execute permission (PR_SET_MDWE), in children neither */
void ld_lock_down(void)
{
	if (ld_state.policy.v[LD_KEY_LOCKDOWN] == LD_LOCKDOWN_WX && ld_os_set_mdwe())
		refuse("ward: lockdown=wx: the kernel has no PR_SET_MDWE (Linux 6.3)");
}
