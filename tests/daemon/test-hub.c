/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/hub.h"
#include "daemon/message.h"

#define SUBSCRIBERS_MAX 4

struct fixture {
	struct sb_hub *hub;
	struct sb_subscription *subscriptions[SUBSCRIBERS_MAX];
	unsigned int calls;
	struct sb_subscription *last;
	char got[256]; /* of the last delivery */
	struct sb_subscription **free_this; /* from within a delivery */
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	*state = &f;

	return sb_hub_new(&f.hub);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
		(void)sb_subscription_free(f->subscriptions[i]);
	(void)sb_hub_free(f->hub);

	return 0;
}

static void on_delivery(void *userdata, struct sb_subscription *subscription,
			const struct sb_delivery *delivery)
{
	struct fixture *f = userdata;

	f->calls++;
	f->last = subscription;
	(void)snprintf(f->got, sizeof(f->got), "%u %s %s %.*s", (unsigned int)delivery->message,
		       delivery->link, delivery->topic, (int)delivery->payload_len,
		       (const char *)delivery->payload);
	if (f->free_this)
		*f->free_this = sb_subscription_free(*f->free_this);
}

static int try_to_subscribe(struct fixture *f, size_t i, const char *link, const char *filter,
			    struct sb_error *ret_error)
{
	const struct sb_interest interest = { .link = link, .filter = filter };

	return sb_hub_subscribe(f->hub, &interest, on_delivery, f, &f->subscriptions[i], ret_error);
}

static void subscribe(struct fixture *f, size_t i, const char *link, const char *filter)
{
	assert_int_equal(try_to_subscribe(f, i, link, filter, NULL), 0);
}

static size_t deliver(struct fixture *f, const char *link, const char *topic)
{
	struct sb_delivery delivery = {
		.link = link,
		.topic = topic,
		.payload = (const uint8_t *)"hi",
		.payload_len = 2,
	};

	return sb_hub_deliver(f->hub, &delivery).matched;
}

static void filters_let_through_what_mqtt_says(void **state)
{
	static const struct {
		const char *filter;
		const char *topic;
		bool matches;
	} cases[] = {
		{ "a", "a", true },	    { "a", "b", false },
		{ "a", "ab", false },	    { "ab", "a", false },
		{ "a/b", "a/b", true },	    { "a/b", "a", false },
		{ "a", "a/b", false },	    { "a", "a/", false },
		{ "a/", "a/", true },	    { "a/", "a", false },
		{ "/a", "/a", true },	    { "/a", "a", false },
		{ "a", "/a", false },	    { "A", "a", false },
		{ "+", "a", true },	    { "+", "a/b", false },
		{ "+", "/a", false },	    { "+/+", "/a", true },
		{ "/+", "/a", true },	    { "/+", "a", false },
		{ "a/+", "a/b", true },	    { "a/+", "a/", true },
		{ "a/+", "a", false },	    { "a/+", "a/b/c", false },
		{ "a/+/c", "a/b/c", true }, { "a/+/c", "a//c", true },
		{ "a/+/c", "a/c", false },  { "a/+/c", "a/b/d", false },
		{ "+/b/+", "a/b/c", true }, { "#", "a", true },
		{ "#", "a/b/c", true },	    { "#", "/", true },
		{ "a/#", "a", true },	    { "a/#", "a/", true },
		{ "a/#", "a/b/c", true },   { "a/#", "ab", false },
		{ "a/#", "b", false },	    { "+/#", "a", true },
		{ "+/#", "a/b", true },	    { "a/+/#", "a", false },
		{ "a/+/#", "a/b", true },   { "#", "$SYS", false },
		{ "#", "$SYS/a", false },   { "+", "$SYS", false },
		{ "+/a", "$SYS/a", false }, { "$SYS/#", "$SYS/a", true },
		{ "$SYS/#", "$SYS", true }, { "$SYS/+", "$SYS/a", true },
		{ "a/+", "a/$b", true },    { "/#", "/sys/x", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (sb_filter_matches(cases[i].filter, cases[i].topic) != cases[i].matches)
			fail_msg("\"%s\" and \"%s\"", cases[i].filter, cases[i].topic);
	}
}

static void expect_refused(struct fixture *f, const char *filter, const char *sentence)
{
	struct sb_error error;

	assert_int_equal(try_to_subscribe(f, 0, "l", filter, &error), -EINVAL);
	assert_null(f->subscriptions[0]);
	assert_int_equal(error.code, SB_ERROR_INVALID_TOPIC);
	assert_string_equal(error.text, sentence);
}

static void malformed_filters_are_refused_with_a_sentence(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "",
		       "a filter has 1 to 512 bytes, this one 0: write a topic, or one with the "
		       "wildcards + and #");
	expect_refused(f, "a/#/b",
		       "in the filter \"a/#/b\" something follows #: it matches all the rest, so "
		       "write it last");
	expect_refused(f, "#/",
		       "in the filter \"#/\" something follows #: it matches all the rest, so "
		       "write it last");
	expect_refused(f, "a#",
		       "in the filter \"a#\" a wildcard shares its level with other characters: "
		       "write /+/ or /#");
	expect_refused(f, "a/b+/c",
		       "in the filter \"a/b+/c\" a wildcard shares its level with other "
		       "characters: write /+/ or /#");
	expect_refused(f, "++",
		       "in the filter \"++\" a wildcard shares its level with other characters: "
		       "write /+/ or /#");
	expect_refused(f, "+#",
		       "in the filter \"+#\" a wildcard shares its level with other characters: "
		       "write /+/ or /#");
	expect_refused(f, "##",
		       "in the filter \"##\" a wildcard shares its level with other characters: "
		       "write /+/ or /#");
}

