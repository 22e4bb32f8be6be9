/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)
#define CONTENT SKYBUS_CODE(2, 5)
#define OBSERVATIONS_MAX 8

/* What the plugin does in the next notification, beside script.notice. */
static int64_t handle;

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

static int64_t observe(const char *path)
{
	return script_observe(path, SKYBUS_GET);
}

static void notifications_come_until_one_is_not_observed(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	handle = observe("/commands");
	assert_true(handle > 0);
	link_expect_sent("/commands ");
	assert_int_equal(link_find_request("/commands")->timeout_usec, 30 * SB_USEC_PER_SEC);
	fake_notify(link_find_request("/commands"), CONTENT);
	fake_notify(link_find_request("/commands"), CONTENT);
	assert_int_equal(script.notified, 2);
	assert_int_equal(script.over, 0);
	link_answer(f, "/commands", SKYBUS_CODE(4, 4));
	assert_int_equal(script.notified, 3);
	assert_int_equal(script.over, 1);
	script.host->observe_stop(script.link, handle);
	assert_int_equal(fake_network.n_stopped, 0);
	link_expect_state(f, SB_LINK_ONLINE);
}

static void only_what_reads_can_be_observed(void **state)
{
	struct link_fixture *f = *state;
	struct skybus_request *request;

	assert_int_equal(observe("/a"), -ENOTCONN);
	link_bring_up(f);
	assert_int_equal(script_observe("/a", SKYBUS_POST), -EINVAL);
	assert_int_equal(script_observe("/a", SKYBUS_PUT), -EINVAL);
	assert_true(script_observe("/a", SKYBUS_FETCH) > 0);
	request = script.host->new_request(script.link);
	assert_non_null(request);
	script.host->request_method(request, SKYBUS_GET);
	assert_int_equal(script.host->observe(request, 0, NULL, NULL), -EINVAL);
	link_expect_sent("/a ");
}

static void there_are_eight_at_most(void **state)
{
	struct link_fixture *f = *state;
	int64_t handles[OBSERVATIONS_MAX];

	link_bring_up(f);
	for (size_t i = 0; i < OBSERVATIONS_MAX; i++) {
		handles[i] = observe("/a");
		assert_true(handles[i] > 0);
	}
	assert_int_equal(observe("/a"), -ENOSPC);
	script.host->observe_stop(script.link, handles[3]);
	script.host->observe_stop(script.link, handles[3]);
	script.host->observe_stop(script.link, 0);
	assert_int_equal(fake_network.n_stopped, 1);
	handle = observe("/a");
	assert_true(handle > handles[OBSERVATIONS_MAX - 1]);
	assert_int_equal(observe("/a"), -ENOSPC);
	/* One that ends by itself makes room, too. */
	fake_end(fake_request_at(0), SKYBUS_TIMEOUT);
	assert_true(observe("/a") > 0);
}

static void it_counts_against_the_window_until_its_first_answer(void **state)
{
	struct link_fixture *f = *state;

	script.terms.window = 1;
	link_bring_up(f);
	assert_true(observe("/a") > 0);
	link_publish(f, "m1");
	link_expect_sent("/a ");
	fake_notify(link_find_request("/a"), CONTENT);
	link_run(f);
	link_expect_sent("m1 ");
	link_answer(f, "m1", OK);
	/* One that is stopped before counts no more either. */
	handle = observe("/b");
	link_publish(f, "m2");
	link_expect_sent("/b ");
	script.host->observe_stop(script.link, handle);
	link_run(f);
	link_expect_sent("m2 ");
	link_answer(f, "m2", OK);
	assert_string_equal(f->settled, "1:delivered:2.04: 2:delivered:2.04: ");
}

static void a_message_in_flight_is_not_mistaken(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_true(observe("/a") > 0);
	fake_notify(link_find_request("/a"), CONTENT);
	link_publish(f, "m1");
	fake_notify(link_find_request("/a"), CONTENT);
	assert_string_equal(f->settled, "");
	assert_int_equal(script.decided, 0);
	link_answer(f, "m1", OK);
	assert_string_equal(f->settled, "1:delivered:2.04: ");
	assert_int_equal(script.notified, 2);
}

static void a_new_login_ends_them(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	script.login = SCRIPT_REUSES;
	assert_true(observe("/a") > 0);
	assert_true(observe("/b") > 0);
	fake_notify(link_find_request("/a"), CONTENT);
	fake_notify(link_find_request("/b"), CONTENT);
	link_publish(f, "m1");
	link_answer(f, "m1", SKYBUS_CODE(4, 1));
	assert_non_null(link_find_request("/login"));
	assert_int_equal(fake_network.n_stopped, 2);
	assert_int_equal(script.notified, 2);
	/* They may be observed anew while it is under way. */
	assert_true(observe("/a") > 0);
	link_answer(f, "/login", OK);
	link_expect_state(f, SB_LINK_ONLINE);
	fake_notify(link_find_request("/a"), CONTENT);
	assert_int_equal(script.notified, 3);
	assert_int_equal(script.over, 0);
}

