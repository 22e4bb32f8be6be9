/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/backoff.h"

static uint64_t nth_delay(unsigned int failures, uint32_t random)
{
	struct sb_backoff backoff = { .failures = failures };

	return sb_backoff_next(&backoff, random);
}

static void the_bound_doubles_from_two_seconds(void **state)
{
	struct sb_backoff backoff = { 0 };

	(void)state;
	assert_int_equal(sb_backoff_next(&backoff, UINT32_MAX), 2000000);
	assert_int_equal(sb_backoff_next(&backoff, UINT32_MAX), 4000000);
	assert_int_equal(sb_backoff_next(&backoff, UINT32_MAX), 8000000);
	assert_int_equal(sb_backoff_next(&backoff, UINT32_MAX), 16000000);
}

static void it_ends_at_fifteen_minutes(void **state)
{
	(void)state;
	assert_int_equal(nth_delay(8, UINT32_MAX), 512 * UINT64_C(1000000));
	assert_int_equal(nth_delay(9, UINT32_MAX), SB_BACKOFF_MAX_USEC);
	assert_int_equal(nth_delay(64, UINT32_MAX), SB_BACKOFF_MAX_USEC);
	assert_int_equal(nth_delay(UINT32_MAX, UINT32_MAX), SB_BACKOFF_MAX_USEC);
}

/* Boxes that fail together do not come back together. */
static void chance_counts_from_the_first_failure_on(void **state)
{
	(void)state;
	assert_int_equal(nth_delay(0, 0), 1000000);
	assert_in_range(nth_delay(0, UINT32_MAX / 4), 1249000, 1251000);
	assert_in_range(nth_delay(0, UINT32_MAX / 2), 1499000, 1501000);
}

static void chance_draws_between_one_second_and_the_bound(void **state)
{
	(void)state;
	assert_int_equal(nth_delay(10, 0), SB_BACKOFF_MIN_USEC);
	assert_in_range(nth_delay(10, UINT32_MAX / 2), SB_BACKOFF_MAX_USEC / 2 - 1000000,
			SB_BACKOFF_MAX_USEC / 2 + 1000000);
	for (uint32_t random = 0; random < UINT32_MAX - 65537; random += 65537)
		assert_in_range(nth_delay(5, random), SB_BACKOFF_MIN_USEC, 64 * UINT64_C(1000000));
}

static void reset_begins_anew(void **state)
{
	struct sb_backoff backoff = { .failures = 12 };

	(void)state;
	sb_backoff_reset(&backoff);
	assert_int_equal(sb_backoff_next(&backoff, UINT32_MAX), 2 * SB_BACKOFF_MIN_USEC);
}

/* ---- hurry ---- */

static void hurry_is_free_and_then_has_a_distance_that_doubles(void **state)
{
	uint64_t distance = SB_HURRY_MIN_USEC;
	struct sb_hurry hurry = { 0 };
	uint64_t now = 5000;

	(void)state;
	assert_int_equal(sb_hurry_at(&hurry, now), now);
	for (unsigned int i = 0; i < 20; i++) {
		sb_hurry_take(&hurry, now);
		assert_int_equal(sb_hurry_at(&hurry, now), now + distance);
		assert_int_equal(sb_hurry_at(&hurry, now + distance - 1), now + distance);
		assert_int_equal(sb_hurry_at(&hurry, now + distance), now + distance);
		assert_int_equal(sb_hurry_at(&hurry, now + distance + 7), now + distance + 7);
		now += distance;
		distance = 2 * distance < SB_HURRY_MAX_USEC ? 2 * distance : SB_HURRY_MAX_USEC;
	}
}

static void its_distance_is_forgotten(void **state)
{
	struct sb_hurry hurry = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		sb_hurry_take(&hurry, 1000);
	sb_hurry_reset(&hurry);
	assert_int_equal(sb_hurry_at(&hurry, 1000), 1000);
	sb_hurry_take(&hurry, 1000);
	assert_int_equal(sb_hurry_at(&hurry, 1000), 1000 + SB_HURRY_MIN_USEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bound_doubles_from_two_seconds),
		cmocka_unit_test(it_ends_at_fifteen_minutes),
		cmocka_unit_test(chance_counts_from_the_first_failure_on),
		cmocka_unit_test(chance_draws_between_one_second_and_the_bound),
		cmocka_unit_test(reset_begins_anew),
		cmocka_unit_test(hurry_is_free_and_then_has_a_distance_that_doubles),
		cmocka_unit_test(its_distance_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
