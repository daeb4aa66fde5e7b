/*
 * test_sources.c: ldso/policy.c and ldso/refuse.c: the sources of policy, their order, and what each may
 * do. The build of these tests (ld_config.h): default missing=refuse, floor seal=code report=all.
 */
#include "unit.h"

#include "dso_stub.h"
#include "os_fake.h"
#include "start.h"

enum { REG = OS_FAKE_REG, PROC = LD_PROC_MAGIC, SELF_INO = 4711 };

/* the files of a machine: the system file first */
struct machine {
	struct os_fake_file files[6];
};

static void machine(struct machine *m, const char *conf, uint32_t mode)
{
	*m = (struct machine){{
		{.path = "/prefix/etc/ward.conf", .data = (const unsigned char *)conf,
		 .len = conf ? strlen(conf) : 0, .mode = REG | mode, .nlink = 1,
		 .open = conf ? 0 : LD_ENOENT},
		{.path = "/proc/self", .mode = 0040555, .fs_type = PROC},
		{.path = "/proc/self/exe", .mode = REG | 0755, .ino = SELF_INO},
		{.path = "/bin/self", .mode = REG | 0755, .ino = SELF_INO},
		{.path = "/bin/other", .mode = REG | 0755},
		{.path = "/lib/ld-ward-unit.so.1", .mode = REG | 0755, .uid = 65534},
	}};
	os_fake_files(m->files, LD_COUNTOF(m->files));
}

static struct ld_span span(const char *s)
{
	return (struct ld_span){(const unsigned char *)s, s ? strlen(s) : 0};
}

static const char *value_text(unsigned key, uint32_t value)
{
	static char number[12];

	snprintf(number, sizeof number, "%u", value);
	return key == LD_KEY_STATIC_TLS ? number : ld_policy_value_name(key, value);
}

/* what differs from check=audit missing=refuse direct=allow seal=code ... report=quiet */
static const char *policy_text(void)
{
	static char text[256];
	struct ld_policy was;
	size_t n = 0;

	ld_policy_default(&was);
	was.v[LD_KEY_MISSING] = LD_MISSING_REFUSE;
	was.v[LD_KEY_STATIC_TLS] = LD_BUILD_STATIC_TLS;
	text[0] = 0;
	for (unsigned k = 0; k < LD_KEY_CNT; k++)
		if (ld_state.policy.v[k] != was.v[k])
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s=%s", n ? " " : "",
					      ld_policy_key_name(k), value_text(k, ld_state.policy.v[k]));
	return text;
}

/* start a program; direct: the loader was run by hand. 0, or the exit status */
static int start(struct stub *s, int direct, const char *note, const char *command)
{
	struct ld_elf_phdr ph = {.p_type = LD_PT_NOTE};
	static unsigned char notes[256];
	struct ld_sources sources;
	struct ld_group *g = &s->g;
	struct ld_stat self = {.dev = 1, .ino = SELF_INO};
	uint32_t head[3] = {5, note ? (uint32_t)strlen(note) : 0, LD_NT_WARD_POLICY};

	memcpy(notes, head, 12);
	memcpy(notes + 12, "ward\0\0\0", 8);
	memcpy(notes + 20, note ? note : "", head[1]);
	ph.p_filesz = note ? 20 + ((head[1] + 3) & ~3u) : 0;
	*g->img = (struct ld_image){.seg = {{.memsz = 256, .filesz = 256, .prot = LD_PROT_R}},
					.seg_cnt = 1};
	g->direct = direct;
	if (os_fake_catch_exit())
		return os_fake_status;
	ld_policy_begin(g, &sources, command);
	if (direct) {
		expect_ok(ld_policy_direct(g, &self), &g->err);
		ld_policy_note(g, span(note));
	} else {
		expect_ok(ld_policy_kernel(g, &ph, 1, (uintptr_t)notes), &g->err);
	}
	return 0;
}

