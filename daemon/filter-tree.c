/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/filter-tree.h"

/** struct level - the text of one level; not terminated */
struct level {
	const char *text;
	size_t len;
};

/**
 * struct sb_filter_node - a level of some filter, and those before it
 * @parent: NULL for the root
 * @edge: in its bucket
 * @hash: of @parent and @level
 * @plus: the child that is the level "+"; it has an edge as well
 * @here: filters that end with this level
 * @rest: filters that end with "#" after this level
 * @n: children and filters; a node that has none goes
 * @level: what it is found by, below @parent
 */
struct sb_filter_node {
	struct sb_filter_node *parent;
	LIST_ENTRY(sb_filter_node) edge;
	uint64_t hash;
	struct sb_filter_node *plus;
	TAILQ_HEAD(filter_leaves, sb_filter_leaf) here;
	struct filter_leaves rest;
	size_t n;
	struct level level;
	char text[];
};

static bool is_plus(const struct level *level)
{
	return level->len == 1 && level->text[0] == '+';
}

static struct level first_level(const char *topic)
{
	return (struct level){ topic, strcspn(topic, "/") };
}

/* What follows a level; NULL after the last one. "a/" has an empty level at its end. */
static const char *after(const struct level *level)
{
	const char *end = level->text + level->len;

	return *end ? end + 1 : NULL;
}

/* FNV-1a, over the address of the node above as well. */
static uint64_t hash_edge(const struct sb_filter_node *parent, const struct level *level)
{
	uint64_t hash = (uintptr_t)parent / sizeof(*parent);

	for (size_t i = 0; i < level->len; i++)
		hash = (hash ^ (uint8_t)level->text[i]) * UINT64_C(0x100000001b3);

	return hash ^ hash >> 32;
}

static struct sb_filter_bucket *bucket_of(const struct sb_filter_tree *tree, uint64_t hash)
{
	return &tree->edges[hash & (tree->n_buckets - 1)];
}

static struct sb_filter_node *find_child(const struct sb_filter_tree *tree,
					 const struct sb_filter_node *node,
					 const struct level *level)
{
	uint64_t hash = hash_edge(node, level);
	struct sb_filter_node *child;

	LIST_FOREACH(child, bucket_of(tree, hash), edge)
	if (child->hash == hash && child->parent == node && child->level.len == level->len &&
	    memcmp(child->text, level->text, level->len) == 0)
		break;

	return child;
}

/* At most one node for each bucket, as a rule. */
static int reserve_edge(struct sb_filter_tree *tree)
{
	size_t n = tree->n_buckets > 0 ? 2 * tree->n_buckets : 16;
	struct sb_filter_bucket *old = tree->edges;
	size_t n_old = tree->n_buckets;
	struct sb_filter_node *node;

	if (tree->n_nodes < tree->n_buckets)
		return 0;
	tree->edges = calloc(n, sizeof(*tree->edges));
	if (!tree->edges) {
		tree->edges = old;
		return -ENOMEM;
	}
	tree->n_buckets = n;
	for (size_t i = 0; i < n_old; i++) {
		while ((node = LIST_FIRST(&old[i]))) {
			LIST_REMOVE(node, edge);
			LIST_INSERT_HEAD(bucket_of(tree, node->hash), node, edge);
		}
	}
	free(old);

	return 0;
}

static struct sb_filter_node *node_new(const struct level *level)
{
	struct sb_filter_node *node = calloc(1, sizeof(*node) + level->len);

	if (!node)
		return NULL;
	memcpy(node->text, level->text, level->len);
	node->level = (struct level){ node->text, level->len };
	TAILQ_INIT(&node->here);
	TAILQ_INIT(&node->rest);

	return node;
}

static struct sb_filter_node *get_child(struct sb_filter_tree *tree, struct sb_filter_node *node,
					const struct level *level)
{
	struct sb_filter_node *child = tree->edges ? find_child(tree, node, level) : NULL;

	if (child)
		return child;
	child = reserve_edge(tree) == 0 ? node_new(level) : NULL;
	if (!child)
		return NULL;

	child->parent = node;
	child->hash = hash_edge(node, level);
	LIST_INSERT_HEAD(bucket_of(tree, child->hash), child, edge);
	tree->n_nodes++;
	if (is_plus(level))
		node->plus = child;
	node->n++;

	return child;
}

