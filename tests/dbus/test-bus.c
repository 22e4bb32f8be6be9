/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in the root of the source tree: it reads the introspection and the policy from dbus/.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/dbus/fixture.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

/* "nobody", who is in no group that matters. */
#define STRANGER 65534

#define PATIENCE_USEC (20 * SB_USEC_PER_SEC)

extern char **environ;

/* ---- objects --------------------------------------------------------------------------------- */

/* Whether a dictionary of interfaces that comes next has the one of links. */
static bool read_interfaces(sd_bus_message *message)
{
	const char *interface;
	bool found = false;

	assert_true(sd_bus_message_enter_container(message, 'a', "{sa{sv}}") > 0);
	while (sd_bus_message_enter_container(message, 'e', "sa{sv}") > 0) {
		assert_true(sd_bus_message_read(message, "s", &interface) > 0);
		found = found || strcmp(interface, SB_BUS_LINK_INTERFACE) == 0;
		assert_true(sd_bus_message_skip(message, "a{sv}") > 0);
		assert_true(sd_bus_message_exit_container(message) > 0);
	}
	assert_true(sd_bus_message_exit_container(message) > 0);

	return found;
}

static void test_managed_objects(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *reply;
	const char *path;
	size_t n = 0;

	reply = fixture_call(f, f->app, SB_BUS_ROOT, OBJECT_MANAGER ".GetManagedObjects", "");
	assert_non_null(reply);
	assert_true(sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}") > 0);
	while (sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}") > 0) {
		assert_true(sd_bus_message_read(reply, "o", &path) > 0);
		assert_string_equal(path, PLANT_PATH);
		assert_true(read_interfaces(reply));
		assert_true(sd_bus_message_exit_container(reply) > 0);
		n++;
	}
	assert_int_equal(n, 1);
}

static void test_links_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct sb_link *second = fake_link_add(f->gateway, "odd.name-1");
	sd_bus_message *signal;
	const char *path;

	signal = client_wait_signal(f->app, "InterfacesAdded");
	assert_non_null(signal);
	assert_string_equal(sd_bus_message_get_path(signal), SB_BUS_ROOT);
	assert_true(sd_bus_message_read(signal, "o", &path) > 0);
	assert_string_equal(path, SB_BUS_LINKS "/odd_2ename_2d1");
	assert_true(read_interfaces(signal));
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, SB_BUS_LINKS "/odd_2ename_2d1", "Connect", ""), NULL));
	assert_int_equal(second->connects, 1);
	assert_int_equal(f->plant->connects, 0);

	fake_link_change(second, SB_LINK_CHANGED_NUMBERS);
	fake_link_remove(second);
	signal = client_wait_signal(f->app, "InterfacesRemoved");
	assert_non_null(signal);
	assert_true(sd_bus_message_read(signal, "o", &path) > 0);
	assert_string_equal(path, SB_BUS_LINKS "/odd_2ename_2d1");
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_LINKS "/odd_2ename_2d1", "Connect", ""),
			     "org.freedesktop.DBus.Error.UnknownObject", "");
}

static bool changes_plugin(sd_bus_message *signal, const char *to)
{
	const char *name;
	const char *value;
	bool found = false;

	assert_true(sd_bus_message_skip(signal, "s") > 0);
	assert_true(sd_bus_message_enter_container(signal, 'a', "{sv}") > 0);
	while (sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(signal, "s", &name) > 0);
		if (strcmp(name, "Plugin") == 0) {
			assert_true(sd_bus_message_read(signal, "v", "s", &value) > 0);
			found = strcmp(value, to) == 0;
		} else {
			assert_true(sd_bus_message_skip(signal, "v") > 0);
		}
		assert_true(sd_bus_message_exit_container(signal) > 0);
	}

	return found;
}

