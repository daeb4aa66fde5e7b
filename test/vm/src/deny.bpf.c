/*
 * A security module in BPF: one file, known by its inode, may not be executed. It sits where the
 * kernel's own modules sit, in the hook that both execve and the check go through.
 *
 * Types of the kernel are declared here with the few fields that are read; the loader (libbpf)
 * relocates them to where the running kernel has them.
 */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "deny.h"

#define KERNEL __attribute__((preserve_access_index))

enum { FMODE_EXEC = 0x20 };

struct super_block {
	unsigned int s_dev;
} KERNEL;

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
} KERNEL;

struct file {
	unsigned int f_flags;
	struct inode *f_inode;
} KERNEL;

struct linux_binprm {
	unsigned int is_check : 1;
	struct file *file;
} KERNEL;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, unsigned int);
	__type(value, struct deny_rule);
} rule SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SEEN_CNT);
	__type(key, unsigned int);
	__type(value, unsigned long long);
} seen SEC(".maps");

char the_license[] SEC("license") = "GPL";

static void count(unsigned int what)
{
	unsigned long long *n = bpf_map_lookup_elem(&seen, &what);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* The rule when it is about this file, or null. */
static const struct deny_rule *rule_of(struct file *file)
{
	unsigned int zero = 0;
	const struct deny_rule *r = bpf_map_lookup_elem(&rule, &zero);

	if (!r || file->f_inode->i_ino != r->ino || file->f_inode->i_sb->s_dev != r->dev)
		return 0;
	return r;
}

SEC("lsm/bprm_creds_for_exec")
int BPF_PROG(on_exec, struct linux_binprm *bprm)
{
	const struct deny_rule *r = rule_of(bprm->file);
	int check = BPF_CORE_READ_BITFIELD(bprm, is_check);

	if (!r) {
		if (check)
			count(SEEN_CHECK_OTHER);
		return 0;
	}
	count(check ? SEEN_CHECK : SEEN_EXEC);
	if (!check && r->only_check)
		return 0;
	return -(long)(r->error & 0xfff); /* the verifier wants to see the bounds */
}

SEC("lsm/file_open")
int BPF_PROG(on_open, struct file *file)
{
	if ((file->f_flags & FMODE_EXEC) && rule_of(file))
		count(SEEN_OPEN);
	return 0;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(on_later, struct linux_binprm *bprm)
{
	if (rule_of(bprm->file))
		count(SEEN_LATER);
	return 0;
}
