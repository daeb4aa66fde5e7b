/*
 * test_walk.c: whom a search directory belongs to, component by component: owners, modes, sticky
 * directories, symbolic links, and every system call failing.
 */
#include "unit.h"

#include "dso_stub.h"
#include "os_fake.h"

enum { ME = 1000, BOB = 1001, DEPLOY = 1002 };
enum { D = OS_FAKE_DIR };

#define DIR_AS(name, ...) {.path = name, __VA_ARGS__}
#define LINK(name, text, ...)                                                                      \
	{                                                                                          \
		.path = name, .mode = OS_FAKE_LINK | 0777, .data = (const unsigned char *)(text),  \
		.len = sizeof(text) - 1, __VA_ARGS__                                               \
	}

struct trial {
	struct os_fake_file file[5];
	const char *path;
	enum ld_dir_reason want;
	long result; /* 0, or -errno */
	int secure;
	int kernel;  /* the program's file is the kernel's to tell about */
};

static long walk(const struct trial *t, struct os_fake_file *files, unsigned fail, enum ld_dir_reason *got)
{
	struct stub *s = stub_new();
	struct ld_obj app = {.name = "/opt/app", .uid = t->kernel ? 0 : DEPLOY,
			     .flags = t->kernel ? LD_OBJ_KERNEL : 0};
	size_t cnt = 0;
	long r;

	while (cnt < 5 && t->file[cnt].path)
		cnt++;
	memcpy(files, t->file, sizeof t->file);
	os_fake_files(files, cnt);
	os_fake_euid = ME;
	s->g.facts.secure = t->secure;
	os_fake_fail(fail, 5);
	r = ld_walk_dir(&s->g, t->path, strlen(t->path), &app, got);
	stub_free(s);
	return r;
}

#define CASES(X)                                                                                   \
	X(root, .path = "/")                                                                       \
	X(plain, .path = "/usr/lib")                                                               \
	X(not_there, .path = "/a/b", .result = -2, .file = {DIR_AS("/a", .open = 2)})              \
	X(a_file, .path = "/a/b", .result = -20,                                                   \
	  .file = {DIR_AS("/a", .mode = OS_FAKE_REG | 0644)})                                      \
	X(closed, .path = "/a/b", .result = -13, .file = {DIR_AS("/a", .open = 13)})               \
	X(all, .path = "/a", .want = LD_DIR_WRITABLE, .file = {DIR_AS("/a", .mode = D | 0757)})    \
	X(sticky, .path = "/a", .want = LD_DIR_WRITABLE, .file = {DIR_AS("/a", .mode = D | 01777)}) \
	X(group, .path = "/a", .want = LD_DIR_WRITABLE,                                            \
	  .file = {DIR_AS("/a", .mode = D | 0775, .gid = 50)})                                     \
	X(root_group, .path = "/a", .file = {DIR_AS("/a", .mode = D | 0775)})                      \
	X(own_group, .path = "/a",                                                                 \
	  .file = {DIR_AS("/a", .mode = D | 0775, .uid = ME, .gid = ME)})                          \
	X(mine, .path = "/a", .file = {DIR_AS("/a", .mode = D | 0755, .uid = ME)})                 \
	X(mine_secure, .path = "/a", .want = LD_DIR_OWNER, .secure = 1,                            \
	  .file = {DIR_AS("/a", .mode = D | 0755, .uid = ME)})                                     \
	X(bobs, .path = "/a", .want = LD_DIR_OWNER,                                                \
	  .file = {DIR_AS("/a", .mode = D | 0755, .uid = BOB)})                                    \
	X(below_bobs, .path = "/a/b/c", .want = LD_DIR_OWNER,                                      \
	  .file = {DIR_AS("/a", .mode = D | 0755, .uid = BOB)})                                    \
	X(of_the_asker, .path = "/a", .file = {DIR_AS("/a", .mode = D | 0755, .uid = DEPLOY)})     \
	X(of_the_asker_secure, .path = "/a", .want = LD_DIR_OWNER, .secure = 1,                    \
	  .file = {DIR_AS("/a", .mode = D | 0755, .uid = DEPLOY)})                                 \
	X(of_the_program, .path = "/a", .kernel = 1,                                               \
	  .file = {DIR_AS("/a", .mode = D | 0755, .uid = BOB),                                     \
		   DIR_AS("/proc/self/exe", .mode = OS_FAKE_REG | 0755, .uid = BOB)})              \
	X(not_of_the_program, .path = "/a", .kernel = 1, .want = LD_DIR_OWNER,                     \
	  .file = {DIR_AS("/a", .mode = D | 0755, .uid = BOB),                                     \
		   DIR_AS("/proc/self/exe", .mode = OS_FAKE_REG | 0755, .uid = DEPLOY)})           \
	X(who_owns_the_root, .path = "/a", .secure = 1,                                            \
	  .file = {DIR_AS("/", .mode = D | 0755, .uid = 65534),                                    \
		   DIR_AS("/a", .mode = D | 0755, .uid = 65534)})                                  \
	X(above, .path = "/a/b", .want = LD_DIR_WRITABLE, .file = {DIR_AS("/a", .mode = D | 0777)}) \
	X(above_sticky, .path = "/tmp/b", .file = {DIR_AS("/tmp", .mode = D | 01777)})             \
	X(above_sticky_mine, .path = "/tmp/b",                                                     \
	  .file = {DIR_AS("/tmp", .mode = D | 01777), DIR_AS("/tmp/b", .mode = D | 0755, .uid = ME)}) \
	X(above_sticky_bobs, .path = "/tmp/b", .want = LD_DIR_OWNER,                               \
	  .file = {DIR_AS("/tmp", .mode = D | 01777), DIR_AS("/tmp/b", .mode = D | 0755, .uid = BOB)}) \
	X(link_relative, .path = "/a/l/c", .want = LD_DIR_WRITABLE,                                \
	  .file = {LINK("/a/l", "b"), DIR_AS("/a/b/c", .mode = D | 0777)})                         \
	X(link_absolute, .path = "/a/l/c", .want = LD_DIR_WRITABLE,                                \
	  .file = {LINK("/a/l", "/x/y"), DIR_AS("/x/y/c", .mode = D | 0777)})                      \
	X(link_last, .path = "/a/l", .want = LD_DIR_WRITABLE,                                      \
	  .file = {LINK("/a/l", "/x"), DIR_AS("/x", .mode = D | 0777)})                            \
	X(link_of_link, .path = "/a/l", .want = LD_DIR_OWNER,                                      \
	  .file = {LINK("/a/l", "m//"), LINK("/a/m", "../b"),                                      \
		   DIR_AS("/a/../b", .mode = D | 0755, .uid = BOB)})                               \
	X(link_good, .path = "/lib/x", .secure = 1, .file = {LINK("/lib", "usr/lib")})             \
	X(link_through_writable, .path = "/a/l", .want = LD_DIR_WRITABLE,                          \
	  .file = {LINK("/a/l", "/w/d"), DIR_AS("/w", .mode = D | 0777)})                          \
	X(link_of_bobs, .path = "/tmp/l", .want = LD_DIR_WRITABLE,                                 \
	  .file = {DIR_AS("/tmp", .mode = D | 01777), LINK("/tmp/l", "/usr/lib", .uid = BOB)})     \
	X(link_of_mine, .path = "/tmp/l",                                                          \
	  .file = {DIR_AS("/tmp", .mode = D | 01777), LINK("/tmp/l", "/usr/lib", .uid = ME)})      \
	X(link_loop, .path = "/l/x", .result = -40, .file = {LINK("/l", "l")})                     \
	X(link_to_root, .path = "/l", .file = {LINK("/l", "/")})                                   \
	X(link_empty, .path = "/l", .result = -2, .file = {LINK("/l", "")})                        \
	X(slashes, .path = "//a///b//", .want = LD_DIR_WRITABLE,                                   \
	  .file = {DIR_AS("/a/b", .mode = D | 0777)})

