/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "skybus/plugin.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

/* As "open UID …". */
static void expect_job(const struct fake_inbox_job *job, const char *verb, const char *rest)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%s %u %s", verb, (unsigned int)getuid(), rest);
	assert_string_equal(job->text, text);
}

static uint32_t read_id(sd_bus_message *reply)
{
	uint32_t id = 0;

	assert_non_null(reply);
	assert_false(sd_bus_message_is_method_error(reply, NULL));
	assert_true(sd_bus_message_read(reply, "u", &id) > 0);
	assert_int_not_equal(id, 0);

	return id;
}

static uint32_t subscribe(struct fixture *f, struct client *client, const char *name)
{
	struct fake_inbox_job job;

	client_call_done(&f->call2);
	client_begin(client, &f->call2, PLANT_PATH, "SubscribeDurable", "ss", name, "cmd/#");
	job = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	assert_null(f->call2.reply);
	job.opened(job.userdata, job.inbox, NULL);

	return read_id(client_end(client, &f->call2));
}

static struct sb_inbox *first_inbox(struct fixture *f)
{
	return &f->gateway->inboxes.all[0];
}

static size_t count(struct client *client, const char *member)
{
	size_t n = 0;

	client_settle_down(client);
	while (client_signal(client, member, n))
		n++;

	return n;
}

static void test_subscribing_waits_for_the_disk(void **state)
{
	struct fixture *f = *state;
	struct fake_inbox_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "SubscribeDurable", "ss", "app", "cmd/#");
	job = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	expect_job(&job, "open", "app cmd/# 1 no");
	client_settle_down(f->app);
	assert_null(f->call.reply);
	assert_int_equal(job.inbox->n_attached, 0);
	job.opened(job.userdata, job.inbox, NULL);
	(void)read_id(client_end(f->app, &f->call));
	assert_int_equal(job.inbox->n_attached, 1);
}

static void test_options(void **state)
{
	struct fixture *f = *state;
	struct fake_inbox_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "SubscribeDurableWith", "ssa{ss}", "app", "#", 2,
		     "answer", "yes", "origin", "any");
	job = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	expect_job(&job, "open", "app # 3 yes");
	job.opened(job.userdata, job.inbox, NULL);
	(void)read_id(client_end(f->app, &f->call));

	client_call_done(&f->call);
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "SubscribeDurableWith", "ssa{ss}",
					  "app", "#", 1, "reply", "yes"),
			     ERROR "InvalidOption", "no option \"reply\"");
}

static void test_subscribing_that_is_refused(void **state)
{
	struct sb_error error = { .code = SB_ERROR_FAILED, .text = "the disk is full" };
	struct fixture *f = *state;
	struct fake_inbox_job job;

	f->gateway->inboxes.refusal = "too many";
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "SubscribeDurable", "ss", "app",
					  "cmd/#"),
			     ERROR "QueueFull", "too many");
	f->gateway->inboxes.refusal = NULL;
	client_call_done(&f->call);
	client_begin(f->app, &f->call, PLANT_PATH, "SubscribeDurable", "ss", "app", "cmd/#");
	job = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	job.opened(job.userdata, NULL, &error);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "the disk is full");
}

static void test_message_says_where_it_waits(void **state)
{
	struct fixture *f = *state;
	const char *keys[4];
	sd_bus_message *signal;
	const char *inbox;
	const char *origin;
	const char *topic;
	const char *link;
	const void *payload;
	int redelivered;
	uint64_t number;
	size_t len;

	(void)subscribe(f, f->app, "app");
	assert_int_equal(fake_inbox_deliver(first_inbox(f), 7, true, 5000), 0);
	signal = client_wait_signal(f->app, "Message");
	assert_non_null(signal);
	assert_string_equal(sd_bus_message_get_path(signal), PLANT_PATH);
	assert_true(sd_bus_message_read(signal, "ts", &number, &topic) > 0);
	assert_int_equal(number, 7);
	assert_string_equal(topic, "cmd/light");
	assert_true(sd_bus_message_read_array(signal, 'y', &payload, &len) >= 0);
	assert_memory_equal(payload, "on", 2);
	/* Four: no "answer-by" for who does not want to answer. */
	assert_true(sd_bus_message_read(signal, "a{sv}", 4, &keys[0], "s", &link, &keys[1], "s",
					&origin, &keys[2], "s", &inbox, &keys[3], "b",
					&redelivered) > 0);
	assert_string_equal(keys[2], "inbox");
	assert_string_equal(inbox, "app");
	assert_string_equal(keys[3], "redelivered");
	assert_true(redelivered);
	assert_int_equal(count(f->other, "Message"), 0);
}

