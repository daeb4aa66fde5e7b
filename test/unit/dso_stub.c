/* dso_stub.c: see dso_stub.h. */
#include "unit.h"

#include "dso_stub.h"
#include "start.h"
#include "os_fake.h"

enum { REGION = 16 * LD_ARCH_PAGE_MAX };

struct ld_state ld_state;
struct ld_obj ld_self = {.name = "/lib/ld-ward-unit.so.1"};
char stub_reports[4096];
const char *stub_ld_ward;
char stub_would[256];
unsigned stub_would_cnt;
unsigned stub_audits;
enum ld_code stub_audited, stub_refused;

struct stub *stub_new(void)
{
	struct stub *s = calloc(1, sizeof *s);
	struct ld_group *g = &s->g;

	assert_non_null(s);
	stub_audits = stub_would_cnt = 0;
	stub_would[0] = 0;
	stub_reports[0] = 0;
	stub_ld_ward = NULL;
	stub_audited = stub_refused = LD_E_NONE;
	memset(&ld_state, 0, sizeof ld_state);
	ld_state.page = 4096;
	ld_state.have_check = ld_state.have_seal = 1;
	ld_policy_default(&ld_state.policy);
	s->region = os_fake_region(REGION);
	ld_scratch_init(&g->scratch, s->scratch, sizeof s->scratch);
	expect_ok(ld_builder_begin(&g->b, NULL, 0, (uintptr_t)s->region,
				   (uintptr_t)s->region + REGION, &g->err),
		  &g->err);
	g->img = &s->img;
	g->buf = &s->buf;
	g->sources = &s->sources;
	g->last = &g->first;
	g->requester = "/usr/bin/app";
	return s;
}

void stub_free(struct stub *s)
{
	ld_scratch_free(&s->g.scratch);
	os_fake_region_free(s->region, REGION);
	free(s);
	assert_int_equal(os_fake_mapped, 0);
	assert_int_equal(os_fake_fds, 0);
}

void ld_report_audit(const struct ld_group *g, const char *path, const char *needed_by,
		     const struct ld_verdict *v, uint32_t mode)
{
	(void)g;
	(void)mode;
	assert_non_null(path);
	assert_non_null(needed_by);
	if (v->refuse) {
		stub_refused = v->code;
		return;
	}
	stub_audits++;
	stub_audited = v->code;
}

void ld_report_would(const struct ld_group *g, enum ld_event event, const char *subject, size_t len,
		     const char *needed_by, const char *reason)
{
	assert_non_null(needed_by);
	assert_true(*reason);
	snprintf(stub_would, sizeof stub_would, "%s%d %.*s %s",
		 ld_facts_restricted(&g->facts) ? "" : "would ", (int)event, (int)len, subject, reason);
	stub_would_cnt++;
}

int ld_mount_point(uint64_t mount_id, char *buf, size_t len)
{
	assert_int_equal(mount_id, OS_FAKE_MOUNT);
	assert_true(len > sizeof "/mnt");
	strcpy(buf, "/mnt");
	return 1;
}

void ld_report_text(const char *a, const char *raw, const char *b)
{
	size_t n = strlen(stub_reports);

	snprintf(stub_reports + n, sizeof stub_reports - n, "%s%s%s\n", a, raw ? raw : "", b);
}

const char *ld_env_get(char **envp, const char *name)
{
	(void)envp;
	assert_string_equal(name, "LD_WARD");
	return stub_ld_ward;
}

void ld_report_ignored(const struct ld_group *g, const char *name)
{
	(void)g;
	if (stub_ld_ward && ld_state.policy.v[LD_KEY_REPORT] != LD_REPORT_QUIET)
		ld_report_text(name, " ignored", "");
}

/* have_check and have_seal are what the test says */
void ld_kernel_probe(struct ld_facts *f)
{
	f->have_check = ld_state.have_check;
}
