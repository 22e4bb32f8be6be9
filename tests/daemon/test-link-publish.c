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

#include "daemon/landing.h"
#include "tests/daemon/link-fixture.h"

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

static void never_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	(void)ticket;
	(void)error;
	fail_msg("told of a message that was refused");
}

static void expect_ticket(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	assert_null(error);
	assert_true(ticket > 0);
}

static void never_requested(void *userdata, const struct skybus_reply *reply,
			    const struct sb_error *error)
{
	(void)userdata;
	(void)reply;
	(void)error;
	fail_msg("told of a request that was refused");
}

/* Both doors have the same rules. */
static void expect_refused(struct link_fixture *f, const char *topic, size_t payload_len, int r,
			   const char *sentence)
{
	void *payload = calloc(1, payload_len + 1);
	struct sb_message *message = sb_message_new(topic, payload, payload_len, NULL);
	struct sb_error error;

	assert_non_null(message);
	assert_int_equal(sb_link_publish(f->link, message, never_published, f, &error), r);
	assert_string_equal(error.text, sentence);
	assert_int_equal(
		sb_link_request(f->link, message, SB_USEC_PER_SEC, never_requested, f, &error), r);
	assert_string_equal(error.text, sentence);
	(void)sb_message_free(message);
	free(payload);
	link_run(f);
	assert_int_equal(link_status(f)->queue.queued, 0);
}

static void topics_have_rules(void **state)
{
	struct link_fixture *f = *state;
	char topic[SB_TOPIC_MAX + 2] = "";

	expect_refused(f, "", 0, -EINVAL, "a topic has 1 to 512 bytes, this one 0");
	memset(topic, 'x', SB_TOPIC_MAX + 1);
	expect_refused(f, topic, 0, -EINVAL, "a topic has 1 to 512 bytes, this one 513");
	expect_refused(f, "a/+/b", 0, -EINVAL,
		       "the topic \"a/+/b\" holds the wildcard +: publish to one topic, wildcards "
		       "are for subscriptions");
	expect_refused(f, "a/#", 0, -EINVAL,
		       "the topic \"a/#\" holds the wildcard #: publish to one topic, wildcards "
		       "are for subscriptions");
	expect_refused(f, "a\nb", 0, -EINVAL,
		       "byte 2 of the topic is a control character: leave it out");
	expect_refused(f, "ab\x7f", 0, -EINVAL,
		       "byte 3 of the topic is a control character: leave it out");
}

static void payloads_are_bounded(void **state)
{
	struct link_fixture *f = *state;

	expect_refused(f, "t", SB_PAYLOAD_MAX + 1, -EMSGSIZE,
		       "the payload has 65537 bytes, and a message may have 65536");
}

static void the_plugin_may_refuse(void **state)
{
	struct link_fixture *f = *state;

	script.accept_error = -EINVAL;
	script.accept_reason = "no such measure point";
	expect_refused(f, "t", 1, -EINVAL, "no such measure point");
	script.accept_error = -EMSGSIZE;
	script.accept_reason = "1024 bytes at most";
	expect_refused(f, "t", 1, -EMSGSIZE, "1024 bytes at most");
	script.accept_reason = "";
	expect_refused(f, "t", 1, -EMSGSIZE, "the cloud does not take such a message");
}

static void letters_of_the_world_are_fine(void **state)
{
	struct link_fixture *f = *state;
	struct sb_message *message = sb_message_new("größe/温度", "x", 1, NULL);

	assert_int_equal(sb_link_publish(f->link, message, never_published, f, &f->error), 0);
	/* The outbox goes before the ticket comes: nobody is told. */
}

static void a_request_needs_a_link_that_is_online(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	fake_break(-EHOSTUNREACH, "no such name");
	assert_int_equal(link_request(f, "r", SB_USEC_PER_SEC), -ENOTCONN);
	assert_int_equal(f->error.code, SB_ERROR_NOT_ONLINE);
	assert_non_null(strstr(f->error.text, "the link plant is backoff: no such name"));
	assert_string_equal(f->requested, "");
}

static void a_full_queue_refuses(void **state)
{
	static const char *const settings[] = { "queue_messages", "2", NULL };
	struct link_fixture *f = *state;
	struct sb_message *message = sb_message_new("t", "x", 1, NULL);

	link_unmake(f);
	link_make(f, settings);
	link_publish_many(f, 1, 2);
	assert_int_equal(sb_link_publish(f->link, message, never_published, f, &f->error),
			 -ENOBUFS);
	assert_int_equal(f->error.code, SB_ERROR_QUEUE_FULL);
	(void)sb_message_free(message);
}

