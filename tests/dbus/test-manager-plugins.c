/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "skybus/plugin.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

static const struct skybus_setting settings[] = {
	{ .key = "host", .kind = SKYBUS_HOST, .flags = SKYBUS_REQUIRED, .help = "The cloud." },
	{ .key = "lifetime",
	  .kind = SKYBUS_DURATION,
	  .fallback = "1h",
	  .min = 30,
	  .max = 86400,
	  .help = "Of a login." },
	{ .key = "format",
	  .kind = SKYBUS_CHOICE,
	  .choices = "json|cbor",
	  .fallback = "json",
	  .help = "Of payloads \xff." },
	{ .key = "device_secret", .kind = SKYBUS_SECRET, .help = "Hush." },
};

static const struct skybus_plugin descriptor = {
	.size = sizeof(descriptor),
	.name = "enos",
	.version = "1.0",
	.summary = "EnOS.",
	.settings = settings,
	.n_settings = SB_ELEMENTS(settings),
};

static const struct sb_plugin plugins[] = {
	{ .name = (char *)"enos", .descriptor = &descriptor },
	{ .name = (char *)"mine", .why = (char *)"it is not owned by root" },
};

static sd_bus_message *get(struct fixture *f, const char *property)
{
	sd_bus_message *reply =
		fixture_call(f, f->app, SB_BUS_ROOT, "org.freedesktop.DBus.Properties.Get", "ss",
			     SB_BUS_MANAGER_INTERFACE, property);

	assert_non_null(reply);
	assert_false(sd_bus_message_is_method_error(reply, NULL));

	return reply;
}

static int setup(void **state)
{
	int r = fixture_setup(state);
	struct fixture *f = *state;

	f->gateway->plugins = (struct sb_plugins){ .all = plugins, .n = SB_ELEMENTS(plugins) };

	return r;
}

/* ---- which there are ------------------------------------------------------------------------- */

static void test_plugins(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *reply;
	const char *name = NULL;
	const char *version = NULL;
	const char *text = NULL;

	assert_true(sd_bus_message_read(get(f, "Plugins"), "v", "as", 1, &name) > 0);
	assert_string_equal(name, "enos");
	assert_true(sd_bus_message_read(get(f, "FailedPlugins"), "v", "a(ss)", 1, &name, &text) >
		    0);
	assert_string_equal(name, "mine");
	assert_string_equal(text, "it is not owned by root");
	assert_true(sd_bus_message_read(get(f, "PluginDirectory"), "v", "s", &text) > 0);
	assert_string_equal(text, "/usr/lib/skybus");
	reply = fixture_call(f, f->app, SB_BUS_ROOT, "ListPlugins", "");
	assert_non_null(reply);
	assert_true(sd_bus_message_read(reply, "a(sss)", 1, &name, &version, &text) > 0);
	assert_string_equal(name, "enos");
	assert_string_equal(version, "1.0");
	assert_string_equal(text, "EnOS.");
}

/* ---- ListSettings ---------------------------------------------------------------------------- */

static void expect_setting(sd_bus_message *reply, const char *const expected[5], bool required)
{
	const char *texts[5] = { NULL };
	int needed = -1;

	assert_true(sd_bus_message_read(reply, "(ssssbs)", &texts[0], &texts[1], &texts[2],
					&texts[3], &needed, &texts[4]) > 0);
	for (size_t i = 0; i < SB_ELEMENTS(texts); i++)
		assert_string_equal(texts[i], expected[i]);
	assert_int_equal(needed, required);
}

static void test_settings(void **state)
{
	static const char *const rows[][5] = {
		{ "host", "host", "", "", "The cloud." },
		{ "lifetime", "duration", "30s to 1d", "1h", "Of a login." },
		{ "format", "choice", "json|cbor", "json", "Of payloads ?." },
		{ "device_secret", "secret", "", "", "Hush." },
	};
	struct fixture *f = *state;
	sd_bus_message *reply;

	reply = fixture_call(f, f->app, SB_BUS_ROOT, "ListSettings", "s", "enos");
	assert_non_null(reply);
	assert_true(sd_bus_message_enter_container(reply, 'a', "(ssssbs)") > 0);
	for (size_t i = 0; i < SB_ELEMENTS(rows); i++)
		expect_setting(reply, rows[i], i == 0);
	assert_true(sd_bus_message_at_end(reply, false) > 0);
}

