/* dso_stub.h: the parts of the loader that the tests of ldso/{open,vet,map}.c stand in for. */
#ifndef DSO_STUB_H
#define DSO_STUB_H

#include "start.h"

/* verdicts reported since stub_new */
extern unsigned stub_audits;
extern enum ld_code stub_audited, stub_refused; /* the last one that would be, and that was refused */

/* what was reported since stub_new, as lines; the value of LD_WARD, NULL = not set */
extern char stub_reports[4096];
extern const char *stub_ld_ward;

/* the last call of ld_report_would: "[would ]EVENT SUBJECT REASON", and how many there were */
extern char stub_would[256];
extern unsigned stub_would_cnt;

/* a group as start makes it, with registry memory; the facts are the caller's to fill in */
struct stub {
	struct ld_group g;
	struct ld_image img;
	struct ld_buffers buf;
	struct ld_sources sources;
	unsigned char *region;
	unsigned char scratch[65536];
};
struct stub *stub_new(void);
void stub_free(struct stub *s);

#endif
