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

#define SUBSCRIBERS_MAX 4

struct fixture {
	struct sb_hub *hub;
	unsigned int origins; /* of the next subscription; 0 for SB_FROM_CLOUD */
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
	const struct sb_interest interest = {
		.link = link,
		.filter = filter,
		.origins = f->origins > 0 ? f->origins : SB_FROM_CLOUD,
	};

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

static void a_filter_that_breaks_the_rules_is_refused(void **state)
{
	struct fixture *f = *state;
	struct sb_error error;

	assert_int_equal(try_to_subscribe(f, 0, "l", "a#", &error), -EINVAL);
	assert_null(f->subscriptions[0]);
	assert_int_equal(error.code, SB_ERROR_INVALID_TOPIC);
}

static void what_a_subscription_does_not_name_the_origin_of_passes_it_by(void **state)
{
	struct fixture *f = *state;
	struct sb_delivery local = { .origin = SB_ORIGIN_LOCAL, .link = "l", .topic = "a" };

	subscribe(f, 0, "l", "#");
	assert_false(sb_hub_wants(f->hub, "l", "a", SB_ORIGIN_LOCAL));
	assert_true(sb_hub_wants(f->hub, "l", "a", SB_ORIGIN_CLOUD));
	assert_int_equal(sb_hub_deliver(f->hub, &local).matched, 0);
	f->origins = SB_FROM_LOCAL;
	subscribe(f, 1, "l", "#");
	f->origins = SB_FROM_LOCAL | SB_FROM_CLOUD;
	subscribe(f, 2, "l", "#");
	assert_int_equal(sb_hub_deliver(f->hub, &local).matched, 2);
	assert_int_equal(deliver(f, "l", "a"), 2);
	assert_true(sb_hub_wants(f->hub, "l", "a", SB_ORIGIN_LOCAL));
	assert_false(sb_hub_wants(f->hub, "other", "a", SB_ORIGIN_LOCAL));
	assert_string_equal(sb_origin_word(SB_ORIGIN_LOCAL), "local");
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
	const struct sb_interest interest = {
		.link = "l",
		.filter = "a",
		.origins = SB_FROM_CLOUD,
		.answers = true,
	};
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
		TEST(a_filter_that_breaks_the_rules_is_refused),
		TEST(what_a_subscription_does_not_name_the_origin_of_passes_it_by),
		TEST(a_message_reaches_whoever_asked_for_such),
		TEST(a_freed_subscription_gets_nothing),
		TEST(a_delivery_may_free_the_next_subscription),
		TEST(who_wants_to_answer_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
