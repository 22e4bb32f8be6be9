/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/store-inbox.h"
#include "tests/daemon/store-fixture.h"

static void put(struct fixture *f, uint64_t id, const char *name, const char *filter)
{
	const struct sb_inbox_record record = {
		.id = id,
		.link = "plant",
		.owner = 1000,
		.name = name,
		.filter = filter,
		.origins = SB_FROM_CLOUD,
		.answers = true,
	};
	int error = 1;

	assert_int_equal(sb_store_put_inbox(f->store, &record, note_error, &error), 0);
	sb_store_drain(f->store);
	assert_int_equal(error, 0);
}

struct added {
	int error;
	struct sb_inbox_drop dropped;
};

static void note_added(void *userdata, int error, struct sb_inbox_message **message,
		       const struct sb_inbox_drop *dropped)
{
	struct added *added = userdata;

	assert_non_null(*message);
	added->error = error;
	added->dropped = *dropped;
}

static struct added add_with(struct fixture *f, uint64_t inbox, uint64_t number,
			     const struct sb_inbox_drop *drop)
{
	const struct sb_delivery delivery = {
		.message = number,
		.origin = SB_ORIGIN_LOCAL,
		.topic = "t/1",
		.payload = (const uint8_t *)"{}",
		.payload_len = number % 2 ? 2 : 0,
		.content_format = number % 2 ? SKYBUS_FORMAT_JSON : SKYBUS_NO_FORMAT,
		.answer_by_ms = 5000,
	};
	struct sb_inbox_entry entry = { .inbox = inbox, .link = "plant", .owner = 1000 };
	struct added added = { .error = 1 };

	entry.message = sb_inbox_message_new(&delivery);
	assert_non_null(entry.message);
	if (drop)
		entry.drop = *drop;
	assert_int_equal(sb_store_inbox_add(f->store, &entry, note_added, &added), 0);
	sb_store_drain(f->store);

	return added;
}

static int add(struct fixture *f, uint64_t inbox, uint64_t number)
{
	return add_with(f, inbox, number, NULL).error;
}

static void note_inbox_fetched(void *userdata, int error, struct sb_inbox_message_list *messages,
			       bool more)
{
	const struct sb_inbox_message *message;
	char *text = userdata;
	size_t len = 0;

	assert_int_equal(error, 0);
	*text = '\0';
	TAILQ_FOREACH(message, messages, entry)
		len += (size_t)snprintf(text + len, 256 - len, "%llu:%d:%s:%zu:%u:%lld ",
					(unsigned long long)message->number, message->origin,
					message->topic, message->payload_len,
					message->content_format, (long long)message->answer_by_ms);
	if (more)
		(void)snprintf(text + len, 256 - len, "more");
}

static void expect_inbox(struct fixture *f, const struct sb_inbox_fetch *fetch,
			 const char *expected)
{
	char text[256];

	assert_int_equal(sb_store_inbox_fetch(f->store, fetch, note_inbox_fetched, text), 0);
	sb_store_drain(f->store);
	assert_string_equal(text, expected);
}

static void note_taken(void *userdata, int error, const struct sb_inbox_content *content)
{
	char *text = userdata;

	(void)snprintf(text, 64, "%d %llu %llu", error, (unsigned long long)content->messages,
		       (unsigned long long)content->bytes);
}

static void expect_take(struct fixture *f, uint64_t inbox, uint64_t number, const char *expected)
{
	char text[64];

	assert_int_equal(sb_store_inbox_take(f->store, inbox, number, note_taken, text), 0);
	sb_store_drain(f->store);
	assert_string_equal(text, expected);
}

static void expect_forget(struct fixture *f, uint64_t inbox, const char *expected)
{
	const struct sb_inbox_record record = {
		.id = inbox, .link = "plant", .owner = 1000, .name = "", .filter = ""
	};
	char text[64];

	assert_int_equal(sb_store_forget_inbox(f->store, &record, note_taken, text), 0);
	sb_store_drain(f->store);
	assert_string_equal(text, expected);
}

static void note_record(void *userdata, const struct sb_inbox_record *record)
{
	char *text = userdata;
	size_t len = strlen(text);

	(void)snprintf(text + len, 256 - len, "%llu %s %u %s %s %u %d %llu %llu %llu, ",
		       (unsigned long long)record->id, record->link, record->owner, record->name,
		       record->filter, record->origins, record->answers,
		       (unsigned long long)record->lost, (unsigned long long)record->messages,
		       (unsigned long long)record->bytes);
}

