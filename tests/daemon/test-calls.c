/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/calls.h"

/* In the place of daemon/transport-listener.c: it only notes what is answered. */
struct sb_incoming {
	uint32_t code;
};

void sb_incoming_answer(struct sb_incoming *incoming, const struct sb_response *response)
{
	assert_int_equal(incoming->code, 0);
	incoming->code = response->code;
}

struct fixture {
	struct sb_loop *loop;
	struct sb_calls calls;
	struct sb_incoming incoming;
	unsigned int told;
	enum sb_error_code error; /* of the last that was told; 0 for none */
	char unanswered[64]; /* "1:404 " */
	struct sb_landing *landing;
	struct sb_timer landing_time;
};

static void on_unanswered(void *userdata, const struct sb_call *call)
{
	struct fixture *f = userdata;
	size_t len = strlen(f->unanswered);

	(void)snprintf(f->unanswered + len, sizeof(f->unanswered) - len, "%u:%s ",
		       (unsigned int)call->message, call->code);
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	assert_int_equal(sb_loop_new_virtual(&f.loop), 0);
	sb_calls_init(&f.calls, f.loop, on_unanswered, &f);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sb_calls_done(&f->calls);
	(void)sb_loop_free(f->loop);

	return 0;
}

static struct sb_call *begin(struct fixture *f, uint64_t message)
{
	struct sb_call *call = sb_call_new(&f->calls, "t", "ctx", 3);

	assert_non_null(call);
	sb_call_begin(call, message, 10 * SB_USEC_PER_SEC);

	return call;
}

static struct sb_call *begin_awaited(struct fixture *f, uint64_t message)
{
	struct sb_call *call = begin(f, message);

	sb_call_await(call, &f->incoming, sb_response_new(SKYBUS_CODE(5, 4)));

	return call;
}

static void on_answered(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	struct fixture *f = userdata;

	assert_int_equal(ticket, 0);
	f->told++;
	f->error = error ? error->code : 0;
}

static void answer(struct fixture *f, struct sb_call *call)
{
	sb_call_answer(call, sb_response_new(SKYBUS_CODE(2, 4)), on_answered, f);
}

static void a_call_is_found_by_its_number(void **state)
{
	struct fixture *f = *state;
	struct sb_call *call = begin(f, 7);

	assert_ptr_equal(sb_calls_find(&f->calls, 7), call);
	assert_null(sb_calls_find(&f->calls, 8));
	assert_null(sb_calls_find(&f->calls, 0));
	assert_string_equal(call->topic, "t");
	assert_memory_equal(call->context, "ctx", 3);
	assert_null(sb_call_free(call));
	assert_null(sb_calls_find(&f->calls, 7));
	assert_null(sb_call_free(NULL));
}

static void one_that_never_began_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	(void)sb_call_free(sb_call_new(&f->calls, "t", NULL, 0));
	assert_int_equal(f->calls.n, 0);
}

static void its_time_ends_it(void **state)
{
	struct fixture *f = *state;

	(void)begin_awaited(f, 1);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC - 1);
	assert_int_equal(f->incoming.code, 0);
	sb_loop_advance(f->loop, 1);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(5, 4));
	assert_null(sb_calls_find(&f->calls, 1));
	assert_int_equal(f->calls.n, 0);
}

static void an_answer_goes_out_at_once_and_is_told_later(void **state)
{
	struct fixture *f = *state;
	struct sb_call *call = begin_awaited(f, 1);

	answer(f, call);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(2, 4));
	assert_int_equal(f->told, 0);
	assert_null(sb_calls_find(&f->calls, 1));
	/* Neither the end of all others nor its time change that. */
	sb_calls_end(&f->calls);
	sb_loop_advance(f->loop, 20 * SB_USEC_PER_SEC);
	assert_int_equal(f->told, 1);
	assert_int_equal(f->calls.n, 0);
}

static void the_end_says_what_is_said_otherwise(void **state)
{
	struct fixture *f = *state;

	(void)begin(f, 1);
	(void)begin_awaited(f, 2);
	(void)begin(f, 3);
	sb_calls_end(&f->calls);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(5, 4));
	assert_int_equal(f->calls.n, 0);
}

static void who_has_answered_is_told_when_the_link_goes(void **state)
{
	struct fixture *f = *state;

	answer(f, begin_awaited(f, 1));
	sb_calls_done(&f->calls);
	assert_int_equal(f->told, 1);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_int_equal(f->told, 1);
}

