/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/gateway.h"
#include "tests/daemon/link-fixture.h"

/* Links "a", "b" and "c", at rest. The script speaks for the last of them, which can come online. */
struct fixture {
	struct link_fixture *parts;
	struct sb_gateway *gateway;
	struct sb_config config;
	char tickets[64];
	char heard[256]; /* by apps of this box */
	struct sb_error error;
};

static const char *forbidden; /* the link that nobody may publish to; NULL for none */

static void make_links(struct fixture *f)
{
	static const char *const at_rest[] = { "enabled", "no", "queue_messages", "3", NULL };
	static const char *const names[] = { "a", "b", "c" };

	assert_int_equal(sb_gateway_new(&f->parts->parts, NULL, &f->gateway), 0);
	f->config.links = calloc(3, sizeof(*f->config.links));
	assert_non_null(f->config.links);
	for (size_t i = 0; i < 3; i++)
		f->config.links[i] = link_config(names[i], at_rest);
	f->config.n_links = 3;
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	free(f->config.links);
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	forbidden = NULL;
	(void)link_fixture_setup((void **)&f.parts);
	script.login = SCRIPT_OPENS;
	make_links(&f);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)sb_gateway_free(f->gateway);
	(void)link_fixture_teardown((void **)&f->parts);

	return 0;
}

/* One route for "app/#": @links by their names, "-" before one whose settings are wrong. */
static void set_route(struct fixture *f, bool first_online, const char *const *links)
{
	struct sb_routes *routes = calloc(1, sizeof(*routes));
	struct sb_route *route = NULL;

	assert_non_null(routes);
	assert_int_equal(sb_routes_add(routes, "app/#", first_online, &route), 0);
	for (; *links; links++) {
		bool wrong = **links == '-';
		char pattern[16];

		(void)snprintf(pattern, sizeof(pattern), "at-%s/\1", *links);
		assert_int_equal(sb_route_add_target(route, *links + wrong, wrong ? NULL : pattern),
				 0);
	}
	sb_gateway_set_routes(f->gateway, routes);
	link_run(f->parts);
}

#define ROUTE(f, first_online, ...) \
	set_route((f), (first_online), (const char *const[]){ __VA_ARGS__, NULL })

static int permit(void *userdata, const char *link, const char *topic, struct sb_error *ret_error)
{
	(void)userdata;
	assert_memory_equal(topic, "at-", 3);
	if (!forbidden || strcmp(link, forbidden) != 0)
		return 0;

	return sb_error_set(ret_error, SB_ERROR_NOT_PERMITTED, "not to %s", link);
}

static const struct sb_route_guard guard = { .permit = permit };

static void note_tickets(void *userdata, const uint64_t *tickets, size_t n,
			 const struct sb_error *error)
{
	struct fixture *f = userdata;

	if (error)
		f->error = *error;
	for (size_t i = 0; i < n; i++)
		(void)snprintf(f->tickets + strlen(f->tickets), 16, "%u ",
			       (unsigned int)tickets[i]);
}

static int publish(struct fixture *f, const char *topic, const char *payload)
{
	struct sb_message *message = sb_message_new(topic, payload, strlen(payload), ":1.7");
	int r;

	assert_non_null(message);
	f->tickets[0] = '\0';
	f->error.text[0] = '\0';
	r = sb_gateway_publish(f->gateway, message, &guard, note_tickets, f, &f->error);
	if (r < 0)
		(void)sb_message_free(message);
	assert_string_equal(f->tickets, "");
	link_run(f->parts);

	return r;
}

static uint64_t queued(const struct fixture *f, const char *name)
{
	struct sb_link_status status;

	sb_link_status(sb_gateway_find(f->gateway, name), &status);

	return status.queue.queued;
}

static void expect_queued(const struct fixture *f, uint64_t a, uint64_t b, uint64_t c)
{
	assert_int_equal(queued(f, "a"), a);
	assert_int_equal(queued(f, "b"), b);
	assert_int_equal(queued(f, "c"), c);
}

