/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compared with sb_filter_matches() on all topics, and all filters, of a few levels out of a few words: "z"
 * stands for all words that no filter names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/filter.h"

#define LEVELS 3

static const char *const topic_words[] = { "a", "$b", "", "z" };
static const char *const filter_words[] = { "a", "$b", "", "+", "#" };

#define TEXTS_MAX 256

struct texts {
	char all[TEXTS_MAX][24];
	size_t n;
};

static void make_texts(struct texts *texts, const char *const *words, size_t n_words)
{
	size_t begin = 0;

	for (size_t i = 0; i < n_words; i++)
		(void)snprintf(texts->all[texts->n++], sizeof(texts->all[0]), "%s", words[i]);
	for (int level = 1; level < LEVELS; level++) {
		size_t end = texts->n;

		for (; begin < end; begin++) {
			for (size_t i = 0; i < n_words; i++) {
				assert_true(texts->n < TEXTS_MAX);
				(void)snprintf(texts->all[texts->n++], sizeof(texts->all[0]),
					       "%.15s/%s", texts->all[begin], words[i]);
			}
		}
	}
}

/* What breaks the rules. The empty text stays among the topics: "/#" would match it. */
static void drop_bad(struct texts *texts)
{
	size_t n = 0;

	for (size_t i = 0; i < texts->n; i++)
		if (sb_filter_check(texts->all[i], NULL) == 0)
			memmove(texts->all[n++], texts->all[i], sizeof(texts->all[0]));
	texts->n = n;
}

static bool lets_no_more_through(const struct texts *topics, const char *inner, const char *outer)
{
	for (size_t i = 0; i < topics->n; i++)
		if (sb_filter_matches(inner, topics->all[i]) &&
		    !sb_filter_matches(outer, topics->all[i]))
			return false;

	return true;
}

static void test_all_of_a_few_levels(void **state)
{
	struct texts topics = { 0 };
	struct texts filters = { 0 };
	size_t n_within = 0;

	(void)state;
	make_texts(&topics, topic_words, SB_ELEMENTS(topic_words));
	make_texts(&filters, filter_words, SB_ELEMENTS(filter_words));
	drop_bad(&filters);
	for (size_t i = 0; i < filters.n; i++) {
		for (size_t j = 0; j < filters.n; j++) {
			const char *inner = filters.all[i];
			const char *outer = filters.all[j];
			bool expected = lets_no_more_through(&topics, inner, outer);

			/* The same in other words, see sb_filter_within(). */
			if (strcmp(inner, "#") == 0 && strcmp(outer, "+/#") == 0)
				expected = false;
			n_within += expected;
			if (sb_filter_within(inner, outer) != expected)
				fail_msg("%s is%s within %s", inner, expected ? "" : " not", outer);
		}
	}
	assert_in_range(n_within, filters.n + 1, filters.n * filters.n / 2);
}

/* Of no level is looked at less than all. */
static void test_words(void **state)
{
	(void)state;
	assert_true(sb_filter_within("/sys/pk/dev/thing/post", "/sys/+/+/thing/#"));
	assert_true(sb_filter_within("/sys/pk/+/thing/#", "/sys/+/+/thing/#"));
	assert_true(sb_filter_within("/sys/pk/dev/thing", "/sys/+/+/thing/#"));
	assert_false(sb_filter_within("/sys/pk/dev/things", "/sys/+/+/thing/#"));
	assert_false(sb_filter_within("/sys/pk/dev/thin", "/sys/+/+/thing/#"));
	assert_false(sb_filter_within("/sys/pk/#", "/sys/+/+/thing/#"));
	assert_false(sb_filter_within("/sys/pk/dev", "/sys/+/+/thing/#"));
	assert_false(sb_filter_within("#", "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_a_few_levels),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
