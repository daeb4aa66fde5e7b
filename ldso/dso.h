/*
 * dso.h: what the files of the loader share: its constant state, the group being loaded, and who
 * provides what. The core (src/) knows nothing of this.
 */
#ifndef LD_DSO_H
#define LD_DSO_H

#include "apply.h"
#include "dyn.h"
#include "ehdr.h"
#include "elf.h"
#include "err.h"
#include "layout.h"
#include "ld_config.h"
#include "limits.h"
#include "line.h"
#include "note.h"
#include "os.h"
#include "path.h"
#include "phdr.h"
#include "policy.h"
#include "registry.h"
#include "verdict.h"

#define LD_PUBLIC __attribute__((visibility("default")))

/*
 * Address space kept for the registry: every group takes at least one page of the largest size, so this
 * holds LD_MAX_OBJS dlopen calls. Not a multiple of a huge page: the kernel would
 * align such a mapping, and what is placed next to it would lose nine bits of entropy.
 */
#define LD_REGION_LEN ((uint64_t)(LD_MAX_OBJS + 4) * LD_ARCH_PAGE_MAX)
/* where address space is limited (RLIMIT_AS) */
#define LD_REGION_SMALL ((uint64_t)(LD_MAX_OBJS / 64 + 4) * LD_ARCH_PAGE_MAX)
#define LD_START_AREA 4800 /* so that RELRO is two small pages; enough for five libraries */

/*
 * Everything the loader trusts after start. Lies in RELRO, which is anonymous memory by then, and is
 * sealed before any code but the loader's runs.
 */
struct ld_state {
	uint64_t page;
	struct ld_log log;
	struct ld_policy policy;
	const struct ld_obj *main, *libc, *vdso;
	uintptr_t *auxv;
	int argc;
	char **argv, **envp;
	const char *library_path; /* LD_LIBRARY_PATH or --library-path; NULL when deaf */
	const char *self_name;    /* path of the loader, for listing */
	const char *conf_preload; /* preload= of the system file, NULL = none */
	const char *report_to;    /* absolute path of a datagram socket; NULL = stderr, before main only */
	int secure;
	int restricted;           /* at start; what comes later is in the one-way page */
	int have_check, have_seal;
	int asked_check, asked_seal; /* whether the kernel was asked about them */
	int check_odd;            /* the probe was answered as no kernel answers it */
	int list;                 /* --list: map nothing executable, write nothing */
	uint64_t root_dev, root_ino, root_mount; /* the root directory at start; mount 0 = not asked */
	const char *system_path;  /* as read at start; NULL = not needed then */
	uint32_t static_tls_cnt;
	uintptr_t once_page;      /* two one-way flags, a page each: vet.c. The registry ends here */
	uint32_t securebits;      /* at start */
};

extern struct ld_state ld_state;

/* are seals wanted, and to be had? */
static inline int ld_sealing(void)
{
	return ld_state.have_seal && ld_state.policy.v[LD_KEY_SEAL] != LD_SEAL_OFF;
}

/* an object while it is being loaded; scratch */
struct ld_new {
	struct ld_new *next;
	struct ld_obj *o;
	struct ld_dyn dyn;
	uintptr_t span_addr; /* guard pages included */
	size_t span_len;
	uintptr_t mapped;    /* span_addr when it is ours to unmap, else 0 */
	uintptr_t open_lo, open_hi;   /* RELRO pages that cannot be sealed with the rest */
	uintptr_t ifunc_lo, ifunc_hi; /* of those, pages with slots of indirect functions */
	const char *interp;  /* PT_INTERP of a main program that is run directly; NULL = none */
	uint64_t stack_len;
	uint64_t entry_va;
	int has_stack, stack_exec;
	int is_exec; /* ET_EXEC */
	uint16_t mode;        /* permission bits of the file, and what was found against it */
	enum ld_code verdict;
};

/* large buffers for one object at a time */
struct ld_buffers {
	struct ld_plan plan;
	_Alignas(16) unsigned char scratch[16384];
	_Alignas(16) unsigned char head[4096]; /* the first bytes of a file, at the end: next to the path */
	char path[LD_MAX_PATH];                /* the candidate being tried */
};

