/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "skybus/plugin.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

static bool gateway_has_job(void *userdata)
{
	const struct sb_gateway *gateway = userdata;

	return gateway->n_jobs > 0;
}

/* What the gateway was asked to publish, when it was; its message is freed at the end of the test. */
static struct fake_job wait_job(struct fixture *f)
{
	struct fake_job job;

	assert_true(loop_until(f->loop, gateway_has_job, f->gateway));
	job = fake_gateway_take_job(f->gateway);
	(void)sb_message_free(f->message);
	f->message = job.message;

	return job;
}

static void expect_tickets(struct fixture *f, const struct fake_job *job, const uint64_t *tickets,
			   size_t n)
{
	const void *read = NULL;
	size_t size = 0;

	job->all_published(job->userdata, tickets, n, NULL);
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_read_array(f->call.reply, 't', &read, &size) > 0);
	assert_int_equal(size, n * sizeof(*tickets));
	assert_memory_equal(read, tickets, size);
}

static void test_publish_answers_with_all_tickets(void **state)
{
	static const uint64_t tickets[] = { 41, 42, 1ull << 52 };
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "Publish", "ss", "app/x", "text");
	job = wait_job(f);
	assert_string_equal(job.message->topic, "app/x");
	assert_int_equal(job.message->payload_len, 4);
	assert_memory_equal(job.message->payload, "text", 4);
	assert_string_equal(job.message->sender, fixture_sender(f->app, 1));
	assert_int_equal(job.message->owner, getuid());
	client_settle_down(f->app);
	assert_null(f->call.reply);
	expect_tickets(f, &job, tickets, 3);
}

static void test_bytes_and_options(void **state)
{
	static const uint64_t tickets[] = { 1 };
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "PublishBytes", "say", "t", 3, 0, 255, 1);
	job = wait_job(f);
	assert_memory_equal(job.message->payload, "\0\xff\1", 3);
	expect_tickets(f, &job, tickets, 1);

	client_begin(f->app, &f->call, SB_BUS_ROOT, "PublishWith", "ssa{ss}", "t", "x", 2, "ttl",
		     "1m", "priority", "urgent");
	job = wait_job(f);
	assert_int_equal(job.message->ttl_s, 60);
	assert_int_equal(job.message->priority, SB_URGENT);
	expect_tickets(f, &job, tickets, 1);

	client_begin(f->app, &f->call, SB_BUS_ROOT, "PublishBytesWith", "saya{ss}", "t", 1, 7, 1,
		     "durability", "memory");
	job = wait_job(f);
	assert_true(job.message->in_memory);
	expect_tickets(f, &job, tickets, 1);

	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "PublishWith", "ssa{ss}", "t",
					  "x", 1, "prio", "urgent"),
			     ERROR "InvalidOption", "priority");
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct sb_error error;
	struct fake_job job;

	f->gateway->refusal = "no route matches: add one";
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "Publish", "ss", "t", "x"),
			     ERROR "NoRoute", "add one");
	f->gateway->refusal = NULL;
	client_begin(f->app, &f->call, SB_BUS_ROOT, "Publish", "ss", "t", "x");
	job = wait_job(f);
	(void)sb_error_set(&error, SB_ERROR_FAILED, "the disk is full: make room");
	job.all_published(job.userdata, NULL, 0, &error);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "make room");
}

static void test_completion_after_the_end(void **state)
{
	static const uint64_t tickets[] = { 1 };
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "Publish", "ss", "t", "x");
	job = wait_job(f);
	f->bus = sb_bus_free(f->bus);
	job.all_published(job.userdata, tickets, 1, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_publish_answers_with_all_tickets),
		TEST(test_bytes_and_options),
		TEST(test_refused),
		TEST(test_completion_after_the_end),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
