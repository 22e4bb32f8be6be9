/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that ask for the unit of who calls, with a systemd of the test's own on the bus. The apps are of a user
 * who may not do everything anyway: where the test is root's they are another's, else the daemon is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/identity.h"
#include "daemon/message.h"
#include "dbus/units.h"
#include "tests/dbus/fake-systemd.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

#define UNIT "skybus-test.service"

/* "nobody". */
#define STRANGER 65534

struct world {
	struct fixture f;
	struct fake_systemd systemd;
	uint32_t uid; /* of the apps */
};

/* ---- setup ----------------------------------------------------------------------------------- */

static struct client *connect_app(struct world *w)
{
	struct client *client;

	if (geteuid() != 0)
		return client_new(w->f.loop, private_bus_address(w->f.private_bus));
	if (seteuid(w->uid) < 0)
		return NULL;
	client = client_new(w->f.loop, private_bus_address(w->f.private_bus));

	return seteuid(0) < 0 ? client_free(client) : client;
}

static int use_other_owner(struct world *w)
{
	struct sb_rules *rules;
	int r;

	if (sb_rules_new(&rules) < 0)
		return -1;
	w->f.access = sb_access_free(w->f.access);
	r = sb_access_new(rules, w->uid + 1, &w->f.access);
	(void)sb_rules_unref(rules);

	return r;
}

static int start_systemd(struct world *w)
{
	return fake_systemd_start(&w->systemd, w->f.loop, private_bus_address(w->f.private_bus));
}

static int setup_without_systemd(void **state)
{
	static struct world world;
	struct world *w = &world;
	struct fixture *f = &w->f;

	*w = (struct world){ .uid = geteuid() == 0 ? STRANGER : geteuid() };
	w->systemd = (struct fake_systemd){ .unit = UNIT, .uid = w->uid };
	*state = w;
	f->private_bus = private_bus_start(PRIVATE_BUS_OPEN);
	if (!f->private_bus || fixture_prepare(f) < 0 || use_other_owner(w) < 0)
		return -1;
	if (fixture_start(f) < 0)
		return -1;
	f->app = connect_app(w);
	f->other = connect_app(w);

	return f->app && f->other ? 0 : -1;
}

static int setup(void **state)
{
	return setup_without_systemd(state) < 0 ? -1 : start_systemd(*state);
}

static int teardown(void **state)
{
	struct world *w = *state;
	struct fixture *f = &w->f;

	(void)fixture_teardown((void *[]){ f });
	fake_systemd_stop(&w->systemd);
	f->private_bus = private_bus_stop(f->private_bus);

	return 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void grant_all(struct sb_rule *rule)
{
	assert_int_equal(sb_texts_add(&rule->links, SB_ALL_LINKS), 0);
	assert_int_equal(sb_texts_add(&rule->filters[SB_PUBLISH], "#"), 0);
	assert_int_equal(sb_texts_add(&rule->filters[SB_SUBSCRIBE], "#"), 0);
}

static struct sb_rule unit_rule(const char *unit)
{
	struct sb_rule rule = { .subject = SB_SUBJECT_UNIT, .unit = strdup(unit) };

	grant_all(&rule);

	return rule;
}

static struct sb_rule user_rule(uint32_t uid)
{
	struct sb_rule rule = { .subject = SB_SUBJECT_USER, .id = uid };

	grant_all(&rule);

	return rule;
}

static void only_unit(struct world *w, const char *unit)
{
	struct sb_rule rules[] = { unit_rule(unit) };

	fixture_rules(&w->f, rules, 1);
}

static void only_user(struct world *w)
{
	struct sb_rule rules[] = { user_rule(w->uid) };

	fixture_rules(&w->f, rules, 1);
}

static void both(struct world *w)
{
	struct sb_rule rules[] = { user_rule(w->uid), unit_rule("another.service") };

	fixture_rules(&w->f, rules, 2);
}

static void assert_granted(struct world *w, struct client *app)
{
	struct fixture *f = &w->f;
	struct fake_job job;

	client_begin(app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.message->owner, w->uid);
	job.published(job.userdata, 1, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(app, &f->call), NULL));
}

#define assert_denied(w, app, sentence)                                                           \
	fixture_assert_error(fixture_call(&(w)->f, (app), PLANT_PATH, "Publish", "ss", "t", "x"), \
			     ERROR "NotPermitted", sentence)

static bool has_kept(void *userdata)
{
	const struct world *w = userdata;

	return w->systemd.n_kept > 0;
}

