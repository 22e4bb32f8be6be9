/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dbus/caller.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

/* ---- Ticket ---------------------------------------------------------------------------------- */

static void assert_settlement(sd_bus_message *reply, const char *outcome, const char *code,
			      const char *reason)
{
	const char *texts[3] = { NULL };

	assert_non_null(reply);
	assert_true(sd_bus_message_read(reply, "sss", &texts[0], &texts[1], &texts[2]) > 0);
	assert_string_equal(texts[0], outcome);
	assert_string_equal(texts[1], code);
	assert_string_equal(texts[2], reason);
}

static void answer_lookup(struct fixture *f, uint64_t ticket, enum sb_outcome outcome)
{
	const struct sb_settlement settlement = {
		.ticket = ticket,
		.outcome = outcome,
		.code = outcome == SB_DELIVERED ? "2.04" : "",
		.reason = outcome == SB_EXPIRED ? "too old" : "",
	};
	struct fake_job job = fixture_wait_outbox(f);

	assert_int_equal(job.ticket, ticket);
	job.looked_up(job.userdata, 0, &settlement);
}

static void test_ticket(void **state)
{
	struct fixture *f = *state;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "Ticket", "t", UINT64_C(7));
	answer_lookup(f, 7, SB_IN_FLIGHT);
	assert_settlement(client_end(f->app, &f->call), "in-flight", "", "");

	client_begin(f->app, &f->call, SB_BUS_ROOT, "Ticket", "t", UINT64_C(7));
	answer_lookup(f, 7, SB_EXPIRED);
	assert_settlement(client_end(f->app, &f->call), "expired", "", "too old");
}

static void test_ticket_not_found(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "Ticket", "t", UINT64_C(7));
	job = fixture_wait_outbox(f);
	job.looked_up(job.userdata, -ENOENT, NULL);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "NoSuchTicket", "ticket 7 ");

	client_begin(f->app, &f->call, SB_BUS_ROOT, "WaitTicket", "tu", UINT64_C(8), 1);
	job = fixture_wait_outbox(f);
	job.looked_up(job.userdata, -EIO, NULL);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "ticket 8 ");
}

/* ---- WaitTicket ------------------------------------------------------------------------------ */

static void begin_wait(struct fixture *f, struct client_call *call, uint64_t ticket, uint32_t s)
{
	client_begin(f->app, call, SB_BUS_ROOT, "WaitTicket", "tu", ticket, s);
	answer_lookup(f, ticket, SB_STORED);
}

static void settle(struct fixture *f, uint64_t ticket)
{
	const struct sb_settled settled = {
		.link = "plant",
		.settlement = { .ticket = ticket,
				.outcome = SB_DELIVERED,
				.code = "2.04",
				.reason = "" },
	};

	fake_settle(f->gateway, &settled);
}

static void test_wait_for_a_settled_ticket(void **state)
{
	struct fixture *f = *state;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "WaitTicket", "tu", UINT64_C(7), 60);
	answer_lookup(f, 7, SB_DELIVERED);
	assert_settlement(client_end(f->app, &f->call), "delivered", "2.04", "");
}

static void test_wait_until_it_is_settled(void **state)
{
	struct fixture *f = *state;

	begin_wait(f, &f->call, 7, 60);
	begin_wait(f, &f->call2, 7 + 1024, 60);
	settle(f, 6);
	client_settle_down(f->app);
	assert_null(f->call.reply);
	settle(f, 7);
	assert_settlement(client_end(f->app, &f->call), "delivered", "2.04", "");
	client_settle_down(f->app);
	assert_null(f->call2.reply);
	settle(f, 7 + 1024);
	assert_settlement(client_end(f->app, &f->call2), "delivered", "2.04", "");
}

static void test_two_wait_for_one_ticket(void **state)
{
	struct fixture *f = *state;

	begin_wait(f, &f->call, 7, 60);
	begin_wait(f, &f->call2, 7, 60);
	settle(f, 7);
	assert_settlement(client_end(f->app, &f->call), "delivered", "2.04", "");
	assert_settlement(client_end(f->app, &f->call2), "delivered", "2.04", "");
}