static void a_filter_may_be_as_long_as_a_topic(void **state)
{
	struct fixture *f = *state;
	char filter[SB_TOPIC_MAX + 2] = "";
	struct sb_error error;

	memset(filter, 'x', SB_TOPIC_MAX);
	subscribe(f, 0, "l", filter);
	filter[SB_TOPIC_MAX] = 'x';
	assert_int_equal(try_to_subscribe(f, 1, "l", filter, &error), -EINVAL);
	assert_non_null(strstr(error.text, "this one 513"));
}

static void a_message_reaches_whoever_asked_for_such(void **state)
{
	struct fixture *f = *state;

	subscribe(f, 0, "plant", "cmd/#");
	subscribe(f, 1, "plant", "cmd/+");
	subscribe(f, 2, "plant", "other");
	subscribe(f, 3, "house", "#");
	assert_int_equal(deliver(f, "plant", "cmd/go"), 2);
	assert_int_equal(f->calls, 2);
	assert_ptr_equal(f->last, f->subscriptions[1]);
	assert_string_equal(f->got, "1 plant cmd/go hi");
	assert_int_equal(deliver(f, "house", "cmd/go"), 1);
	assert_string_equal(f->got, "2 house cmd/go hi");
	assert_int_equal(deliver(f, "plant", "nothing"), 0);
	assert_int_equal(f->calls, 3);
}

static void a_freed_subscription_gets_nothing(void **state)
{
	struct fixture *f = *state;

	subscribe(f, 0, "l", "#");
	f->subscriptions[0] = sb_subscription_free(f->subscriptions[0]);
	assert_int_equal(deliver(f, "l", "a"), 0);
	assert_int_equal(f->calls, 0);
}

static void a_delivery_may_free_the_next_subscription(void **state)
{
	struct fixture *f = *state;

	subscribe(f, 0, "l", "#");
	subscribe(f, 1, "l", "#");
	subscribe(f, 2, "l", "#");
	f->free_this = &f->subscriptions[1];
	assert_int_equal(deliver(f, "l", "a"), 2);
	assert_int_equal(f->calls, 2);
	assert_ptr_equal(f->last, f->subscriptions[2]);
}

static void who_wants_to_answer_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct sb_interest interest = { .link = "l", .filter = "a", .answers = true };
	struct sb_delivery delivery = { .link = "l", .topic = "a" };
	struct sb_reach reach;

	subscribe(f, 0, "l", "#");
	assert_int_equal(sb_hub_deliver(f->hub, &delivery).answering, 0);
	assert_int_equal(
		sb_hub_subscribe(f->hub, &interest, on_delivery, f, &f->subscriptions[1], NULL), 0);
	reach = sb_hub_deliver(f->hub, &delivery);
	assert_int_equal(reach.matched, 2);
	assert_int_equal(reach.answering, 1);
	assert_int_equal(delivery.message, 2);
	assert_false(sb_subscription_answers(f->subscriptions[0]));
	assert_true(sb_subscription_answers(f->subscriptions[1]));
	delivery.topic = "b";
	assert_int_equal(sb_hub_deliver(f->hub, &delivery).answering, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(filters_let_through_what_mqtt_says),
		TEST(malformed_filters_are_refused_with_a_sentence),
		TEST(a_filter_may_be_as_long_as_a_topic),
		TEST(a_message_reaches_whoever_asked_for_such),
		TEST(a_freed_subscription_gets_nothing),
		TEST(a_delivery_may_free_the_next_subscription),
		TEST(who_wants_to_answer_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
