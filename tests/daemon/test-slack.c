/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdlib.h>

#include "daemon/gateway.h"
#include "daemon/slack.h"
#include "tests/daemon/link-fixture.h"

#define SETTLED SB_USEC_PER_SEC

struct fixture {
	struct link_fixture *parts;
	struct sb_gateway *gateway;
	struct sb_config config;
	struct sb_slack slack;
};

static unsigned int given_back;

/* In place of the C library's. */
int malloc_trim(size_t pad)
{
	(void)pad;
	given_back++;

	return 1;
}

/* With two links, a and b, that hang in their logins. */
static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	(void)link_fixture_setup((void **)&f.parts);
	assert_int_equal(sb_gateway_new(&f.parts->parts, NULL, &f.gateway), 0);
	script.login = SCRIPT_HANGS;
	f.config.links = calloc(2, sizeof(*f.config.links));
	assert_non_null(f.config.links);
	f.config.links[0] = link_config("a", NULL);
	f.config.links[1] = link_config("b", NULL);
	f.config.n_links = 2;
	sb_slack_init(&f.slack, f.gateway);
	assert_int_equal(sb_gateway_apply(f.gateway, &f.config), 0);
	sb_loop_advance(f.parts->parts.loop, 2 * SETTLED);
	given_back = 0;
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sb_slack_done(&f->slack);
	(void)sb_gateway_free(f->gateway);
	free(f->config.links);

	return link_fixture_teardown((void **)&f->parts);
}

static void disconnect(struct fixture *f, const char *name)
{
	struct sb_error error;

	assert_int_equal(sb_link_disconnect(sb_gateway_find(f->gateway, name), &error), 0);
}

static void changes_of_a_moment_are_followed_by_one_giving_back(void **state)
{
	struct fixture *f = *state;

	disconnect(f, "a");
	sb_loop_advance(f->parts->parts.loop, SETTLED / 2);
	disconnect(f, "b");
	assert_int_equal(given_back, 0);
	sb_loop_advance(f->parts->parts.loop, SETTLED / 2);
	assert_int_equal(given_back, 1);
	sb_loop_advance(f->parts->parts.loop, 10 * SETTLED);
	assert_int_equal(given_back, 1);
}

static void it_goes_on_with_later_changes(void **state)
{
	struct fixture *f = *state;

	disconnect(f, "a");
	sb_loop_advance(f->parts->parts.loop, SETTLED);
	disconnect(f, "b");
	sb_loop_advance(f->parts->parts.loop, SETTLED);
	assert_int_equal(given_back, 2);
}

static void what_is_done_gives_nothing_back(void **state)
{
	struct fixture *f = *state;

	disconnect(f, "a");
	sb_slack_done(&f->slack);
	disconnect(f, "b");
	sb_loop_advance(f->parts->parts.loop, 2 * SETTLED);
	assert_int_equal(given_back, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(changes_of_a_moment_are_followed_by_one_giving_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(it_goes_on_with_later_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_done_gives_nothing_back, setup, teardown),
	};

	return cmocka_run_group_tests_name("slack", tests, NULL, NULL);
}