static void expect_inboxes(struct fixture *f, const char *expected)
{
	char text[256] = "";

	reopen(f);
	sb_store_each_inbox(f->store, note_record, text);
	assert_string_equal(text, expected);
}

static void note_losses(void *userdata, int error, const struct sb_loss *losses, size_t n)
{
	char *text = userdata;
	size_t len = 0;

	assert_int_equal(error, 0);
	*text = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, 256 - len, "%s %u %s %llu, ", losses[i].link,
					losses[i].owner, sb_cause_word(losses[i].cause),
					(unsigned long long)losses[i].messages);
}

static void expect_losses(struct fixture *f, const char *expected)
{
	char text[256];

	assert_int_equal(sb_store_losses(f->store, note_losses, text), 0);
	sb_store_drain(f->store);
	assert_string_equal(text, expected);
}

static void test_what_is_kept_of_a_message(void **state)
{
	struct fixture *f = *state;
	const struct sb_inbox_fetch all = { .inbox = 1, .max_messages = 9, .max_bytes = ENDLESS };

	put(f, 1, "app", "#");
	assert_int_equal(add(f, 1, 7), 0);
	assert_int_equal(add(f, 1, 8), 0);
	expect_inbox(f, &all, "7:1:t/1:2:50:5000 8:1:t/1:0:4294967295:5000 ");
	expect_inboxes(f, "1 plant 1000 app # 1 1 0 2 8, ");
	expect_inbox(f, &all, "7:1:t/1:2:50:0 8:1:t/1:0:4294967295:0 ");
}

static void test_reading_is_bounded_and_by_number(void **state)
{
	struct fixture *f = *state;

	put(f, 1, "app", "#");
	put(f, 2, "other", "#");
	for (uint64_t number = 1; number <= 4; number++)
		assert_int_equal(add(f, number == 2 ? 2 : 1, number), 0);
	expect_inbox(f, &(struct sb_inbox_fetch){ 1, 0, 1, ENDLESS }, "1:1:t/1:2:50:5000 more");
	expect_inbox(f, &(struct sb_inbox_fetch){ 1, 1, 9, 1 }, "3:1:t/1:2:50:5000 more");
	expect_inbox(f, &(struct sb_inbox_fetch){ 1, 3, 9, ENDLESS }, "4:1:t/1:0:4294967295:5000 ");
	expect_inbox(f, &(struct sb_inbox_fetch){ 1, 4, 9, ENDLESS }, "");
	expect_inbox(f, &(struct sb_inbox_fetch){ 3, 0, 9, ENDLESS }, "");
}

static void test_changed_inbox_keeps_what_waits(void **state)
{
	struct fixture *f = *state;

	put(f, 1, "app", "a");
	assert_int_equal(add(f, 1, 1), 0);
	put(f, 1, "app", "b/#");
	expect_inboxes(f, "1 plant 1000 app b/# 1 1 0 1 5, ");
}

static void test_one_message_in_two_inboxes(void **state)
{
	struct fixture *f = *state;

	put(f, 1, "app", "#");
	put(f, 2, "other", "#");
	assert_int_equal(add(f, 1, 1), 0);
	assert_int_equal(add(f, 2, 1), 0);
	expect_take(f, 1, 1, "0 1 5");
	expect_take(f, 1, 1, "-2 0 0");
	expect_take(f, 2, 1, "0 1 5");
}

static void test_numbers_are_not_used_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sb_store_last_message(f->store), 0);
	put(f, 1, "app", "#");
	assert_int_equal(add(f, 1, 5), 0);
	expect_take(f, 1, 5, "0 1 5");
	reopen(f);
	assert_true(sb_store_last_message(f->store) >= 5);
	assert_int_equal(add(f, 1, 5000), 0);
	expect_take(f, 1, 5000, "0 1 3");
	reopen(f);
	assert_true(sb_store_last_message(f->store) >= 5000);
}

