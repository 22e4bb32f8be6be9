/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <search.h>
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
 * @level: what it is found by; first, for tsearch(3)
 * @parent: NULL for the root
 * @children: by their levels; tsearch(3). A level "+" is among them
 * @here: filters that end with this level
 * @rest: filters that end with "#" after this level
 * @n: children and filters; a node that has none goes
 */
struct sb_filter_node {
	struct level level;
	struct sb_filter_node *parent;
	void *children;
	TAILQ_HEAD(filter_leaves, sb_filter_leaf) here;
	struct filter_leaves rest;
	size_t n;
	char text[];
};

static int compare_levels(const void *a, const void *b)
{
	const struct level *left = a;
	const struct level *right = b;

	if (left->len != right->len)
		return left->len < right->len ? -1 : 1;

	return memcmp(left->text, right->text, left->len);
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

static struct sb_filter_node *find_child(const struct sb_filter_node *node,
					 const struct level *level)
{
	struct sb_filter_node *const *found = tfind(level, &node->children, compare_levels);

	return found ? *found : NULL;
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

static struct sb_filter_node *get_child(struct sb_filter_node *node, const struct level *level)
{
	struct sb_filter_node *child = find_child(node, level);

	if (child)
		return child;
	child = node_new(level);
	if (!child)
		return NULL;
	if (!tsearch(child, &node->children, compare_levels)) {
		free(child);
		return NULL;
	}
	child->parent = node;
	node->n++;

	return child;
}

/* Let go of a node that nothing needs, and of those above it that needed only this one. */
static void prune(struct sb_filter_tree *tree, struct sb_filter_node *node)
{
	while (node && node->n == 0) {
		struct sb_filter_node *parent = node->parent;

		if (parent) {
			(void)tdelete(node, &parent->children, compare_levels);
			parent->n--;
		} else {
			tree->root = NULL;
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
	child = get_child(node, &top);
	while (child && filter && strcmp(filter, "#") != 0) {
		const struct level level = first_level(filter);

		node = child;
		child = get_child(node, &level);
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
	static const struct level plus = { "+", 1 };
	const struct sb_filter_node *child;
	struct level level;

	if (wild)
		match_all(search, &node->rest);
	if (!topic) {
		match_all(search, &node->here);
		return;
	}
	level = first_level(topic);
	child = find_child(node, &level);
	if (child)
		look(search, child, after(&level), true);
	child = wild && compare_levels(&level, &plus) != 0 ? find_child(node, &plus) : NULL;
	if (child)
		look(search, child, after(&level), true);
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
	const struct search search = { match, userdata };
	const struct level top = { link, strlen(link) };
	const struct sb_filter_node *node = tree->root ? find_child(tree->root, &top) : NULL;

	if (node)
		look(&search, node, topic, topic[0] != '$');
}
