/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "daemon/landing.h"

struct told {
	int n;
	struct sb_landed landed;
	struct sb_landing *free_this;
};

static void note(void *userdata, const struct sb_landed *landed)
{
	struct told *told = userdata;

	told->n++;
	told->landed = *landed;
	told->free_this = sb_landing_free(told->free_this);
}

static void test_nobody_holds_it(void **state)
{
	struct sb_landing *landing = sb_landing_new();

	(void)state;
	assert_non_null(landing);
	assert_false(sb_landing_await(landing, note, NULL));
	assert_int_equal(sb_landing_state(landing).held, 0);
	assert_null(sb_landing_free(landing));
	assert_null(sb_landing_free(NULL));
	sb_landing_hold(NULL);
	sb_landing_let_go(NULL, -EIO);
}

static void test_told_when_all_have_let_go(void **state)
{
	struct sb_landing *landing = sb_landing_new();
	struct told told = { .free_this = landing };

	(void)state;
	sb_landing_hold(landing);
	sb_landing_hold(landing);
	sb_landing_hold(landing);
	assert_true(sb_landing_await(landing, note, &told));
	sb_landing_let_go(landing, -ENOSPC);
	sb_landing_let_go(landing, 0);
	assert_int_equal(told.n, 0);
	sb_landing_let_go(landing, -EIO);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.landed.held, 3);
	assert_int_equal(told.landed.failed, 2);
	assert_int_equal(told.landed.error, -ENOSPC);
}

static void test_over_before_it_is_awaited(void **state)
{
	SB_CLEANUP(sb_landing_free) struct sb_landing *landing = sb_landing_new();

	(void)state;
	sb_landing_hold(landing);
	sb_landing_let_go(landing, -ENOBUFS);
	assert_false(sb_landing_await(landing, note, NULL));
	assert_int_equal(sb_landing_state(landing).failed, 1);
	assert_int_equal(sb_landing_state(landing).error, -ENOBUFS);
}

static void test_owner_goes_first(void **state)
{
	struct sb_landing *landing = sb_landing_new();
	struct told told = { 0 };

	(void)state;
	sb_landing_hold(landing);
	sb_landing_hold(landing);
	assert_true(sb_landing_await(landing, note, &told));
	assert_null(sb_landing_free(landing));
	sb_landing_let_go(landing, 0);
	sb_landing_let_go(landing, 0);
	assert_int_equal(told.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_holds_it),
		cmocka_unit_test(test_told_when_all_have_let_go),
		cmocka_unit_test(test_over_before_it_is_awaited),
		cmocka_unit_test(test_owner_goes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
