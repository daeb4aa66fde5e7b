/* test_graph.c: orders over dependency graphs: small ones by hand, random ones by their laws. */
#include "unit.h"

#include "graph.h"

enum { NODES = 40, EDGES = 200 };

struct scratch {
	uint32_t order[NODES], stack[2 * NODES];
	uint8_t mark[NODES];
};

static void expect_order(const uint32_t *got, uint32_t cnt, const char *want)
{
	char text[256] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < cnt; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", i ? " " : "",
					 got[i]);
	assert_string_equal(text, want);
}

/* name, from, to, postorder from 0, breadth-first order from 0 */
#define LIST(...) __VA_ARGS__
#define CASES(X)                                                                                   \
	X(single, LIST(0, 0), LIST(0), "0", "0")                                                   \
	X(self_loop, LIST(0, 1), LIST(0), "0", "0")                                                \
	X(chain, LIST(0, 1, 2, 2), LIST(1, 2), "2 1 0", "0 1 2")                                   \
	X(listed_order, LIST(0, 3, 3, 3, 3), LIST(2, 1, 3), "2 1 3 0", "0 2 1 3")                  \
	X(diamond, LIST(0, 2, 3, 4, 4), LIST(1, 2, 3, 3), "3 1 2 0", "0 1 2 3")                    \
	X(cycle, LIST(0, 1, 2, 3), LIST(1, 2, 0), "2 1 0", "0 1 2")                                \
	X(two_cycles, LIST(0, 2, 3, 4), LIST(1, 2, 0, 0), "1 2 0", "0 1 2")                        \
	X(twice_the_same, LIST(0, 3, 3), LIST(1, 1, 1), "1 0", "0 1")                              \
	X(unreached, LIST(0, 1, 1, 2), LIST(1, 0), "1 0", "0 1")                                   \
	X(out_of_range, LIST(0, 2, 2), LIST(7, 1), "1 0", "0 1")                                   \
	X(deep_and_wide, LIST(0, 2, 4, 4, 5, 5), LIST(1, 3, 2, 3, 4), "2 4 3 1 0", "0 1 3 2 4")

#define TEST(name, from_list, to_list, post, bfs)                                                  \
	static void name(void **state)                                                             \
	{                                                                                          \
		const uint32_t from[] = {from_list}, to[] = {to_list};                             \
		struct ld_graph g = {from, to, LD_COUNTOF(from) - 1};                              \
		struct scratch s;                                                                  \
		uint32_t cnt;                                                                      \
                                                                                                   \
		(void)state;                                                                       \
		memset(&s, 0xff, sizeof s);                                                        \
		cnt = ld_graph_postorder(&g, 0, s.order, s.mark, s.stack);                         \
		expect_order(s.order, cnt, post);                                                  \
		memset(&s, 0xff, sizeof s);                                                        \
		cnt = ld_graph_bfs(&g, 0, s.order, s.mark);                                        \
		expect_order(s.order, cnt, bfs);                                                   \
	}
CASES(TEST)

static void bad_root(void **state)
{
	const uint32_t from[] = {0, 0}, to[] = {0};
	struct ld_graph g = {from, to, 1}, none = {from, to, 0};
	struct scratch s;

	(void)state;
	assert_int_equal(ld_graph_postorder(&g, 1, s.order, s.mark, s.stack), 0);
	assert_int_equal(ld_graph_bfs(&g, UINT32_MAX, s.order, s.mark), 0);
	assert_int_equal(ld_graph_bfs(&none, 0, s.order, s.mark), 0);
}

/* a chain as long as there may be objects: no recursion, scratch of exactly the promised size */
static void deep_chain(void **state)
{
	enum { CNT = 16384 };
	uint32_t *from = malloc((CNT + 1) * sizeof *from), *to = malloc(CNT * sizeof *to);
	uint32_t *order = malloc(CNT * sizeof *order), *stack = malloc(2 * CNT * sizeof *stack);
	uint8_t *mark = malloc(CNT);
	struct ld_graph g = {from, to, CNT};

	(void)state;
	assert_true(from && to && order && stack && mark);
	for (uint32_t i = 0; i < CNT; i++) {
		from[i] = i;
		to[i] = (i + 1) % CNT;
	}
	from[CNT] = CNT;
	assert_int_equal(ld_graph_postorder(&g, 0, order, mark, stack), CNT);
	for (uint32_t i = 0; i < CNT; i++)
		assert_int_equal(order[i], CNT - 1 - i);
	assert_int_equal(ld_graph_bfs(&g, 5, order, mark), CNT);
	for (uint32_t i = 0; i < CNT; i++)
		assert_int_equal(order[i], (i + 5) % CNT);
	free(from);
	free(to);
	free(order);
	free(stack);
	free(mark);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* acyclic graphs: in post-order every dependency comes before its user; both orders: same set */
static void random_acyclic(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint32_t from[NODES + 1], to[EDGES], pos[NODES], edges = 0, cnt;
		struct ld_graph g = {from, to, NODES};
		struct scratch s, t;

		for (uint32_t i = 0; i < NODES; i++) {
			from[i] = edges;
			for (uint32_t k = next_random(&seed) % 5; k && i + 1 < NODES; k--)
				to[edges++] = i + 1 + next_random(&seed) % (NODES - 1 - i);
		}
		from[NODES] = edges;
		cnt = ld_graph_postorder(&g, 0, s.order, s.mark, s.stack);
		assert_int_equal(cnt, ld_graph_bfs(&g, 0, t.order, t.mark));
		assert_int_equal(t.order[0], 0);
		assert_int_equal(s.order[cnt - 1], 0);
		assert_memory_equal(s.mark, t.mark, NODES);
		memset(pos, 0xff, sizeof pos);
		for (uint32_t i = 0; i < cnt; i++) {
			assert_int_equal(pos[s.order[i]], UINT32_MAX);
			pos[s.order[i]] = i;
			for (uint32_t e = from[s.order[i]]; e < from[s.order[i] + 1]; e++)
				assert_true(pos[to[e]] < i);
		}
	}
}

#define ENTRY(name, from, to, post, bfs) cmocka_unit_test(name),
static const struct CMUnitTest tests[] = {
	CASES(ENTRY)
	cmocka_unit_test(bad_root),
	cmocka_unit_test(deep_chain),
	cmocka_unit_test(random_acyclic),
};
UNIT_RUN(graph, tests)