/* Its object, and what was put aside for it, are the new one's. */
static void test_link_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;
	sd_bus_message *signal;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	fixture_hold_bus(f);
	f->plant = fake_link_replace(f->plant);
	private_bus_resume(f->private_bus);
	job = fixture_wait_job(f, f->plant);
	job.published(job.userdata, 3, NULL);
	assert_false(sd_bus_message_is_method_error(client_end(f->app, &f->call), NULL));

	signal = client_wait_signal(f->app, "PropertiesChanged");
	assert_non_null(signal);
	assert_true(changes_plugin(signal, "aliyun"));
	assert_null(client_signal(f->app, "InterfacesRemoved", 0));
	fake_link_change(f->plant, SB_LINK_CHANGED_STATE);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Connect", ""), NULL));
	assert_int_equal(f->plant->connects, 1);
	fake_link_remove(f->plant);
	assert_non_null(client_wait_signal(f->app, "InterfacesRemoved"));
}

/* ---- introspection --------------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int status;
};

static bool child_has_ended(void *userdata)
{
	struct child *child = userdata;

	return waitpid(child->pid, &child->status, WNOHANG) == child->pid;
}

static void compare_introspection(struct fixture *f, const char *path, const char *interface,
				  const char *xml)
{
	char *argv[] = { (char *)"python3",
			 (char *)"tests/dbus/compare-introspection.py",
			 (char *)private_bus_address(f->private_bus),
			 (char *)SB_BUS_NAME,
			 (char *)path,
			 (char *)interface,
			 (char *)xml,
			 NULL };
	struct child child = { 0 };

	assert_int_equal(posix_spawn(&child.pid, "/usr/bin/python3", NULL, NULL, argv, environ), 0);
	assert_true(loop_until(f->loop, child_has_ended, &child));
	assert_true(WIFEXITED(child.status));
	assert_int_equal(WEXITSTATUS(child.status), 0);
}

static void test_manager_is_as_written(void **state)
{
	compare_introspection(*state, SB_BUS_ROOT, SB_BUS_MANAGER_INTERFACE,
			      "dbus/io.skybus.Gateway1.Manager.xml");
}

static void test_link_is_as_written(void **state)
{
	compare_introspection(*state, PLANT_PATH, SB_BUS_LINK_INTERFACE,
			      "dbus/io.skybus.Gateway1.Link.xml");
}

/* ---- the connection -------------------------------------------------------------------------- */

static void test_name_is_taken(void **state)
{
	struct fixture *f = *state;
	const struct sb_bus_options options = fixture_bus_options(f);
	struct sb_bus_host host = fixture_bus_host(f);
	struct sb_gateway *gateway = fake_gateway_new(f->loop);
	struct sb_bus *second = NULL;
	int r;

	(void)fake_link_add(gateway, "plant");
	host.gateway = gateway;
	host.reload = &gateway->reload;
	r = sb_bus_new(&options, &host, &second);
	assert_null(gateway->listener.settled);
	(void)fake_gateway_free(gateway);
	assert_int_equal(r, -EEXIST);
	assert_null(second);
}

static bool has_owner(struct fixture *f, const char *name)
{
	sd_bus_message *answer = NULL;
	int owned = -1;

	assert_true(sd_bus_call_method(f->app->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				       "org.freedesktop.DBus", "NameHasOwner", NULL, &answer, "s",
				       name) >= 0);
	assert_true(sd_bus_message_read(answer, "b", &owned) > 0);
	(void)sd_bus_message_unref(answer);

	return owned;
}

static void test_instances_are_beside_each_other(void **state)
{
	struct fixture *f = *state;
	struct sb_bus_options options = fixture_bus_options(f);
	struct sb_bus_host host = fixture_bus_host(f);
	struct sb_gateway *gateway = fake_gateway_new(f->loop);
	struct sb_bus *second = NULL;

	host.gateway = gateway;
	host.reload = &gateway->reload;
	options.instance = "depot";
	assert_int_equal(sb_bus_new(&options, &host, &second), 0);
	assert_true(has_owner(f, SB_BUS_NAME));
	assert_true(has_owner(f, SB_BUS_NAME ".depot"));
	(void)sb_bus_free(second);
	(void)fake_gateway_free(gateway);
}

