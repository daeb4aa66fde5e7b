/*
 * conf.c: the system file /etc/ward.conf as a list of items.
 *
 * May call: memcmp, policy, format. Owns: constant tables. The file belongs to whoever may say what
 * every program does; it is read all the same as if anybody had written it, because a slip of the pen
 * must not do more than lose its line.
 */
#include "conf.h"
#include "limits.h"

static int is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static int is_control(unsigned char c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* s begins with the word: what follows it */
static int after(struct ld_span s, const char *word, struct ld_span *rest)
{
	uint64_t n = ld_strlen(word);

	if (s.len < n || memcmp(s.p, word, n))
		return 0;
	*rest = (struct ld_span){s.p + n, s.len - n};
	return 1;
}

static struct ld_span trim(struct ld_span s)
{
	while (s.len && is_blank(s.p[0]))
		s.p++, s.len--;
	while (s.len && is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* the next word of a line, taken off *rest; 0 = no more, or a comment */
static int next_word(struct ld_span *rest, struct ld_span *word)
{
	struct ld_span s = *rest, value;
	int is_path;

	while (s.len && (is_blank(s.p[0]) || s.p[0] == ','))
		s.p++, s.len--;
	if (!s.len || s.p[0] == '#')
		return 0;
	is_path = after(s, "preload=", &value) || after(s, "report-to=", &value);
	*word = (struct ld_span){s.p, 0};
	while (word->len < s.len && !is_blank(s.p[word->len]) && (is_path || s.p[word->len] != ','))
		word->len++;
	*rest = (struct ld_span){s.p + word->len, s.len - word->len};
	return 1;
}

/* "/a:/b", or nothing at all */
static int is_path_list(struct ld_span s)
{
	uint64_t len = 0;

	for (uint64_t i = 0; i < s.len; i++) {
		if (s.p[i] == ':') {
			if (!len)
				return 0;
			len = 0;
		} else if ((!len++ && s.p[i] != '/') || len >= LD_MAX_PATH) {
			return 0;
		}
	}
	return len || !s.len;
}

static int is_report_to(struct ld_span s)
{
	struct ld_span rest;

	if (after(s, "stderr", &rest) && !rest.len)
		return 1;
	return s.len > 1 && s.p[0] == '/' && s.len < LD_MAX_SOCKET;
}

static int wrong(struct ld_conf_item *item, enum ld_conf_problem problem, struct ld_span text)
{
	item->kind = LD_CONF_WRONG;
	item->problem = problem;
	item->text = text;
	return 0;
}

static int wrong_policy(struct ld_conf_item *item, enum ld_policy_word what, struct ld_span word)
{
	uint64_t n = 0;

	while (n < word.len && word.p[n] != '=')
		n++;
	item->name = (struct ld_span){word.p, n};
	if (what == LD_WORD_KEY)
		return wrong(item, LD_CONF_KEY, item->name);
	if (what == LD_WORD_VALUE)
		return wrong(item, LD_CONF_VALUE, (struct ld_span){word.p + n + 1, word.len - n - 1});
	return wrong(item, LD_CONF_WORD, word);
}

/* is the word right? all are, or the line does not count */
static int check_word(struct ld_conf_item *item, struct ld_span word)
{
	const struct ld_policy_rights r = {LD_FROM_CONF, LD_KEYS_ALL, LD_KEYS_ALL};
	struct ld_policy scratch;
	enum ld_policy_word what;
	struct ld_span value;

	if (after(word, "preload=", &value))
		return is_path_list(value) || wrong(item, LD_CONF_PRELOAD, value);
	if (after(word, "report-to=", &value))
		return is_report_to(value) || wrong(item, LD_CONF_REPORT_TO, value);
	ld_policy_default(&scratch);
	what = ld_policy_word(&scratch, word, &r);
	return what == LD_WORD_OK || wrong_policy(item, what, word);
}

/* where the header's path ends: at the first ']' with nothing but a comment behind it; 0 = nowhere */
static uint64_t header_end(struct ld_span line)
{
	for (uint64_t i = 1; i < line.len; i++) {
		struct ld_span rest = {line.p + i + 1, line.len - i - 1}, word;

		if (line.p[i] == ']' && (!rest.len || is_blank(rest.p[0])) && !next_word(&rest, &word))
			return i;
	}
	return 0;
}

static void read_header(struct ld_conf_item *item, struct ld_span line)
{
	uint64_t end = header_end(line);
	struct ld_span path = {line.p + 1, end - 1};

	if (!end) {
		wrong(item, LD_CONF_HEADER, line);
		return;
	}
	item->kind = LD_CONF_SECTION;
	item->text = path;
	if (path.len < 2 || path.p[0] != '/' || path.len >= LD_MAX_PATH)
		wrong(item, LD_CONF_HEADER_PATH, path);
}

/* one line without its newline; LD_CONF_END = there is nothing in it */
static void read_line(struct ld_conf_item *item, struct ld_span line)
{
	struct ld_span rest, word;

	for (uint64_t i = 0; i < line.len; i++) {
		if (is_control(line.p[i])) {
			item->byte = line.p[i];
			wrong(item, LD_CONF_BYTE, line);
			return;
		}
	}
	line = trim(line);
	if (line.len && line.p[0] == '[') {
		read_header(item, line);
		return;
	}
	rest = line;
	while (next_word(&rest, &word)) {
		if (!check_word(item, word))
			return;
		item->kind = LD_CONF_WORDS;
	}
	item->text = line;
}

/* would it be a header but for what is wrong with it? then its lines are nobody's */
static int begins_section(struct ld_span line)
{
	line = trim(line);
	return line.len && line.p[0] == '[';
}

void ld_conf_begin(struct ld_conf *c, struct ld_span text)
{
	*c = (struct ld_conf){text, 0, 0, 0};
}

int ld_conf_next(struct ld_conf *c, struct ld_conf_item *out)
{
	while (c->pos < c->text.len) {
		struct ld_span line = {c->text.p + c->pos, 0};

		*out = (struct ld_conf_item){.kind = LD_CONF_END, .line = ++c->line};
		while (c->pos + line.len < c->text.len && line.p[line.len] != '\n')
			line.len++;
		c->pos += line.len + 1;
		read_line(out, line);
		if (begins_section(line)) {
			c->muted = out->kind == LD_CONF_WRONG;
			return 1;
		}
		if (out->kind != LD_CONF_END && !c->muted)
			return 1;
	}
	*out = (struct ld_conf_item){.kind = LD_CONF_END, .line = c->line};
	return 0;
}

void ld_conf_apply(const struct ld_conf_item *item, const struct ld_policy_rights *r,
		   struct ld_settings *s)
{
	struct ld_span rest = item->text, word, value;

	if (item->kind != LD_CONF_WORDS)
		return;
	while (next_word(&rest, &word)) {
		if (after(word, "preload=", &value)) {
			if (r->lower)
				s->preload = value;
		} else if (after(word, "report-to=", &value)) {
			if (r->lower)
				s->report_to = value;
		} else {
			(void)ld_policy_word(&s->policy, word, r);
		}
	}
}

void ld_conf_value(struct ld_text *t, unsigned key, uint32_t value)
{
	const char *name = ld_policy_value_name(key, value);

	if (name)
		ld_text_str(t, name);
	else
		ld_text_dec(t, value);
}

void ld_conf_describe(struct ld_text *t, const struct ld_conf_item *item)
{
	static const char *const before[] = {
		[LD_CONF_BYTE] = "control byte ",
		[LD_CONF_WORD] = "unknown word ",
		[LD_CONF_KEY] = "unknown key ",
		[LD_CONF_VALUE] = "unknown value ",
		[LD_CONF_PRELOAD] = "preload= wants absolute paths separated by colons, not ",
		[LD_CONF_REPORT_TO] = "report-to= wants stderr or the absolute path of a socket, not ",
		[LD_CONF_HEADER] = "section header without ] at its end",
		[LD_CONF_HEADER_PATH] = "section header wants an absolute path, not ",
	};
	struct ld_span rest;
	int header = item->problem == LD_CONF_HEADER || item->problem == LD_CONF_HEADER_PATH;

	ld_text_str(t, before[item->problem]);
	if (item->problem == LD_CONF_BYTE) {
		ld_text_hex(t, item->byte);
		header = begins_section(item->text);
	} else if (item->problem != LD_CONF_HEADER) {
		ld_text_str(t, "\"");
		ld_text_span(t, item->text);
		ld_text_str(t, "\"");
	}
	if (item->problem == LD_CONF_VALUE) {
		ld_text_str(t, " of ");
		ld_text_span(t, item->name);
		if (after(item->name, "static-tls", &rest))
			ld_text_str(t, " (bytes, at most " LD_STRING(LD_MAX_STATIC_TLS) ")");
	}
	ld_text_str(t, header ? ", all lines up to the next header ignored" : ", line ignored");
}
