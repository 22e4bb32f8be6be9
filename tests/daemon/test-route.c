/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/route.h"

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct sb_routes));

	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	*state = sb_routes_free(*state);

	return 0;
}

static struct sb_route *add(struct sb_routes *routes, const char *match, bool first_online)
{
	struct sb_route *route = NULL;

	assert_int_equal(sb_routes_add(routes, match, first_online, &route), 0);

	return route;
}

static void add_target(struct sb_route *route, const char *link, const char *pattern)
{
	assert_int_equal(sb_route_add_target(route, link, pattern), 0);
}

static void the_first_that_matches_counts(void **state)
{
	struct sb_routes *routes = *state;

	(void)add(routes, "a/b", false);
	(void)add(routes, "a/+", true);
	(void)add(routes, "a/#", false);
	assert_ptr_equal(sb_routes_match(routes, "a/b"), &routes->items[0]);
	assert_ptr_equal(sb_routes_match(routes, "a/c"), &routes->items[1]);
	assert_ptr_equal(sb_routes_match(routes, "a/c/d"), &routes->items[2]);
	assert_ptr_equal(sb_routes_match(routes, "a"), &routes->items[2]);
	assert_null(sb_routes_match(routes, "b"));
	assert_null(sb_routes_match(NULL, "b"));
	assert_null(sb_routes_free(NULL));
}

static bool is_online(void *userdata, const char *link)
{
	return strstr(userdata, link) != NULL;
}

static void the_first_that_is_online_is_chosen(void **state)
{
	struct sb_route *route = add(*state, "#", true);

	add_target(route, "one", "\1");
	add_target(route, "two", "\1");
	add_target(route, "three", NULL);
	add_target(route, "four", "\1");
	assert_string_equal(sb_route_choose(route, is_online, (char[]){ "two four" })->link, "two");
	assert_string_equal(sb_route_choose(route, is_online, (char[]){ "four one" })->link, "one");
	/* Without a pattern nothing could be sent there. */
	assert_string_equal(sb_route_choose(route, is_online, (char[]){ "three four" })->link,
			    "four");
	assert_string_equal(sb_route_choose(route, is_online, (char[]){ "" })->link, "one");
	assert_string_equal(sb_route_find(route, "three")->link, "three");
	assert_null(sb_route_find(route, "five"));
}

static void expect(const char *pattern, const char *topic, const char *expected)
{
	const struct sb_route_target target = { (char[]){ "plant" }, (char *)pattern };
	char ret[SB_TOPIC_MAX + 1];

	assert_int_equal(sb_route_expand(&target, topic, ret, NULL), 0);
	assert_string_equal(ret, expected);
}

static void a_topic_is_put_into_its_place(void **state)
{
	(void)state;
	expect("\1", "a/b", "a/b");
	expect("/sys/p/d/post", "a/b", "/sys/p/d/post");
	expect("/x/\1/y/\1", "a/b", "/x/a/b/y/a/b");
}

static void a_topic_has_its_bound(void **state)
{
	const struct sb_route_target target = { (char[]){ "plant" }, (char[]){ "x\1y" } };
	char topic[SB_TOPIC_MAX + 1] = "";
	char ret[SB_TOPIC_MAX + 1];
	struct sb_error why;

	(void)state;
	memset(topic, 't', SB_TOPIC_MAX - 1);
	assert_int_equal(sb_route_expand(&target, topic, ret, &why), -EINVAL);
	assert_int_equal(why.code, SB_ERROR_INVALID_TOPIC);
	assert_non_null(strstr(why.text, "plant"));
	topic[SB_TOPIC_MAX - 2] = '\0';
	assert_int_equal(sb_route_expand(&target, topic, ret, &why), 0);
	assert_int_equal(strlen(ret), SB_TOPIC_MAX);
}

static void without_a_pattern_there_is_no_topic(void **state)
{
	const struct sb_route_target target = { (char[]){ "plant" }, NULL };
	char ret[SB_TOPIC_MAX + 1];
	struct sb_error why;

	(void)state;
	assert_int_equal(sb_route_expand(&target, "t", ret, &why), -EOPNOTSUPP);
	assert_non_null(strstr(why.text, "plant"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_first_that_matches_counts),	   TEST(the_first_that_is_online_is_chosen),
		TEST(a_topic_is_put_into_its_place),	   TEST(a_topic_has_its_bound),
		TEST(without_a_pattern_there_is_no_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