static void bring_up(struct fixture *f, const char *name)
{
	struct sb_link *link = sb_gateway_find(f->gateway, name);

	assert_int_equal(sb_link_connect(link, &f->error), 0);
	link_pass(f->parts, SB_PACE_USEC);
	fake_connecting();
	fake_open();
	link_answer(f->parts, "/login", SKYBUS_CODE(2, 4));
	assert_true(sb_link_up(link));
	link_run(f->parts);
}

/* ---- publishing ---- */

static void without_a_route_there_is_an_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(publish(f, "app/x", "m"), -EHOSTUNREACH);
	ROUTE(f, false, "a");
	assert_int_equal(publish(f, "other", "m"), -EHOSTUNREACH);
	assert_int_equal(f->error.code, SB_ERROR_NO_ROUTE);
	assert_non_null(strstr(f->error.text, "\"other\""));
	assert_int_equal(publish(f, "app/#", "m"), -EINVAL);
	assert_int_equal(publish(f, "", "m"), -EINVAL);
	expect_queued(f, 0, 0, 0);
}

static void all_links_of_a_route_get_it(void **state)
{
	struct fixture *f = *state;

	ROUTE(f, false, "c", "a");
	assert_int_equal(publish(f, "app/x", "m"), 0);
	assert_string_equal(f->tickets, "1 2 ");
	expect_queued(f, 1, 0, 1);
	ROUTE(f, false, "b");
	assert_int_equal(publish(f, "app/x", "m"), 0);
	assert_string_equal(f->tickets, "3 ");
	expect_queued(f, 1, 1, 1);
}

static void all_of_them_or_none(void **state)
{
	struct fixture *f = *state;

	ROUTE(f, false, "b");
	for (int i = 0; i < 3; i++)
		assert_int_equal(publish(f, "app/x", "m"), 0);
	ROUTE(f, false, "a", "b", "c");
	assert_int_equal(publish(f, "app/x", "m"), -ENOBUFS);
	assert_non_null(strstr(f->error.text, "the link b is full"));
	expect_queued(f, 0, 3, 0);
	ROUTE(f, false, "a", "-b");
	assert_int_equal(publish(f, "app/x", "m"), -EOPNOTSUPP);
	ROUTE(f, false, "a", "gone");
	assert_int_equal(publish(f, "app/x", "m"), -ENODEV);
	assert_non_null(strstr(f->error.text, "gone"));
	ROUTE(f, false, "a", "c");
	script.accept_error = -EMSGSIZE;
	script.accept_reason = "too much";
	assert_int_equal(publish(f, "app/x", "m"), -EMSGSIZE);
	expect_queued(f, 0, 3, 0);
}

static void the_first_gets_it_while_none_is_online(void **state)
{
	struct fixture *f = *state;

	ROUTE(f, true, "b", "a");
	assert_int_equal(publish(f, "app/x", "m"), 0);
	assert_string_equal(f->tickets, "1 ");
	expect_queued(f, 0, 1, 0);
}

static void the_one_that_is_online_gets_it(void **state)
{
	struct fixture *f = *state;

	bring_up(f, "c");
	ROUTE(f, true, "b", "c", "a");
	assert_int_equal(publish(f, "app/x", "m"), 0);
	expect_queued(f, 0, 0, 1);
	assert_string_equal(link_find_request("m")->path, "/at-c/app/x");
	link_answer(f->parts, "m", SKYBUS_CODE(2, 4));
	expect_queued(f, 0, 0, 0);
}