struct one {
	const char *name, *conf, *note, *command, *env;
	uint32_t bits;
	int secure;
	const char *want;   /* policy_text */
	int restricted;
	const char *report; /* part of what was reported; "" = nothing was */
	int status;         /* the start ends with this */
};

static const struct one cases[] = {
	{"nothing", .want = "", .report = ""},
	{"conf lowers", .conf = "check=off missing=report vdso=keep",
	 .want = "check=off missing=report vdso=keep", .report = ""},
	{"not below the floor", .conf = "seal=off", .want = "", .report = ""},
	{"conf raises", .conf = "enforce", .want = "check=enforce report=denials", .restricted = 1,
	 .report = ""},
	{"floor's report is none", .want = "", .report = ""},
	{"section of this program", .conf = "enforce\n[/bin/self]\ncheck=audit\n[/bin/other]\nseal=all",
	 .want = "report=denials", .report = ""},
	{"section of another", .conf = "[/bin/other]\ncheck=off\n[/bin/none]\ncheck=off", .want = "",
	 .report = ""},
	{"broken header", .conf = "[/bin/self\ncheck=off\n[/bin/self]\nseal=all", .want = "seal=all",
	 .report = "ward: /prefix/etc/ward.conf:1: section header without ] at its end, all lines up to "
		   "the next header ignored\n"},
	{"wrong lines", .conf = "chek=off\nseal=all\nseal=off\r\n", .want = "seal=all",
	 .report = "ward: /prefix/etc/ward.conf:1: unknown key \"chek\", line ignored\n"
		   "ward: /prefix/etc/ward.conf:3: control byte 0xd, line ignored\n"},
	{"wrong lines, secure", .conf = "chek=off", .secure = 1, .want = "", .restricted = 1,
	 .report = "ward: /prefix/etc/ward.conf:1: wrong line ignored\n"},
	{"note tightens", .note = "check=enforce direct=deny", .want = "check=enforce direct=deny",
	 .restricted = 1, .report = ""},
	{"note relaxes", .note = "vdso=keep check=off missing=report", .conf = "text=shared",
	 .want = "vdso=keep text=shared", .report = ""},
	{"note relaxes text", .note = "text=private", .conf = "text=shared", .want = "", .report = ""},
	{"note, not below the floor", .note = "seal=off", .want = "", .report = ""},
	{"note while restricted", .note = "vdso=keep", .bits = LD_SECBIT_DENY_INTERACTIVE, .want = "",
	 .restricted = 1, .report = ""},
	{"note while secure", .note = "vdso=keep seal=all", .secure = 1, .want = "seal=all",
	 .restricted = 1, .report = ""},
	{"note while conf enforces", .note = "vdso=keep text=private", .conf = "check=enforce text=shared",
	 .want = "check=enforce text=shared", .restricted = 1, .report = ""},
	{"wrong word in the note", .note = "seal=al vdso=keep", .want = "vdso=keep",
	 .report = "ward: .note.ward: wrong policy word \"seal=al\" ignored\n"},
	{"LD_WARD tightens", .env = "seal=all check=audit", .want = "seal=all", .report = ""},
	{"LD_WARD never relaxes", .env = "check=off seal=off report=quiet", .conf = "seal=all",
	 .want = "seal=all", .report = ""},
	{"LD_WARD and reports", .env = "report=quiet", .conf = "report=all", .want = "", .report = ""},
	{"LD_WARD, other keys", .env = "direct=deny", .want = "",
	 .report = "ward: LD_WARD: wrong policy word \"direct=deny\" ignored\n"},
	{"LD_WARD after the note", .env = "seal=all", .note = "seal=code", .want = "seal=all",
	 .report = ""},
	{"LD_WARD restricts", .env = "check=enforce", .want = "check=enforce", .restricted = 1,
	 .report = ""},
	{"LD_WARD while restricted", .env = "report=quiet seal=all", .conf = "check=enforce report=all",
	 .want = "check=enforce report=all", .restricted = 1, .report = "LD_WARD ignored\n"},
	{"LD_WARD while the note restricts", .env = "seal=all", .note = "check=enforce",
	 .want = "check=enforce", .restricted = 1, .report = ""},
	{"LD_WARD while secure", .env = "seal=all", .secure = 1, .want = "", .restricted = 1,
	 .report = ""},
	{"LD_WARD and a securebit", .env = "seal=all", .bits = LD_SECBIT_RESTRICT_FILE, .want = "",
	 .restricted = 1, .report = ""},
	{"securebits stand above check=off", .conf = "check=off", .bits = LD_SECBIT_RESTRICT_FILE,
	 .want = "check=off", .restricted = 1, .report = ""},
	{"lockdown=exec", .conf = "lockdown=exec", .status = 127,
	 .report = "ward: lockdown=exec is not available in this version; lockdown=wx is\n"},
	{"strict", .note = "strict", .status = 127,
	 .report = "ward: lockdown=exec is not available in this version; lockdown=wx is\n"},
};

