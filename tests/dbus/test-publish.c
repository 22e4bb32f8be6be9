/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "skybus/plugin.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

/* "nobody", who is not the user of this test. */
#define STRANGER 65534

/* ---- Publish, PublishBytes ------------------------------------------------------------------- */

static void test_publish_answers_when_stored(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;
	uint64_t ticket = 0;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "/a/b", "text");
	job = fixture_wait_job(f, f->plant);
	assert_string_equal(job.message->topic, "/a/b");
	assert_int_equal(job.message->payload_len, 4);
	assert_memory_equal(job.message->payload, "text", 4);
	assert_string_equal(job.message->sender, fixture_sender(f->app, 1));

	client_settle_down(f->app);
	assert_null(f->call.reply);
	job.published(job.userdata, 42, NULL);
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_read(f->call.reply, "t", &ticket) > 0);
	assert_int_equal(ticket, 42);
}

static void test_publish_bytes(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "PublishBytes", "say", "t", 3, 0, 255, 1);
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.message->payload_len, 3);
	assert_memory_equal(job.message->payload, "\0\xff\1", 3);
	job.published(job.userdata, 1, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(f->app, &f->call), NULL));

	client_begin(f->app, &f->call, PLANT_PATH, "PublishBytes", "say", "t", 0);
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.message->payload_len, 0);
	job.published(job.userdata, 2, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(f->app, &f->call), NULL));
}

static void test_publish_refused_at_once(void **state)
{
	struct fixture *f = *state;

	f->plant->refusal = "the queue is full: wait";
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Publish", "ss", "t", "x"),
			     ERROR "QueueFull", "the queue is full: wait");
}

static void test_publish_that_could_not_be_stored(void **state)
{
	struct fixture *f = *state;
	struct sb_error error;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	(void)sb_error_set(&error, SB_ERROR_FAILED, "the disk is full: make room");
	job.published(job.userdata, 0, &error);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "make room");
}

/* A sentence may quote what the cloud said, or be cut within a character. */
static void test_error_that_is_not_utf8_is_told(void **state)
{
	struct fixture *f = *state;
	struct sb_error error;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	(void)sb_error_set(&error, SB_ERROR_CLOUD_REJECTED, "no \xff, 20 \xc2");
	job.published(job.userdata, 0, &error);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "CloudRejected", "no ?, 20 ?");
}

static void test_publisher_has_gone(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	client_call_done(&f->call);
	f->app = client_free(f->app);
	job.published(job.userdata, 1, NULL);
	client_settle_down(f->other);
}

/* The link may go by a reload while its message is on the way to the disk. */
static void test_publish_outlives_its_link(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	fake_link_remove(f->plant);
	job.published(job.userdata, 9, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(f->app, &f->call), NULL));
}

static void test_completion_after_the_end(void **state)
{
	struct fixture *f = *state;
	struct fake_job comes;
	struct fake_job never;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	comes = fixture_wait_job(f, f->plant);
	client_begin(f->app, &f->call2, PLANT_PATH, "Publish", "ss", "t", "y");
	never = fixture_wait_job(f, f->plant);
	assert_ptr_not_equal(comes.userdata, never.userdata);
	f->bus = sb_bus_free(f->bus);
	comes.published(comes.userdata, 1, NULL);
}

/* ---- options --------------------------------------------------------------------------------- */

static const struct sb_message *publish_with(struct fixture *f, const char *key, const char *value)
{
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "PublishWith", "ssa{ss}", "/a/b", "text", 1, key,
		     value);
	job = fixture_wait_job(f, f->plant);
	job.published(job.userdata, 1, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(f->app, &f->call), NULL));

	return f->message;
}

static void assert_defaults(const struct sb_message *message)
{
	assert_int_equal(message->ttl_s, 0);
	assert_int_equal(message->priority, SB_NORMAL);
	assert_false(message->in_memory);
	assert_false(message->replaces);
	assert_int_equal(message->content_format, SKYBUS_NO_FORMAT);
	assert_int_equal(message->requeues, 0);
}

static void test_defaults(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "PublishWith", "ssa{ss}", "/a/b", "text", 0);
	job = fixture_wait_job(f, f->plant);
	assert_defaults(job.message);
	assert_string_equal(job.message->topic, "/a/b");
	assert_int_equal(job.message->payload_len, 4);
	assert_memory_equal(job.message->payload, "text", 4);
	job.published(job.userdata, 1, NULL);
	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "/a/b", "text");
	job = fixture_wait_job(f, f->plant);
	assert_defaults(job.message);
	job.published(job.userdata, 2, NULL);
}