/* what one start or one dlopen loads */
struct ld_group {
	struct ld_err err;
	struct ld_arena scratch; /* first ld_scratch, then mapped blocks */
	struct ld_builder b;
	struct ld_facts facts;
	int runtime;               /* dlopen, not start */
	int noload;                /* RTLD_NOLOAD: nothing new is mapped */
	int began;                 /* the builder has memory */
	int controlled;            /* the control was made */
	int control_errno, control_fd;
	char word[2];              /* the path of check and control: one address for both */
	uint32_t obj_first;        /* objects in the registry before */
	struct ld_new *first, **last;
	uint32_t cnt;
	uintptr_t place_lo, place_cur; /* free address space below place_cur */
	uintptr_t guard;           /* a page above it that no object has taken yet, 0 = none */
	const char *requester;     /* "dlopen in PROGRAM" or the program */
	const struct ld_chunk *newest; /* last published chunk, NULL at start */
	struct ld_tls_totals tls;
	struct ld_linker lk;
	const struct ld_obj *root;       /* what dlopen was asked for; main at start */
	struct ld_probe *probes;         /* objects this group sees beyond the global scope */
	uint32_t probe_cnt;
	int global;                      /* they become global */
	const struct ld_obj *const *bfs; /* dependency order of root, in registry memory */
	uint32_t bfs_cnt;
	const struct ld_obj *const *order; /* constructor order of root */
	uint32_t order_cnt;
	struct ld_tls_ext *tls_ext;
	uintptr_t muts; /* mapping made for the objects' mutable halves, 0 = none */
	struct ld_image *img; /* of the object at hand */
	struct ld_buffers *buf;
	const char *system_path;       /* read once for a group, NULL = not yet */
	struct ld_dir_seen *dirs;      /* search directories that were looked at */
	uint32_t dirs_cnt;
	const char *dropped;           /* the first one that this search passed over, NULL = none */
	enum ld_dir_reason dropped_for;
	struct ld_sources *sources; /* of policy, at start (start.h) */
	int direct;                 /* the loader was run by hand */
};

/* an opened and vetted file */
struct ld_file {
	int fd;
	struct ld_stat st;
	const char *path; /* in the group's buffer, or the name given: copy it */
	int searched;     /* found by a search, so it has a short name */
	int absent;       /* errno of the last try that found nothing */
	struct ld_file_facts facts; /* what was asked about it */
	enum ld_code verdict; /* what was found against it; NONE = nothing */
	int decided;      /* a main program: the verdict was given */
};

/* ---- search.c, walk.c: where a library is looked for ---- */
/* a name as DT_NEEDED and dlopen give it, to a vetted file */
ld_st ld_open_library(struct ld_group *g, const char *name, const struct ld_obj *needed_by,
		      struct ld_file *out) LD_MUST_CHECK;
/*
 * The system search path, and the file it stands in (NULL = built in). A file that is there and is not to
 * be relied on leaves nothing to search: NULL, and an error is set.
 */
const char *ld_system_path(struct ld_group *g, const char **file);
/* remember the root directory of the start, when reports are wanted */
void ld_search_note_root(void);

/*
 * Is a directory (absolute path of len bytes, named by asker's file; NULL = by the system) one that nobody can
 * put files into, or exchange for another, but those whom we trust anyway? 0 and *reason, or -errno.
 * Overwrites buf->head.
 */
long ld_walk_dir(struct ld_group *g, const char *path, size_t len, const struct ld_obj *asker,
		 enum ld_dir_reason *reason);
/* root, or who owns the root directory or the loader's file: what root looks like in a user namespace */
int ld_owner_is_root(uint32_t uid);
/* who owns the loader's file, when an absolute name for it is known */
int ld_owner_is_loaders(uint32_t uid);