/* for a program that the kernel started, and, as --policy says nothing, for a direct run */
static void order(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * LD_COUNTOF(cases); i++) {
		const struct one *c = &cases[i / 2];
		struct stub *s = stub_new();
		struct machine m;
		int direct = i % 2, status;

		if (direct && c->note && strstr(c->note, "direct=deny"))
			goto done;
		machine(&m, c->conf, 0644);
		os_fake_securebits = c->bits;
		ld_state.secure = c->secure;
		stub_ld_ward = c->env;
		status = start(s, direct, c->note, NULL);
		if (status != c->status)
			fail_msg("%s: status %d, expected %d", c->name, status, c->status);
		if (strcmp(stub_reports, c->report))
			fail_msg("%s: reported \"%s\", expected \"%s\"", c->name, stub_reports, c->report);
		if (!status && strcmp(policy_text(), c->want))
			fail_msg("%s: \"%s\", expected \"%s\"", c->name, policy_text(), c->want);
		if (!status && ld_state.restricted != c->restricted)
			fail_msg("%s: restricted %d", c->name, ld_state.restricted);
done:
		stub_free(s);
	}
}

/* --policy: tightens; its wrong words end the start, because somebody wanted something */
static void command(void **state)
{
	static const struct {
		const char *conf, *words, *env, *want, *report;
		int status;
	} all[] = {
		{NULL, "seal=all check=off", NULL, "seal=all", "", 0},
		{NULL, "enforce", "seal=all", "check=enforce report=denials", "LD_WARD ignored\n", 0},
		{"report=all", "report=quiet", NULL, "", "", 0},
		{"report=all check=enforce", "report=quiet", NULL, "check=enforce report=all", "", 0},
		{"direct=deny", NULL, NULL, "", "ward: direct runs are denied by policy\n", 127},
		{NULL, "direct=deny", NULL, "", "ward: direct runs are denied by policy\n", 127},
		{NULL, "chek=off", NULL, "", "ward: --policy: wrong policy word \"chek=off\"\n", 2},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(all); i++) {
		struct stub *s = stub_new();
		struct machine m;

		machine(&m, all[i].conf, 0644);
		stub_ld_ward = all[i].env;
		assert_int_equal(start(s, 1, NULL, all[i].words), all[i].status);
		assert_string_equal(stub_reports, all[i].report);
		if (!all[i].status)
			assert_string_equal(policy_text(), all[i].want);
		stub_free(s);
	}
}

