/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Many filters at once: a tree of their levels, below the name of the link that they are for. What a topic
 * costs depends on how many levels it has and how many filters match it, and hardly on how many there are.
 *
 *	plant ─┬─ a ─┬─ b		plant: a/b
 *	       │     └─ +		plant: a/+
 *	       └─ #			plant: #
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct sb_filter_node;

/** struct sb_filter_leaf - one filter in a tree; embedded in whoever wants what matches it */
struct sb_filter_leaf {
	struct sb_filter_node *node; /* NULL while it is in no tree */
	bool rest; /* the filter ends with "#", below @node */
	TAILQ_ENTRY(sb_filter_leaf) entry;
};

/**
 * struct sb_filter_tree - embedded in its owner; zeroed is empty
 * @root: NULL when empty
 * @edges: from each node to those below it, hashed by the node above and the level
 * @n_buckets: of @edges, a power of two
 * @n_nodes: the root does not count
 */
struct sb_filter_tree {
	struct sb_filter_node *root;
	LIST_HEAD(sb_filter_bucket, sb_filter_node) * edges;
	size_t n_buckets;
	size_t n_nodes;
};

typedef void sb_filter_match_fn(void *userdata, struct sb_filter_leaf *leaf);

int sb_filter_tree_add(struct sb_filter_tree *tree, const char *link, const char *filter,
		       struct sb_filter_leaf *leaf);
void sb_filter_tree_remove(struct sb_filter_tree *tree, struct sb_filter_leaf *leaf);
void sb_filter_tree_match(const struct sb_filter_tree *tree, const char *link, const char *topic,
			  sb_filter_match_fn *match, void *userdata);