/* ---- when a message was taken ---- */

static struct sb_message *message_new(void)
{
	struct sb_message *message = sb_message_new("t", "x", 1, NULL);

	assert_non_null(message);

	return message;
}

static void a_message_is_taken_when_it_is_handed_in(void **state)
{
	struct link_fixture *f = *state;
	int64_t now;

	link_pass(f, 90 * SB_USEC_PER_SEC);
	now = sb_clock_wall_ms(f->parts.clock, sb_clock_now(f->parts.clock));
	link_publish(f, "m1");
	link_pass(f, 3600 * SB_USEC_PER_SEC);
	link_bring_up(f);
	assert_int_equal(script.encoded, 1);
	assert_in_range(script.time_ms, now, now + 10);
	link_answer(f, "m1", SKYBUS_CODE(2, 4));
	assert_int_equal(link_request(f, "r", SB_USEC_PER_SEC), 0);
	assert_in_range(script.time_ms, now + 3600000, now + 3601000);
}

static void a_letter_that_is_sent_again_keeps_its_time(void **state)
{
	struct link_fixture *f = *state;
	struct sb_message *message = message_new();

	link_pass(f, 90 * SB_USEC_PER_SEC);
	message->taken = (struct sb_moment){ .boot = 1, .ms = 5000 };
	assert_int_equal(sb_link_publish(f->link, message, expect_ticket, f, &f->error), 0);
	link_run(f);
	link_bring_up(f);
	assert_int_equal(script.time_ms,
			 sb_clock_wall_ms(f->parts.clock, (struct sb_moment){ 1, 5000 }));
}

/* From before boots were numbered: its moment is the wall clock. */
static void so_does_an_old_one(void **state)
{
	struct link_fixture *f = *state;
	struct sb_message *message = message_new();

	message->taken.ms = SB_CLOCK_PLAUSIBLE_MS + 1;
	assert_int_equal(sb_link_publish(f->link, message, expect_ticket, f, &f->error), 0);
	link_run(f);
	link_bring_up(f);
	assert_int_equal(script.time_ms, SB_CLOCK_PLAUSIBLE_MS + 1);
}

static void a_box_that_does_not_know_the_time_says_so(void **state)
{
	struct link_fixture *f = *state;

	f->wall_ms = 0;
	link_publish(f, "m1");
	link_bring_up(f);
	assert_int_equal(script.encoded, 1);
	assert_int_equal(script.time_ms, 0);
	/* And what was taken before it was told is right when it is sent afterwards. */
	link_publish(f, "m2");
	f->wall_ms = SB_CLOCK_PLAUSIBLE_MS;
	link_answer(f, "m1", SKYBUS_CODE(2, 4));
	assert_in_range(script.time_ms, SB_CLOCK_PLAUSIBLE_MS, SB_CLOCK_PLAUSIBLE_MS + 60000);
}

/* ---- bounds ---- */

static void a_queue_may_drop_its_oldest_instead(void **state)
{
	static const char *const settings[] = { "queue_messages", "2", "when_full", "drop_oldest",
						NULL };
	struct link_fixture *f = *state;

	link_unmake(f);
	link_make(f, settings);
	link_publish_many(f, 1, 3);
	assert_string_equal(f->published, "1 2 3 ");
	assert_string_equal(f->causes, "1:evicted ");
	assert_int_equal(link_status(f)->queue.queued, 2);
}

static void memory_has_bounds_of_its_own(void **state)
{
	static const char *const settings[] = { "memory_messages", "1", NULL };
	struct link_fixture *f = *state;
	struct sb_message *first = message_new();
	struct sb_message *second = message_new();

	link_unmake(f);
	link_make(f, settings);
	link_run(f); /* tickets are reserved */
	first->in_memory = true;
	second->in_memory = true;
	assert_int_equal(sb_link_publish(f->link, first, expect_ticket, f, &f->error), 0);
	assert_int_equal(sb_link_publish(f->link, second, never_published, f, &f->error), -ENOBUFS);
	(void)sb_message_free(second);
	link_publish(f, "m");
	assert_int_equal(link_status(f)->queue.queued, 2);
}

struct listener {
	struct link_fixture *f;
	unsigned int calls;
	char got[128];
	bool told; /* the publisher knew of it by then */
};

static void on_delivery(void *userdata, struct sb_subscription *subscription,
			const struct sb_delivery *delivery)
{
	struct listener *listener = userdata;

	(void)subscription;
	listener->calls++;
	(void)snprintf(listener->got, sizeof(listener->got), "%s %s %s %.*s",
		       sb_origin_word(delivery->origin), delivery->link, delivery->topic,
		       (int)delivery->payload_len, (const char *)delivery->payload);
	listener->told = listener->f->published[0] != '\0';
}