/* A call of the app waits for systemd's answer. */
static void call_with_hanging(struct world *w)
{
	w->systemd.hangs = true;
	client_begin(w->f.app, &w->f.call, PLANT_PATH, "Publish", "ss", "first", "x");
	assert_true(loop_until(w->f.loop, has_kept, w));
	assert_int_equal(w->f.plant->n_jobs, 0);
}

static void lose_patience(struct world *w)
{
	sb_loop_advance(w->f.loop, SB_UNITS_PATIENCE_SEC * SB_USEC_PER_SEC);
	loop_settle_down(w->f.loop);
	sb_loop_advance(w->f.loop, SB_USEC_PER_SEC);
	loop_settle_down(w->f.loop);
}

static void hang_up(struct world *w)
{
	client_call_done(&w->f.call);
	w->f.app = client_free(w->f.app);
	loop_settle_down(w->f.loop);
}

/* ---- whom a rule is for ---------------------------------------------------------------------- */

static void test_a_unit(void **state)
{
	struct world *w = *state;

	only_unit(w, UNIT);
	assert_granted(w, w->f.app);
	assert_int_equal(w->systemd.pid, getpid());
	assert_granted(w, w->f.app);
	assert_int_equal(w->systemd.n_units, 1);
	assert_granted(w, w->f.other);
	assert_int_equal(w->systemd.n_units, 2);
}

static void test_another_unit(void **state)
{
	struct world *w = *state;

	only_unit(w, "another.service");
	assert_denied(w, w->f.app, "(unit " UNIT ") may not publish");
	assert_denied(w, w->f.app, "(unit " UNIT ") may not publish");
	assert_int_equal(w->systemd.n_units, 1);
}

static void test_a_unit_with_another_user(void **state)
{
	struct world *w = *state;

	only_unit(w, UNIT);
	w->systemd.uid = w->uid + 1;
	assert_denied(w, w->f.app, " may not publish");
	assert_null(strstr(sd_bus_message_get_error(w->f.call.reply)->message, "unit"));
	/* For this connection that is what there is to know. */
	assert_denied(w, w->f.app, " may not publish");
	assert_int_equal(w->systemd.n_units, 1);
}

/* ---- when systemd is asked ------------------------------------------------------------------- */

static void test_no_rule_asks_for_it(void **state)
{
	struct world *w = *state;

	only_user(w);
	assert_granted(w, w->f.app);
	assert_int_equal(w->systemd.n_units, 0);
}

/* Whoever may do everything does not wait for systemd. */
static void test_nobody_asks_for_that_of_the_owner(void **state)
{
	struct world *w = *state;
	struct sb_rules *rules;

	assert_int_equal(sb_rules_new(&rules), 0);
	w->f.bus = sb_bus_free(w->f.bus);
	w->f.access = sb_access_free(w->f.access);
	assert_int_equal(sb_access_new(rules, w->uid, &w->f.access), 0);
	(void)sb_rules_unref(rules);
	only_unit(w, UNIT);
	assert_int_equal(sb_bus_new(&(struct sb_bus_options){ .address = private_bus_address(
								      w->f.private_bus) },
				    &(struct sb_bus_host){ .gateway = w->f.gateway,
							   .access = w->f.access,
							   .rates = &w->f.rates,
							   .reload = &w->f.gateway->reload },
				    &w->f.bus),
			 0);
	assert_granted(w, w->f.app);
	assert_int_equal(w->systemd.n_units, 0);
}

static void test_the_first_rule_comes_with_a_reload(void **state)
{
	struct world *w = *state;

	only_user(w);
	assert_granted(w, w->f.app);
	only_unit(w, UNIT);
	assert_granted(w, w->f.app);
	assert_int_equal(w->systemd.n_units, 1);
	/* It is remembered, whatever the rules. */
	only_user(w);
	assert_granted(w, w->f.app);
	only_unit(w, UNIT);
	assert_granted(w, w->f.app);
	assert_int_equal(w->systemd.n_units, 1);
}

/* A subscription that is granted goes on, while its app is asked for again, too. */
static void test_subscription_and_reloads(void **state)
{
	struct world *w = *state;
	struct fixture *f = &w->f;

	only_user(w);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "#"), NULL));
	both(w);
	call_with_hanging(w);
	both(w);
	fake_systemd_resume(&w->systemd);
	(void)fixture_wait_job(f, f->plant);
	client_settle_down(f->other);
	assert_null(client_signal(f->app, "SubscriptionEnded", 0));
	only_unit(w, "another.service");
	assert_non_null(client_wait_signal(f->app, "SubscriptionEnded"));
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void test_order(void **state)
{
	struct world *w = *state;
	struct fixture *f = &w->f;

	only_unit(w, UNIT);
	call_with_hanging(w);
	client_begin(f->app, &f->call2, PLANT_PATH, "Publish", "ss", "second", "x");
	client_flush(f->app);
	fake_systemd_resume(&w->systemd);
	assert_string_equal(fixture_wait_job(f, f->plant).message->topic, "first");
	assert_string_equal(fixture_wait_job(f, f->plant).message->topic, "second");
}