/* ---- origin.c: what $ORIGIN stands for ---- */
/* procfs itself, its root directory: not a directory that somebody put in its place */
int ld_have_procfs(void);
/* does its search path speak of $ORIGIN? */
int ld_uses_origin(const struct ld_obj *o);
void ld_origin_main(struct ld_group *g, struct ld_obj *o);
void ld_origin_library(struct ld_group *g, struct ld_obj *o);

/* ---- open.c: open, verdict ---- */
/* one candidate of a search: 1 = opened and vetted, 0 = not there, else an error is set */
int ld_open_try(struct ld_group *g, const char *path, const char *needed_by, struct ld_file *f, ld_st *st);
ld_st ld_open_path(struct ld_group *g, const char *path, struct ld_file *out) LD_MUST_CHECK;
/* the program of a direct run: opened, nothing asked yet */
ld_st ld_open_main(struct ld_group *g, const char *path, struct ld_file *out) LD_MUST_CHECK;

/* ---- vet.c: facts and verdict ---- */
/*
 * The program of a direct run, opened by ld_open_main: vetted by the policy that is known before it is read;
 * and, after its note was read, by the policy that holds. Closed when it is refused.
 */
ld_st ld_vet_main(struct ld_group *g, struct ld_file *f) LD_MUST_CHECK;
ld_st ld_vet_main_again(struct ld_group *g, struct ld_file *f) LD_MUST_CHECK;
/* securebits of this thread, policy, and what earlier calls found */
void ld_facts_now(struct ld_facts *f);
/* fstat on f->fd: the first facts. Failed: closed, g->err set. */
ld_st ld_vet_stat(struct ld_group *g, struct ld_file *f) LD_MUST_CHECK;
/* fstat, control, check and verdict on f->fd, with f->path for the words. Refused: closed, g->err set. */
ld_st ld_vet(struct ld_group *g, struct ld_file *f, const char *needed_by) LD_MUST_CHECK;
/* the same when g->facts have become stricter since: asks only what has not been asked */
ld_st ld_vet_again(struct ld_group *g, struct ld_file *f, const char *needed_by) LD_MUST_CHECK;
/* how long to wait for what passes by itself, in microseconds: 7.75 ms together */
#define LD_BUSY_WAITS 5
extern const unsigned short ld_busy_waits[LD_BUSY_WAITS];

/* ---- map.c: one vetted file into memory ---- */
ld_st ld_map_file(struct ld_group *g, struct ld_file *f, int as_main, struct ld_new **out) LD_MUST_CHECK;
/* the same for what the kernel has mapped: main under PT_INTERP, ward itself, the vdso */
ld_st ld_map_kernel(struct ld_group *g, const struct ld_elf_phdr *ph, uint32_t phnum, uintptr_t base,
		    struct ld_obj *o, struct ld_new **out) LD_MUST_CHECK;
/* the policy that a file carries as a program, nothing mapped; p NULL = none, or it is no program */
struct ld_span ld_map_policy(struct ld_group *g, struct ld_file *f);
void ld_map_undo(struct ld_new *n);
/*
 * Make [addr, addr + len) anonymous memory that keeps the content of [from, from + from_len) inside it; the
 * rest is zero. Nobody else may touch the range meanwhile. Returns 0 or -errno.
 */
long ld_anonymize(struct ld_arena *scratch, uintptr_t addr, size_t len, uintptr_t from, size_t from_len);

/* ---- place.c: a plan carried out ---- */
#define LD_PLACE_TRIES 8 /* elsewhere, when another thread was faster */
/*
 * The operations of g's plan that map nothing of the file; chooses *base. An ET_EXEC (fixed) has no choice.
 * Errors: LD_E_MAP; nothing is left then.
 */
ld_st ld_place_early(struct ld_group *g, int fixed, int fd, uintptr_t *base) LD_MUST_CHECK;
/* the others; 0 or -errno, *done counts what was carried out, from the early ones on */
long ld_place_rest(struct ld_plan *plan, uintptr_t base, int fd, int shared, uint32_t *done);
/* undo the mappings among the first cnt operations: exactly those, the space between is not ours */
void ld_place_undo(const struct ld_plan *plan, uint32_t cnt, uintptr_t base);
void ld_place_keep(const struct ld_group *g); /* the group stays: the next one may go below it */
void ld_place_guard_undo(struct ld_group *g); /* the page above the last room, if nobody took it */

