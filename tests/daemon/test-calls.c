/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
};

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	assert_int_equal(sb_loop_new_virtual(&f.loop), 0);
	sb_calls_init(&f.calls, f.loop);
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
	assert_null(error);
	f->told++;
}

static void answer(struct fixture *f, struct sb_call *call)
{
	struct sb_response *response = sb_response_new(SKYBUS_CODE(2, 4));

	sb_call_answer(call, response, on_answered, f);
	(void)sb_response_free(response);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
