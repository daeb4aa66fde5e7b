/*
 * start.h: between the files of the third start-up stage: start.c (the order of things), facts.c (what
 * holds: secure, securebits, policy), program.c (the main program and the vdso), repair.c (what the
 * kernel mapped executable without need), list.c and diagnose.c (what people ask).
 */
#ifndef LD_START_H
#define LD_START_H

#include "command.h"
#include "dso.h"

/* the auxiliary vector by type; present says which of the first 64 entries exist */
struct ld_auxv {
	uintptr_t v[LD_AT_CNT];
	uint64_t present;
};

/* ---- facts.c ---- */
void ld_auxv_read(const uintptr_t *raw, struct ld_auxv *a);
int ld_auxv_secure(const struct ld_auxv *a);
/* value of NAME in the environment, NULL = not there */
const char *ld_env_get(char **envp, const char *name);
/* take out what steers loaders; the auxiliary vector behind moves down with it: its new place */
uintptr_t *ld_env_scrub(char **envp, uintptr_t *auxv);
/* a secure process: /dev/null in place of each closed standard descriptor, or exit */
LD_COLD void ld_fds_fill(void);
/* facts and policy; words: --policy, or NULL */
void ld_policy_decide(struct ld_group *g, const char *words);
/* have_check and have_seal of state and facts, as far as policy wants them; again when it changes */
void ld_kernel_probe(struct ld_facts *f);
/* exit when policy wants what the kernel, or this version, does not have */
void ld_refuse_missing(struct ld_group *g);
void ld_refuse_lockdown(void);
void ld_lock_down(void);

/* ---- list.c, diagnose.c: what people ask instead of starting a program ---- */
/* --list, --list=verbose, --explain: the objects of g, on descriptor 1 */
LD_COLD void ld_list(struct ld_group *g, const struct ld_command *c);
/* --diagnose: facts and policy are decided, nothing is loaded; prints and exits */
LD_COLD LD_NORETURN void ld_diagnose(struct ld_group *g, const struct ld_command *c);

/* ---- repair.c ---- */
/* clear READ_IMPLIES_EXEC: 1 = it was set when the kernel mapped us */
int ld_personality_clear(void);
void ld_repair_kernel_mapped(const uintptr_t *sp, const struct ld_auxv *a, int implied,
			     const struct ld_new *main_new);

/* ---- program.c ---- */
const char *ld_keep_str(struct ld_group *g, const char *s); /* a copy in the registry, or NULL */
ld_st ld_main_from_kernel(struct ld_group *g, const struct ld_auxv *a, struct ld_new **out) LD_MUST_CHECK;
ld_st ld_main_from_file(struct ld_group *g, struct ld_command *c, struct ld_new **out) LD_MUST_CHECK;
ld_st ld_add_vdso(struct ld_group *g, uintptr_t addr) LD_MUST_CHECK;
/* a direct run: what the program reads must be what execve would have told it */
void ld_auxv_rewrite(uintptr_t *raw, const struct ld_new *n, const char *name);

#endif
