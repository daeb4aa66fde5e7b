/*
 * sanitizer-glue.c: the names of glibc that Debian's runtimes of clang want and musl has not. With it
 * AddressSanitizer, LeakSanitizer, UBSan and coverage work on ward and on musl. As a shared library, for
 * one name is looked up behind the program:
 *
 *     ward-cc -shared -fPIC -o libsanitizer-glue.so sanitizer-glue.c
 *     ward-cc -g -fsanitize=address app.c -L. -lsanitizer-glue -Wl,-rpath,'$ORIGIN'
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

void *dlvsym(void *handle, const char *name, const char *version)
{
	(void)version;
	return dlsym(handle, name);
}

/* struct dl_find_object of glibc 2.35, x86_64 and aarch64 */
struct found {
	unsigned long long flags;
	void *start, *end;
	struct link_map *map;
	void *eh_frame;
	unsigned long long reserved[7];
};

struct wanted {
	uintptr_t pc;
	struct found *found;
};

static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct wanted *w = arg;
	const ElfW(Phdr) *hit = NULL, *frames = NULL;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_GNU_EH_FRAME)
			frames = p;
		if (p->p_type == PT_LOAD && w->pc - info->dlpi_addr - p->p_vaddr < p->p_memsz)
			hit = p;
	}
	if (!hit || !frames)
		return hit != NULL;
	w->found->start = (void *)(info->dlpi_addr + hit->p_vaddr);
	w->found->end = (void *)(info->dlpi_addr + hit->p_vaddr + hit->p_memsz);
	w->found->eh_frame = (void *)(info->dlpi_addr + frames->p_vaddr);
	return 1;
}

/* libgcc of gcc 12 finds unwind tables by this alone */
int _dl_find_object(void *pc, struct found *found)
{
	struct wanted w = {(uintptr_t)pc, found};

	*found = (struct found){0};
	dl_iterate_phdr(look, &w);
	return found->eh_frame ? 0 : -1;
}

/* looked up with RTLD_NEXT, that is, not in the program; the answer is about glibc's static TLS */
void _dl_get_tls_static_info(size_t *size, size_t *align)
{
	*size = 4096;
	*align = 64;
}

/* glibc's pthread_cleanup_push, which ThreadSanitizer was compiled with */
void __pthread_register_cancel(void *buf) { (void)buf; }
void __pthread_unregister_cancel(void *buf) { (void)buf; }

int __fprintf_chk(FILE *f, int flag, const char *format, ...)
{
	va_list ap;
	int r;

	(void)flag;
	va_start(ap, format);
	r = vfprintf(f, format, ap);
	va_end(ap);
	return r;
}

int __snprintf_chk(char *s, size_t n, int flag, size_t room, const char *format, ...)
{
	va_list ap;
	int r;

	(void)flag;
	if (n > room)
		__builtin_trap();
	va_start(ap, format);
	r = vsnprintf(s, n, format, ap);
	va_end(ap);
	return r;
}