static void apps_of_this_box_hear_of_what_was_accepted(void **state)
{
	struct link_fixture *f = *state;
	const struct sb_interest interest = {
		.link = "plant",
		.filter = "#",
		.origins = SB_FROM_LOCAL,
	};
	struct listener listener = { .f = f };
	struct sb_subscription *subscription;

	assert_int_equal(sb_hub_subscribe(f->parts.hub, &interest, on_delivery, &listener,
					  &subscription, NULL),
			 0);
	link_publish(f, "m1");
	assert_int_equal(listener.calls, 1);
	assert_string_equal(listener.got, "local plant t m1");
	assert_false(listener.told);
	assert_string_equal(f->published, "1 ");
	(void)sb_subscription_free(subscription);
	link_publish(f, "m2");
	assert_int_equal(listener.calls, 1);
	assert_string_equal(f->published, "1 2 ");
}

static bool is_pressed(void *userdata)
{
	const bool *pressed = userdata;

	return *pressed;
}

static void nobody_may_press_on_while_subscribers_are_behind(void **state)
{
	struct link_fixture *f = *state;
	const struct sb_interest interest = {
		.link = "plant",
		.filter = "t",
		.origins = SB_FROM_LOCAL,
	};
	struct listener listener = { .f = f };
	struct sb_message *message = sb_message_new("t", "m1", 2, NULL);
	struct sb_subscription *subscription;
	bool pressed = true;

	assert_int_equal(sb_hub_subscribe(f->parts.hub, &interest, on_delivery, &listener,
					  &subscription, NULL),
			 0);
	sb_hub_watch_pressure(f->parts.hub, is_pressed, &pressed);
	assert_int_equal(sb_link_publish(f->link, message, never_published, f, &f->error),
			 -ENOBUFS);
	assert_int_equal(f->error.code, SB_ERROR_QUEUE_FULL);
	assert_non_null(strstr(f->error.text, "do not keep up"));
	(void)sb_message_free(message);
	link_run(f);
	assert_int_equal(listener.calls, 0);
	pressed = false;
	link_publish(f, "m2");
	assert_int_equal(listener.calls, 1);
	/* It is no matter of those that nobody here has subscribed to. */
	pressed = true;
	(void)sb_subscription_free(subscription);
	link_publish(f, "m3");
	assert_string_equal(f->published, "1 2 ");
	sb_hub_watch_pressure(f->parts.hub, NULL, NULL);
}

static void on_keeping(void *userdata, struct sb_subscription *subscription,
		       const struct sb_delivery *delivery)
{
	(void)subscription;
	*(struct sb_landing **)userdata = delivery->landing;
	sb_landing_hold(delivery->landing);
}

static void a_publisher_waits_until_its_message_is_in_the_inboxes(void **state)
{
	struct link_fixture *f = *state;
	const struct sb_interest interest = {
		.link = "plant",
		.filter = "#",
		.origins = SB_FROM_LOCAL,
	};
	struct sb_landing *landing = NULL;
	struct sb_subscription *subscription;

	assert_int_equal(sb_hub_subscribe(f->parts.hub, &interest, on_keeping, &landing,
					  &subscription, NULL),
			 0);
	link_publish(f, "m1");
	assert_string_equal(f->published, "");
	sb_landing_let_go(landing, 0);
	assert_string_equal(f->published, "1 ");
	/* What could not be kept is the loss of the inbox. */
	link_publish(f, "m2");
	sb_landing_let_go(landing, -ENOSPC);
	assert_string_equal(f->published, "1 2 ");
	(void)sb_subscription_free(subscription);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(topics_have_rules),
		TEST(payloads_are_bounded),
		TEST(the_plugin_may_refuse),
		TEST(letters_of_the_world_are_fine),
		TEST(a_request_needs_a_link_that_is_online),
		TEST(a_full_queue_refuses),
		TEST(a_queue_may_drop_its_oldest_instead),
		TEST(memory_has_bounds_of_its_own),
		TEST(apps_of_this_box_hear_of_what_was_accepted),
		TEST(nobody_may_press_on_while_subscribers_are_behind),
		TEST(a_publisher_waits_until_its_message_is_in_the_inboxes),
		TEST(a_message_is_taken_when_it_is_handed_in),
		TEST(a_letter_that_is_sent_again_keeps_its_time),
		TEST(so_does_an_old_one),
		TEST(a_box_that_does_not_know_the_time_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
