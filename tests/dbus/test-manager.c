/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

static sd_bus_message *get(struct fixture *f, const char *property)
{
	sd_bus_message *reply =
		fixture_call(f, f->app, SB_BUS_ROOT, "org.freedesktop.DBus.Properties.Get", "ss",
			     SB_BUS_MANAGER_INTERFACE, property);

	assert_non_null(reply);
	assert_false(sd_bus_message_is_method_error(reply, NULL));

	return reply;
}

static void test_version(void **state)
{
	const char *version = NULL;

	assert_true(sd_bus_message_read(get(*state, "Version"), "v", "s", &version) > 0);
	assert_string_equal(version, SKYBUS_VERSION);
}

static void test_store(void **state)
{
	struct fixture *f = *state;
	const char *text[8] = { NULL };
	sd_bus_message *reply;

	f->gateway->outbox.report = (struct sb_store_report){
		.directory = "/state",
		.error = -ENOSPC,
		.longest = 7000000,
	};
	reply = get(f, "Store");
	assert_true(sd_bus_message_read(reply, "v", "a{ss}", 4, &text[0], &text[1], &text[2],
					&text[3], &text[4], &text[5], &text[6], &text[7]) > 0);
	assert_string_equal(text[1], "/state");
	assert_string_equal(text[3], "full");
	assert_string_equal(text[5], strerror(ENOSPC));
	assert_string_equal(text[6], "longest-commit");
	assert_string_equal(text[7], "7000000");
}

static void test_links(void **state)
{
	struct fixture *f = *state;
	const char *first = NULL;
	const char *second = NULL;

	(void)fake_link_add(f->gateway, "odd.name-1");
	assert_true(sd_bus_message_read(get(f, "Links"), "v", "ao", 2, &first, &second) > 0);
	assert_string_equal(first, PLANT_PATH);
	assert_string_equal(second, SB_BUS_LINKS "/odd_2ename_2d1");
}

static void test_links_change_is_told_once(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *signal;
	const char *interface = NULL;

	(void)fake_link_add(f->gateway, "second");
	fake_link_remove(fake_link_add(f->gateway, "third"));
	signal = client_wait_signal(f->app, "PropertiesChanged");
	assert_non_null(signal);
	assert_true(sd_bus_message_read(signal, "s", &interface) > 0);
	assert_string_equal(interface, SB_BUS_MANAGER_INTERFACE);
	client_settle_down(f->app);
	assert_null(client_signal(f->app, "PropertiesChanged", 1));
}

/* ---- ListLosses ------------------------------------------------------------------------------ */

static void assert_loss(sd_bus_message *reply, const char *link, uint32_t user, const char *outcome,
			const char *cause, uint64_t messages)
{
	const char *texts[3] = { NULL };
	uint64_t n = 0;
	uint32_t owner = 0;

	assert_true(sd_bus_message_read(reply, "(susst)", &texts[0], &owner, &texts[1], &texts[2],
					&n) > 0);
	assert_string_equal(texts[0], link);
	assert_int_equal(owner, user);
	assert_string_equal(texts[1], outcome);
	assert_string_equal(texts[2], cause);
	assert_int_equal(n, messages);
}

static void test_losses(void **state)
{
	const struct sb_loss losses[] = {
		{ .link = "plant", .owner = 1000, .cause = SB_CAUSE_TTL, .messages = 3 },
		{ .link = "gone \xff",
		  .owner = SB_NO_OWNER,
		  .cause = SB_CAUSE_CLOUD,
		  .messages = 1 },
		{ .link = "plant", .owner = 0, .cause = SB_CAUSE_STOPPED, .messages = UINT64_MAX },
	};
	struct fixture *f = *state;
	sd_bus_message *reply;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "ListLosses", "");
	job = fixture_wait_outbox(f);
	job.losses(job.userdata, 0, losses, SB_ELEMENTS(losses));
	reply = client_end(f->app, &f->call);
	assert_non_null(reply);
	assert_true(sd_bus_message_enter_container(reply, 'a', "(susst)") > 0);
	assert_loss(reply, "plant", 1000, "expired", "ttl", 3);
	assert_loss(reply, "gone ?", UINT32_MAX, "rejected", "refused-by-cloud", 1);
	assert_loss(reply, "plant", 0, "cancelled", "held-in-memory", UINT64_MAX);
	assert_true(sd_bus_message_at_end(reply, false) > 0);
}

static void test_no_losses(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "ListLosses", "");
	job = fixture_wait_outbox(f);
	job.losses(job.userdata, 0, NULL, 0);
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_enter_container(f->call.reply, 'a', "(susst)") >= 0);
	assert_true(sd_bus_message_at_end(f->call.reply, false) > 0);
}

static void test_losses_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "ListLosses", "");
	job = fixture_wait_outbox(f);
	job.losses(job.userdata, -EIO, NULL, 0);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Failed", "ListLosses");

	f->gateway->outbox.failure = -ENOMEM;
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "ListLosses", ""), ERROR "Failed",
			     "Cannot allocate memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_version),
		TEST(test_store),
		TEST(test_links),
		TEST(test_links_change_is_told_once),
		TEST(test_losses),
		TEST(test_no_losses),
		TEST(test_losses_cannot_be_read),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
