/* graph.h: orders over a dependency graph given as index lists. No recursion; cycles are fine. */
#ifndef LD_GRAPH_H
#define LD_GRAPH_H

#include "base.h"

/* dependencies of node i are to[from[i]] .. to[from[i + 1] - 1]; from has cnt + 1 entries */
struct ld_graph {
	const uint32_t *from, *to;
	uint32_t cnt;
};

/*
 * Depth-first post-order from root, dependencies in their listed order, back edges ignored: the
 * order in which constructors run. order receives at most cnt node indices; returns how many. mark
 * is cnt bytes of scratch (cleared here); stack is 2 * cnt words of scratch. Edges to nodes that do
 * not exist are ignored; a root that does not exist gives 0.
 */
uint32_t ld_graph_postorder(const struct ld_graph *g, uint32_t root, uint32_t *order, uint8_t *mark,
			    uint32_t *stack);

/* breadth-first order from root, root first, each node once; mark is cnt bytes of scratch */
uint32_t ld_graph_bfs(const struct ld_graph *g, uint32_t root, uint32_t *order, uint8_t *mark);

#endif
