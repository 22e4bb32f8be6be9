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

#define OK SKYBUS_CODE(2, 4)

struct fixture {
	struct link_fixture *parts;
	struct sb_gateway *gateway;
	struct sb_config config;
	struct sb_problems problems;
	struct sb_gateway_plan *plan;
	char told[256]; /* "+a -b =c ": has come, is gone, was replaced */
	char requested[64];
	struct sb_gateway_listener listener;
};

static void on_added(void *userdata, struct sb_link *link)
{
	struct fixture *f = userdata;

	strcat(strcat(strcat(f->told, "+"), sb_link_name(link)), " ");
}

static void on_removed(void *userdata, struct sb_link *link)
{
	struct fixture *f = userdata;

	strcat(strcat(strcat(f->told, "-"), sb_link_name(link)), " ");
}

/* Both can be looked at. */
static void on_replaced(void *userdata, struct sb_link *old, struct sb_link *link)
{
	struct fixture *f = userdata;
	struct sb_link_status status;

	assert_string_equal(sb_link_name(old), sb_link_name(link));
	sb_link_status(link, &status);
	assert_string_equal(status.plugin, "script");
	strcat(strcat(strcat(f->told, "="), sb_link_name(link)), " ");
}

static const struct sb_gateway_listener listens = {
	.link_added = on_added,
	.link_removed = on_removed,
	.link_replaced = on_replaced,
};

static void configure(struct fixture *f, const char *names, const char *const *settings)
{
	for (size_t i = 0; i < f->config.n_links; i++)
		(void)sb_link_config_free(f->config.links[i]);
	f->config.n_links = 0;
	for (const char *c = names; *c; c++) {
		const char name[] = { *c, '\0' };

		f->config.links[f->config.n_links++] = link_config(name, settings);
	}
}

static int setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	(void)link_fixture_setup((void **)&f.parts);
	f.config.links = calloc(8, sizeof(*f.config.links));
	assert_non_null(f.config.links);
	assert_int_equal(sb_gateway_new(&f.parts->parts, NULL, &f.gateway), 0);
	f.listener = listens;
	f.listener.userdata = &f;
	sb_gateway_listen(f.gateway, &f.listener);
	*state = &f;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	configure(f, "", NULL);
	free(f->config.links);
	f->plan = sb_gateway_plan_free(f->plan);
	sb_problems_done(&f->problems);
	(void)sb_gateway_free(f->gateway);
	(void)link_fixture_teardown((void **)&f->parts);

	return 0;
}

static void begin(struct fixture *f, const char *names, const char *const *settings)
{
	configure(f, names, settings);
	assert_int_equal(sb_gateway_apply(f->gateway, &f->config), 0);
	f->told[0] = '\0';
}

/* One letter a link. */
static void change_to(struct fixture *f, const char *names, const char *const *settings)
{
	configure(f, names, settings);
	assert_int_equal(sb_gateway_plan(f->gateway, &f->config, &f->problems, &f->plan), 0);
	assert_int_equal(f->problems.n_errors, 0);
	sb_gateway_carry_out(f->gateway, f->plan);
	f->plan = NULL;
}

static void expect_links(struct fixture *f, const char *names)
{
	assert_int_equal(sb_gateway_n_links(f->gateway), strlen(names));
	for (size_t i = 0; names[i]; i++)
		assert_int_equal(sb_link_name(sb_gateway_link(f->gateway, i))[0], names[i]);
}

/* The link that came last is the one that the script speaks for. */
static struct sb_link *come_up(struct fixture *f, const char *name)
{
	f->parts->link = sb_gateway_find(f->gateway, name);
	link_come_up(f->parts);
	f->parts->link = NULL;
	fake_network.sent[0] = '\0';

	return sb_gateway_find(f->gateway, name);
}

static void on_published(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	(void)ticket;
	assert_null(error);
}

static void publish(struct fixture *f, struct sb_link *link, const char *payload)
{
	assert_int_equal(sb_link_publish(link, sb_message_new("t", payload, strlen(payload), NULL),
					 on_published, NULL, NULL),
			 0);
	link_run(f->parts);
}

static void on_requested(void *userdata, const struct skybus_reply *reply,
			 const struct sb_error *error)
{
	struct fixture *f = userdata;

	assert_null(reply);
	strcat(f->requested, sb_error_name(error->code));
}

/* ---- */

static void links_that_are_the_same_go_on(void **state)
{
	struct fixture *f = *state;
	struct sb_link *a;

	begin(f, "ab", NULL);
	a = sb_gateway_find(f->gateway, "a");
	change_to(f, "ba", NULL);
	expect_links(f, "ba");
	assert_ptr_equal(sb_gateway_find(f->gateway, "a"), a);
	assert_string_equal(f->told, "");
	/* A plan takes of a configuration only what is new. */
	assert_non_null(f->config.links[0]);
}

