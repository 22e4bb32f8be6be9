/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

/* ---- Reload ---------------------------------------------------------------------------------- */

static bool is_asked(void *userdata)
{
	const struct sb_reload *reload = userdata;

	return reload->done != NULL;
}

static struct sb_reload begin_reload(struct fixture *f)
{
	struct sb_reload *reload = &f->gateway->reload;
	struct sb_reload asked;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "Reload", "");
	assert_true(loop_until(f->loop, is_asked, reload));
	asked = *reload;
	*reload = (struct sb_reload){ 0 };

	return asked;
}

static void test_reload(void **state)
{
	struct fixture *f = *state;
	struct sb_reload reload = begin_reload(f);
	struct sb_error error;

	client_settle_down(f->app);
	assert_null(f->call.reply);
	reload.done(reload.userdata, NULL);
	assert_non_null(client_end(f->app, &f->call));
	assert_false(sd_bus_message_is_method_error(f->call.reply, NULL));

	reload = begin_reload(f);
	(void)sb_error_set(&error, SB_ERROR_INVALID_CONFIGURATION, "skybus.yaml:3:9: no");
	reload.done(reload.userdata, &error);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "InvalidConfiguration",
			     "skybus.yaml:3:9: no");
}

static void test_reload_outlives_its_bus(void **state)
{
	struct fixture *f = *state;
	struct sb_reload reload = begin_reload(f);

	f->bus = sb_bus_free(f->bus);
	reload.done(reload.userdata, NULL);
}

/* ---- PreviewReload --------------------------------------------------------------------------- */

static void test_preview(void **state)
{
	struct fixture *f = *state;
	const char *texts[4] = { NULL };
	sd_bus_message *reply;

	reply = fixture_call(f, f->app, SB_BUS_ROOT, "PreviewReload", "");
	assert_non_null(reply);
	assert_true(sd_bus_message_read(reply, "a(ssss)", 1, &texts[0], &texts[1], &texts[2],
					&texts[3]) > 0);
	assert_string_equal(texts[0], "link");
	assert_string_equal(texts[1], "depot");
	assert_string_equal(texts[2], "removed");
	assert_string_equal(texts[3], "gone, and 2 messages for it stay on disk for a link of this "
				      "name");
	f->gateway->reload.refusal = "skybus.yaml:3:9: no";
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "PreviewReload", ""),
			     ERROR "InvalidConfiguration", "skybus.yaml:3:9: no");
}

/* ---- Configuration --------------------------------------------------------------------------- */

static void test_configuration(void **state)
{
	struct fixture *f = *state;
	const char *yaml = NULL;
	sd_bus_message *reply;

	f->gateway->reload.printed = "links: {}\n";
	reply = fixture_call(f, f->app, SB_BUS_ROOT, "Configuration", "");
	assert_non_null(reply);
	assert_true(sd_bus_message_read(reply, "s", &yaml) > 0);
	assert_string_equal(yaml, "links: {}\n");
	f->gateway->reload.printed = NULL;
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "Configuration", ""),
			     ERROR "Failed", "Cannot allocate memory");
}

static void test_file(void **state)
{
	struct fixture *f = *state;
	const char *path = NULL;
	sd_bus_message *reply =
		fixture_call(f, f->app, SB_BUS_ROOT, "org.freedesktop.DBus.Properties.Get", "ss",
			     SB_BUS_MANAGER_INTERFACE, "ConfigurationFile");

	assert_non_null(reply);
	assert_true(sd_bus_message_read(reply, "v", "s", &path) > 0);
	assert_string_equal(path, "/etc/skybus/skybus.yaml");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_file),    TEST(test_reload),	      TEST(test_reload_outlives_its_bus),
		TEST(test_preview), TEST(test_configuration),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