/* each reason for which the file is not believed: preset enforce, whatever it says */
static void unusable(void **state)
{
	static const struct {
		const char *why;
		uint32_t mode, uid;
		int open, stat, read, huge;
	} all[] = {
		{"Permission denied", 0644, 0, LD_EACCES, 0, 0, 0},
		{"Too many open files", 0644, 0, LD_EMFILE, 0, 0, 0},
		{"Too many levels of symbolic links", 0644, 0, LD_ELOOP, 0, 0, 0},
		{"Input/output error", 0644, 0, 0, LD_EIO, 0, 0},
		{"Input/output error", 0644, 0, 0, 0, LD_EIO, 0},
		{"owned neither by root nor by the loader's owner", 0644, 1000, 0, 0, 0, 0},
		{"writable by group or others", 0664, 0, 0, 0, 0, 0},
		{"writable by group or others", 0646, 0, 0, 0, 0, 0},
		{"larger than 64 KiB", 0644, 0, 0, 0, 0, 65537},
	};
	char want[200];

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(all); i++) {
		struct stub *s = stub_new();
		struct machine m;

		machine(&m, "check=off", all[i].mode);
		m.files[0].uid = all[i].uid;
		m.files[0].open = all[i].open;
		m.files[0].stat[0] = all[i].stat;
		if (all[i].huge)
			m.files[0].len = (uint64_t)all[i].huge;
		if (all[i].read)
			os_fake_fail(3, all[i].read);
		assert_int_equal(start(s, 0, NULL, NULL), 0);
		os_fake_fail(0, 0);
		snprintf(want, sizeof want,
			 "ward: /prefix/etc/ward.conf cannot be used: %s; policy is \"enforce\"\n", all[i].why);
		assert_string_equal(stub_reports, want);
		assert_string_equal(policy_text(), "check=enforce report=denials");
		assert_int_equal(ld_state.restricted, 1);
		assert_int_equal(os_fake_fds, 0);
		stub_free(s);
	}
}

static void odd_kinds(void **state)
{
	static const uint32_t modes[] = {OS_FAKE_FIFO | 0644, 0040755, 0020666, 0140644};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(modes); i++) {
		struct stub *s = stub_new();
		struct machine m;

		machine(&m, "check=off", 0);
		m.files[0].mode = modes[i];
		assert_int_equal(start(s, 0, NULL, NULL), 0);
		assert_non_null(strstr(stub_reports, "cannot be used: not a regular file; policy is"));
		assert_string_equal(policy_text(), "check=enforce report=denials");
		stub_free(s);
	}
}

/* a file that ends too early, 64 KiB, and the owner that root is in a user namespace */
static void usable_or_cut(void **state)
{
	static char text[65536];
	struct machine m;
	struct stub *s;

	(void)state;
	memset(text, '\n', sizeof text);
	memcpy(text, "seal=all", 8);
	s = stub_new();
	machine(&m, "", 0644);
	m.files[0].data = (unsigned char *)text;
	m.files[0].len = sizeof text;
	m.files[0].uid = 65534;
	assert_int_equal(start(s, 0, NULL, NULL), 0);
	assert_string_equal(stub_reports, "");
	assert_string_equal(policy_text(), "seal=all");
	stub_free(s);

	for (int name = 0; name < 2; name++) {
		s = stub_new();
		machine(&m, "check=off", 0644);
		m.files[0].uid = 65534;
		m.files[5].stat_at = name ? 0 : LD_EACCES;
		ld_self.name = name ? "libc.so" : "/lib/ld-ward-unit.so.1";
		assert_int_equal(start(s, 0, NULL, NULL), 0);
		ld_self.name = "/lib/ld-ward-unit.so.1";
		assert_string_equal(policy_text(), "check=enforce report=denials");
		stub_free(s);
	}
}

/* who runs is not known: no section relaxes, each tightens */
static void nobody_knows(void **state)
{
	static const char conf[] = "vdso=keep\n[/bin/self]\ncheck=off preload=/a.so\n[/bin/other]\n"
				   "seal=all report-to=/run/s text=shared\n[/bin/none]\nlockdown=wx\n";

	(void)state;
	for (int how = 0; how < 5; how++) {
		struct stub *s = stub_new();
		struct machine m;

		machine(&m, conf, 0644);
		if (how == 0)
			m.files[1].open = LD_ENOENT;
		else if (how == 1)
			m.files[1].fs_type = LD_TMPFS_MAGIC;
		else if (how == 2)
			m.files[1].fs_flags = -LD_EPERM;
		else if (how == 3)
			m.files[2].stat_at = LD_ENOENT;
		assert_int_equal(start(s, 0, NULL, NULL), 0);
		assert_string_equal(stub_reports, "");
		if (how < 4) {
			assert_string_equal(policy_text(), "seal=all vdso=keep text=shared");
			assert_null(ld_state.conf_preload);
			assert_null(ld_state.report_to);
		} else {
			assert_string_equal(policy_text(), "check=off vdso=keep");
			assert_string_equal(ld_state.conf_preload, "/a.so");
		}
		assert_int_equal(os_fake_fds, 0);
		stub_free(s);
	}
}