static void a_session_that_breaks_ends_them(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_true(observe("/a") > 0);
	fake_break(-ECONNRESET, "ended");
	assert_int_equal(fake_requests(), 0);
	assert_int_equal(script.notified, 0);
	link_pass(f, 60 * SB_USEC_PER_SEC);
	assert_int_equal(script.notified, 0);
}

static void so_does_disconnect(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_true(observe("/a") > 0);
	fake_notify(link_find_request("/a"), CONTENT);
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	assert_int_equal(fake_network.n_stopped, 1);
	assert_int_equal(script.notified, 1);
}

static void a_notification_is_a_sign_of_life(void **state)
{
	struct link_fixture *f = *state;

	script.terms.keepalive_s = 60;
	link_bring_up(f);
	assert_true(observe("/a") > 0);
	fake_notify(link_find_request("/a"), CONTENT);
	for (unsigned int i = 0; i < 4; i++) {
		link_pass(f, 40 * SB_USEC_PER_SEC);
		fake_notify(link_find_request("/a"), CONTENT);
	}
	link_expect_sent("/a ");
	link_pass(f, 60 * SB_USEC_PER_SEC);
	assert_int_equal(fake_requests(), 2);
	/* And it clears a suspicion. */
	fake_doubt();
	link_expect_sent("/keepalive ping ");
	fake_notify(link_find_request("/a"), CONTENT);
	fake_end(fake_request_at(2), SKYBUS_TIMEOUT);
	link_expect_state(f, SB_LINK_ONLINE);
}

static void one_that_nobody_answers_has_the_cloud_asked(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	assert_true(observe("/a") > 0);
	fake_end(link_find_request("/a"), SKYBUS_TIMEOUT);
	assert_int_equal(script.over, 1);
	assert_int_equal(script.last_outcome, SKYBUS_TIMEOUT);
	link_expect_sent("/a ping ");
}

static void stop_itself(const struct skybus_reply *reply)
{
	assert_int_equal(reply->observed, 1);
	script.host->observe_stop(script.link, handle);
}

static void observe_instead(const struct skybus_reply *reply)
{
	stop_itself(reply);
	script.notice = NULL;
	assert_int_equal(script_send("/own"), 0);
	handle = observe("/b");
	assert_true(handle > 0);
}

static void a_plugin_may_do_anything_when_told(void **state)
{
	struct link_fixture *f = *state;

	link_bring_up(f);
	script.notice = stop_itself;
	handle = observe("/a");
	fake_notify(link_find_request("/a"), CONTENT);
	assert_int_equal(fake_requests(), 0);
	assert_int_equal(fake_network.n_stopped, 1);
	script.notice = observe_instead;
	handle = observe("/a");
	fake_notify(link_find_request("/a"), CONTENT);
	link_expect_sent("/a /a /own /b ");
	assert_int_equal(fake_network.n_stopped, 2);
	fake_notify(link_find_request("/b"), CONTENT);
	assert_int_equal(script.notified, 3);
}

static void fail_the_login(const struct skybus_reply *reply)
{
	assert_int_equal(reply->observed, 1);
	script.host->failed(script.link, SKYBUS_TRANSIENT, "not like this", 0);
}

static void it_may_be_part_of_a_login(void **state)
{
	struct link_fixture *f = *state;

	sb_link_start(f->link);
	link_run(f);
	fake_connecting();
	fake_open();
	script.notice = fail_the_login;
	assert_true(observe("/a") > 0);
	fake_notify(link_find_request("/a"), CONTENT);
	link_expect_state(f, SB_LINK_BACKOFF);
	link_expect_reason(f, "not like this");
	assert_int_equal(fake_requests(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, link_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(notifications_come_until_one_is_not_observed),
		TEST(only_what_reads_can_be_observed),
		TEST(there_are_eight_at_most),
		TEST(it_counts_against_the_window_until_its_first_answer),
		TEST(a_message_in_flight_is_not_mistaken),
		TEST(a_new_login_ends_them),
		TEST(a_session_that_breaks_ends_them),
		TEST(so_does_disconnect),
		TEST(a_notification_is_a_sign_of_life),
		TEST(one_that_nobody_answers_has_the_cloud_asked),
		TEST(a_plugin_may_do_anything_when_told),
		TEST(it_may_be_part_of_a_login),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
