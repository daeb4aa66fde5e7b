/*
 * command.c: the loader run by hand: options, banner, usage.
 */
#include "command.h"
#include "dso.h"
#include "format.h"
#include "musl.h"
#include "path.h"

static void line_to(int fd, const char *a, const char *b, const char *c)
{
	(void)ld_os_write(fd, a, ld_strlen(a));
	(void)ld_os_write(fd, b, ld_strlen(b));
	(void)ld_os_write(fd, c, ld_strlen(c));
}

static const char usage_text[] =
	"Usage: ld-ward [options] [--] program [args]\n"
	"  --list                what would be loaded, and where; executes nothing\n"
	"  --list=verbose        the same with verdict, mode and requester of each object\n"
	"  --explain SYMBOL      who defines it, who asks for it, in search order; executes nothing\n"
	"  --diagnose            what holds here, for programs to read; a program is not needed\n"
	"  --preload LIBS        load these first (refused while restricted)\n"
	"  --library-path PATH   search these directories first (refused while restricted)\n"
	"  --argv0 NAME          the program's argv[0]\n"
	"  --policy WORDS        tighten the policy: check=enforce, seal=all, watch, enforce, strict\n"
	"  --check-conf FILE     what is wrong with FILE as /etc/ward.conf\n"
	"  --version             versions, build policy and floor\n"
	"  --help                this text\n"
	"A direct run asks the kernel for the verdict execve would give. A setuid bit is never\n"
	"honoured, and security modules make no exec-time transition.\n";

/* musl's first two lines: pip, uv and npm read them to recognise the C library */
static void musl_lines(int fd)
{
	line_to(fd, "musl libc (" LD_ARCH ")\nVersion ", ld_rt_version(), "\n");
}

static LD_NORETURN void banner(void)
{
	musl_lines(2);
	line_to(2, "ward " LD_VERSION ": hardened dynamic program loader\n", usage_text, "");
	ld_os_exit(1);
}

static LD_NORETURN void help(void)
{
	line_to(1, "ward " LD_VERSION ": hardened dynamic program loader\n", usage_text, "");
	ld_os_exit(0);
}

static LD_NORETURN void version(void)
{
	musl_lines(1);
	line_to(1, "ward " LD_VERSION " (" LD_ARCH ")\nmusl ", ld_rt_version(), " " LD_MUSL_DEBIAN "\n");
	line_to(1, "patches: ", LD_MUSL_PATCHES, "\n");
	line_to(1, "build policy: ", LD_BUILD_POLICY[0] ? LD_BUILD_POLICY : "default", "\n");
	line_to(1, "build floor: ", LD_BUILD_FLOOR[0] ? LD_BUILD_FLOOR : "none", "\n");
	line_to(1, "build static-tls: ", LD_STRING(LD_BUILD_STATIC_TLS), "\n");
	ld_os_exit(0);
}

static LD_NORETURN void wrong(const char *what, const char *opt)
{
	struct ld_text t;
	char buf[512];

	ld_text_init(&t, buf, sizeof buf);
	ld_text_str(&t, "ward: --");
	ld_text_raw(&t, opt);
	ld_text_str(&t, what);
	ld_text_str(&t, "\n");
	(void)ld_os_write(2, t.buf, t.len);
	ld_os_exit(2);
}

/* the value of "--name=value" or "--name value"; NULL when opt is another option */
static const char *value_of(const char *opt, const char *name, char ***argv)
{
	const char *rest = ld_after(opt, name);

	if (!rest)
		return NULL;
	if (*rest == '=')
		return rest + 1;
	if (*rest)
		return NULL;
	if (!(*argv)[1])
		wrong(" needs a value", opt);
	return *++*argv;
}

static int ends_in_ldd(const char *s)
{
	size_t n = ld_strlen(s);

	return n >= 3 && ld_streq(s + n - 3, "ldd");
}

void ld_command_parse(int argc, char **argv, struct ld_command *c)
{
	*c = (struct ld_command){0};
	if (argc < 1)
		banner();
	if (ends_in_ldd(argv[0]))
		c->list = 1;
	for (argv++; *argv; argv++) {
		const char *opt = *argv, *v;

		opt = ld_after(opt, "--");
		if (!opt)
			break;
		if (!*opt) {
			argv++;
			break;
		}
		if (ld_streq(opt, "list"))
			c->list = 1;
		else if (ld_streq(opt, "list=verbose"))
			c->list = c->verbose = 1;
		else if (ld_streq(opt, "diagnose"))
			c->diagnose = 1;
		else if (ld_streq(opt, "version"))
			c->list ? banner() : version(); /* musl has no such option: ldd --version */
		else if (ld_streq(opt, "help"))
			help();
		else if ((v = value_of(opt, "explain", &argv)))
			c->list = 1, c->explain = v;
		else if ((v = value_of(opt, "preload", &argv)))
			c->preload = v;
		else if ((v = value_of(opt, "library-path", &argv)))
			c->library_path = v;
		else if ((v = value_of(opt, "argv0", &argv)))
			c->argv0 = v;
		else if ((v = value_of(opt, "policy", &argv)))
			c->policy = v;
		else if ((v = value_of(opt, "check-conf", &argv)))
			c->check_conf = v;
		else
			wrong(": no such option; --help lists them", opt);
	}
	if (!*argv && !c->diagnose && !c->check_conf)
		banner();
	c->argv = argv;
}
