/* SPDX-License-Identifier: Apache-2.0 */
/* Topic filters: many in a tree find what each of them finds alone, also when some have gone again. */

#include "daemon/cleanup.h"
#include "daemon/filter-tree.h"
#include "daemon/filter.h"
#include "tests/fuzz/input.h"

#define FILTERS_MAX 8
#define LINK "plant"

struct one {
	struct sb_filter_leaf leaf;
	const char *filter;
	unsigned int matched;
};

struct all {
	struct sb_filter_tree tree;
	struct one ones[FILTERS_MAX];
	size_t n;
};

static void on_match(void *userdata, struct sb_filter_leaf *leaf)
{
	(void)userdata;
	sb_container_of(leaf, struct one, leaf)->matched++;
}

static void add(struct all *all, const char *filter)
{
	struct one *one = &all->ones[all->n];
	struct sb_error error;

	if (all->n == FILTERS_MAX || sb_filter_check(filter, &error) < 0)
		return;
	*one = (struct one){ .filter = filter };
	if (sb_filter_tree_add(&all->tree, LINK, filter, &one->leaf) == 0)
		all->n++;
}

static void remove_last(struct all *all)
{
	if (all->n > 0)
		sb_filter_tree_remove(&all->tree, &all->ones[--all->n].leaf);
}

static void match(struct all *all, const char *topic)
{
	for (size_t i = 0; i < all->n; i++)
		all->ones[i].matched = 0;
	sb_filter_tree_match(&all->tree, LINK, topic, on_match, NULL);
	for (size_t i = 0; i < all->n; i++)
		fuzz_require(all->ones[i].matched ==
				     (unsigned int)sb_filter_matches(all->ones[i].filter, topic),
			     "the tree finds another thing than the filter alone");
}

void fuzz_target(struct fuzz_input *in)
{
	struct all all = { 0 };

	while (in->left > 0) {
		switch (fuzz_pick(in, 4)) {
		case 0:
			remove_last(&all);
			break;
		case 1:
			match(&all, fuzz_text(in));
			break;
		default:
			add(&all, fuzz_text(in));
			break;
		}
	}
	while (all.n > 0)
		remove_last(&all);
	fuzz_require(all.tree.n_nodes == 0, "an empty tree has nodes");
}
