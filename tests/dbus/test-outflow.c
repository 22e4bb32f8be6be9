/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dbus/outflow.h"
#include "skybus/plugin.h"
#include "tests/dbus/fixture.h"

/* More than may be on its way to one connection and unread. */
#define MORE_THAN_UNREAD 500

/* What an app does with a Ping. */
enum manners {
	ANSWERS,
	ANSWERS_WITH_ERROR,
	IGNORES,
};

/* What an app has heard. */
struct ear {
	enum manners manners;
	uint64_t last; /* number of the last Message */
	size_t n_messages;
	size_t n_settled;
	size_t n_pings;
	size_t n_ended;
	uint32_t ended; /* number of the last subscription that ended */
	char reason[512];
	bool mixed_up; /* not in the order of their numbers */
};

static struct client *third; /* of tests that need one */
static struct ear app_ear;
static struct ear other_ear;

static void hear_message(struct ear *ear, sd_bus_message *signal)
{
	uint64_t number = 0;

	(void)sd_bus_message_read(signal, "t", &number);
	ear->mixed_up |= number <= ear->last || ear->n_ended > 0;
	ear->last = number;
	ear->n_messages++;
}

static void hear_ended(struct ear *ear, sd_bus_message *signal)
{
	const char *reason = "";

	(void)sd_bus_message_read(signal, "us", &ear->ended, &reason);
	(void)snprintf(ear->reason, sizeof(ear->reason), "%s", reason);
	ear->n_ended++;
}

static int hear_ping(struct ear *ear, sd_bus_message *call)
{
	ear->n_pings++;
	if (ear->manners == ANSWERS_WITH_ERROR)
		(void)sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_METHOD,
						 "no such thing");

	return ear->manners != ANSWERS;
}

static int teardown(void **state)
{
	third = client_free(third);

	return fixture_teardown(state);
}

static int ear_on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct ear *ear = userdata;

	(void)error;
	if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Peer", "Ping"))
		return hear_ping(ear, message);
	if (sd_bus_message_is_signal(message, SB_BUS_LINK_INTERFACE, "Message"))
		hear_message(ear, message);
	if (sd_bus_message_is_signal(message, SB_BUS_LINK_INTERFACE, "SubscriptionEnded"))
		hear_ended(ear, message);
	if (sd_bus_message_is_signal(message, SB_BUS_LINK_INTERFACE, "Settled"))
		ear->n_settled++;
	(void)sd_bus_message_rewind(message, true);

	return 0;
}

static int setup(void **state)
{
	struct fixture *f = *state;

	if (fixture_setup(state) < 0)
		return -1;
	app_ear = (struct ear){ 0 };
	other_ear = (struct ear){ 0 };
	if (sd_bus_add_filter(f->app->bus, NULL, ear_on_message, &app_ear) < 0)
		return -1;

	return sd_bus_add_filter(f->other->bus, NULL, ear_on_message, &other_ear) < 0 ? -1 : 0;
}

/* As if its process were stopped: what is sent to it stays in its socket, and then with the bus. */
static void stop(struct client *client)
{
	assert_true(sd_bus_detach_event(client->bus) >= 0);
}

static void go_on(struct client *client)
{
	assert_true(sd_bus_attach_event(client->bus, sb_loop_event(client->loop), 0) >= 0);
}

static uint32_t subscribe_to(struct fixture *f, struct client *client, const char *filter)
{
	sd_bus_message *reply = fixture_call(f, client, PLANT_PATH, "Subscribe", "s", filter);
	uint32_t id = 0;

	assert_non_null(reply);
	assert_true(sd_bus_message_read(reply, "u", &id) > 0);

	return id;
}

static uint32_t subscribe(struct fixture *f, struct client *client)
{
	return subscribe_to(f, client, "#");
}