/* A login that follows another one takes a moment, which is no reason to send things elsewhere. */
static void one_that_logs_in_again_counts_as_online(void **state)
{
	struct fixture *f = *state;
	struct sb_link *link = sb_gateway_find(f->gateway, "c");
	struct sb_link_status status;

	ROUTE(f, true, "b", "c");
	bring_up(f, "c");
	assert_int_equal(publish(f, "app/x", "m1"), 0);
	link_answer(f->parts, "m1", SKYBUS_CODE(4, 1));
	link_pass(f->parts, SB_PACE_USEC);
	sb_link_status(link, &status);
	assert_int_not_equal(status.state, SB_LINK_ONLINE);
	assert_int_equal(publish(f, "app/x", "m2"), 0);
	expect_queued(f, 0, 0, 2);
	/* But when that fails, it is down. */
	fake_break(-ECONNREFUSED, "nobody is there");
	link_run(f->parts);
	assert_false(sb_link_up(link));
	assert_int_equal(publish(f, "app/x", "m3"), 0);
	expect_queued(f, 0, 1, 2);
}

/* ---- what waits ---- */

static void what_waits_goes_to_a_link_that_comes_online(void **state)
{
	struct fixture *f = *state;

	ROUTE(f, true, "b", "c");
	assert_int_equal(publish(f, "app/x", "m1"), 0);
	assert_int_equal(publish(f, "app/x", "m2"), 0);
	bring_up(f, "c");
	expect_queued(f, 0, 0, 2);
	assert_string_equal(link_find_request("m1")->path, "/at-c/app/x");
	link_answer_all(f->parts, SKYBUS_CODE(2, 4));
	expect_queued(f, 0, 0, 0);
}

static void what_waits_at_a_link_that_is_online_stays(void **state)
{
	struct fixture *f = *state;

	ROUTE(f, true, "b", "c");
	bring_up(f, "c");
	for (int i = 0; i < 3; i++)
		assert_int_equal(publish(f, "app/x", "m"), 0);
	expect_queued(f, 0, 0, 3);
	ROUTE(f, true, "a", "c");
	expect_queued(f, 0, 0, 3);
	/* No other one is online. */
	assert_int_equal(sb_link_disconnect(sb_gateway_find(f->gateway, "c"), &f->error), 0);
	link_run(f->parts);
	expect_queued(f, 0, 0, 3);
}

static void new_routes_are_for_what_waits_too(void **state)
{
	struct fixture *f = *state;

	ROUTE(f, true, "b");
	assert_int_equal(publish(f, "app/x", "m"), 0);
	sb_gateway_set_routes(f->gateway, NULL);
	link_run(f->parts);
	expect_queued(f, 0, 1, 0);
	ROUTE(f, false, "a");
	expect_queued(f, 0, 1, 0);
	ROUTE(f, true, "a", "b");
	expect_queued(f, 0, 1, 0);
	ROUTE(f, true, "a", "c");
	expect_queued(f, 1, 0, 0);
}

static void what_the_other_one_does_not_take_stays(void **state)
{
	struct fixture *f = *state;

	ROUTE(f, true, "b");
	assert_int_equal(publish(f, "app/x", "m"), 0);
	script.accept_error = -EINVAL;
	script.accept_reason = "no";
	ROUTE(f, true, "a");
	expect_queued(f, 0, 1, 0);
	script.accept_error = 0;
	ROUTE(f, true, "-a");
	expect_queued(f, 0, 1, 0);
	ROUTE(f, true, "gone");
	expect_queued(f, 0, 1, 0);
	ROUTE(f, true, "a");
	expect_queued(f, 1, 0, 0);
}

static void after_a_restart_it_goes_on(void **state)
{
	struct fixture *f = *state;

	ROUTE(f, true, "b");
	assert_int_equal(publish(f, "app/x", "m"), 0);
	f->gateway = sb_gateway_free(f->gateway);
	link_fixture_reopen(f->parts);
	make_links(f);
	ROUTE(f, true, "b", "c");
	expect_queued(f, 0, 1, 0);
	bring_up(f, "c");
	expect_queued(f, 0, 0, 1);
	assert_string_equal(link_find_request("m")->path, "/at-c/app/x");
}

