/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "daemon/letters.h"
#include "tests/daemon/outbox-fixture.h"

/*
 * A gateway with one link, "plant", whose queue is the fixture's. These stand before the core's own, of
 * which letters need no more.
 */
static struct outbox_fixture *fixture;
static struct sb_gateway *const gateway = (struct sb_gateway *)&fixture;
static struct sb_link *const plant = (struct sb_link *)&fixture;
static bool configured;

struct sb_outbox *sb_gateway_outbox(const struct sb_gateway *asked)
{
	assert_ptr_equal(asked, gateway);

	return fixture->outbox;
}

struct sb_store *sb_gateway_store(const struct sb_gateway *asked)
{
	assert_ptr_equal(asked, gateway);

	return fixture->store;
}

struct sb_link *sb_gateway_find(const struct sb_gateway *asked, const char *name)
{
	assert_ptr_equal(asked, gateway);

	return configured && strcmp(name, "plant") == 0 ? plant : NULL;
}

int sb_link_publish(struct sb_link *link, struct sb_message *message, sb_published_fn *done,
		    void *userdata, struct sb_error *ret_error)
{
	assert_ptr_equal(link, plant);

	return sb_queue_publish(fixture->queue, message, done, userdata, ret_error);
}

/** struct heard - what the callbacks said */
struct heard {
	char records[128];
	uint64_t ticket;
	bool done;
	struct sb_error error;
};

static void heard_records(void *userdata, int error, const struct sb_record *records, size_t n)
{
	struct heard *heard = userdata;

	assert_int_equal(error, 0);
	heard->records[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(heard->records);

		(void)snprintf(heard->records + len, sizeof(heard->records) - len, "%llu %s %s%s, ",
			       (unsigned long long)records[i].ticket, records[i].link,
			       records[i].reason, records[i].payload ? " with payload" : "");
	}
	heard->done = true;
}

static void heard_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	struct heard *heard = userdata;

	heard->ticket = ticket;
	heard->done = true;
	if (error)
		heard->error = *error;
}

static void heard_discarded(void *userdata, const struct sb_error *error)
{
	struct heard *heard = userdata;

	heard->done = true;
	if (error)
		heard->error = *error;
}

/* Tickets 1 and 2 are dead letters. */
static int setup(void **state)
{
	(void)outbox_fixture_setup(state);
	fixture = *state;
	configured = true;
	publish_draft(fixture, &(struct draft){ .topic = "a", .payload_len = 3 });
	publish_draft(fixture, &(struct draft){ .topic = "b", .priority = SB_URGENT });
	outbox_fixture_settle(fixture);
	reject(fixture, take(fixture, 2));
	reject(fixture, take(fixture, 1));
	outbox_fixture_settle(fixture);

	return 0;
}

static void test_list_and_read(void **state)
{
	struct heard heard = { 0 };

	(void)state;
	assert_int_equal(sb_letters_list(gateway, NULL, 0, heard_records, &heard), 0);
	assert_false(heard.done);
	outbox_fixture_settle(fixture);
	assert_string_equal(heard.records, "1 plant no such model, 2 plant no such model, ");
	assert_int_equal(sb_letters_list(gateway, "plant", 1, heard_records, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_string_equal(heard.records, "2 plant no such model, ");
	assert_int_equal(sb_letters_list(gateway, "other", 0, heard_records, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_string_equal(heard.records, "");
	assert_int_equal(sb_letters_read(gateway, 1, heard_records, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_string_equal(heard.records, "1 plant no such model with payload, ");
	assert_int_equal(sb_letters_read(gateway, 3, heard_records, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_string_equal(heard.records, "");
}

static void test_requeued(void **state)
{
	struct heard heard = { 0 };
	struct sb_message *message;

	(void)state;
	sb_loop_advance(fixture->loop, 5 * SB_USEC_PER_SEC);
	assert_int_equal(sb_letters_requeue(gateway, 2, ":1.9", 77, heard_published, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_int_equal(heard.ticket, 3);
	message = take(fixture, 3);
	assert_string_equal(message->topic, "b");
	assert_int_equal(message->priority, SB_URGENT);
	assert_int_equal(message->owner, 77);
	assert_string_equal(message->sender, ":1.9");
	assert_in_range(message->taken.ms, 1000, 1001);
	deliver(fixture, message);
	assert_int_equal(sb_letters_list(gateway, NULL, 0, heard_records, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_string_equal(heard.records, "1 plant no such model, ");
}

static void test_requeued_twice_at_once(void **state)
{
	struct heard first = { 0 };
	struct heard second = { 0 };

	(void)state;
	assert_int_equal(sb_letters_requeue(gateway, 1, NULL, 0, heard_published, &first), 0);
	assert_int_equal(sb_letters_requeue(gateway, 1, NULL, 0, heard_published, &second), 0);
	outbox_fixture_settle(fixture);
	assert_int_equal(first.ticket, 3);
	assert_true(second.done);
	assert_int_equal(second.error.code, SB_ERROR_NO_SUCH_TICKET);
	deliver(fixture, take(fixture, 3));
	assert_null(sb_queue_take(fixture->queue));
}

static void test_not_requeued(void **state)
{
	struct heard heard = { 0 };

	(void)state;
	assert_int_equal(sb_letters_requeue(gateway, 9, NULL, 0, heard_published, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_int_equal(heard.error.code, SB_ERROR_NO_SUCH_TICKET);
	assert_non_null(strstr(heard.error.text, "ticket 9 is not that of a dead letter"));
	configured = false;
	assert_int_equal(sb_letters_requeue(gateway, 1, NULL, 0, heard_published, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_int_equal(heard.error.code, SB_ERROR_NO_SUCH_LINK);
	assert_non_null(strstr(heard.error.text, "the link plant, which is not configured"));
}

static void test_discarded(void **state)
{
	struct heard heard = { 0 };

	(void)state;
	assert_int_equal(sb_letters_discard(gateway, 1, heard_discarded, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_true(heard.done);
	assert_string_equal(heard.error.text, "");
	assert_int_equal(lookup(fixture, 1), SB_REJECTED);
	assert_int_equal(sb_letters_discard(gateway, 1, heard_discarded, &heard), 0);
	outbox_fixture_settle(fixture);
	assert_int_equal(heard.error.code, SB_ERROR_NO_SUCH_TICKET);
}

static void test_nobody_is_told_at_the_end(void **state)
{
	struct heard heard = { 0 };

	(void)state;
	assert_int_equal(sb_letters_list(gateway, NULL, 0, heard_records, &heard), 0);
	assert_int_equal(sb_letters_requeue(gateway, 1, NULL, 0, heard_published, &heard), 0);
	assert_int_equal(sb_letters_discard(gateway, 2, heard_discarded, &heard), 0);
	outbox_fixture_close(fixture);
	assert_false(heard.done);
	outbox_fixture_open(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, outbox_fixture_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_list_and_read),
		TEST(test_requeued),
		TEST(test_requeued_twice_at_once),
		TEST(test_not_requeued),
		TEST(test_discarded),
		TEST(test_nobody_is_told_at_the_end),
	};

	return cmocka_run_group_tests_name("letters", tests, NULL, NULL);
}