/* a section's path that cannot be looked at: not reachable is no match, any other failure tightens */
static void section_unknown(void **state)
{
	static const struct {
		int sys;
		const char *want;
	} all[] = {{LD_ENOENT, ""}, {LD_ENOTDIR, ""}, {LD_EACCES, ""}, {LD_ELOOP, "seal=all"},
		   {LD_ENOMEM, "seal=all"}, {LD_EIO, "seal=all"}, {0, "check=off seal=all"}};

	(void)state;
	for (size_t i = 0; i < 2 * LD_COUNTOF(all); i++) {
		struct stub *s = stub_new();
		struct machine m;

		machine(&m, "[/bin/self]\nseal=all check=off", 0644);
		m.files[3].stat_at = all[i / 2].sys;
		assert_int_equal(start(s, i % 2, NULL, NULL), 0);
		assert_string_equal(policy_text(), all[i / 2].want);
		stub_free(s);
	}
}

/* procfs is asked once, and only for sections; a direct run needs none */
static void price(void **state)
{
	struct machine m;
	struct stub *s = stub_new();

	(void)state;
	machine(&m, NULL, 0644);
	assert_int_equal(start(s, 0, NULL, NULL), 0);
	assert_string_equal(os_fake_log(), "open /prefix/etc/ward.conf=-2");
	stub_free(s);
	s = stub_new();
	machine(&m, "watch", 0644);
	assert_int_equal(start(s, 0, NULL, NULL), 0);
	assert_null(strstr(os_fake_log(), "/proc"));
	stub_free(s);
	s = stub_new();
	machine(&m, "[/bin/self]\nwatch\n[/bin/other]\nwatch", 0644);
	assert_int_equal(start(s, 0, NULL, NULL), 0);
	assert_non_null(strstr(os_fake_log(), "/proc/self"));
	assert_null(strstr(strstr(os_fake_log(), "/proc/self/exe") + 1, "/proc"));
	stub_free(s);
	s = stub_new();
	machine(&m, "[/bin/self]\nwatch", 0644);
	assert_int_equal(start(s, 1, NULL, NULL), 0);
	assert_null(strstr(os_fake_log(), "/proc"));
	stub_free(s);
}

/* paths are copied out of scratch memory; the last word counts, and a section may take one back */
static void paths(void **state)
{
	static const struct {
		const char *conf, *preload, *report_to;
	} all[] = {
		{"preload=/a.so:/b.so report-to=/run/s", "/a.so:/b.so", "/run/s"},
		{"preload=/a.so\npreload=/b.so", "/b.so", NULL},
		{"report-to=/run/s preload=/a\n[/bin/self]\nreport-to=stderr preload=", NULL, NULL},
		{"preload=/a.so\n[/bin/other]\npreload=/b.so", "/a.so", NULL},
	};

	(void)state;
	for (size_t i = 0; i < LD_COUNTOF(all); i++) {
		struct stub *s = stub_new();
		const char *got[2], *want[2] = {all[i].preload, all[i].report_to};
		struct machine m;

		machine(&m, all[i].conf, 0644);
		assert_int_equal(start(s, 0, NULL, NULL), 0);
		got[0] = ld_state.conf_preload;
		got[1] = ld_state.report_to;
		for (int k = 0; k < 2; k++) {
			if (!want[k]) {
				assert_null(got[k]);
				continue;
			}
			assert_string_equal(got[k], want[k]);
			assert_true((unsigned char *)got[k] < s->scratch ||
				    (unsigned char *)got[k] >= s->scratch + sizeof s->scratch);
		}
		stub_free(s);
	}
}