static void test_no_bus_there(void **state)
{
	struct fixture *f = *state;
	struct sb_bus_options options = fixture_bus_options(f);
	const struct sb_bus_host host = fixture_bus_host(f);
	struct sb_bus *bus = NULL;

	options.address = "unix:path=/nonexistent/bus";
	f->bus = sb_bus_free(f->bus);
	assert_int_equal(sb_bus_new(&options, &host, &bus), -ENOENT);
	assert_null(bus);
}

/* As at the daemon's end: the loop is over, the store is drained, and only then the bus goes. */
static void test_tickets_after_the_loop(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;
	uint64_t ticket = 0;

	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	sb_loop_exit(f->loop, 0);
	assert_int_equal(sb_loop_run(f->loop), 0);
	job.published(job.userdata, 3, NULL);
	f->bus = sb_bus_free(f->bus);

	assert_true(sd_bus_detach_event(f->app->bus) >= 0);
	while (!f->call.reply && sd_bus_wait(f->app->bus, PATIENCE_USEC) > 0)
		while (sd_bus_process(f->app->bus, NULL) > 0)
			;
	assert_non_null(f->call.reply);
	assert_true(sd_bus_message_read(f->call.reply, "t", &ticket) > 0);
	assert_int_equal(ticket, 3);
}

/* ---- buses that are not open ----------------------------------------------------------------- */

static int policy_teardown(void **state)
{
	struct fixture *f = *state;

	f->private_bus = private_bus_stop(f->private_bus);

	return 0;
}

static void start_daemon(struct fixture *f, const char *policy)
{
	f->private_bus = private_bus_start(policy);
	assert_non_null(f->private_bus);
	assert_int_equal(fixture_setup((void **)&f), 0);
}

static int own_bus_setup(void **state)
{
	static struct fixture fixture;

	*state = &fixture;

	return 0;
}

static int own_bus_teardown(void **state)
{
	(void)fixture_teardown(state);

	return policy_teardown(state);
}

static void test_policy_denies_the_name(void **state)
{
	struct fixture *f = *state;
	struct sb_bus_options options;
	struct sb_bus_host host;

	f->private_bus = private_bus_start(PRIVATE_BUS_OPEN "<policy context=\"mandatory\">"
							    "<deny own=\"io.skybus.Gateway1\"/>"
							    "</policy>");
	assert_non_null(f->private_bus);
	assert_int_equal(fixture_prepare(f), 0);
	options = fixture_bus_options(f);
	host = fixture_bus_host(f);
	assert_int_equal(sb_bus_new(&options, &host, &f->bus), -EACCES);
	assert_null(f->bus);
}

/* A stranger to the group may talk to others on the bus, and not to the daemon. */
static void test_shipped_policy(void **state)
{
	struct fixture *f = *state;
	char file[PATH_MAX];
	char policy[PATH_MAX + 1024];

	if (geteuid() != 0)
		skip();

	assert_non_null(realpath("dbus/io.skybus.Gateway1.conf", file));
	(void)snprintf(policy, sizeof(policy), PRIVATE_BUS_OPEN "<include>%s</include>", file);
	start_daemon(f, policy);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Connect", ""), NULL));

	f->other = client_free(f->other);
	assert_int_equal(seteuid(STRANGER), 0);
	f->other = client_new(f->loop, private_bus_address(f->private_bus));
	assert_int_equal(seteuid(0), 0);
	assert_non_null(f->other);
	fixture_assert_error(fixture_call(f, f->other, PLANT_PATH, "Connect", ""),
			     "org.freedesktop.DBus.Error.AccessDenied", "");
	assert_int_equal(f->plant->connects, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_managed_objects),
		TEST(test_links_come_and_go),
		TEST(test_link_is_replaced),
		TEST(test_manager_is_as_written),
		TEST(test_link_is_as_written),
		TEST(test_name_is_taken),
		TEST(test_instances_are_beside_each_other),
		TEST(test_no_bus_there),
		TEST(test_tickets_after_the_loop),
#undef TEST
	};
	const struct CMUnitTest own_bus_tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, own_bus_setup, own_bus_teardown)
		TEST(test_policy_denies_the_name),
		TEST(test_shipped_policy),
#undef TEST
	};
	int failed;

	failed = cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);

	return failed + cmocka_run_group_tests(own_bus_tests, NULL, NULL);
}
