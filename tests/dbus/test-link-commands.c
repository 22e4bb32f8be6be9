/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "skybus/plugin.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."
#define SECOND_PATH SB_BUS_LINKS "/second"

/* When the command that deliver() makes is to be answered. */
#define ANSWER_BY_MS 1700000000123

#define NOT_TOLD UINT64_MAX

extern char **environ;

static uint32_t read_id(sd_bus_message *reply)
{
	uint32_t id = 0;

	assert_non_null(reply);
	assert_false(sd_bus_message_is_method_error(reply, NULL));
	assert_true(sd_bus_message_read(reply, "u", &id) > 0);
	assert_int_not_equal(id, 0);

	return id;
}

static uint32_t subscribe(struct fixture *f, const char *filter)
{
	return read_id(fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", filter));
}

static uint32_t subscribe_to_answer(struct fixture *f, const char *path, const char *filter)
{
	return read_id(fixture_call(f, f->app, path, "SubscribeWith", "sa{ss}", filter, 1, "answer",
				    "yes"));
}

static struct sb_reach deliver(struct fixture *f, int64_t answer_by_ms)
{
	struct sb_delivery delivery = {
		.link = "plant",
		.topic = "cmd/light",
		.content_format = SKYBUS_NO_FORMAT,
		.answer_by_ms = answer_by_ms,
	};

	return sb_hub_deliver(f->gateway->hub, &delivery);
}

/* Of the one signal Message that the client has got since; NOT_TOLD if that has none. */
static uint64_t read_answer_by(struct client *client)
{
	uint64_t answer_by = NOT_TOLD;
	sd_bus_message *signal;
	const char *name;

	client_settle_down(client);
	signal = client_signal(client, "Message", 0);
	assert_non_null(signal);
	assert_null(client_signal(client, "Message", 1));
	assert_true(sd_bus_message_skip(signal, "tsay") > 0);
	assert_true(sd_bus_message_enter_container(signal, 'a', "{sv}") > 0);
	while (sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(signal, "s", &name) > 0);
		if (strcmp(name, "answer-by") == 0)
			assert_true(sd_bus_message_read(signal, "v", "t", &answer_by) > 0);
		else
			assert_true(sd_bus_message_skip(signal, "v") > 0);
		assert_true(sd_bus_message_exit_container(signal) > 0);
	}
	client_forget_signals(client);

	return answer_by;
}

/* ---- subscribing in order to answer ---------------------------------------------------------- */

static void test_answer_by_is_told_who_answers(void **state)
{
	struct fixture *f = *state;
	struct sb_reach reach;

	(void)subscribe_to_answer(f, PLANT_PATH, "cmd/+");
	(void)read_id(fixture_call(f, f->other, PLANT_PATH, "Subscribe", "s", "#"));
	reach = deliver(f, ANSWER_BY_MS);
	assert_int_equal(reach.matched, 2);
	assert_int_equal(reach.answering, 1);
	assert_int_equal(read_answer_by(f->app), ANSWER_BY_MS * 1000);
	assert_int_equal(read_answer_by(f->other), NOT_TOLD);
}

static void test_no_answer_awaited(void **state)
{
	struct fixture *f = *state;

	(void)subscribe_to_answer(f, PLANT_PATH, "#");
	(void)deliver(f, 0);
	assert_int_equal(read_answer_by(f->app), NOT_TOLD);
}

static void test_options_that_do_not_answer(void **state)
{
	struct fixture *f = *state;
	uint32_t id;

	id = read_id(fixture_call(f, f->app, PLANT_PATH, "SubscribeWith", "sa{ss}", "#", 0));
	assert_int_equal(deliver(f, ANSWER_BY_MS).answering, 0);
	assert_int_equal(read_answer_by(f->app), NOT_TOLD);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Unsubscribe", "u", id), NULL));
	(void)read_id(fixture_call(f, f->app, PLANT_PATH, "SubscribeWith", "sa{ss}", "#", 1,
				   "answer", "no"));
	assert_int_equal(deliver(f, ANSWER_BY_MS).answering, 0);
	assert_int_equal(read_answer_by(f->app), NOT_TOLD);
}

/* Whichever of its subscriptions comes first. */
static void test_origins(void **state)
{
	struct fixture *f = *state;
	struct sb_delivery local = {
		.origin = SB_ORIGIN_LOCAL,
		.link = "plant",
		.topic = "cmd/light",
		.content_format = SKYBUS_NO_FORMAT,
	};

	(void)subscribe(f, "#");
	(void)read_id(fixture_call(f, f->other, PLANT_PATH, "SubscribeWith", "sa{ss}", "#", 1,
				   "origin", "local"));
	assert_int_equal(sb_hub_deliver(f->gateway->hub, &local).matched, 1);
	assert_int_equal(deliver(f, 0).matched, 1);
	(void)read_id(fixture_call(f, f->app, PLANT_PATH, "SubscribeWith", "sa{ss}", "cmd/+", 1,
				   "origin", "any"));
	assert_int_equal(sb_hub_deliver(f->gateway->hub, &local).matched, 2);
	assert_int_equal(deliver(f, 0).matched, 2);
}

