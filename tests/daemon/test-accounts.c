/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "daemon/accounts.h"
#include "daemon/message.h"

static const struct sb_account_limits limits = { .messages = 2, .bytes = 100 };

static void test_bounds_of_each(void **state)
{
	struct sb_accounts accounts;
	struct sb_error error;

	(void)state;
	sb_accounts_init(&accounts, &limits);
	assert_int_equal(sb_accounts_check(&accounts, 1000, 100, &error), 0);
	assert_int_equal(sb_accounts_check(&accounts, 1000, 101, &error), -ENOBUFS);
	assert_int_equal(error.code, SB_ERROR_QUEUE_FULL);
	assert_non_null(strstr(error.text, "the user 1000 has 0 bytes waiting"));
	assert_non_null(strstr(error.text, "stored_bytes is 100"));
	assert_int_equal(sb_accounts_add(&accounts, 1000, 1, 60), 0);
	assert_int_equal(sb_accounts_check(&accounts, 1000, 41, &error), -ENOBUFS);
	assert_int_equal(sb_accounts_check(&accounts, 1000, 40, &error), 0);
	assert_int_equal(sb_accounts_add(&accounts, 1000, 1, 0), 0);
	assert_int_equal(sb_accounts_check(&accounts, 1000, 0, &error), -ENOBUFS);
	assert_non_null(strstr(error.text, "stored_messages is 2"));
	assert_int_equal(sb_accounts_check(&accounts, 0, 100, &error), 0);
	sb_accounts_done(&accounts);
}

static void test_room_comes_back(void **state)
{
	struct sb_accounts accounts;

	(void)state;
	sb_accounts_init(&accounts, &limits);
	assert_int_equal(sb_accounts_add(&accounts, 7, 5, 500), 0);
	assert_int_equal(sb_accounts_add(&accounts, 8, 1, 1), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(sb_accounts_check(&accounts, 7, 0, NULL), -ENOBUFS);
		sb_accounts_subtract(&accounts, 7, 100);
	}
	assert_int_equal(sb_accounts_check(&accounts, 7, 0, NULL), 0);
	sb_accounts_subtract(&accounts, 7, 100);
	assert_int_equal(sb_accounts_check(&accounts, 7, 100, NULL), 0);
	sb_accounts_subtract(&accounts, 7, 100);
	sb_accounts_subtract(&accounts, 8, 1);
	assert_null(accounts.by_owner);
	sb_accounts_done(&accounts);
}

static void test_nobody_has_one_account_too(void **state)
{
	struct sb_accounts accounts;
	struct sb_error error;

	(void)state;
	sb_accounts_init(&accounts, &limits);
	assert_int_equal(sb_accounts_check(&accounts, SB_NO_OWNER, 10, &error), 0);
	assert_int_equal(sb_accounts_add(&accounts, SB_NO_OWNER, limits.messages, 10), 0);
	assert_int_equal(sb_accounts_check(&accounts, SB_NO_OWNER, 10, &error), -ENOBUFS);
	assert_non_null(strstr(error.text, "nobody"));
	sb_accounts_done(&accounts);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds_of_each),
		cmocka_unit_test(test_room_comes_back),
		cmocka_unit_test(test_nobody_has_one_account_too),
	};

	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
