/*
 * base.h: the few words every file of ward shares.
 *
 * May include: <stddef.h>, <stdint.h>, <limits.h>. Owns no data.
 * Everything ward defines is hidden: a default-visibility variable would be reached through the
 * GOT, which the first stages have not relocated yet.
 */
#ifndef LD_BASE_H
#define LD_BASE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define LD_MUST_CHECK __attribute__((warn_unused_result))
#define LD_NOINLINE __attribute__((noinline))
#define LD_COLD __attribute__((cold, noinline))
#define LD_NORETURN __attribute__((noreturn))
#define LD_UNINIT __attribute__((uninitialized)) /* large and written before it is read */
#define LD_UNUSED __attribute__((unused))
#define LD_RELRO __attribute__((section(".data.rel.ro.ward")))

#define LD_LIKELY(x) __builtin_expect(!!(x), 1)
#define LD_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define LD_STRING_(x) #x
#define LD_STRING(macro) LD_STRING_(macro) /* its value as text */
#define LD_COUNTOF(a) (sizeof(a) / sizeof *(a))

/*
 * Result of everything that can fail. A struct, so that it cannot be mixed up with a count, a
 * descriptor or a system call's return value. code is one of enum ld_code (err.h); 0 is success.
 */
typedef struct {
	int code;
} ld_st;

#define LD_OK ((ld_st){0})

static inline int ld_failed(ld_st st)
{
	return LD_UNLIKELY(st.code != 0) != 0;
}

/* a bug of ours, never reachable from input: stop at once */
static inline LD_NORETURN void ld_bug(void)
{
	__builtin_trap();
}

static inline uint64_t ld_align_down(uint64_t v, uint64_t align)
{
	return v & -align;
}

/* caller has checked that v + align - 1 does not wrap */
static inline uint64_t ld_align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & -align;
}

static inline int ld_is_pow2(uint64_t v)
{
	return v && !(v & (v - 1));
}

/* the memory and string functions the core may call; libc has them, or the test program's libc */
void *memcpy(void *restrict, const void *restrict, size_t) __attribute__((visibility("default")));
void *memmove(void *, const void *, size_t) __attribute__((visibility("default")));
void *memset(void *, int, size_t) __attribute__((visibility("default")));
int memcmp(const void *, const void *, size_t) __attribute__((visibility("default")));

/* eight bytes at any address, in the machine's order; a load instruction even without builtins */
struct ld_any64 {
	uint64_t v;
} __attribute__((packed, may_alias));

static inline uint64_t ld_load64(const void *p)
{
	return ((const struct ld_any64 *)p)->v;
}

static inline size_t ld_strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static inline int ld_streq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* does s begin with prefix? returns what follows it, or NULL */
static inline const char *ld_after(const char *s, const char *prefix)
{
	while (*prefix)
		if (*s++ != *prefix++)
			return NULL;
	return s;
}

#endif