/* ---- policy.c ---- */
/* the words of the main program's note (p NULL = none): policy is final then. May exit. */
void ld_policy_note(struct ld_group *g, struct ld_span note);

/* ---- load.c: a group and its dependencies ---- */
/*
 * The one group that is being loaded: at start, later under the loader's lock. Large, so not on the
 * stack: a thread may have a small one, and at start only the pages that are used cost a fault.
 */
struct ld_group *ld_group_init(void);
ld_st ld_group_begin(struct ld_group *g) LD_MUST_CHECK; /* registry memory for what comes */
void ld_group_undo(struct ld_group *g);
ld_st ld_load_name(struct ld_group *g, const char *name, const struct ld_obj *needed_by,
		   const struct ld_obj **out) LD_MUST_CHECK;
ld_st ld_load_deps(struct ld_group *g) LD_MUST_CHECK; /* of all new objects, breadth first */
void ld_group_add(struct ld_group *g, struct ld_new *n);
const struct ld_obj *ld_obj_at(uint32_t idx); /* published object, or NULL */
struct ld_new *ld_group_find(const struct ld_group *g, const struct ld_obj *o);
/* breadth-first order from root over published and new objects, root first; in arena a */
const struct ld_obj **ld_bfs_list(struct ld_group *g, struct ld_arena *a, const struct ld_obj *root,
				  uint32_t *cnt);
/* constructor order from root over published and new objects */
const struct ld_obj **ld_ctor_list(struct ld_group *g, struct ld_arena *a, const struct ld_obj *root,
				   uint32_t *cnt);

/* ---- link.c, seal.c, publish.c, deferred.c: relocate, protect, seal ---- */
ld_st ld_link_relocate(struct ld_group *g) LD_MUST_CHECK;
ld_st ld_link_finish(struct ld_group *g) LD_MUST_CHECK; /* freeze, seal, run ifuncs, publish */
/* the published global scope as a list in a, followed by tail; NULL = no memory */
const struct ld_scope *ld_scope_published(struct ld_arena *a, const struct ld_scope *tail);
void ld_deferred_retry(struct ld_group *g); /* after a successful dlopen */
void ld_seal_system(uintptr_t vdso); /* vdso.c */
uintptr_t ld_ifunc_call(uintptr_t resolver);
/* is addr inside an executable segment of a published or new object? */
int ld_addr_is_code(const struct ld_group *g, uintptr_t addr);

/* ---- tls.c ---- */
void ld_tls_assign(struct ld_group *g, struct ld_obj *o); /* its module number; at start, its place */
/* all objects are relocated: places for what needs no fixed one; at start, the reserve behind it all */
void ld_tls_settle(struct ld_group *g);
/* is what a dlopen adds as ld_tls_settle makes it? read from the frozen chunk; before: the one in front */
int ld_tls_is_valid(const struct ld_chunk *c, const struct ld_chunk *before);
/* copy all modules' images into a new thread's block; returns the number of modules */
uint32_t ld_tls_fill(unsigned char *tp_mem, uintptr_t *dtv);
void ld_tls_reset(uintptr_t *dtv);
uint64_t ld_tls_block(uint64_t *align, uint32_t *cnt); /* sealed totals of the last group */
/* running threads: allocate for all of them (thread creation stops), then install or give back; the chunk
 * is frozen */
ld_st ld_tls_prepare(struct ld_group *g) LD_MUST_CHECK;
void ld_tls_install(struct ld_group *g); /* before the group is published: readers use the blocks */
void ld_tls_commit(struct ld_group *g);  /* after it: threads may be made again */
void ld_tls_abandon(struct ld_group *g);

/* ---- init.c: constructors and destructors ---- */
void ld_init_run(const struct ld_obj *const *order, uint32_t cnt);
void ld_init_forked(void);
void __libc_start_init(void);
void __libc_exit_fini(void);
int ld_init_done(const struct ld_obj *o);
int ld_init_dead(const struct ld_obj *o); /* its constructors ran in a thread lost in a fork */
extern int ld_exiting; /* destructors run: nothing new is loaded or constructed */