static void test_ttl(void **state)
{
	assert_int_equal(publish_with(*state, "ttl", "60")->ttl_s, 60);
	assert_int_equal(publish_with(*state, "ttl", "15m")->ttl_s, 900);
	assert_int_equal(publish_with(*state, "ttl", "1h30m")->ttl_s, 5400);
	assert_int_equal(publish_with(*state, "ttl", "1")->ttl_s, 1);
	assert_int_equal(publish_with(*state, "ttl", "365d")->ttl_s, 365 * 86400);
}

static void test_priority(void **state)
{
	assert_int_equal(publish_with(*state, "priority", "bulk")->priority, SB_BULK);
	assert_int_equal(publish_with(*state, "priority", "normal")->priority, SB_NORMAL);
	assert_int_equal(publish_with(*state, "priority", "urgent")->priority, SB_URGENT);
}

static void test_durability_and_replace(void **state)
{
	assert_true(publish_with(*state, "durability", "memory")->in_memory);
	assert_false(publish_with(*state, "durability", "disk")->in_memory);
	assert_true(publish_with(*state, "replace", "yes")->replaces);
	assert_false(publish_with(*state, "replace", "no")->replaces);
}

static void test_content_format(void **state)
{
	assert_int_equal(publish_with(*state, "content-format", "0")->content_format, 0);
	assert_int_equal(publish_with(*state, "content-format", "65535")->content_format, 65535);
}

static void test_all_at_once(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "PublishBytesWith", "saya{ss}", "t", 3, 0, 255,
		     1, 5, "replace", "yes", "ttl", "2h", "content-format", "60", "priority",
		     "urgent", "durability", "memory");
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.message->payload_len, 3);
	assert_memory_equal(job.message->payload, "\0\xff\1", 3);
	assert_int_equal(job.message->ttl_s, 7200);
	assert_int_equal(job.message->priority, SB_URGENT);
	assert_true(job.message->in_memory);
	assert_true(job.message->replaces);
	assert_int_equal(job.message->content_format, 60);
	job.published(job.userdata, 1, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(f->app, &f->call), NULL));
}

static const struct {
	const char *key;
	const char *value;
	const char *sentence; /* part of it */
} mistakes[] = {
	{ "ttl", "soon", "\"ttl\" is \"soon\": write a duration from 1s to 365d, such as 1h" },
	{ "ttl", "0", "\"ttl\" is \"0\": write a duration from 1s" },
	{ "ttl", "366d", "\"ttl\" is \"366d\": write" },
	{ "ttl", "-1", "\"ttl\" is \"-1\": write" },
	{ "ttl", "", "\"ttl\" is \"\": write" },
	{ "priority", "high", "\"priority\" is \"high\": write one of bulk, normal, urgent" },
	{ "priority", "Urgent", "\"priority\" is \"Urgent\": write" },
	{ "durability", "ram", "\"durability\" is \"ram\": write one of disk, memory" },
	{ "replace", "maybe", "\"replace\" is \"maybe\": write one of no, yes" },
	{ "content-format", "json",
	  "\"content-format\" is \"json\": write a whole number from 0 to 65535" },
	{ "content-format", "65536", "\"content-format\" is \"65536\": write" },
	{ "content-format", "-1", "\"content-format\" is \"-1\": write" },
	{ "prio", "urgent",
	  "PublishWith has no option \"prio\", only \"ttl\", \"priority\", \"durability\", "
	  "\"replace\", \"content-format\"" },
	{ "", "", "PublishWith has no option \"\"" },
};

static void test_mistakes(void **state)
{
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < SB_ELEMENTS(mistakes); i++)
		fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "PublishWith", "ssa{ss}",
						  "t", "x", 2, "replace", i % 2 ? "yes" : "no",
						  mistakes[i].key, mistakes[i].value),
				     ERROR "InvalidOption",
				     strcmp(mistakes[i].key, "replace") == 0
					     ? "\"replace\" is given twice"
					     : mistakes[i].sentence);
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "PublishBytesWith", "saya{ss}",
					  "t", 0, 1, "ttl", "0"),
			     ERROR "InvalidOption", "\"ttl\" is \"0\"");
	assert_int_equal(f->plant->n_jobs, 0);
}