static void test_one_signal_for_two_subscriptions(void **state)
{
	struct fixture *f = *state;
	uint32_t first = subscribe(f, "#");

	(void)subscribe_to_answer(f, PLANT_PATH, "cmd/#");
	(void)deliver(f, ANSWER_BY_MS);
	assert_int_equal(read_answer_by(f->app), ANSWER_BY_MS * 1000);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Unsubscribe", "u", first), NULL));
	(void)subscribe(f, "#");
	(void)deliver(f, ANSWER_BY_MS);
	assert_int_equal(read_answer_by(f->app), ANSWER_BY_MS * 1000);
}

static void test_answering_something_else(void **state)
{
	struct fixture *f = *state;

	(void)fake_link_add(f->gateway, "second");
	(void)subscribe_to_answer(f, PLANT_PATH, "elsewhere/#");
	(void)subscribe_to_answer(f, SECOND_PATH, "#");
	(void)subscribe(f, "#");
	assert_int_equal(deliver(f, ANSWER_BY_MS).matched, 1);
	assert_int_equal(read_answer_by(f->app), NOT_TOLD);
}

static void test_options_that_there_are_not(void **state)
{
	struct fixture *f = *state;

	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "SubscribeWith", "sa{ss}", "#", 2,
					  "answer", "yes", "durable", "yes"),
			     ERROR "InvalidOption", "\"durable\", only \"answer\"");
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "SubscribeWith", "sa{ss}", "#", 1,
					  "answer", "true"),
			     ERROR "InvalidOption", "\"answer\" is \"true\": write one of no, yes");
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "SubscribeWith", "sa{ss}", "#", 2,
					  "answer", "yes", "answer", "no"),
			     ERROR "InvalidOption", "\"answer\" is given twice");
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "SubscribeWith", "sa{ss}", "a#", 1,
					  "answer", "yes"),
			     ERROR "InvalidTopic", "wildcard");
	assert_int_equal(deliver(f, 0).matched, 0);
}

struct child {
	pid_t pid;
	int status;
};

static bool child_has_ended(void *userdata)
{
	struct child *child = userdata;

	return waitpid(child->pid, &child->status, WNOHANG) == child->pid;
}

static bool nobody_is_subscribed(void *userdata)
{
	return deliver(userdata, 0).matched == 0;
}

/* It has a{ss} although it has no variants; and its subscription ends with it. */
static void test_dbus_send_can_give_options(void **state)
{
	struct fixture *f = *state;
	char bus[600];
	const char *const argv[] = { "dbus-send",
				     bus,
				     "--print-reply=literal",
				     "--dest=" SB_BUS_NAME,
				     PLANT_PATH,
				     SB_BUS_LINK_INTERFACE ".SubscribeWith",
				     "string:#",
				     "dict:string:string:answer,yes",
				     NULL };
	posix_spawn_file_actions_t actions;
	struct child child = { 0 };
	char output[64] = "";
	int fds[2];

	(void)snprintf(bus, sizeof(bus), "--bus=%s", private_bus_address(f->private_bus));
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO), 0);
	assert_int_equal(
		posix_spawnp(&child.pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(fds[1]);
	assert_true(loop_until(f->loop, child_has_ended, &child));
	assert_true(read(fds[0], output, sizeof(output) - 1) > 0);
	(void)close(fds[0]);
	assert_int_equal(child.status, 0);
	assert_non_null(strstr(output, "uint32 "));
	assert_true(loop_until(f->loop, nobody_is_subscribed, f));
}

/* ---- answering ------------------------------------------------------------------------------- */

static uint64_t read_ticket(sd_bus_message *reply)
{
	uint64_t ticket = UINT64_MAX;

	assert_non_null(reply);
	assert_true(sd_bus_message_read(reply, "t", &ticket) > 0);

	return ticket;
}

static void test_answer(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	(void)subscribe_to_answer(f, PLANT_PATH, "#");
	client_begin(f->app, &f->call, PLANT_PATH, "Answer", "tss", UINT64_C(17), "4.04", "none");
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.command, 17);
	assert_string_equal(job.message->topic, "4.04");
	assert_int_equal(job.message->payload_len, 4);
	assert_memory_equal(job.message->payload, "none", 4);
	assert_string_equal(job.message->sender, fixture_sender(f->app, 1));
	assert_int_equal(job.owner, geteuid());

	client_settle_down(f->app);
	assert_null(f->call.reply);
	job.published(job.userdata, 0, NULL);
	assert_int_equal(read_ticket(client_end(f->app, &f->call)), 0);

	client_begin(f->app, &f->call, PLANT_PATH, "Answer", "tss", UINT64_C(18), "", "");
	job = fixture_wait_job(f, f->plant);
	assert_string_equal(job.message->topic, "");
	assert_int_equal(job.message->payload_len, 0);
	job.published(job.userdata, 42, NULL);
	assert_int_equal(read_ticket(client_end(f->app, &f->call)), 42);
}