/* ---- report.c: what the operator reads ---- */
LD_COLD void ld_report_err(const struct ld_group *g); /* one line on stderr; at start only */
LD_COLD void ld_report_text(const char *a, const char *raw, const char *b);
LD_COLD void ld_report_put(struct ld_text *t); /* the text and a newline; at start only */
/* say once that a variable is ignored because restricted, or would be */
LD_COLD void ld_report_ignored(const struct ld_group *g, const char *name);
/*
 * The lines of a report, at any time, once each: they choose between stderr, socket and silence.
 * needed_by may be NULL, reason is a constant word. facts of the group are read already.
 */
LD_COLD void ld_report_line(const struct ld_group *g, struct ld_line *l);
/* every verdict that is not "nothing against it": v->refuse tells refused from would be refused */
LD_COLD void ld_report_audit(const struct ld_group *g, const char *path, const char *needed_by,
			     const struct ld_verdict *v, uint32_t mode);
/* report=all: an object that was loaded, and whether it asks for an executable stack */
LD_COLD void ld_report_loaded(const struct ld_group *g, const struct ld_new *n, const char *needed_by);
/*
 * What restriction does to an input, or would do if it were on: REFUSE (a relative name), IGNORE (a
 * variable), DROP (a directory of a search path). Call it in both cases: what audit does not report must
 * run when enforced.
 */
LD_COLD void ld_report_would(const struct ld_group *g, enum ld_event event, const char *subject,
			     size_t len, const char *needed_by, const char *reason);
/* ask before calling one of these on a path that every start takes */
static inline int ld_reporting(unsigned level)
{
	return LD_UNLIKELY(ld_state.policy.v[LD_KEY_REPORT] >= level);
}
LD_COLD LD_NORETURN void ld_die(struct ld_group *g);
LD_COLD void ld_report_undefs(struct ld_group *g);
LD_COLD int ld_mount_point(uint64_t mount_id, char *buf, size_t len); /* where that mount is */

/* ---- publish.c ---- */
extern uint32_t ld_published; /* chunks; the registry's one writable word */
extern uint32_t ld_loads;     /* dlpi_adds */

/* ---- dlapi.c, debug.c ---- */
uintptr_t ld_debug_struct(void);                  /* what DT_DEBUG points to */
void ld_debug_publish(const struct ld_chunk *c);   /* show the new objects to debuggers */
void ld_debug_state(int adding);
int __dl_invalid_handle(void *h);
void *__dlsym(void *restrict h, const char *restrict name, void *restrict ra);
void *__dlsym_redir_time64(void *restrict h, const char *restrict name, void *restrict ra);

/* ---- born.c, stage.c, start.c ---- */
extern unsigned char ld_data_from[], ld_data_to[]; /* what is not RELRO of the bytes the linker made */
void ld_stage2(uintptr_t base, uintptr_t *sp, uintptr_t *auxv);
LD_NORETURN void ld_start(uintptr_t *sp, uintptr_t *auxv);
extern struct ld_obj ld_self;
extern struct ld_dyn ld_self_dyn;

/* ---- area.c ---- */
extern unsigned char ld_start_area[LD_START_AREA];
void ld_area_warm(void); /* needs no relocation and no thread pointer */

static inline const struct ld_chunk *ld_chunk_next(const struct ld_chunk *c)
{
	return ld_log_next(&ld_state.log, c, __atomic_load_n(&ld_published, __ATOMIC_ACQUIRE));
}

/* an entry of the auxiliary vector, 0 when it is not there */
static inline uintptr_t ld_aux(const uintptr_t *auxv, uintptr_t type)
{
	for (; *auxv; auxv += 2)
		if (*auxv == type)
			return auxv[1];
	return 0;
}

static inline uint32_t ld_name_hash(const char *s)
{
	uint32_t h = 5381;

	while (*s)
		h = h * 33 + (unsigned char)*s++;
	return h | 1;
}

#endif
