/*
 * graph.c: orders over a dependency graph. No recursion: depth costs words of the caller's scratch.
 *
 * May call: memset. Owns: no data. The shape of the graph is the files' authors' choice.
 */
#include "graph.h"

enum { UNSEEN, SEEN };

/* stack: pairs of a node and its next edge; every node is pushed once, so 2 * cnt words do */
uint32_t ld_graph_postorder(const struct ld_graph *g, uint32_t root, uint32_t *order, uint8_t *mark,
			    uint32_t *stack)
{
	uint32_t done = 0, depth = 1;

	if (root >= g->cnt)
		return 0;
	memset(mark, UNSEEN, g->cnt);
	mark[root] = SEEN;
	stack[0] = root;
	stack[1] = g->from[root];
	while (depth) {
		uint32_t *top = stack + 2 * (size_t)(depth - 1);
		uint32_t node = top[0], dep;

		if (top[1] >= g->from[node + 1]) {
			order[done++] = node;
			depth--;
			continue;
		}
		dep = g->to[top[1]++];
		if (dep >= g->cnt || mark[dep] != UNSEEN)
			continue;
		mark[dep] = SEEN;
		top[2] = dep;
		top[3] = g->from[dep];
		depth++;
	}
	return done;
}

/* order is the queue: every node enters it once */
uint32_t ld_graph_bfs(const struct ld_graph *g, uint32_t root, uint32_t *order, uint8_t *mark)
{
	uint32_t cnt = 0;

	if (root >= g->cnt)
		return 0;
	memset(mark, UNSEEN, g->cnt);
	mark[root] = SEEN;
	order[cnt++] = root;
	for (uint32_t next = 0; next < cnt; next++) {
		uint32_t node = order[next];

		for (uint32_t e = g->from[node]; e < g->from[node + 1]; e++) {
			uint32_t dep = g->to[e];

			if (dep >= g->cnt || mark[dep] != UNSEEN)
				continue;
			mark[dep] = SEEN;
			order[cnt++] = dep;
		}
	}
	return cnt;
}