static void test_forgotten_inbox(void **state)
{
	struct fixture *f = *state;

	put(f, 1, "app", "#");
	put(f, 2, "other", "#");
	assert_int_equal(add(f, 1, 1), 0);
	assert_int_equal(add(f, 1, 2), 0);
	assert_int_equal(add(f, 2, 2), 0);
	expect_forget(f, 1, "0 2 8");
	expect_forget(f, 1, "-2 0 0");
	expect_losses(f, "plant 1000 inbox-forgotten 2, ");
	assert_int_equal(add(f, 1, 3), -ENOENT);
	expect_inboxes(f, "2 plant 1000 other # 1 1 0 1 3, ");
	expect_forget(f, 2, "0 1 3");
	f->store = sb_store_close(f->store);
	expect_query(f, "SELECT count(*) FROM inbox_message", "0");
	reopen(f);
}

static void test_oldest_make_room(void **state)
{
	struct fixture *f = *state;
	struct sb_inbox_drop drop = { .content = { .messages = 1 } };
	struct added added;

	put(f, 1, "app", "#");
	for (uint64_t number = 1; number <= 5; number++)
		assert_int_equal(add(f, 1, number), 0);
	added = add_with(f, 1, 6, &drop);
	assert_int_equal(added.error, 0);
	assert_int_equal(added.dropped.content.messages, 1);
	assert_int_equal(added.dropped.content.bytes, 5);
	assert_int_equal(added.dropped.last, 1);

	drop = (struct sb_inbox_drop){ .above = 2, .content = { .bytes = 6 } };
	added = add_with(f, 1, 7, &drop);
	assert_int_equal(added.dropped.content.messages, 2);
	assert_int_equal(added.dropped.content.bytes, 8);
	assert_int_equal(added.dropped.last, 4);
	expect_losses(f, "plant 1000 inbox-full 3, ");

	/* What cannot be made room for changes nothing. */
	drop = (struct sb_inbox_drop){ .above = 5, .content = { .messages = 3 } };
	assert_int_equal(add_with(f, 1, 8, &drop).error, -ENOBUFS);
	expect_losses(f, "plant 1000 inbox-full 3, ");
	expect_inboxes(f, "1 plant 1000 app # 1 1 3 4 16, ");
}

static void test_losses_are_counted_twice(void **state)
{
	struct fixture *f = *state;
	const struct sb_loss loss = { "plant", 1000, SB_CAUSE_INBOX_FULL, 4 };
	int error = 1;

	put(f, 1, "app", "#");
	assert_int_equal(sb_store_inbox_lose(f->store, 1, &loss, note_error, &error), 0);
	sb_store_drain(f->store);
	assert_int_equal(error, 0);
	expect_losses(f, "plant 1000 inbox-full 4, ");
	expect_inboxes(f, "1 plant 1000 app # 1 1 4 0 0, ");
}

static void test_store_that_may_not_grow(void **state)
{
	struct fixture *f = *state;
	uint64_t first;

	f->options.max_bytes = 1200000;
	reopen(f);
	put(f, 1, "app", "#");
	first = fill_up(f, fill_up(f, 1, 1000), 1);
	assert_int_equal(add(f, 1, 1), -ENOSPC);
	for (uint64_t ticket = 1; ticket < first; ticket++)
		hand_over_end(f, ticket, SB_CAUSE_DELIVERED, 1000);
	sb_store_drain(f->store);
	assert_int_equal(add(f, 1, 2), 0);
}

/* A database of the version before inboxes. */
static void test_the_version_before_is_brought_up_to_date(void **state)
{
	struct fixture *f = *state;
	char ignored[8];

	insert(f, "plant", 1);
	f->store = sb_store_close(f->store);
	query(f,
	      "DROP TABLE inbox; DROP TABLE inbox_message; DELETE FROM mark WHERE name = 'message';"
	      "PRAGMA user_version = 3;",
	      ignored, sizeof(ignored));
	reopen(f);
	assert_int_equal(sb_store_last_message(f->store), 0);
	expect_fetch(f, "plant", "1 ");
	put(f, 1, "app", "#");
	assert_int_equal(add(f, 1, 1), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_kept_of_a_message),
		TEST(test_reading_is_bounded_and_by_number),
		TEST(test_changed_inbox_keeps_what_waits),
		TEST(test_one_message_in_two_inboxes),
		TEST(test_numbers_are_not_used_again),
		TEST(test_forgotten_inbox),
		TEST(test_oldest_make_room),
		TEST(test_losses_are_counted_twice),
		TEST(test_store_that_may_not_grow),
		TEST(test_the_version_before_is_brought_up_to_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