static void ignore_ticket(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	assert_true(ticket > 0);
	assert_null(error);
}

static void what_was_published_to_a_link_stays_there(void **state)
{
	struct sb_message *message = sb_message_new("app/x", "m", 1, NULL);
	struct fixture *f = *state;

	ROUTE(f, true, "b", "c");
	assert_int_equal(sb_link_publish(sb_gateway_find(f->gateway, "b"), message, ignore_ticket,
					 NULL, NULL),
			 0);
	sb_store_drain(f->parts->parts.store);
	bring_up(f, "c");
	expect_queued(f, 0, 1, 0);
}

/* Also where only one link gets it: it may go to any of them later. */
static void every_link_of_the_route_must_be_permitted(void **state)
{
	struct fixture *f = *state;

	ROUTE(f, false, "a", "b");
	forbidden = "b";
	assert_int_equal(publish(f, "app/x", "1"), -EPERM);
	assert_string_equal(f->error.text, "not to b");
	ROUTE(f, true, "a", "b");
	assert_int_equal(publish(f, "app/x", "1"), -EPERM);
	expect_queued(f, 0, 0, 0);
	/* What can never go there needs no permission. */
	ROUTE(f, true, "a", "-b");
	assert_int_equal(publish(f, "app/x", "1"), 0);
	expect_queued(f, 1, 0, 0);
}

static void on_local(void *userdata, struct sb_subscription *subscription,
		     const struct sb_delivery *delivery)
{
	struct fixture *f = userdata;
	size_t used = strlen(f->heard);

	(void)subscription;
	assert_string_equal(f->tickets, "");
	(void)snprintf(f->heard + used, sizeof(f->heard) - used, "%s:%s:%.*s ", delivery->link,
		       delivery->topic, (int)delivery->payload_len,
		       (const char *)delivery->payload);
}

static void apps_of_this_box_hear_of_it_at_each_link(void **state)
{
	struct fixture *f = *state;
	struct sb_subscription *subscriptions[2];
	const struct sb_interest interests[2] = {
		{ .link = "a", .filter = "#", .origins = SB_FROM_LOCAL },
		{ .link = "c", .filter = "#", .origins = SB_FROM_LOCAL },
	};

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(sb_hub_subscribe(f->parts->parts.hub, &interests[i], on_local, f,
						  &subscriptions[i], NULL),
				 0);
	ROUTE(f, false, "a", "b", "c");
	assert_int_equal(publish(f, "app/x", "1"), 0);
	assert_string_equal(f->heard, "a:at-a/app/x:1 c:at-c/app/x:1 ");
	assert_string_equal(f->tickets, "1 2 3 ");
	/* Of what is refused nobody hears. */
	assert_int_equal(publish(f, "app/x", "2"), 0);
	assert_int_equal(publish(f, "app/x", "3"), 0);
	f->heard[0] = '\0';
	assert_int_equal(publish(f, "app/x", "4"), -ENOBUFS);
	assert_string_equal(f->heard, "");
	for (size_t i = 0; i < 2; i++)
		(void)sb_subscription_free(subscriptions[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(without_a_route_there_is_an_error),
		TEST(all_links_of_a_route_get_it),
		TEST(all_of_them_or_none),
		TEST(the_first_gets_it_while_none_is_online),
		TEST(the_one_that_is_online_gets_it),
		TEST(one_that_logs_in_again_counts_as_online),
		TEST(what_waits_goes_to_a_link_that_comes_online),
		TEST(what_waits_at_a_link_that_is_online_stays),
		TEST(new_routes_are_for_what_waits_too),
		TEST(what_the_other_one_does_not_take_stays),
		TEST(after_a_restart_it_goes_on),
		TEST(what_was_published_to_a_link_stays_there),
		TEST(every_link_of_the_route_must_be_permitted),
		TEST(apps_of_this_box_hear_of_it_at_each_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
