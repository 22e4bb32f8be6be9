/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

/* Moments of the boot 1; the wall clock is that much ahead. */
#define CLOCK_OFFSET_MS 1700000000000

static const struct sb_record letters[] = {
	{ .ticket = 7,
	  .link = "plant",
	  .topic = "/a/b",
	  .payload_len = 70000,
	  .owner = 1000,
	  .taken = { .boot = 1, .ms = 5 },
	  .outcome = SB_REJECTED,
	  .code = "4.00",
	  .reason = "no such point" },
	{ .ticket = UINT64_MAX,
	  .link = "gone",
	  .topic = "t \xff",
	  .taken = { .boot = 1, .ms = 6 },
	  .outcome = SB_REJECTED,
	  .code = "",
	  .reason = "cut \xc3" },
};

/* ---- ListDeadLetters ------------------------------------------------------------------------- */

static void assert_letter(sd_bus_message *reply, uint64_t ticket, const char *const texts[4],
			  uint64_t bytes, uint64_t taken)
{
	const char *got[4] = { NULL };
	uint64_t numbers[3] = { 0 };
	size_t i;

	assert_true(sd_bus_message_read(reply, "(tssttss)", &numbers[0], &got[0], &got[1],
					&numbers[1], &numbers[2], &got[2], &got[3]) > 0);
	assert_int_equal(numbers[0], ticket);
	assert_int_equal(numbers[1], bytes);
	assert_int_equal(numbers[2], taken);
	for (i = 0; i < 4; i++)
		assert_string_equal(got[i], texts[i]);
}

static void begin_list(struct fixture *f, const char *link, uint64_t after)
{
	client_begin(f->app, &f->call, SB_BUS_ROOT, "ListDeadLetters", "st", link, after);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	f->gateway->clock.offset_ms = CLOCK_OFFSET_MS;
	begin_list(f, "", 0);
	job = fixture_wait_outbox(f);
	assert_string_equal(job.link, "(all)");
	assert_int_equal(job.ticket, 0);
	job.found(job.userdata, 0, letters, 2);
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_enter_container(f->call.reply, 'a', "(tssttss)") > 0);
	assert_letter(f->call.reply, 7,
		      (const char *const[]){ "plant", "/a/b", "4.00", "no such point" }, 70000,
		      (CLOCK_OFFSET_MS + 5) * 1000);
	assert_letter(f->call.reply, UINT64_MAX,
		      (const char *const[]){ "gone", "t ?", "", "cut ?" }, 0,
		      (CLOCK_OFFSET_MS + 6) * 1000);
	assert_true(sd_bus_message_at_end(f->call.reply, false) > 0);
}

static void test_list_before_the_clock_is_set(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	begin_list(f, "", 0);
	job = fixture_wait_outbox(f);
	job.found(job.userdata, 0, letters, 1);
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_enter_container(f->call.reply, 'a', "(tssttss)") > 0);
	assert_letter(f->call.reply, 7,
		      (const char *const[]){ "plant", "/a/b", "4.00", "no such point" }, 70000, 0);
}

/* As many as there can be at once, and the next from the last ticket on. */
static void test_pages(void **state)
{
	struct sb_record page[SB_LETTERS_MAX];
	struct fixture *f = *state;
	struct fake_job job;
	size_t i;

	for (i = 0; i < SB_ELEMENTS(page); i++) {
		page[i] = letters[0];
		page[i].ticket = i + 1;
	}
	begin_list(f, "plant", 0);
	job = fixture_wait_outbox(f);
	assert_string_equal(job.link, "plant");
	job.found(job.userdata, 0, page, SB_ELEMENTS(page));
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_enter_container(f->call.reply, 'a', "(tssttss)") > 0);
	for (i = 0; i < SB_ELEMENTS(page); i++)
		assert_true(sd_bus_message_skip(f->call.reply, "(tssttss)") > 0);
	assert_true(sd_bus_message_at_end(f->call.reply, false) > 0);

	begin_list(f, "plant", SB_LETTERS_MAX);
	job = fixture_wait_outbox(f);
	assert_string_equal(job.link, "plant");
	assert_int_equal(job.ticket, SB_LETTERS_MAX);
	job.found(job.userdata, 0, NULL, 0);
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_enter_container(f->call.reply, 'a', "(tssttss)") >= 0);
	assert_true(sd_bus_message_at_end(f->call.reply, false) > 0);
}

static void test_list_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	begin_list(f, "", 0);
	job = fixture_wait_outbox(f);
	job.found(job.userdata, -EIO, NULL, 0);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "ListDeadLetters");
}

/* ---- DeadLetter ------------------------------------------------------------------------------ */

