/*
 * broad.c: many parts of the C library in one program, with output that depends on nothing else. Built against musl of
 * several versions; it must say the same on each and on ward. Some names are those of old binaries (open64 and others).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <locale.h>
#include <math.h>
#include <netdb.h>
#include <pthread.h>
#include <regex.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#ifdef OLD_NAMES
#undef open64
#undef lseek64
#undef fopen64
extern int open64(const char *, int, ...);
extern off_t lseek64(int, off_t, int);
extern FILE *fopen64(const char *, const char *);
#define open open64
#define lseek lseek64
#define fopen fopen64
#endif

static __thread int own = 3;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t sem;
static int total;
static volatile sig_atomic_t caught;
static jmp_buf back;

int exported_by_program(int n) { return 2 * n; }

static void *worker(void *arg)
{
	own += (int)(long)arg;
	pthread_mutex_lock(&lock);
	total += own;
	pthread_mutex_unlock(&lock);
	sem_post(&sem);
	return 0;
}

static void on_signal(int s) { caught = s; }

static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void threads(void)
{
	pthread_t id[6];

	sem_init(&sem, 0, 0);
	for (long i = 0; i < 6; i++)
		pthread_create(&id[i], 0, worker, (void *)i);
	for (int i = 0; i < 6; i++)
		sem_wait(&sem);
	for (int i = 0; i < 6; i++)
		pthread_join(id[i], 0);
	printf("threads %d %d\n", total, own);
}

static void text(void)
{
	char buf[64], in[] = "gr\303\274n", *pin = in, *pout = buf;
	size_t nin = 5, nout = sizeof buf;
	regex_t re;
	regmatch_t m[2];
	wchar_t wide[16];
	iconv_t cd = iconv_open("ISO-8859-1", "UTF-8");

	setlocale(LC_ALL, "C.UTF-8");
	iconv(cd, &pin, &nin, &pout, &nout);
	iconv_close(cd);
	regcomp(&re, "b(c+)d", REG_EXTENDED);
	regexec(&re, "abcccde", 2, m, 0);
	regfree(&re);
	printf("text %d %d %d %zu %.3f %a %s\n", (int)m[1].rm_so, (int)m[1].rm_eo, (unsigned char)buf[2],
		mbstowcs(wide, in, 16), strtod("2.71828", 0), 1.5, strerror(ENOENT));
}

static void files(const char *self)
{
	struct stat st;
	char buf[5] = "";
	int fd = open(self, O_RDONLY);
	FILE *f = fopen(self, "r");
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	lseek(fd, 1, SEEK_SET);
	if (read(fd, buf, 3) != 3 || !f || fstat(fd, &st) || !d)
		puts("files: wrong");
	while (d && readdir(d))
		n++;
	printf("files %s %d %d %d\n", buf, fgetc(f), S_ISREG(st.st_mode), n);
}

static void rest(void)
{
	int v[] = {5, 3, 9, 1}, status;
	time_t t = 1700000000;
	char when[32];
	struct addrinfo *ai = 0, hint = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};

	qsort(v, 4, sizeof *v, by_value);
	strftime(when, sizeof when, "%F %T", gmtime(&t));
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	if (!setjmp(back))
		longjmp(back, 1);
	if (!fork())
		_exit(7);
	wait(&status);
	printf("rest %d%d%d%d %s %d %d %.6f %d\n", v[0], v[1], v[2], v[3], when, caught == SIGUSR1,
		WEXITSTATUS(status), sin(1) + exp(1), getaddrinfo("127.0.0.1", "80", &hint, &ai));
	freeaddrinfo(ai);
}

int main(int argc, char **argv)
{
	void *h = dlopen(argv[1], RTLD_NOW);
	int (*call)(int) = h ? (int (*)(int))dlsym(h, "library_call") : 0;

	if (argc != 2 || !call)
		return printf("dlopen: %s\n", dlerror()), 1;
	printf("library %d %d\n", call(1), call(2));
	threads();
	text();
	files(argv[0]);
	rest();
	return 0;
}