static size_t deliver_topic(struct fixture *f, const char *topic, size_t len)
{
	static const uint8_t payload[64 * 1024];
	struct sb_delivery delivery = {
		.link = "plant",
		.topic = topic,
		.payload = payload,
		.payload_len = len,
		.content_format = SKYBUS_NO_FORMAT,
	};

	return sb_hub_deliver(f->gateway->hub, &delivery).matched;
}

static size_t deliver(struct fixture *f, size_t len)
{
	return deliver_topic(f, "cmd/light", len);
}

struct goal {
	const size_t *number;
	size_t wanted;
};

static bool is_reached(void *userdata)
{
	const struct goal *goal = userdata;

	return *goal->number >= goal->wanted;
}

static void wait_for(struct fixture *f, const size_t *number, size_t wanted)
{
	struct goal goal = { .number = number, .wanted = wanted };

	assert_true(loop_until(f->loop, is_reached, &goal));
	loop_settle_down(f->loop);
	assert_int_equal(*number, wanted);
}

/* Each is read by the other app before the next. */
static void deliver_slowly(struct fixture *f, size_t n, size_t len)
{
	size_t before = other_ear.n_messages;
	size_t i;

	for (i = 0; i < n; i++) {
		struct goal goal = { &other_ear.n_messages, before + i + 1 };

		(void)deliver(f, len);
		assert_true(loop_until(f->loop, is_reached, &goal));
	}
}

static size_t number_before(const char *text, const char *words)
{
	const char *end = strstr(text, words);

	assert_non_null(end);
	while (end > text && end[-1] >= '0' && end[-1] <= '9')
		end--;

	return strtoul(end, NULL, 10);
}

static void assert_ended(struct fixture *f, const char *why, size_t delivered)
{
	go_on(f->app);
	wait_for(f, &app_ear.n_ended, 1);
	assert_non_null(strstr(app_ear.reason, why));
	assert_false(app_ear.mixed_up);
	assert_int_equal(app_ear.n_messages + number_before(app_ear.reason, " signals were not"),
			 delivered);
	assert_int_equal(deliver(f, 2), 1);
}

static void test_one_that_reads_gets_everything_at_once(void **state)
{
	struct fixture *f = *state;
	size_t i;

	(void)subscribe(f, f->app);
	/* The loop does not turn meanwhile, so nobody can answer. */
	for (i = 0; i < 5000; i++)
		assert_int_equal(deliver(f, 2), 1);
	wait_for(f, &app_ear.n_messages, 5000);
	assert_false(app_ear.mixed_up);
	assert_true(app_ear.n_pings > 0);
	assert_true(app_ear.n_pings < 200);
	assert_int_equal(app_ear.n_ended, 0);
}

static void test_few_messages_cost_no_ping(void **state)
{
	struct fixture *f = *state;
	size_t i;

	(void)subscribe(f, f->app);
	for (i = 0; i < 50; i++)
		(void)deliver(f, 2);
	wait_for(f, &app_ear.n_messages, 50);
	assert_int_equal(app_ear.n_pings, 0);
}

static void test_one_that_stops_for_a_while(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	stop(f->app);
	deliver_slowly(f, MORE_THAN_UNREAD, 2);
	assert_int_equal(app_ear.n_messages, 0);
	go_on(f->app);
	wait_for(f, &app_ear.n_messages, MORE_THAN_UNREAD);
	assert_false(app_ear.mixed_up);
	assert_false(other_ear.mixed_up);

	/* All that was counted has been confirmed, so it begins anew. */
	stop(f->app);
	deliver_slowly(f, MORE_THAN_UNREAD, 2);
	go_on(f->app);
	wait_for(f, &app_ear.n_messages, 2 * (size_t)MORE_THAN_UNREAD);
	assert_int_equal(app_ear.n_ended, 0);
}

/* What is small could pass where what is large has to wait. */
static void test_order_of_large_and_small_ones(void **state)
{
	struct fixture *f = *state;
	size_t i;

	(void)subscribe(f, f->app);
	for (i = 0; i < 60; i++)
		(void)deliver(f, i % 3 == 0 ? 60000 : 2);
	wait_for(f, &app_ear.n_messages, 60);
	assert_false(app_ear.mixed_up);
}