static void test_systemd_is_not_there(void **state)
{
	struct world *w = *state;

	only_unit(w, UNIT);
	assert_denied(w, w->f.app, " may not publish");
	assert_int_equal(start_systemd(w), 0);
	assert_granted(w, w->f.app);
}

static void test_systemd_hangs(void **state)
{
	struct world *w = *state;
	struct fixture *f = &w->f;

	both(w);
	call_with_hanging(w);
	lose_patience(w);
	/* It has no unit, but a user. */
	assert_string_equal(fixture_wait_job(f, f->plant).message->topic, "first");
	/* Others, and itself, do not wait any more, and who is known does not even for the bus. */
	assert_granted(w, f->other);
	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "second", "x");
	fixture_hold_bus(f);
	assert_string_equal(fixture_wait_job(f, f->plant).message->topic, "second");
	private_bus_resume(f->private_bus);
	only_unit(w, UNIT);
	assert_denied(w, f->app, " may not publish");
	assert_int_equal(w->systemd.n_kept, 1);
	fake_systemd_resume(&w->systemd);
	loop_settle_down(f->loop);
	assert_granted(w, f->app);
	assert_granted(w, f->other);
}

/* The bus had told who it is. */
static void test_it_hangs_up_meanwhile(void **state)
{
	struct world *w = *state;
	struct fixture *f = &w->f;
	struct fake_job job;

	both(w);
	call_with_hanging(w);
	hang_up(w);
	job = fixture_wait_job(f, f->plant);
	assert_string_equal(job.message->topic, "first");
	assert_int_equal(job.message->owner, w->uid);
	fake_systemd_resume(&w->systemd);
	loop_settle_down(f->loop);
	assert_int_equal(f->plant->n_jobs, 0);
	assert_granted(w, f->other);
}

static void test_it_hangs_up_and_its_unit_alone_would_be_let_in(void **state)
{
	struct world *w = *state;

	only_unit(w, UNIT);
	call_with_hanging(w);
	hang_up(w);
	fake_systemd_resume(&w->systemd);
	assert_granted(w, w->f.other);
	assert_int_equal(w->f.plant->n_jobs, 0);
}

static void test_the_bus_goes_meanwhile(void **state)
{
	struct world *w = *state;
	struct fake_job job;

	both(w);
	call_with_hanging(w);
	private_bus_kill(w->f.private_bus);
	job = fixture_wait_job(&w->f, w->f.plant);
	assert_int_equal(job.message->owner, w->uid);
}

/* What it had told before still holds. */
static void test_the_bus_goes_while_it_is_asked_for_again(void **state)
{
	struct world *w = *state;
	struct fixture *f = &w->f;
	struct fake_job job;

	only_user(w);
	assert_granted(w, f->app);
	both(w);
	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	fixture_hold_bus(f);
	assert_int_equal(f->plant->n_jobs, 0);
	private_bus_kill(f->private_bus);
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.message->owner, w->uid);
}

static void test_the_daemon_ends_meanwhile(void **state)
{
	struct world *w = *state;

	only_unit(w, UNIT);
	call_with_hanging(w);
	w->f.bus = sb_bus_free(w->f.bus);
	fixture_assert_error(client_end(w->f.app, &w->f.call), ERROR "Failed", "is ending");
	assert_int_equal(w->f.plant->n_jobs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_unit),
		TEST(test_another_unit),
		TEST(test_a_unit_with_another_user),
		TEST(test_no_rule_asks_for_it),
		TEST(test_nobody_asks_for_that_of_the_owner),
		TEST(test_the_first_rule_comes_with_a_reload),
		TEST(test_subscription_and_reloads),
		TEST(test_order),
		TEST(test_systemd_hangs),
		TEST(test_it_hangs_up_meanwhile),
		TEST(test_it_hangs_up_and_its_unit_alone_would_be_let_in),
		TEST(test_the_bus_goes_meanwhile),
		TEST(test_the_bus_goes_while_it_is_asked_for_again),
		TEST(test_the_daemon_ends_meanwhile),
#undef TEST
		cmocka_unit_test_setup_teardown(test_systemd_is_not_there, setup_without_systemd,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
