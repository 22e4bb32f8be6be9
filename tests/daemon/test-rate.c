/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/loop.h"
#include "daemon/message.h"
#include "daemon/rate.h"

#define ME 1000
#define OTHER 1001

struct fixture {
	struct sb_loop *loop;
	struct sb_rates rates;
	struct sb_error error;
	uint64_t wait_usec;
};

static int setup(void **state)
{
	static const struct sb_caller_limits limits = {
		.messages_per_second = 10,
		.bytes_per_second = 1000,
		.streams = 2,
	};
	static struct fixture fixture;

	fixture = (struct fixture){ 0 };
	*state = &fixture;
	if (sb_loop_new_virtual(&fixture.loop) < 0)
		return -1;
	sb_rates_init(&fixture.rates, fixture.loop, &limits);

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sb_rates_done(&f->rates);
	f->loop = sb_loop_free(f->loop);

	return 0;
}

/* How long to wait is in the sentence. */
static int take(struct fixture *f, uint32_t uid, uint64_t messages, uint64_t bytes)
{
	int r = sb_rates_take(&f->rates, uid, messages, bytes, &f->error);
	const char *again = r < 0 ? strstr(f->error.text, " again in ") : NULL;

	f->wait_usec = again ? strtoull(again + strlen(" again in "), NULL, 10) * 1000 : 0;

	return r;
}

static void test_a_burst_then_the_rate(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 10; i++)
		assert_int_equal(take(f, ME, 1, 0), 0);
	assert_int_equal(take(f, ME, 1, 0), -ENOBUFS);
	assert_int_equal(f->wait_usec, 100000);
	assert_int_equal(f->error.code, SB_ERROR_QUEUE_FULL);
	assert_string_equal(f->error.text,
			    "what user 1000 sends is more than messages_per_second, which is 10: "
			    "send it again in 100 ms, or raise messages_per_second in the section "
			    "callers");
	sb_loop_advance(f->loop, f->wait_usec - 1);
	assert_int_equal(take(f, ME, 1, 0), -ENOBUFS);
	sb_loop_advance(f->loop, 1);
	assert_int_equal(take(f, ME, 1, 0), 0);
	assert_int_equal(take(f, ME, 1, 0), -ENOBUFS);

	/* However long it was quiet, it has no more than a second's worth. */
	sb_loop_advance(f->loop, 3600 * SB_USEC_PER_SEC);
	assert_int_equal(take(f, ME, 11, 0), 0);
	assert_int_equal(take(f, ME, 1, 0), -ENOBUFS);
	assert_int_equal(f->wait_usec, 200000);
}

static void test_bytes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(take(f, ME, 1, 990), 0);
	assert_int_equal(take(f, ME, 1, 11), -ENOBUFS);
	assert_int_equal(f->wait_usec, 1000);
	assert_non_null(strstr(f->error.text, "bytes_per_second, which is 1000"));
	assert_int_equal(take(f, ME, 1, 10), 0);
	assert_int_equal(sb_rates_take(&f->rates, ME, 1, 1, NULL), -ENOBUFS);
}

/* It would never go otherwise. What follows waits until the bucket has made up for it. */
static void test_larger_than_the_bucket(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(take(f, ME, 1, 1), 0);
	assert_int_equal(take(f, ME, 1, 5000), -ENOBUFS);
	assert_int_equal(f->wait_usec, 1000);
	sb_loop_advance(f->loop, 1000);
	assert_int_equal(take(f, ME, 1, 5000), 0);
	assert_int_equal(take(f, ME, 1, 1000), -ENOBUFS);
	assert_int_equal(f->wait_usec, 5 * SB_USEC_PER_SEC);
	assert_int_equal(take(f, ME, UINT64_MAX, UINT64_MAX), -ENOBUFS);
}

