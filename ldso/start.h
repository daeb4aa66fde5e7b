/*
 * start.h: between the files of the third start-up stage: start.c (the order of things), facts.c (what
 * holds: auxiliary vector, environment, kernel), policy.c (what is wanted), refuse.c (what is not to be
 * had), program.c (the main program and the vdso), repair.c (what the kernel mapped executable without
 * need), list.c and diagnose.c (what people ask).
 */
#ifndef LD_START_H
#define LD_START_H

#include "command.h"
#include "conf.h"
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
/* have_check and have_seal of state and facts, as far as policy wants them; asks once */
void ld_kernel_probe(struct ld_facts *f);

/* ---- policy.c ---- */
/* where the policy of this start comes from; lives until the program is known */
struct ld_sources {
	struct ld_policy floor;
	struct ld_settings settings; /* build, system file and its sections */
	struct ld_span conf;         /* text of the system file, p NULL = none */
	const char *command;         /* --policy, NULL = none */
};
/* build floor and default; facts, with the securebits; words: --policy, or NULL. *s outlives the loading */
void ld_policy_begin(struct ld_group *g, struct ld_sources *s, const char *words);
/*
 * The program that the kernel has mapped, with its checked headers: system file, sections, note, LD_WARD;
 * final. Exits when the policy cannot be had (refuse.c).
 */
ld_st ld_policy_kernel(struct ld_group *g, const struct ld_elf_phdr *ph, uint32_t cnt,
		       uintptr_t base) LD_MUST_CHECK;
/* a direct run, first half, before the opened program is vetted: all but its note */
ld_st ld_policy_direct(struct ld_group *g, const struct ld_stat *main_file) LD_MUST_CHECK;
/*
 * The same for --diagnose, which refuses nothing: with the note of the program behind main_file's
 * descriptor, and final. main_file NULL: the loader's own sections.
 */
ld_st ld_policy_look(struct ld_group *g, struct ld_file *main_file) LD_MUST_CHECK;
#define LD_CONF_FILE LD_PREFIX "/etc/ward.conf"
#define LD_CONF_MAX 65536 /* bytes of the system file */
/* why a file with this status cannot be the system file: in a word for programs, and for people */
struct ld_conf_fault {
	const char *word, *text;
};
const struct ld_conf_fault *ld_conf_fault(const struct ld_stat *st); /* NULL = it can */

/* ---- checkconf.c: --check-conf, after ld_policy_begin ---- */
LD_COLD LD_NORETURN void ld_check_conf(struct ld_group *g, const char *file);

/* ---- refuse.c: exit 127 with one line ---- */
LD_COLD LD_NORETURN void ld_refuse_build(void);
void ld_refuse_missing(struct ld_group *g, int report); /* report: say so when running without */
void ld_refuse_lockdown(void);
void ld_refuse_direct(void);
void ld_lock_down(void); /* the last thing before the program */

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