static void test_wait_times_out(void **state)
{
	struct fixture *f = *state;

	begin_wait(f, &f->call, 7, 60);
	sb_loop_advance(f->loop, 59 * SB_USEC_PER_SEC);
	client_settle_down(f->app);
	assert_null(f->call.reply);
	sb_loop_advance(f->loop, 1 * SB_USEC_PER_SEC);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Timeout", "stays queued");
	settle(f, 7);
}

static void test_wait_without_time(void **state)
{
	struct fixture *f = *state;

	begin_wait(f, &f->call, 7, 0);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Timeout", "stays queued");
}

static void test_waiter_ends_with_its_caller(void **state)
{
	struct fixture *f = *state;

	begin_wait(f, &f->call, 7, 60);
	client_call_done(&f->call);
	f->app = client_free(f->app);
	client_settle_down(f->other);
	settle(f, 7);
}

static void test_bound_of_waiters(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < SB_CALLER_WAITERS_MAX; i++)
		begin_wait(f, &f->call, 7, 60);
	begin_wait(f, &f->call, 7, 60);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "QueueFull", "256 calls");
}

static void test_end_with_calls_waiting(void **state)
{
	struct fixture *f = *state;

	begin_wait(f, &f->call, 7, 60);
	client_begin(f->app, &f->call2, SB_BUS_ROOT, "WaitTicket", "tu", UINT64_C(8), 60);
	f->bus = sb_bus_free(f->bus);
}

/* ---- CancelTicket ---------------------------------------------------------------------------- */

static void test_cancel(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "CancelTicket", "t", UINT64_C(7));
	job = fixture_wait_outbox(f);
	assert_int_equal(job.ticket, 7);
	client_settle_down(f->app);
	assert_null(f->call.reply);
	job.cancelled(job.userdata, NULL);
	assert_non_null(client_end(f->app, &f->call));
	assert_false(sd_bus_message_is_method_error(f->call.reply, NULL));
	assert_true(sd_bus_message_is_empty(f->call.reply) > 0);
}

static void refuse_cancel(struct fixture *f, enum sb_error_code code, const char *text)
{
	struct sb_error error;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "CancelTicket", "t", UINT64_C(7));
	job = fixture_wait_outbox(f);
	(void)sb_error_set(&error, code, "%s", text);
	job.cancelled(job.userdata, &error);
}

static void test_cancel_refused(void **state)
{
	struct fixture *f = *state;

	refuse_cancel(f, SB_ERROR_TOO_LATE, "it is in flight");
	fixture_assert_error(client_end(f->app, &f->call), ERROR "TooLate", "it is in flight");
	refuse_cancel(f, SB_ERROR_NO_SUCH_TICKET, "7 is unknown");
	fixture_assert_error(client_end(f->app, &f->call), ERROR "NoSuchTicket", "7 is unknown");
	refuse_cancel(f, SB_ERROR_FAILED, "the disk \xff");
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "the disk ?");

	f->gateway->outbox.failure = -ENOMEM;
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "CancelTicket", "t", UINT64_C(7)),
			     ERROR "Failed", "ticket 7 ");
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "Ticket", "t", UINT64_C(8)),
			     ERROR "Failed", "ticket 8 ");
}

static void test_end_with_a_cancel_waiting(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "CancelTicket", "t", UINT64_C(7));
	job = fixture_wait_outbox(f);
	f->bus = sb_bus_free(f->bus);
	job.cancelled(job.userdata, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_ticket),
		TEST(test_ticket_not_found),
		TEST(test_wait_for_a_settled_ticket),
		TEST(test_wait_until_it_is_settled),
		TEST(test_two_wait_for_one_ticket),
		TEST(test_wait_times_out),
		TEST(test_wait_without_time),
		TEST(test_waiter_ends_with_its_caller),
		TEST(test_bound_of_waiters),
		TEST(test_end_with_calls_waiting),
		TEST(test_cancel),
		TEST(test_cancel_refused),
		TEST(test_end_with_a_cancel_waiting),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