/* What is refused does not count, so that who asks too often is not refused for ever. */
static void test_refused_counts_in_no_bucket(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(take(f, ME, 1, 1000), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(take(f, ME, 1, 1), -ENOBUFS);
	sb_loop_advance(f->loop, 1000);
	for (int i = 0; i < 9; i++)
		assert_int_equal(take(f, ME, 1, 0), 0);
}

static void test_who_can_wait_is_not_refused(void **state)
{
	struct fixture *f = *state;
	uint64_t wait_usec;

	assert_int_equal(sb_rates_charge(&f->rates, ME, 10, 0, &wait_usec, NULL), 0);
	assert_int_equal(wait_usec, 0);
	assert_int_equal(sb_rates_charge(&f->rates, ME, 1, 0, &wait_usec, NULL), 0);
	assert_int_equal(wait_usec, 100000);
	assert_int_equal(sb_rates_charge(&f->rates, ME, 1, 1500, &wait_usec, NULL), 0);
	assert_int_equal(wait_usec, 500000);
	assert_int_equal(take(f, ME, 1, 0), -ENOBUFS);
	sb_loop_advance(f->loop, 600000);
	assert_int_equal(take(f, ME, 1, 0), 0);
}

static void test_each_user_has_its_own(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(take(f, ME, 10, 1000), 0);
	assert_int_equal(take(f, OTHER, 10, 1000), 0);
	assert_int_equal(take(f, SB_NO_OWNER, 10, 1000), 0);
	assert_int_equal(take(f, SB_NO_OWNER, 1, 0), -ENOBUFS);
	assert_non_null(strstr(f->error.text, "what is nobody's is more than"));
}

static void test_other_limits(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(take(f, ME, 10, 0), 0);
	f->rates.limits.messages_per_second = 1000;
	assert_int_equal(take(f, ME, 1, 0), -ENOBUFS);
	assert_int_equal(f->wait_usec, 1000);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	assert_int_equal(take(f, ME, 1000, 0), 0);
}

static void test_memory_is_bounded(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sb_rates_open_stream(&f->rates, 0, NULL), 0);
	for (uint32_t uid = 1; uid < SB_RATES_MAX; uid++)
		assert_int_equal(take(f, uid, 1, 0), 0);
	assert_int_equal(take(f, SB_RATES_MAX, 1, 0), -ENOBUFS);
	assert_non_null(strstr(f->error.text, "4096 users publish at the same time"));
	assert_int_equal(take(f, 1, 1, 0), 0);
	sb_loop_advance(f->loop, 100000);
	for (uint32_t uid = SB_RATES_MAX; uid < 2 * SB_RATES_MAX - 2; uid++)
		assert_int_equal(take(f, uid, 1, 0), 0);
	assert_int_equal(f->rates.n, SB_RATES_MAX);
	/* Neither of these was forgotten: the first is not full, the other has a stream. */
	assert_int_equal(take(f, 1, 10, 0), -ENOBUFS);
	assert_int_equal(sb_rates_open_stream(&f->rates, 0, NULL), 0);
	assert_int_equal(sb_rates_open_stream(&f->rates, 0, NULL), -ENOBUFS);
}

static void test_streams(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(sb_rates_open_stream(&f->rates, ME, &f->error), 0);
	assert_int_equal(sb_rates_open_stream(&f->rates, ME, &f->error), 0);
	assert_int_equal(sb_rates_open_stream(&f->rates, ME, &f->error), -ENOBUFS);
	assert_non_null(strstr(f->error.text, "streams in the section callers is 2"));
	assert_int_equal(sb_rates_open_stream(&f->rates, OTHER, &f->error), 0);
	sb_rates_close_stream(&f->rates, ME);
	assert_int_equal(sb_rates_open_stream(&f->rates, ME, &f->error), 0);
	sb_rates_close_stream(&f->rates, 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_burst_then_the_rate),	TEST(test_bytes),
		TEST(test_larger_than_the_bucket),	TEST(test_refused_counts_in_no_bucket),
		TEST(test_who_can_wait_is_not_refused), TEST(test_who_can_wait_is_not_refused),
		TEST(test_each_user_has_its_own),	TEST(test_other_limits),
		TEST(test_memory_is_bounded),		TEST(test_streams),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