static void test_answering_app_is_told_until_when(void **state)
{
	struct fixture *f = *state;
	struct fake_inbox_job job;
	sd_bus_message *signal;
	uint64_t answer_by;
	const char *key;

	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Answer", "tss", UINT64_C(1), "",
					  ""),
			     ERROR "NoSuchMessage", "SubscribeDurableWith");
	client_call_done(&f->call);
	client_begin(f->app, &f->call, PLANT_PATH, "SubscribeDurableWith", "ssa{ss}", "app", "#", 1,
		     "answer", "yes");
	job = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	job.opened(job.userdata, job.inbox, NULL);
	(void)read_id(client_end(f->app, &f->call));
	assert_int_equal(fake_inbox_deliver(job.inbox, 7, false, 5000), 0);
	signal = client_wait_signal(f->app, "Message");
	assert_non_null(signal);
	assert_true(sd_bus_message_skip(signal, "tsay") > 0);
	assert_true(sd_bus_message_enter_container(signal, 'a', "{sv}") > 0);
	assert_true(sd_bus_message_skip(signal, "{sv}{sv}") > 0);
	assert_true(sd_bus_message_read(signal, "{sv}", &key, "t", &answer_by) > 0);
	assert_string_equal(key, "answer-by");
	assert_true(answer_by == 5000000);

	client_call_done(&f->call);
	client_begin(f->app, &f->call, PLANT_PATH, "Answer", "tss", UINT64_C(7), "", "");
	assert_int_equal(fixture_wait_job(f, f->plant).command, 7);
}

/* ---- Ends ---- */

static void test_unsubscribed(void **state)
{
	struct fixture *f = *state;
	uint32_t id = subscribe(f, f->app, "app");

	fixture_assert_error(fixture_call(f, f->other, PLANT_PATH, "Unsubscribe", "u", id),
			     ERROR "NoSuchSubscription", "SubscribeDurable");
	client_call_done(&f->call);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Unsubscribe", "u", id), NULL));
	assert_null(first_inbox(f)->consumer);
	client_call_done(&f->call);
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Unsubscribe", "u", id),
			     ERROR "NoSuchSubscription", "no durable subscription");
}

static bool is_detached(void *userdata)
{
	const struct sb_inbox *inbox = userdata;

	return !inbox->consumer;
}

static void test_connection_that_goes(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app, "app");
	client_call_done(&f->call2);
	f->app = client_free(f->app);
	assert_true(loop_until(f->loop, is_detached, first_inbox(f)));
}

static void test_taken_over(void **state)
{
	struct fixture *f = *state;
	uint32_t id = subscribe(f, f->app, "app");
	uint32_t other_id = subscribe(f, f->other, "app");
	sd_bus_message *signal = client_wait_signal(f->app, "SubscriptionEnded");
	uint32_t ended = 0;
	const char *reason;

	assert_int_not_equal(id, other_id);
	assert_non_null(signal);
	assert_string_equal(sd_bus_message_get_path(signal), PLANT_PATH);
	assert_true(sd_bus_message_read(signal, "us", &ended, &reason) > 0);
	assert_int_equal(ended, id);
	assert_non_null(strstr(reason, "SubscribeDurable for the inbox app"));
	assert_int_equal(count(f->other, "SubscriptionEnded"), 0);
	assert_int_equal(fake_inbox_deliver(first_inbox(f), 1, false, 0), 0);
	assert_non_null(client_wait_signal(f->other, "Message"));
	assert_int_equal(count(f->app, "Message"), 0);
}

static void test_forgotten(void **state)
{
	struct fixture *f = *state;
	uint32_t id = subscribe(f, f->app, "app");
	struct fake_inbox_job job;
	sd_bus_message *signal;
	uint32_t ended = 0;
	const char *reason;

	client_begin(f->other, &f->call, PLANT_PATH, "ForgetDurable", "s", "app");
	job = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	expect_job(&job, "forget", "app");
	fake_inbox_end(job.inbox, SB_INBOX_FORGOTTEN);
	job.forgotten(job.userdata, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(f->other, &f->call), NULL));
	signal = client_wait_signal(f->app, "SubscriptionEnded");
	assert_non_null(signal);
	assert_true(sd_bus_message_read(signal, "us", &ended, &reason) > 0);
	assert_int_equal(ended, id);
	assert_non_null(strstr(reason, "ForgetDurable"));

	f->gateway->inboxes.refusal = "none";
	client_call_done(&f->call);
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "ForgetDurable", "s", "app"),
			     ERROR "QueueFull", "none");
}

/* ---- Acknowledging ---- */

static struct fake_inbox_job begin_to_acknowledge(struct fixture *f, uint64_t message)
{
	client_call_done(&f->call);
	client_begin(f->app, &f->call, PLANT_PATH, "Acknowledge", "t", message);

	return fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
}

