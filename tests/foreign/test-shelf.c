/* SPDX-License-Identifier: Apache-2.0 */
/* What the network does not show at a moment of ours: when it is observed anew, and what is no news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/plugins/scripted-fixture.h"

static int setup(void **state)
{
	(void)attach(state, SETTINGS({ .key = "host", .value = "shelf.example" },
				     { .key = "renew", .value = "20s" }));

	return 0;
}

/* The only thing that is observed brings a state, and may bring more. */
static void notify(struct skybus_link *link, const char *payload, uint32_t max_age)
{
	struct skybus_reply reply = scripted_reply(CONTENT, payload, (uint32_t)strlen(payload));

	assert_int_equal(link->n_observed, 1);
	reply.observed = 1;
	reply.max_age = max_age;
	scripted_notify(TAILQ_FIRST(&link->observed), &reply);
}

static void come_up(struct skybus_link *link)
{
	scripted_login(link);
	scripted_opened(link, 0, "");
	assert_string_equal(TAILQ_FIRST(&link->observed)->segments, "/command");
	notify(link, "first", UINT32_MAX);
	assert_int_equal(link->n_online, 1);
}

static void a_state_is_a_command_once(void **state)
{
	struct skybus_link *link = *state;

	come_up(link);
	assert_int_equal(link->n_commands, 1);
	notify(link, "first", UINT32_MAX);
	assert_int_equal(link->n_commands, 1);
	notify(link, "second", UINT32_MAX);
	assert_int_equal(link->n_commands, 2);
	expect_text(link->command.payload, link->command.payload_len, "second");
}

static void it_is_observed_anew_in_time(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *before;

	come_up(link);
	before = TAILQ_FIRST(&link->observed);
	scripted_pass(link, 19999);
	assert_ptr_equal(TAILQ_FIRST(&link->observed), before);
	scripted_pass(link, 1);
	assert_int_equal(link->n_observed, 1);
	notify(link, "second", 5);
	scripted_pass(link, 4999);
	notify(link, "third", 5);
	assert_int_equal(link->last_observed, 2);
	scripted_pass(link, 5000);
	assert_int_equal(link->last_observed, 3);
	assert_int_equal(link->n_timers, 0);
}

static void what_is_not_there_may_come(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_reply reply = scripted_reply(SKYBUS_CODE(4, 4), NULL, 0);

	come_up(link);
	scripted_notify(TAILQ_FIRST(&link->observed), &reply);
	assert_int_equal(link->n_observed, 0);
	scripted_pass(link, 1000);
	notify(link, "there", UINT32_MAX);
	assert_int_equal(link->n_commands, 2);
}

static void silence_fails_a_login(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_reply reply = scripted_reply(0, NULL, 0);

	scripted_login(link);
	scripted_opened(link, 0, "");
	reply.outcome = SKYBUS_TIMEOUT;
	scripted_notify(TAILQ_FIRST(&link->observed), &reply);
	assert_int_equal(link->n_failed, 1);
	assert_false(link->failure.has_reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(a_state_is_a_command_once),
		LINK_TEST(it_is_observed_anew_in_time),
		LINK_TEST(what_is_not_there_may_come),
		LINK_TEST(silence_fails_a_login),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