static void test_answer_bytes(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	(void)subscribe_to_answer(f, PLANT_PATH, "#");
	client_begin(f->app, &f->call, PLANT_PATH, "AnswerBytes", "tsay", UINT64_C(5), "1202", 3, 0,
		     255, 1);
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.command, 5);
	assert_string_equal(job.message->topic, "1202");
	assert_int_equal(job.message->payload_len, 3);
	assert_memory_equal(job.message->payload, "\0\xff\1", 3);
	assert_int_equal(job.owner, geteuid());
	job.published(job.userdata, 1, NULL);
	assert_int_equal(read_ticket(client_end(f->app, &f->call)), 1);

	client_begin(f->app, &f->call, PLANT_PATH, "AnswerBytes", "tsay", UINT64_C(6), "", 0);
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.message->payload_len, 0);
	job.published(job.userdata, 0, NULL);
	assert_int_equal(read_ticket(client_end(f->app, &f->call)), 0);
}

static void assert_may_not_answer(struct fixture *f, struct client *client)
{
	fixture_assert_error(fixture_call(f, client, PLANT_PATH, "Answer", "tss", UINT64_C(1), "",
					  "x"),
			     ERROR "NoSuchMessage", "answer=yes");
	fixture_assert_error(fixture_call(f, client, PLANT_PATH, "AnswerBytes", "tsay", UINT64_C(1),
					  "", 0),
			     ERROR "NoSuchMessage", "answer=yes");
	assert_int_equal(f->plant->n_jobs, 0);
}

static void test_only_who_subscribed_to_answer_may(void **state)
{
	struct fixture *f = *state;
	uint32_t id;

	(void)fake_link_add(f->gateway, "second");
	assert_may_not_answer(f, f->app);
	(void)subscribe(f, "#");
	assert_may_not_answer(f, f->app);
	(void)subscribe_to_answer(f, SECOND_PATH, "#");
	assert_may_not_answer(f, f->app);
	id = subscribe_to_answer(f, PLANT_PATH, "#");
	assert_may_not_answer(f, f->other);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Unsubscribe", "u", id), NULL));
	assert_may_not_answer(f, f->app);
}

static void test_answer_refused_at_once(void **state)
{
	struct fixture *f = *state;

	(void)subscribe_to_answer(f, PLANT_PATH, "#");
	f->plant->refusal = "the queue is full: wait";
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Answer", "tss", UINT64_C(1), "",
					  "x"),
			     ERROR "QueueFull", "the queue is full: wait");
}

static void test_answer_that_could_not_be_stored(void **state)
{
	struct fixture *f = *state;
	struct sb_error error;
	struct fake_job job;

	(void)subscribe_to_answer(f, PLANT_PATH, "#");
	client_begin(f->app, &f->call, PLANT_PATH, "Answer", "tss", UINT64_C(1), "", "x");
	job = fixture_wait_job(f, f->plant);
	(void)sb_error_set(&error, SB_ERROR_FAILED, "the disk is full: make room");
	job.published(job.userdata, 0, &error);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "make room");
}

static void test_who_answered_has_gone(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	(void)subscribe_to_answer(f, PLANT_PATH, "#");
	client_begin(f->app, &f->call, PLANT_PATH, "Answer", "tss", UINT64_C(1), "", "x");
	job = fixture_wait_job(f, f->plant);
	client_call_done(&f->call);
	f->app = client_free(f->app);
	assert_true(loop_until(f->loop, nobody_is_subscribed, f));
	job.published(job.userdata, 0, NULL);
	client_settle_down(f->other);
}

static void test_answered_after_the_end(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	(void)subscribe_to_answer(f, PLANT_PATH, "#");
	client_begin(f->app, &f->call, PLANT_PATH, "Answer", "tss", UINT64_C(1), "", "x");
	job = fixture_wait_job(f, f->plant);
	f->bus = sb_bus_free(f->bus);
	job.published(job.userdata, 0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_answer_by_is_told_who_answers),
		TEST(test_no_answer_awaited),
		TEST(test_options_that_do_not_answer),
		TEST(test_origins),
		TEST(test_one_signal_for_two_subscriptions),
		TEST(test_answering_something_else),
		TEST(test_options_that_there_are_not),
		TEST(test_dbus_send_can_give_options),
		TEST(test_answer),
		TEST(test_answer_bytes),
		TEST(test_only_who_subscribed_to_answer_may),
		TEST(test_answer_refused_at_once),
		TEST(test_answer_that_could_not_be_stored),
		TEST(test_who_answered_has_gone),
		TEST(test_answered_after_the_end),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