/* What a caller writes is not repeated at any length, and may be cut within a character. */
static void test_long_mistakes(void **state)
{
	struct fixture *f = *state;
	char text[1024] = "x";
	size_t i;

	for (i = 1; i + 2 < sizeof(text); i += 2)
		memcpy(&text[i], "\u00e4", 3);
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "PublishWith", "ssa{ss}", "t", "x",
					  1, text, ""),
			     ERROR "InvalidOption", "\"content-format\"");
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "PublishWith", "ssa{ss}", "t", "x",
					  1, "ttl", text),
			     ERROR "InvalidOption", "write a duration");
}

/* ---- whose it is ----------------------------------------------------------------------------- */

static uint32_t publish_as(struct fixture *f, struct client *client)
{
	struct fake_job job;

	client_begin(client, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	job.published(job.userdata, 1, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(client, &f->call), NULL));

	return job.message->owner;
}

static void test_owner(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(publish_as(f, f->app), geteuid());
	assert_int_equal(publish_as(f, f->app), geteuid());
}

static void test_owner_is_another(void **state)
{
	struct sb_rule rule = { .id = STRANGER, .everything = true };
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();

	fixture_rules(f, &rule, 1);
	f->other = client_free(f->other);
	assert_int_equal(seteuid(STRANGER), 0);
	f->other = client_new(f->loop, private_bus_address(f->private_bus));
	assert_int_equal(seteuid(0), 0);
	assert_non_null(f->other);
	assert_int_equal(publish_as(f, f->other), STRANGER);
	assert_int_equal(publish_as(f, f->app), 0);
	assert_int_equal(publish_as(f, f->other), STRANGER);
}

static void test_order_while_the_sender_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "first", "x");
	client_begin(f->app, &f->call2, PLANT_PATH, "PublishWith", "ssa{ss}", "second", "x", 1,
		     "priority", "urgent");
	fixture_hold_bus(f);
	assert_int_equal(f->plant->n_jobs, 0);
	private_bus_resume(f->private_bus);
	job = fixture_wait_job(f, f->plant);
	assert_string_equal(job.message->topic, "first");
	job.published(job.userdata, 1, NULL);
	job = fixture_wait_job(f, f->plant);
	assert_string_equal(job.message->topic, "second");
	assert_int_equal(job.message->owner, geteuid());
	job.published(job.userdata, 2, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(f->app, &f->call2), NULL));
}

static void test_mistake_while_the_sender_is_asked_for(void **state)
{
	struct fixture *f = *state;

	client_begin(f->app, &f->call, PLANT_PATH, "PublishWith", "ssa{ss}", "t", "x", 1, "ttl",
		     "0");
	fixture_hold_bus(f);
	private_bus_resume(f->private_bus);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "InvalidOption", "ttl");
}

/* As dbus-send does: its message is good, but nobody's. */
static void test_sender_goes_while_it_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	client_flush(f->app);
	client_call_done(&f->call);
	f->app = client_free(f->app);
	client_flush(f->other);
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.message->owner, SB_NO_OWNER);
	job.published(job.userdata, 1, NULL);
	assert_int_equal(publish_as(f, f->other), geteuid());
	client_settle_down(f->other);
	assert_int_equal(f->plant->n_jobs, 0);
}

static void test_link_goes_while_the_sender_is_asked_for(void **state)
{
	struct fixture *f = *state;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	fixture_hold_bus(f);
	fake_link_remove(f->plant);
	private_bus_resume(f->private_bus);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "NoSuchLink", "link plant ");
}

static void test_end_while_the_sender_is_asked_for(void **state)
{
	struct fixture *f = *state;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	fixture_hold_bus(f);
	f->bus = sb_bus_free(f->bus);
	private_bus_resume(f->private_bus);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "skybusd is ending");
	assert_int_equal(f->plant->n_jobs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_publish_answers_when_stored),
		TEST(test_publish_bytes),
		TEST(test_publish_refused_at_once),
		TEST(test_publish_that_could_not_be_stored),
		TEST(test_error_that_is_not_utf8_is_told),
		TEST(test_publisher_has_gone),
		TEST(test_publish_outlives_its_link),
		TEST(test_completion_after_the_end),
		TEST(test_defaults),
		TEST(test_ttl),
		TEST(test_priority),
		TEST(test_durability_and_replace),
		TEST(test_content_format),
		TEST(test_all_at_once),
		TEST(test_mistakes),
		TEST(test_long_mistakes),
		TEST(test_owner),
		TEST(test_owner_is_another),
		TEST(test_order_while_the_sender_is_asked_for),
		TEST(test_mistake_while_the_sender_is_asked_for),
		TEST(test_sender_goes_while_it_is_asked_for),
		TEST(test_link_goes_while_the_sender_is_asked_for),
		TEST(test_end_while_the_sender_is_asked_for),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