static void test_little_is_left_with_the_bus(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	stop(f->app);
	deliver_slowly(f, MORE_THAN_UNREAD, 2);
	/* What the bus has is all that comes when the daemon does not send any more. */
	client_call_done(&f->call);
	f->bus = sb_bus_free(f->bus);
	go_on(f->app);
	client_flush(f->app);
	loop_settle_down(f->loop);
	assert_true(app_ear.n_messages > 100);
	assert_true(app_ear.n_messages <= SB_OUTFLOW_UNREAD_BYTES_MAX / SB_OUTFLOW_SIGNAL_BYTES);
}

static void test_queue_that_is_full(void **state)
{
	struct fixture *f = *state;
	uint32_t id = subscribe(f, f->app);

	(void)subscribe(f, f->other);
	stop(f->app);
	deliver_slowly(f, 2000, 2);
	assert_int_equal(deliver(f, 2), 2);
	/* The answer may still be on its way, but not for ever. */
	sb_loop_advance(f->loop, SB_OUTFLOW_GRACE_SEC * SB_USEC_PER_SEC);
	assert_int_equal(deliver(f, 2), 2);
	wait_for(f, &other_ear.n_messages, 2002);
	assert_false(other_ear.mixed_up);
	assert_ended(f, "queue of 1000 signals", 2002);
	assert_int_equal(app_ear.ended, id);
	assert_int_equal(other_ear.n_ended, 0);
}

static void test_queue_with_too_many_bytes(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	stop(f->app);
	deliver_slowly(f, 4, 60000);
	client_settle_down(f->other);
	deliver_slowly(f, 1, 60000);
	sb_loop_advance(f->loop, SB_OUTFLOW_GRACE_SEC * SB_USEC_PER_SEC);
	deliver_slowly(f, 14, 60000);
	assert_int_equal(deliver(f, 60000), 2);
	assert_ended(f, "1 MB", 20);
}

/* The loop does not turn, as if it were busy with what others have sent. */
static void test_answer_that_is_behind_other_calls(void **state)
{
	struct fixture *f = *state;
	size_t i;

	(void)subscribe(f, f->app);
	for (i = 0; i < 2000; i++)
		(void)deliver(f, 2);
	sb_loop_advance(f->loop, 2 * SB_OUTFLOW_GRACE_SEC * SB_USEC_PER_SEC);
	assert_int_equal(deliver(f, 2), 1);
	wait_for(f, &app_ear.n_messages, 2001);
	assert_int_equal(app_ear.n_ended, 0);
}

static void test_pressure_by_those_that_read(void **state)
{
	struct fixture *f = *state;
	size_t n = SB_OUTFLOW_PRESSURE_BYTES / SB_OUTFLOW_SIGNAL_BYTES + 200;
	size_t i;

	(void)subscribe(f, f->app);
	for (i = 0; i < n / 2; i++)
		(void)deliver(f, 2);
	assert_false(sb_hub_is_pressed(f->gateway->hub));
	for (; i < n; i++)
		(void)deliver(f, 2);
	assert_true(sb_hub_is_pressed(f->gateway->hub));
	wait_for(f, &app_ear.n_messages, n);
	assert_false(sb_hub_is_pressed(f->gateway->hub));
}

static void test_no_pressure_by_one_that_hangs(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	stop(f->app);
	deliver_slowly(f, SB_OUTFLOW_PRESSURE_BYTES / 60000 + 20, 60000);
	client_settle_down(f->other);
	assert_true(sb_hub_is_pressed(f->gateway->hub));
	sb_loop_advance(f->loop, SB_OUTFLOW_LATE_SEC * SB_USEC_PER_SEC);
	assert_false(sb_hub_is_pressed(f->gateway->hub));
}