static void links_come_and_go(void **state)
{
	struct fixture *f = *state;

	begin(f, "abc", NULL);
	change_to(f, "dbe", NULL);
	expect_links(f, "dbe");
	assert_string_equal(f->told, "-a -c +d +e ");
	change_to(f, "", NULL);
	expect_links(f, "");
	assert_string_equal(f->told, "-a -c +d +e -d -e -b ");
	change_to(f, "a", NULL);
	expect_links(f, "a");
	assert_int_equal(script.attached, 1);
}

static void new_ones_are_started(void **state)
{
	struct fixture *f = *state;

	begin(f, "", NULL);
	change_to(f, "a", NULL);
	(void)come_up(f, "a");
}

static void one_that_has_changed_sends_again_what_was_in_flight(void **state)
{
	static const char *const settings[] = { "window", "3", NULL };
	struct fixture *f = *state;
	struct sb_link *old;
	struct sb_link_status status;

	begin(f, "a", NULL);
	old = come_up(f, "a");
	publish(f, old, "m1");
	publish(f, old, "m2");
	link_expect_sent("m1 ");
	change_to(f, "a", settings);
	assert_string_equal(f->told, "=a ");
	assert_int_equal(script.attached, 1);
	assert_ptr_not_equal(sb_gateway_find(f->gateway, "a"), old);

	(void)come_up(f, "a");
	link_answer(f->parts, "m1", OK);
	link_answer(f->parts, "m2", OK);
	sb_link_status(sb_gateway_find(f->gateway, "a"), &status);
	assert_int_equal(status.queue.ended[SB_DELIVERED], 2);
	assert_int_equal(status.queue.queued, 0);
}

static void who_waits_for_an_answer_is_told(void **state)
{
	static const char *const settings[] = { "window", "3", NULL };
	struct fixture *f = *state;
	struct sb_link *old;

	begin(f, "a", NULL);
	old = come_up(f, "a");
	assert_int_equal(sb_link_request(old, sb_message_new("t", "r", 1, NULL), SB_USEC_PER_SEC,
					 on_requested, f, NULL),
			 0);
	link_run(f->parts);
	change_to(f, "a", settings);
	assert_string_equal(f->requested, "NotOnline");
}

static int32_t answer_by_message(const struct skybus_answer *answer,
				 struct skybus_response *response, struct skybus_verdict *why)
{
	(void)why;
	script.host->response_topic(response, "reply/topic");
	script.host->response_payload(response, SKYBUS_NO_FORMAT, answer->code,
				      (uint32_t)strlen(answer->code));

	return 0;
}

static void ignore_delivery(void *userdata, struct sb_subscription *subscription,
			    const struct sb_delivery *delivery)
{
	(void)userdata;
	(void)subscription;
	(void)delivery;
}

/* The link that the app would have to answer is not there any more. */
static void what_no_app_can_answer_any_more_is_answered_otherwise(void **state)
{
	static const struct sb_interest interest = { "a", "cmd", SB_FROM_CLOUD, true };
	static const char *const settings[] = { "window", "3", NULL };
	struct fixture *f = *state;
	struct sb_subscription *subscription;

	assert_int_equal(sb_hub_subscribe(f->parts->parts.hub, &interest, ignore_delivery, NULL,
					  &subscription, NULL),
			 0);
	begin(f, "a", NULL);
	(void)come_up(f, "a");
	script.answer = answer_by_message;
	script.otherwise = "404";
	assert_int_equal(script_deliver("cmd", SKYBUS_ANSWERABLE, 60), 1);
	change_to(f, "a", settings);
	(void)sb_subscription_free(subscription);
	f->parts->link = sb_gateway_find(f->gateway, "a");
	link_come_up(f->parts);
	f->parts->link = NULL;
	link_expect_sent("/login 404 ");
	link_answer(f->parts, "404", OK);
}

static void what_waits_for_one_that_is_gone_is_there_when_it_is_back(void **state)
{
	struct fixture *f = *state;

	begin(f, "a", NULL);
	publish(f, sb_gateway_find(f->gateway, "a"), "m1");
	change_to(f, "", NULL);
	link_run(f->parts);
	change_to(f, "a", NULL);
	f->parts->link = sb_gateway_find(f->gateway, "a");
	link_come_up(f->parts);
	f->parts->link = NULL;
	link_run(f->parts);
	assert_non_null(strstr(fake_network.sent, "m1 "));
}