/* Let go of a node that nothing needs, and of those above it that needed only this one. */
static void prune(struct sb_filter_tree *tree, struct sb_filter_node *node)
{
	while (node && node->n == 0) {
		struct sb_filter_node *parent = node->parent;

		if (parent) {
			LIST_REMOVE(node, edge);
			tree->n_nodes--;
			if (parent->plus == node)
				parent->plus = NULL;
			parent->n--;
		} else {
			free(tree->edges);
			*tree = (struct sb_filter_tree){ 0 };
		}
		free(node);
		node = parent;
	}
}

/**
 * sb_filter_tree_add() - add a filter
 * @tree: the tree
 * @link: the name of the link that it is for
 * @filter: one that keeps the rules, see sb_filter_check()
 * @leaf: in no tree; stays where it is until sb_filter_tree_remove()
 *
 * Return: 0, or -ENOMEM.
 */
int sb_filter_tree_add(struct sb_filter_tree *tree, const char *link, const char *filter,
		       struct sb_filter_leaf *leaf)
{
	const struct level none = { "", 0 };
	const struct level top = { link, strlen(link) };
	struct sb_filter_node *node;
	struct sb_filter_node *child;

	if (!tree->root)
		tree->root = node_new(&none);
	if (!tree->root)
		return -ENOMEM;
	node = tree->root;
	child = get_child(tree, node, &top);
	while (child && filter && strcmp(filter, "#") != 0) {
		const struct level level = first_level(filter);

		node = child;
		child = get_child(tree, node, &level);
		filter = after(&level);
	}
	if (!child) {
		prune(tree, node);
		return -ENOMEM;
	}

	leaf->node = child;
	leaf->rest = filter != NULL;
	TAILQ_INSERT_TAIL(leaf->rest ? &child->rest : &child->here, leaf, entry);
	child->n++;

	return 0;
}

/**
 * sb_filter_tree_remove() - remove a filter
 * @tree: the tree
 * @leaf: in the tree, or in none
 */
void sb_filter_tree_remove(struct sb_filter_tree *tree, struct sb_filter_leaf *leaf)
{
	struct sb_filter_node *node = leaf->node;

	if (!node)
		return;

	TAILQ_REMOVE(leaf->rest ? &node->rest : &node->here, leaf, entry);
	leaf->node = NULL;
	node->n--;
	prune(tree, node);
}

/** struct search - what is looked for */
struct search {
	const struct sb_filter_tree *tree;
	sb_filter_match_fn *match;
	void *userdata;
};

static void match_all(const struct search *search, const struct filter_leaves *leaves)
{
	struct sb_filter_leaf *leaf;

	TAILQ_FOREACH(leaf, leaves, entry)
		search->match(search->userdata, leaf);
}

/* @wild: whether a wildcard may stand for the next level. As deep as the topic has levels. */
static void look(const struct search *search, const struct sb_filter_node *node, const char *topic,
		 bool wild)
{
	const struct sb_filter_node *child;
	struct level level;

	if (wild)
		match_all(search, &node->rest);
	if (!topic) {
		match_all(search, &node->here);
		return;
	}
	level = first_level(topic);
	child = find_child(search->tree, node, &level);
	if (child && child != node->plus)
		look(search, child, after(&level), true);
	if (wild && node->plus)
		look(search, node->plus, after(&level), true);
}

/**
 * sb_filter_tree_match() - find the filters that match a topic, as sb_filter_matches() does
 * @tree: the tree; must not change meanwhile
 * @link: the name of the link that it is of
 * @topic: the topic
 * @match: called for each of them, in no order
 * @userdata: for @match
 */
void sb_filter_tree_match(const struct sb_filter_tree *tree, const char *link, const char *topic,
			  sb_filter_match_fn *match, void *userdata)
{
	const struct search search = { tree, match, userdata };
	const struct level top = { link, strlen(link) };
	const struct sb_filter_node *node = tree->root ? find_child(tree, tree->root, &top) : NULL;

	if (node)
		look(&search, node, topic, topic[0] != '$');
}