static struct fake_job begin_letter(struct fixture *f, const char *method, uint64_t ticket)
{
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, method, "t", ticket);
	job = fixture_wait_outbox(f);
	assert_int_equal(job.ticket, ticket);

	return job;
}

static void test_read(void **state)
{
	struct sb_record letter = letters[0];
	struct fixture *f = *state;
	const char *texts[4] = { NULL };
	const void *payload = NULL;
	struct fake_job job;
	uint64_t taken = 0;
	size_t len = 0;

	f->gateway->clock.offset_ms = CLOCK_OFFSET_MS;
	letter.payload = (const uint8_t *)"\0\xff";
	letter.payload_len = 2;
	job = begin_letter(f, "DeadLetter", 7);
	job.found(job.userdata, 0, &letter, 1);
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_read(f->call.reply, "ss", &texts[0], &texts[1]) > 0);
	assert_true(sd_bus_message_read_array(f->call.reply, 'y', &payload, &len) > 0);
	assert_true(sd_bus_message_read(f->call.reply, "tss", &taken, &texts[2], &texts[3]) > 0);
	assert_string_equal(texts[0], "plant");
	assert_string_equal(texts[1], "/a/b");
	assert_int_equal(len, 2);
	assert_memory_equal(payload, "\0\xff", 2);
	assert_int_equal(taken, (CLOCK_OFFSET_MS + 5) * 1000);
	assert_string_equal(texts[2], "4.00");
	assert_string_equal(texts[3], "no such point");
}

static void test_read_what_is_no_letter(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	job = begin_letter(f, "DeadLetter", 8);
	job.found(job.userdata, 0, NULL, 0);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "NoSuchTicket", "ticket 8 is no");
	job = begin_letter(f, "DeadLetter", 8);
	job.found(job.userdata, -EIO, NULL, 0);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "DeadLetter");
}

/* ---- Requeue, Discard ------------------------------------------------------------------------ */

static void test_requeue(void **state)
{
	struct fixture *f = *state;
	struct fake_job job = begin_letter(f, "Requeue", 7);
	uint64_t ticket = 0;

	assert_string_equal(job.sender, fixture_sender(f->app, 1));
	assert_int_equal(job.owner, geteuid());
	job.published(job.userdata, 9, NULL);
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_read(f->call.reply, "t", &ticket) > 0);
	assert_int_equal(ticket, 9);
}

static void test_discard(void **state)
{
	struct fixture *f = *state;
	struct fake_job job = begin_letter(f, "Discard", 7);

	job.discarded(job.userdata, NULL);
	assert_non_null(client_end(f->app, &f->call));
	assert_false(sd_bus_message_is_method_error(f->call.reply, NULL));
	assert_true(sd_bus_message_is_empty(f->call.reply) > 0);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct sb_error error;
	struct fake_job job;

	(void)sb_error_set(&error, SB_ERROR_NO_SUCH_TICKET, "7 is no dead letter");
	job = begin_letter(f, "Requeue", 7);
	job.published(job.userdata, 0, &error);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "NoSuchTicket", "7 is no dead");
	job = begin_letter(f, "Discard", 7);
	job.discarded(job.userdata, &error);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "NoSuchTicket", "7 is no dead");
}

static void test_nothing_can_be_asked(void **state)
{
	static const char *const methods[] = { "DeadLetter", "Requeue", "Discard" };
	struct fixture *f = *state;
	size_t i;

	f->gateway->outbox.failure = -ENOMEM;
	for (i = 0; i < SB_ELEMENTS(methods); i++)
		fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, methods[i], "t",
						  UINT64_C(7)),
				     ERROR "Failed", methods[i]);
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "ListDeadLetters", "st", "",
					  UINT64_C(0)),
			     ERROR "Failed", "ListDeadLetters");
}

static void test_end_with_calls_waiting(void **state)
{
	struct fixture *f = *state;
	struct fake_job list;
	struct fake_job read;

	list = begin_letter(f, "DeadLetter", 7);
	client_begin(f->app, &f->call2, SB_BUS_ROOT, "ListDeadLetters", "st", "", UINT64_C(0));
	read = fixture_wait_outbox(f);
	f->bus = sb_bus_free(f->bus);
	list.found(list.userdata, 0, letters, 1);
	read.found(read.userdata, 0, letters, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_list),
		TEST(test_list_before_the_clock_is_set),
		TEST(test_pages),
		TEST(test_list_cannot_be_read),
		TEST(test_read),
		TEST(test_read_what_is_no_letter),
		TEST(test_requeue),
		TEST(test_discard),
		TEST(test_refused),
		TEST(test_nothing_can_be_asked),
		TEST(test_end_with_calls_waiting),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