static void one_that_is_disabled_now_stays_down(void **state)
{
	static const char *const settings[] = { "enabled", "no", NULL };
	struct fixture *f = *state;
	struct sb_link_status status;

	begin(f, "a", NULL);
	(void)come_up(f, "a");
	change_to(f, "a", settings);
	link_run(f->parts);
	sb_link_status(sb_gateway_find(f->gateway, "a"), &status);
	assert_int_equal(status.state, SB_LINK_DISABLED);
	assert_int_equal(script.logins, 1);
}

/* Somebody has mended it. */
static void one_that_has_changed_does_not_wait_for_its_back_off(void **state)
{
	static const char *const settings[] = { "window", "3", NULL };
	struct fixture *f = *state;
	struct sb_link_status status;

	script.login = SCRIPT_FAILS;
	script.fail_wait_s = 300;
	begin(f, "ab", NULL);
	link_pass(f->parts, SB_PACE_USEC);
	assert_int_equal(script.logins, 2);
	script.login = SCRIPT_HANGS;
	change_to(f, "ab", NULL);
	link_pass(f->parts, SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 2);
	change_to(f, "ab", settings);
	link_pass(f->parts, SB_USEC_PER_SEC);
	assert_int_equal(script.logins, 4);
	sb_link_status(sb_gateway_find(f->gateway, "a"), &status);
	assert_int_equal(status.state, SB_LINK_STARTING);
}

static void nothing_changes_when_a_plugin_refuses(void **state)
{
	static const char *const settings[] = { "window", "3", NULL };
	struct fixture *f = *state;
	struct sb_link *old;

	begin(f, "ab", NULL);
	old = come_up(f, "b");
	publish(f, old, "m1");
	script.attach_error = -EINVAL;
	script.attach_reason = "no such product";
	configure(f, "bc", settings);
	assert_int_equal(sb_gateway_plan(f->gateway, &f->config, &f->problems, &f->plan), 0);
	assert_int_equal(f->problems.n_errors, 2);
	assert_string_equal(f->problems.all[0].text,
			    "link b: the plugin script refuses the settings: no such product");
	f->plan = sb_gateway_plan_free(f->plan);

	expect_links(f, "ab");
	assert_ptr_equal(sb_gateway_find(f->gateway, "b"), old);
	assert_string_equal(f->told, "");
	assert_int_equal(script.attached, 2);
	link_expect_sent("m1 ");
	link_answer(f->parts, "m1", OK);
}

/* What is wrong may have been mended where the configuration does not show it. */
static void one_that_was_refused_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct sb_link_status status;

	script.attach_error = -EINVAL;
	script.attach_reason = "no such product";
	begin(f, "a", NULL);
	sb_link_status(sb_gateway_find(f->gateway, "a"), &status);
	assert_int_equal(status.state, SB_LINK_FAILED);
	script.attach_error = 0;
	change_to(f, "a", NULL);
	assert_string_equal(f->told, "=a ");
	(void)come_up(f, "a");
}

static void a_plan_may_come_to_nothing(void **state)
{
	static const char *const settings[] = { "window", "3", NULL };
	struct fixture *f = *state;

	begin(f, "a", NULL);
	configure(f, "ab", settings);
	assert_int_equal(sb_gateway_plan(f->gateway, &f->config, &f->problems, &f->plan), 0);
	assert_int_equal(script.attached, 3);
	f->plan = sb_gateway_plan_free(f->plan);
	assert_int_equal(script.attached, 1);
	assert_null(sb_gateway_plan_free(NULL));
	change_to(f, "b", NULL);
	expect_links(f, "b");
}

static void it_says_when_it_stops(void **state)
{
	struct fixture *f = *state;

	assert_false(sb_gateway_stopping(f->gateway));
	sb_gateway_stop(f->gateway, SB_USEC_PER_SEC);
	assert_true(sb_gateway_stopping(f->gateway));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(links_that_are_the_same_go_on),
		TEST(links_come_and_go),
		TEST(new_ones_are_started),
		TEST(one_that_has_changed_sends_again_what_was_in_flight),
		TEST(who_waits_for_an_answer_is_told),
		TEST(what_no_app_can_answer_any_more_is_answered_otherwise),
		TEST(what_waits_for_one_that_is_gone_is_there_when_it_is_back),
		TEST(one_that_is_disabled_now_stays_down),
		TEST(one_that_has_changed_does_not_wait_for_its_back_off),
		TEST(nothing_changes_when_a_plugin_refuses),
		TEST(one_that_was_refused_is_tried_again),
		TEST(a_plan_may_come_to_nothing),
		TEST(it_says_when_it_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