static void test_acknowledged_when_on_disk(void **state)
{
	struct fixture *f = *state;
	struct fake_inbox_job job;

	(void)subscribe(f, f->app, "app");
	job = begin_to_acknowledge(f, 7);
	assert_string_equal(job.text, "acknowledge app 7");
	client_settle_down(f->app);
	assert_null(f->call.reply);
	job.acknowledged(job.userdata, 0);
	assert_false(sd_bus_message_is_method_error(client_end(f->app, &f->call), NULL));

	job = begin_to_acknowledge(f, 8);
	job.acknowledged(job.userdata, -ENOENT);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "NoSuchMessage", "message 8");
	job = begin_to_acknowledge(f, 9);
	job.acknowledged(job.userdata, -ENOSPC);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "acknowledge it again");
	f->gateway->inboxes.refusal = "too many";
	client_call_done(&f->call);
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Acknowledge", "t", UINT64_C(1)),
			     ERROR "QueueFull", "too many");
}

static void test_acknowledged_in_each_inbox(void **state)
{
	struct fixture *f = *state;
	struct fake_inbox_job jobs[2];

	(void)subscribe(f, f->app, "one");
	(void)subscribe(f, f->app, "two");
	(void)subscribe(f, f->other, "three");
	jobs[0] = begin_to_acknowledge(f, 7);
	jobs[1] = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	assert_string_equal(jobs[0].text, "acknowledge one 7");
	assert_string_equal(jobs[1].text, "acknowledge two 7");
	assert_int_equal(f->gateway->inboxes.n_jobs, 0);
	jobs[0].acknowledged(jobs[0].userdata, 0);
	client_settle_down(f->app);
	assert_null(f->call.reply);
	jobs[1].acknowledged(jobs[1].userdata, -ENOENT);
	assert_false(sd_bus_message_is_method_error(client_end(f->app, &f->call), NULL));
}

static void test_acknowledged_by_a_stranger(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app, "app");
	fixture_assert_error(fixture_call(f, f->other, PLANT_PATH, "Acknowledge", "t", UINT64_C(1)),
			     ERROR "NoSuchMessage", "SubscribeDurable first");
}

/* ---- Beside other subscriptions ---- */

static void deliver(struct fixture *f)
{
	struct sb_delivery delivery = {
		.link = "plant",
		.topic = "cmd/light",
		.content_format = SKYBUS_NO_FORMAT,
	};

	(void)sb_hub_deliver(f->gateway->hub, &delivery);
}

static void test_not_twice_to_one_connection(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app, "app");
	(void)read_id(fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "cmd/#"));
	client_call_done(&f->call);
	(void)read_id(fixture_call(f, f->other, PLANT_PATH, "Subscribe", "s", "cmd/#"));
	first_inbox(f)->takes = true;
	deliver(f);
	assert_int_equal(count(f->other, "Message"), 1);
	assert_int_equal(count(f->app, "Message"), 0);

	/* What the inbox does not take is not kept from it. */
	first_inbox(f)->takes = false;
	deliver(f);
	assert_int_equal(count(f->app, "Message"), 1);
}

/* ---- The list ---- */

static void test_list(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *reply;
	const char *link, *name, *filter;
	uint64_t messages, bytes, lost;
	uint32_t owner;
	int attached;

	(void)subscribe(f, f->app, "app");
	reply = fixture_call(f, f->other, SB_BUS_ROOT, SB_BUS_MANAGER_INTERFACE ".ListInboxes", "");
	assert_non_null(reply);
	assert_true(sd_bus_message_enter_container(reply, 'a', "(susstttb)") > 0);
	assert_true(sd_bus_message_read(reply, "(susstttb)", &link, &owner, &name, &filter,
					&messages, &bytes, &lost, &attached) > 0);
	assert_string_equal(link, "plant");
	assert_int_equal(owner, getuid());
	assert_string_equal(name, "app");
	assert_string_equal(filter, "cmd/#");
	assert_int_equal(messages, 3);
	assert_int_equal(bytes, 20);
	assert_int_equal(lost, 1);
	assert_true(attached);
	assert_int_equal(sd_bus_message_at_end(reply, false), 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_subscribing_waits_for_the_disk),
		TEST(test_options),
		TEST(test_subscribing_that_is_refused),
		TEST(test_message_says_where_it_waits),
		TEST(test_answering_app_is_told_until_when),
		TEST(test_unsubscribed),
		TEST(test_connection_that_goes),
		TEST(test_taken_over),
		TEST(test_forgotten),
		TEST(test_acknowledged_when_on_disk),
		TEST(test_acknowledged_in_each_inbox),
		TEST(test_acknowledged_by_a_stranger),
		TEST(test_not_twice_to_one_connection),
		TEST(test_list),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