static void test_no_answer_for_long(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	stop(f->app);
	deliver_slowly(f, 100, 2);
	/* Nothing waits here, so it is none of our business. */
	sb_loop_advance(f->loop, 600 * SB_USEC_PER_SEC);
	deliver_slowly(f, 100, 2);
	sb_loop_advance(f->loop, (SB_OUTFLOW_PATIENCE_SEC - 1) * SB_USEC_PER_SEC);
	loop_settle_down(f->loop);
	assert_int_equal(deliver(f, 2), 2);
	sb_loop_advance(f->loop, 1 * SB_USEC_PER_SEC);
	loop_settle_down(f->loop);
	assert_ended(f, "nothing for 60 s", 201);
}

/* The loop has been busy for long: the answers are there, behind what others have sent. */
static void test_patience_with_answers_that_are_not_read_yet(void **state)
{
	struct fixture *f = *state;
	size_t i;

	(void)subscribe(f, f->app);
	for (i = 0; i < MORE_THAN_UNREAD; i++)
		(void)deliver(f, 2);
	sb_loop_advance(f->loop, 3 * SB_OUTFLOW_PATIENCE_SEC * SB_USEC_PER_SEC);
	wait_for(f, &app_ear.n_messages, MORE_THAN_UNREAD);
	assert_int_equal(app_ear.n_ended, 0);
}

static void test_all_queues_together(void **state)
{
	struct fixture *f = *state;
	size_t n = SB_OUTFLOW_ALL_WAITING_BYTES_MAX / 60000 + 20;

	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	stop(f->app);
	/* No time passes, so nothing else ends it. */
	deliver_slowly(f, n, 60000);
	assert_int_equal(other_ear.n_messages, n);
	assert_false(other_ear.mixed_up);
	go_on(f->app);
	wait_for(f, &app_ear.n_ended, 1);
	assert_non_null(strstr(app_ear.reason, "longest"));
	assert_int_equal(other_ear.n_ended, 0);
}

static void test_whoever_is_late_goes_first(void **state)
{
	struct fixture *f = *state;
	size_t n = SB_OUTFLOW_ALL_WAITING_BYTES_MAX / 60000 - 5;
	size_t i;

	(void)subscribe_to(f, f->app, "cmd/#");
	(void)subscribe(f, f->other);
	stop(f->app);
	deliver_slowly(f, 10, 60000);
	client_settle_down(f->other);
	deliver_slowly(f, 5, 60000);
	sb_loop_advance(f->loop, SB_OUTFLOW_LATE_SEC * SB_USEC_PER_SEC);
	/* It has far less before it than the one that reads. */
	for (i = 0; i < n; i++)
		assert_int_equal(deliver_topic(f, "log", 60000), 1);
	wait_for(f, &other_ear.n_messages, 15 + n);
	assert_int_equal(other_ear.n_ended, 0);
	go_on(f->app);
	wait_for(f, &app_ear.n_ended, 1);
}

/* The second is asked while the first question to the bus is on its way. */
static void test_two_that_hang(void **state)
{
	struct fixture *f = *state;
	size_t i;

	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	third = client_new(f->loop, private_bus_address(f->private_bus));
	assert_non_null(third);
	stop(f->app);
	stop(f->other);
	for (i = 0; i < 1200; i++)
		assert_int_equal(deliver(f, 2), 2);
	client_settle_down(third);
	client_settle_down(third);
	(void)deliver(f, 2);
	sb_loop_advance(f->loop, SB_OUTFLOW_GRACE_SEC * SB_USEC_PER_SEC);
	assert_int_equal(deliver(f, 2), 2);
	loop_settle_down(f->loop);
	assert_int_equal(deliver(f, 2), 0);
	go_on(f->app);
	go_on(f->other);
	wait_for(f, &other_ear.n_ended, 1);
}