static void there_are_only_so_many(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 1; i <= SB_CALLS_MAX; i++)
		(void)begin(f, i);
	assert_null(sb_call_new(&f->calls, "t", NULL, 0));
	(void)sb_call_free(sb_calls_find(&f->calls, 5));
	(void)begin(f, SB_CALLS_MAX + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- landing ---- */

/* @otherwise: what serve() has made. Nobody but who holds the landing was reached. */
static struct sb_call *hold(struct fixture *f, struct sb_landing *landing)
{
	struct sb_call *call = sb_call_hold(&f->calls, 30 * SB_USEC_PER_SEC);

	assert_non_null(call);
	sb_call_await(call, &f->incoming, sb_response_new(SKYBUS_CODE(2, 5)));
	sb_landing_hold(landing);
	sb_call_land(call, landing, 1);
	assert_int_equal(f->incoming.code, 0);

	return call;
}

static void a_response_is_held_until_it_has_landed(void **state)
{
	struct fixture *f = *state;
	struct sb_landing *landing = sb_landing_new();

	(void)hold(f, landing);
	assert_null(sb_calls_find(&f->calls, 0));
	assert_int_equal(f->calls.n, 0);
	sb_landing_let_go(landing, 0);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(2, 5));
}

static void what_nobody_could_keep_is_refused(void **state)
{
	struct fixture *f = *state;
	struct sb_landing *landing = sb_landing_new();

	(void)hold(f, landing);
	sb_landing_let_go(landing, -ENOSPC);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(5, 3));
	assert_true(TAILQ_EMPTY(&f->calls.all));
}

static void what_somebody_has_is_not_refused(void **state)
{
	struct fixture *f = *state;
	struct sb_landing *landing = sb_landing_new();
	struct sb_call *call = sb_call_hold(&f->calls, 30 * SB_USEC_PER_SEC);

	sb_call_await(call, &f->incoming, sb_response_new(SKYBUS_CODE(2, 5)));
	sb_landing_hold(landing);
	sb_landing_let_go(landing, -ENOBUFS);
	sb_call_land(call, landing, 2);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(2, 5));
}

static void a_disk_that_does_not_answer_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	struct sb_landing *landing = sb_landing_new();

	(void)hold(f, landing);
	sb_loop_advance(f->loop, 30 * SB_USEC_PER_SEC);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(5, 3));
	sb_landing_let_go(landing, 0);
}

static void the_end_does_not_wait_for_the_disk(void **state)
{
	struct fixture *f = *state;
	struct sb_landing *landing = sb_landing_new();

	(void)hold(f, landing);
	sb_calls_end(&f->calls);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(5, 3));
	sb_landing_let_go(landing, 0);
}

static struct sb_call *begin_landing(struct fixture *f, struct sb_landing *landing)
{
	struct sb_call *call = begin_awaited(f, 1);

	sb_landing_hold(landing);
	sb_call_land(call, landing, 1);

	return call;
}

static void an_answer_is_held_until_it_has_landed(void **state)
{
	struct fixture *f = *state;
	struct sb_landing *landing = sb_landing_new();

	answer(f, begin_landing(f, landing));
	sb_loop_advance(f->loop, 0);
	assert_int_equal(f->incoming.code, 0);
	assert_int_equal(f->told, 0);
	assert_null(sb_calls_find(&f->calls, 1));
	sb_landing_let_go(landing, -EIO);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(2, 4));
	assert_int_equal(f->told, 0);
	sb_loop_advance(f->loop, 0);
	assert_int_equal(f->told, 1);
	assert_int_equal(f->error, 0);
}

static void an_answer_that_cannot_go_out_is_told(void **state)
{
	struct fixture *f = *state;
	struct sb_landing *landing = sb_landing_new();

	answer(f, begin_landing(f, landing));
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(5, 3));
	assert_int_equal(f->told, 1);
	assert_int_equal(f->error, SB_ERROR_TOO_LATE);
	sb_landing_let_go(landing, 0);
}

/* Its time is over in the turn in which it lands, before who answered was told. */
static void on_landing_time(struct sb_timer *timer)
{
	struct fixture *f = sb_container_of(timer, struct fixture, landing_time);

	sb_landing_let_go(f->landing, 0);
}