#define TEST(name, ...)                                                                            \
	static void name(void **state)                                                             \
	{                                                                                          \
		static const struct trial t = {__VA_ARGS__};                                       \
		struct os_fake_file files[5];                                                      \
		enum ld_dir_reason got;                                                            \
                                                                                                   \
		(void)state;                                                                       \
		assert_int_equal(walk(&t, files, 0, &got), t.result);                              \
		assert_int_equal(got, t.want);                                                     \
	}
CASES(TEST)

/* any call may fail: an error, or a stricter verdict, never a laxer one, and no descriptor is left */
static void every_failure(void **state)
{
	static const struct trial t = {
		.path = "/tmp/l/x", .want = LD_DIR_WRITABLE,
		.file = {DIR_AS("/tmp", .mode = D | 01777), LINK("/tmp/l", "/a", .uid = ME),
			 DIR_AS("/a/x", .mode = D | 0757)}};
	struct os_fake_file files[5];
	enum ld_dir_reason got;
	unsigned calls;

	(void)state;
	assert_int_equal(walk(&t, files, 0, &got), 0);
	calls = os_fake_calls;
	assert_true(calls > 8);
	for (unsigned n = 1; n <= calls; n++) {
		long r = walk(&t, files, n, &got);

		if (!r && !got)
			fail_msg("call %u fails: the directory must not be trusted", n);
	}
}

/* what does not fit into the buffer, at once or after a link, is an error */
static void too_long(void **state)
{
	static char path[8192], text[4000];
	struct os_fake_file link = LINK("/l", "");
	struct trial t = {.path = path, .result = -36};
	struct os_fake_file files[5];
	enum ld_dir_reason got;

	(void)state;
	memset(path, 'a', sizeof path - 1);
	path[0] = '/';
	assert_int_equal(walk(&t, files, 0, &got), -36);
	memset(text, '/', sizeof text);
	link.data = (const unsigned char *)text;
	link.len = sizeof text;
	t.file[0] = link;
	memset(path + 2, '/', 200);
	path[1] = 'l';
	path[200] = 0;
	assert_int_equal(walk(&t, files, 0, &got), -36);
	path[20] = 0;
	assert_int_equal(walk(&t, files, 0, &got), 0);
}

#define ENTRY(name, ...) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	CASES(ENTRY)
	cmocka_unit_test(every_failure),
	cmocka_unit_test(too_long),
};
UNIT_RUN(walk, tests)