static void test_every_subscription_is_told_of(void **state)
{
	struct fixture *f = *state;
	(void)subscribe(f, f->app);
	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	stop(f->app);
	deliver_slowly(f, MORE_THAN_UNREAD, 2);
	sb_loop_advance(f->loop, SB_OUTFLOW_PATIENCE_SEC * SB_USEC_PER_SEC);
	loop_settle_down(f->loop);
	go_on(f->app);
	wait_for(f, &app_ear.n_ended, 2);

	/* It reads again, so it may subscribe again. */
	app_ear.n_ended = 0;
	(void)subscribe(f, f->app);
	app_ear.n_messages = 0;
	deliver_slowly(f, MORE_THAN_UNREAD, 2);
	wait_for(f, &app_ear.n_messages, MORE_THAN_UNREAD);
}

static void test_an_error_is_an_answer(void **state)
{
	struct fixture *f = *state;
	size_t i;

	app_ear.manners = ANSWERS_WITH_ERROR;
	(void)subscribe(f, f->app);
	for (i = 0; i < MORE_THAN_UNREAD; i++)
		(void)deliver(f, 2);
	wait_for(f, &app_ear.n_messages, MORE_THAN_UNREAD);
	assert_true(app_ear.n_pings > 3);
	assert_int_equal(app_ear.n_ended, 0);
}

static void test_one_that_reads_and_never_answers(void **state)
{
	struct fixture *f = *state;

	app_ear.manners = IGNORES;
	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	deliver_slowly(f, MORE_THAN_UNREAD, 2);
	assert_int_equal(app_ear.n_pings, 1);
	sb_loop_advance(f->loop, SB_OUTFLOW_PATIENCE_SEC * SB_USEC_PER_SEC);
	wait_for(f, &app_ear.n_ended, 1);
	assert_non_null(strstr(app_ear.reason, "Peer.Ping"));
}

static bool other_alone_is_subscribed(void *userdata)
{
	return deliver(userdata, 2) == 1;
}

static void test_one_that_goes_meanwhile(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app);
	(void)subscribe(f, f->other);
	stop(f->app);
	deliver_slowly(f, MORE_THAN_UNREAD, 2);
	client_call_done(&f->call);
	f->app = client_free(f->app);
	assert_true(loop_until(f->loop, other_alone_is_subscribed, f));
	loop_settle_down(f->loop);
	sb_loop_advance(f->loop, SB_OUTFLOW_PATIENCE_SEC * SB_USEC_PER_SEC);
	deliver_slowly(f, MORE_THAN_UNREAD, 2);
	assert_int_equal(other_ear.n_ended, 0);
}

static void settle(struct fixture *f, struct client *publisher, size_t n)
{
	struct sb_settled settled = {
		.link = "plant",
		.sender = fixture_sender(publisher, 1),
		.settlement = { .outcome = SB_DELIVERED, .code = "2.04", .reason = "" },
	};
	size_t i;

	for (i = 0; i < n; i++) {
		settled.settlement.ticket++;
		fake_settle(f->gateway, &settled);
	}
}

static void test_publisher_that_does_not_read(void **state)
{
	struct fixture *f = *state;

	stop(f->app);
	settle(f, f->app, MORE_THAN_UNREAD);
	settle(f, f->other, MORE_THAN_UNREAD);
	wait_for(f, &other_ear.n_settled, MORE_THAN_UNREAD);
	sb_loop_advance(f->loop, (SB_OUTFLOW_PATIENCE_SEC + SB_OUTFLOW_LATE_SEC) * SB_USEC_PER_SEC);
	go_on(f->app);
	client_settle_down(f->app);
	assert_true(app_ear.n_settled > 100);
	assert_true(app_ear.n_settled < 200);
	assert_int_equal(app_ear.n_ended, 0);

	/* It has answered by now. */
	app_ear.n_settled = 0;
	settle(f, f->app, MORE_THAN_UNREAD);
	wait_for(f, &app_ear.n_settled, MORE_THAN_UNREAD);
}