static void an_answer_that_lands_in_the_last_moment_is_told(void **state)
{
	struct fixture *f = *state;

	f->landing = sb_landing_new();
	sb_timer_init(&f->landing_time, f->loop, on_landing_time);
	sb_timer_arm(&f->landing_time, 10 * SB_USEC_PER_SEC);
	answer(f, begin_landing(f, f->landing));
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(2, 4));
	assert_int_equal(f->told, 1);
	assert_int_equal(f->error, 0);
	assert_true(TAILQ_EMPTY(&f->calls.all));
}

static void a_call_waits_on_when_it_has_landed(void **state)
{
	struct fixture *f = *state;
	struct sb_landing *landing = sb_landing_new();

	(void)begin_landing(f, landing);
	sb_landing_let_go(landing, 0);
	assert_int_equal(f->incoming.code, 0);
	sb_loop_advance(f->loop, 10 * SB_USEC_PER_SEC);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(5, 4));
}

static void a_call_that_nobody_could_keep_ends(void **state)
{
	struct fixture *f = *state;
	struct sb_landing *landing = sb_landing_new();

	(void)begin_landing(f, landing);
	sb_landing_let_go(landing, -ENOBUFS);
	assert_int_equal(f->incoming.code, SKYBUS_CODE(5, 3));
	assert_int_equal(f->calls.n, 0);
}

/* ---- answered otherwise ---- */

static void begin_with_code(struct fixture *f, uint64_t message, uint64_t patience_usec)
{
	struct sb_call *call = sb_call_new(&f->calls, "t", NULL, 0);

	assert_int_equal(sb_call_say_otherwise(call, "404"), 0);
	sb_call_begin(call, message, patience_usec);
}

static void its_time_answers_it_otherwise(void **state)
{
	struct fixture *f = *state;

	begin_with_code(f, 1, 0);
	begin_with_code(f, 2, SB_USEC_PER_SEC);
	assert_string_equal(f->unanswered, "");
	sb_loop_advance(f->loop, 1);
	assert_string_equal(f->unanswered, "1:404 ");
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_string_equal(f->unanswered, "1:404 2:404 ");
	assert_int_equal(f->calls.n, 0);
}

static void the_end_answers_it_otherwise(void **state)
{
	struct fixture *f = *state;

	begin_with_code(f, 1, SB_USEC_PER_SEC);
	(void)begin(f, 2);
	sb_calls_end(&f->calls);
	assert_string_equal(f->unanswered, "");
	sb_loop_advance(f->loop, 1);
	assert_string_equal(f->unanswered, "1:404 ");
	begin_with_code(f, 3, SB_USEC_PER_SEC);
	sb_calls_end(&f->calls);
	sb_calls_done(&f->calls);
	sb_loop_advance(f->loop, 1);
	assert_string_equal(f->unanswered, "1:404 ");
}

static void what_is_given_up_is_answered_otherwise_now(void **state)
{
	struct fixture *f = *state;

	begin_with_code(f, 1, SB_USEC_PER_SEC);
	(void)begin(f, 2);
	begin_with_code(f, 3, SB_USEC_PER_SEC);
	sb_calls_give_up(&f->calls);
	assert_string_equal(f->unanswered, "1:404 3:404 ");
	assert_int_equal(f->calls.n, 1);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_string_equal(f->unanswered, "1:404 3:404 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_call_is_found_by_its_number),
		TEST(one_that_never_began_leaves_nothing),
		TEST(its_time_ends_it),
		TEST(an_answer_goes_out_at_once_and_is_told_later),
		TEST(the_end_says_what_is_said_otherwise),
		TEST(who_has_answered_is_told_when_the_link_goes),
		TEST(there_are_only_so_many),
		TEST(a_response_is_held_until_it_has_landed),
		TEST(what_nobody_could_keep_is_refused),
		TEST(what_somebody_has_is_not_refused),
		TEST(a_disk_that_does_not_answer_is_not_waited_for),
		TEST(the_end_does_not_wait_for_the_disk),
		TEST(an_answer_is_held_until_it_has_landed),
		TEST(an_answer_that_cannot_go_out_is_told),
		TEST(an_answer_that_lands_in_the_last_moment_is_told),
		TEST(a_call_waits_on_when_it_has_landed),
		TEST(a_call_that_nobody_could_keep_ends),
		TEST(its_time_answers_it_otherwise),
		TEST(the_end_answers_it_otherwise),
		TEST(what_is_given_up_is_answered_otherwise_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