static void test_settings_of_every_link(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *reply;

	reply = fixture_call(f, f->app, SB_BUS_ROOT, "ListSettings", "s", "");
	assert_non_null(reply);
	assert_true(sd_bus_message_enter_container(reply, 'a', "(ssssbs)") > 0);
	expect_setting(reply,
		       (const char *const[]){ "plugin", "text", "", "",
					      "The plugin that knows the cloud's rules." },
		       true);
	assert_true(sd_bus_message_skip(reply, "(ssssbs)") > 0);
}

static void test_settings_of_no_plugin(void **state)
{
	struct fixture *f = *state;

	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "ListSettings", "s", "enso"),
			     ERROR "NoSuchPlugin", "did you mean \"enos\"?");
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "ListSettings", "s", "aliyun"),
			     ERROR "NoSuchPlugin", "ListPlugins names all");
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "ListSettings", "s", "mine"),
			     ERROR "NoSuchPlugin", "cannot be used: it is not owned by root");
}

/* ---- CheckSetting ---------------------------------------------------------------------------- */

static sd_bus_message *check(struct fixture *f, const char *plugin, const char *key,
			     const char *value)
{
	return fixture_call(f, f->app, SB_BUS_ROOT, "CheckSetting", "sss", plugin, key, value);
}

static void test_check(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *reply = check(f, "enos", "lifetime", "30m");

	assert_non_null(reply);
	assert_false(sd_bus_message_is_method_error(reply, NULL));
	reply = check(f, "", "window", "1");
	assert_false(sd_bus_message_is_method_error(reply, NULL));
	fixture_assert_error(check(f, "enos", "lifetime", "2d"), ERROR "InvalidConfiguration",
			     "lifetime \"2d\" is above the most, 1d: write a duration from 30s to "
			     "1d, such as 1h");
	fixture_assert_error(check(f, "", "window", "65"), ERROR "InvalidConfiguration",
			     "window \"65\" is above the most, 64");
	fixture_assert_error(check(f, "enos", "lifetim", "1h"), ERROR "InvalidConfiguration",
			     "did you mean \"lifetime\"?");
	fixture_assert_error(check(f, "enso", "lifetime", "1h"), ERROR "NoSuchPlugin", "enos");
}

/* Neither the value nor its length comes back. */
static void test_secrets_are_not_checked(void **state)
{
	fixture_assert_error(check(*state, "enos", "device_secret", "hush"), ERROR "Unsupported",
			     "device_secret is a secret: Reload and PreviewReload check it");
}

static bool is_asked(void *userdata)
{
	const struct sb_reload *reload = userdata;

	return reload->done != NULL;
}

/* It takes a reload, which answers the call. */
static void test_lift(void **state)
{
	struct fixture *f = *state;
	struct sb_reload *reload = &f->gateway->reload;

	client_begin(f->app, &f->call, SB_BUS_ROOT, "LiftQuarantine", "s", "mine");
	assert_true(loop_until(f->loop, is_asked, reload));
	assert_null(f->call.reply);
	reload->done(reload->userdata, NULL);
	assert_non_null(client_end(f->app, &f->call));
	assert_false(sd_bus_message_is_method_error(f->call.reply, NULL));
	*reload = (struct sb_reload){ 0 };

	fixture_assert_error(fixture_call(f, f->app, SB_BUS_ROOT, "LiftQuarantine", "s", "enos"),
			     ERROR "Unsupported", "enos is not in quarantine");
	assert_null(reload->done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
		TEST(test_plugins),
		TEST(test_settings),
		TEST(test_settings_of_every_link),
		TEST(test_settings_of_no_plugin),
		TEST(test_check),
		TEST(test_secrets_are_not_checked),
		TEST(test_lift),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
