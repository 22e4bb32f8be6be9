/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logins that somebody asks for; the others are in test-link.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/pace.h"
#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

static int reauthenticate(struct link_fixture *f)
{
	int r = sb_link_reauthenticate(f->link, &f->error);

	link_pass(f, SB_PACE_USEC);

	return r;
}

static void expect_refusal(struct link_fixture *f, int error, const char *part)
{
	unsigned int logins = script.logins;

	assert_int_equal(reauthenticate(f), error);
	if (!strstr(f->error.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, f->error.text);
	assert_int_equal(script.logins, logins);
}

static void it_logs_in_again(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_REUSES;
	link_bring_up(f);
	for (unsigned int i = 2; i < 6; i++) {
		/* So often in a row the cloud may not ask for it, but a person may. */
		assert_int_equal(reauthenticate(f), 0);
		assert_int_equal(script.logins, i);
		link_answer(f, "/login", OK);
		link_expect_state(f, SB_LINK_ONLINE);
	}
	link_publish(f, "m1");
	link_answer(f, "m1", OK);
	assert_string_equal(f->settled, "1:delivered:2.04: ");
}

static void what_is_in_flight_is_answered_first(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_REUSES;
	link_bring_up(f);
	link_publish(f, "m1");
	link_expect_sent("m1 ");
	assert_int_equal(reauthenticate(f), 0);
	link_publish(f, "m2");
	link_expect_sent("");
	assert_int_equal(script.logins, 1);
	link_answer(f, "m1", OK);
	link_pass(f, SB_PACE_USEC);
	assert_int_equal(script.logins, 2);
	link_answer(f, "/login", OK);
	link_answer(f, "m2", OK);
	assert_string_equal(f->settled, "1:delivered:2.04: 2:delivered:2.04: ");
}

static void a_back_off_is_over(void **state)
{
	struct link_fixture *f = *state;

	script.login = SCRIPT_FAILS;
	script.fail_wait_s = 300;
	sb_link_start(f->link);
	link_run(f);
	link_expect_state(f, SB_LINK_BACKOFF);
	script.login = SCRIPT_HANGS;
	assert_int_equal(reauthenticate(f), 0);
	assert_int_equal(script.logins, 2);
	/* It is on its way. */
	assert_int_equal(reauthenticate(f), 0);
	assert_int_equal(script.logins, 2);
}

static void one_that_is_down_says_what_to_do(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	expect_refusal(f, -ENOTCONN, "the link plant is disabled");
	assert_non_null(strstr(f->error.text, "call Connect"));

	script.login = SCRIPT_FAILS;
	script.fail_kind = SKYBUS_CONFIGURATION;
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_pass(f, SB_PACE_USEC);
	link_expect_state(f, SB_LINK_FAILED);
	expect_refusal(f, -ENOTCONN, "the cloud says no");
	assert_int_equal(f->error.code, SB_ERROR_NOT_ONLINE);
}

static void one_that_is_wrong_says_what_is(void **state)
{
	struct link_fixture *f = *state;

	link_unmake(f);
	script.attach_error = -EINVAL;
	script.attach_reason = "no such product";
	link_make(f, NULL);
	sb_link_start(f->link);
	expect_refusal(f, -EOPNOTSUPP, "no such product");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_logs_in_again),
		TEST(what_is_in_flight_is_answered_first),
		TEST(a_back_off_is_over),
		TEST(one_that_is_down_says_what_to_do),
		TEST(one_that_is_wrong_says_what_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
