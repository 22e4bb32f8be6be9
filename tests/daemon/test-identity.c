/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "daemon/identity.h"
#include "daemon/message.h"

static void test_groups(void **state)
{
	const uint32_t gids[] = { 30, 4000000000, 10, 20 };
	struct sb_identity identity = { .uid = 1 };

	(void)state;
	assert_false(sb_identity_has_gid(&identity, 0));
	assert_int_equal(sb_identity_set_gids(&identity, gids, 4), 0);
	for (size_t i = 0; i < 4; i++)
		assert_true(sb_identity_has_gid(&identity, gids[i]));
	assert_false(sb_identity_has_gid(&identity, 0));
	assert_false(sb_identity_has_gid(&identity, 15));
	assert_int_equal(sb_identity_set_gids(&identity, gids, 1), 0);
	assert_false(sb_identity_has_gid(&identity, 10));
	assert_int_equal(sb_identity_set_gids(&identity, NULL, 0), 0);
	assert_false(sb_identity_has_gid(&identity, 30));
	sb_identity_done(&identity);
}

static void test_a_copy_stands_alone(void **state)
{
	const uint32_t gids[] = { 7, 5 };
	struct sb_identity identity = { .uid = 1000, .unit = strdup("app.service") };
	struct sb_identity copy;

	(void)state;
	assert_int_equal(sb_identity_set_gids(&identity, gids, 2), 0);
	assert_int_equal(sb_identity_copy(&copy, &identity), 0);
	sb_identity_done(&identity);
	assert_int_equal(identity.uid, SB_NO_OWNER);
	assert_null(identity.unit);
	assert_int_equal(copy.uid, 1000);
	assert_string_equal(copy.unit, "app.service");
	assert_true(sb_identity_has_gid(&copy, 5) && sb_identity_has_gid(&copy, 7));
	sb_identity_done(&copy);
	assert_int_equal(sb_identity_copy(&copy, &identity), 0);
	assert_int_equal(copy.uid, SB_NO_OWNER);
	assert_int_equal(copy.n_gids, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_a_copy_stands_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