/* more wrong lines than anybody reads */
static void many_wrong(void **state)
{
	struct stub *s = stub_new();
	char conf[1000] = "";
	struct machine m;
	unsigned lines = 0;

	(void)state;
	for (int i = 0; i < 40; i++)
		strcat(conf, "nonsense\n");
	machine(&m, conf, 0644);
	assert_int_equal(start(s, 0, NULL, NULL), 0);
	for (const char *p = stub_reports; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 17);
	assert_non_null(strstr(stub_reports, ":16: unknown word"));
	assert_non_null(strstr(stub_reports, "more wrong lines; --check-conf /prefix/etc/ward.conf lists them"));
	stub_free(s);
}

/* enforcing where the kernel has no check */
static void missing(void **state)
{
	static const struct {
		const char *conf;
		uint32_t bits;
		int status;
		const char *report;
	} all[] = {
		{"watch", 0, 0, ""},
		{"check=enforce", 0, 127, "cannot enforce"},
		{"check=enforce missing=report", 0, 0, ""},
		{"check=enforce missing=report report=denials", 0, 0, "running without the kernel's check"},
		{"missing=report check=off", LD_SECBIT_RESTRICT_FILE, 127, "cannot enforce"},
	};

	(void)state;
	for (size_t i = 0; i < 2 * LD_COUNTOF(all); i++) {
		struct stub *s = stub_new();
		struct machine m;

		machine(&m, all[i / 2].conf, 0644);
		ld_state.have_check = 0;
		os_fake_securebits = all[i / 2].bits;
		assert_int_equal(start(s, i % 2, NULL, NULL), all[i / 2].status);
		if (all[i / 2].report[0]) {
			const char *at = strstr(stub_reports, all[i / 2].report);

			assert_non_null(at);
			assert_null(strstr(at + 1, all[i / 2].report));
		} else {
			assert_string_equal(stub_reports, "");
		}
		stub_free(s);
	}
}

/* PR_SET_MDWE is asked for at the end, and must succeed */
static void lock_down(void **state)
{
	(void)state;
	for (int fails = 0; fails < 2; fails++) {
		struct stub *s = stub_new();
		struct machine m;
		int status = 0;

		machine(&m, "lockdown=wx", 0644);
		assert_int_equal(start(s, 0, NULL, NULL), 0);
		assert_null(strstr(os_fake_log(), "mdwe"));
		os_fake_fail(fails, LD_EINVAL);
		if (os_fake_catch_exit())
			status = os_fake_status;
		else
			ld_lock_down();
		os_fake_fail(0, 0);
		assert_non_null(strstr(os_fake_log(), "mdwe"));
		assert_int_equal(status, fails ? 127 : 0);
		assert_string_equal(stub_reports,
				    fails ? "ward: lockdown=wx: the kernel has no PR_SET_MDWE (Linux 6.3)\n" : "");
		stub_free(s);
	}
}

static void wrong_build(void **state)
{
	struct stub *s = stub_new();

	(void)state;
	if (!os_fake_catch_exit())
		ld_refuse_build();
	assert_int_equal(os_fake_status, 127);
	assert_string_equal(stub_reports, "ward: built with a wrong word in --policy or --floor\n");
	stub_free(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(order),
	cmocka_unit_test(command),
	cmocka_unit_test(unusable),
	cmocka_unit_test(odd_kinds),
	cmocka_unit_test(usable_or_cut),
	cmocka_unit_test(nobody_knows),
	cmocka_unit_test(section_unknown),
	cmocka_unit_test(price),
	cmocka_unit_test(paths),
	cmocka_unit_test(many_wrong),
	cmocka_unit_test(missing),
	cmocka_unit_test(lock_down),
	cmocka_unit_test(wrong_build),
};
UNIT_RUN(sources, tests)