static void outflow_on_stuck(void *userdata, const char *name, const char *reason)
{
	(void)userdata;
	(void)name;
	(void)reason;
	fail();
}

/* Publishers that are gone before their Settled comes. */
static void test_many_that_are_gone(void **state)
{
	struct fixture *f = *state;
	struct sb_outflow outflow;
	char name[32];
	size_t i;

	sb_outflow_init(&outflow, f->other->bus, f->loop, outflow_on_stuck, NULL);
	for (i = 0; i < 3 * (size_t)SB_OUTFLOW_IDLE_MAX; i++) {
		sd_bus_message *signal = NULL;

		(void)snprintf(name, sizeof(name), ":1.%zu", 100000 + i);
		assert_true(sd_bus_message_new_signal(f->other->bus, &signal, "/a", "b.c", "D") >=
			    0);
		assert_int_equal(sb_outflow_send(&outflow, name, signal, 0), 0);
		(void)sd_bus_message_unref(signal);
		assert_true(outflow.n_idle <= SB_OUTFLOW_IDLE_MAX);
	}
	client_settle_down(f->other);
	assert_int_equal(outflow.n_idle, SB_OUTFLOW_IDLE_MAX);
	sb_outflow_done(&outflow);
}

/* Some bus policy, or the bus's bound of calls without reply. */
static int setup_where_nobody_may_ask(void **state)
{
	static struct fixture fixture;

	fixture.private_bus = private_bus_start(
		PRIVATE_BUS_OPEN "<policy context=\"mandatory\"><deny send_type=\"method_call\" "
				 "send_interface=\"org.freedesktop.DBus.Peer\"/></policy>");
	if (!fixture.private_bus)
		return -1;
	*state = &fixture;

	return setup(state);
}

static int teardown_where_nobody_may_ask(void **state)
{
	struct fixture *f = *state;
	int r = teardown(state);

	f->private_bus = private_bus_stop(f->private_bus);

	return r;
}

static void test_nobody_is_judged_who_cannot_be_asked(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->other);
	deliver_slowly(f, 3 * (size_t)MORE_THAN_UNREAD, 2);
	sb_loop_advance(f->loop, SB_OUTFLOW_PATIENCE_SEC * SB_USEC_PER_SEC);
	deliver_slowly(f, MORE_THAN_UNREAD, 2);
	stop(f->app);
	settle(f, f->app, MORE_THAN_UNREAD);
	loop_settle_down(f->loop);
	go_on(f->app);
	wait_for(f, &app_ear.n_settled, MORE_THAN_UNREAD);
	assert_int_equal(other_ear.n_pings, 0);
	assert_int_equal(other_ear.n_ended, 0);
	assert_false(other_ear.mixed_up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_one_that_reads_gets_everything_at_once),
		TEST(test_few_messages_cost_no_ping),
		TEST(test_one_that_stops_for_a_while),
		TEST(test_order_of_large_and_small_ones),
		TEST(test_little_is_left_with_the_bus),
		TEST(test_queue_that_is_full),
		TEST(test_queue_with_too_many_bytes),
		TEST(test_answer_that_is_behind_other_calls),
		TEST(test_pressure_by_those_that_read),
		TEST(test_no_pressure_by_one_that_hangs),
		TEST(test_no_answer_for_long),
		TEST(test_patience_with_answers_that_are_not_read_yet),
		TEST(test_all_queues_together),
		TEST(test_whoever_is_late_goes_first),
		TEST(test_two_that_hang),
		TEST(test_every_subscription_is_told_of),
		TEST(test_an_error_is_an_answer),
		TEST(test_one_that_reads_and_never_answers),
		TEST(test_one_that_goes_meanwhile),
		TEST(test_publisher_that_does_not_read),
		TEST(test_many_that_are_gone),
#undef TEST
		cmocka_unit_test_setup_teardown(test_nobody_is_judged_who_cannot_be_asked,
						setup_where_nobody_may_ask,
						teardown_where_nobody_may_ask),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
