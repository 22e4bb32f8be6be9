/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/filter-tree.h"
#include "daemon/filter.h"

#define N_FILTERS 200
#define N_ROUNDS 40
#define N_TOPICS 60
#define DEPTH 5

/* One filter of the many, and how often it was found. */
struct want {
	struct sb_filter_leaf leaf;
	const char *link;
	char filter[64];
	unsigned int found;
};

static void on_match(void *userdata, struct sb_filter_leaf *leaf)
{
	(void)userdata;
	((struct want *)leaf)->found++;
}

/* Few words, so that much matches; an empty level and one that looks like a wildcard among them. */
static void make_levels(char *ret, const char *const *words, size_t n_words)
{
	size_t depth = 1 + (size_t)(random() % DEPTH);

	*ret = '\0';
	for (size_t i = 0; i < depth; i++) {
		if (i > 0)
			strcat(ret, "/");
		strcat(ret, words[(size_t)random() % n_words]);
	}
	if (!*ret)
		strcpy(ret, "a"); /* a topic has a byte at least */
}

static void make_filter(struct want *want)
{
	static const char *const words[] = { "a", "b", "", "$", "+", "+" };

	make_levels(want->filter, words, sizeof(words) / sizeof(words[0]));
	if (random() % 3 == 0)
		strcat(want->filter, "/#");
	else if (random() % 20 == 0)
		strcpy(want->filter, "#");
	want->link = random() % 2 ? "one" : "two";
}

static void make_topic(char *ret)
{
	static const char *const words[] = { "a", "b", "", "$" };

	make_levels(ret, words, sizeof(words) / sizeof(words[0]));
}

static void expect_matches(const struct sb_filter_tree *tree, struct want *wants, const char *topic)
{
	for (size_t i = 0; i < N_FILTERS; i++)
		wants[i].found = 0;
	sb_filter_tree_match(tree, "one", topic, on_match, NULL);
	for (size_t i = 0; i < N_FILTERS; i++) {
		const struct want *want = &wants[i];
		bool in = want->leaf.node && strcmp(want->link, "one") == 0;
		unsigned int expected = in && sb_filter_matches(want->filter, topic);

		if (want->found != expected)
			fail_msg("\"%s\" of %s, \"%s\": found %u times, not %u", want->filter,
				 want->link, topic, want->found, expected);
	}
}

static void the_tree_finds_what_each_filter_by_itself_matches(void **state)
{
	static struct want wants[N_FILTERS];
	struct sb_filter_tree tree = { 0 };
	char topic[64];

	(void)state;
	srandom(1);
	for (size_t i = 0; i < N_ROUNDS * N_FILTERS; i++) {
		struct want *want = &wants[(size_t)random() % N_FILTERS];

		if (want->leaf.node) {
			sb_filter_tree_remove(&tree, &want->leaf);
		} else {
			make_filter(want);
			assert_int_equal(sb_filter_check(want->filter, NULL), 0);
			assert_int_equal(sb_filter_tree_add(&tree, want->link, want->filter,
							    &want->leaf),
					 0);
		}
		if (i % N_FILTERS != 0)
			continue;
		for (size_t j = 0; j < N_TOPICS; j++) {
			make_topic(topic);
			expect_matches(&tree, wants, topic);
		}
	}
	for (size_t i = 0; i < N_FILTERS; i++)
		sb_filter_tree_remove(&tree, &wants[i].leaf);
	assert_null(tree.root);
}

static void a_level_of_the_topic_that_is_a_plus_counts_once(void **state)
{
	struct sb_filter_tree tree = { 0 };
	struct want want = { 0 };

	(void)state;
	assert_int_equal(sb_filter_tree_add(&tree, "one", "a/+", &want.leaf), 0);
	sb_filter_tree_match(&tree, "one", "a/+", on_match, NULL);
	assert_int_equal(want.found, 1);
	sb_filter_tree_match(&tree, "one", "a/b", on_match, NULL);
	assert_int_equal(want.found, 2);
	sb_filter_tree_match(&tree, "two", "a/b", on_match, NULL);
	assert_int_equal(want.found, 2);
	sb_filter_tree_remove(&tree, &want.leaf);
	sb_filter_tree_remove(&tree, &want.leaf);
	assert_null(tree.root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_finds_what_each_filter_by_itself_matches),
		cmocka_unit_test(a_level_of_the_topic_that_is_a_plus_counts_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
