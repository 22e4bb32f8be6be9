/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dbus/caller.h"
#include "skybus/plugin.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

static uint32_t subscribe(struct fixture *f, struct client *client, const char *filter)
{
	sd_bus_message *reply = fixture_call(f, client, PLANT_PATH, "Subscribe", "s", filter);
	uint32_t id = 0;

	assert_non_null(reply);
	assert_false(sd_bus_message_is_method_error(reply, NULL));
	assert_true(sd_bus_message_read(reply, "u", &id) > 0);
	assert_int_not_equal(id, 0);

	return id;
}

static size_t deliver(struct fixture *f, const char *topic)
{
	struct sb_delivery delivery = {
		.link = "plant",
		.topic = topic,
		.payload = (const uint8_t *)"on",
		.payload_len = 2,
		.content_format = SKYBUS_FORMAT_JSON,
	};

	return sb_hub_deliver(f->gateway->hub, &delivery).matched;
}

static size_t count_messages(struct client *client)
{
	size_t n = 0;

	client_settle_down(client);
	while (client_signal(client, "Message", n))
		n++;

	return n;
}

static void test_message_reaches_the_subscriber_alone(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *signal;
	const char *topic;
	const char *key;
	const char *key2;
	const char *link;
	const char *key3;
	const char *origin;
	const void *payload;
	uint64_t number;
	uint32_t format;
	size_t len;

	(void)subscribe(f, f->app, "cmd/+");
	(void)subscribe(f, f->other, "elsewhere");
	assert_int_equal(deliver(f, "cmd/light"), 1);

	signal = client_wait_signal(f->app, "Message");
	assert_non_null(signal);
	assert_string_equal(sd_bus_message_get_path(signal), PLANT_PATH);
	assert_string_equal(sd_bus_message_get_interface(signal), SB_BUS_LINK_INTERFACE);
	assert_true(sd_bus_message_read(signal, "ts", &number, &topic) > 0);
	assert_int_equal(number, 1);
	assert_string_equal(topic, "cmd/light");
	assert_true(sd_bus_message_read_array(signal, 'y', &payload, &len) >= 0);
	assert_int_equal(len, 2);
	assert_memory_equal(payload, "on", 2);
	assert_true(sd_bus_message_read(signal, "a{sv}", 3, &key, "s", &link, &key3, "s", &origin,
					&key2, "u", &format) > 0);
	assert_string_equal(key, "link");
	assert_string_equal(link, "plant");
	assert_string_equal(key3, "origin");
	assert_string_equal(origin, "cloud");
	assert_string_equal(key2, "content-format");
	assert_int_equal(format, SKYBUS_FORMAT_JSON);

	assert_int_equal(count_messages(f->other), 0);
}

static void test_properties_without_format(void **state)
{
	struct sb_delivery delivery = {
		.link = "plant",
		.topic = "bad \xff",
		.content_format = SKYBUS_NO_FORMAT,
	};
	struct fixture *f = *state;
	sd_bus_message *signal;
	const char *topic;
	const char *key;
	const char *link;
	const char *key2;
	const char *origin;
	const void *payload;
	uint64_t number;
	size_t len;

	(void)subscribe(f, f->app, "#");
	(void)sb_hub_deliver(f->gateway->hub, &delivery);
	signal = client_wait_signal(f->app, "Message");
	assert_non_null(signal);
	assert_true(sd_bus_message_read(signal, "ts", &number, &topic) > 0);
	assert_string_equal(topic, "bad ?");
	assert_true(sd_bus_message_read_array(signal, 'y', &payload, &len) >= 0);
	assert_int_equal(len, 0);
	assert_true(sd_bus_message_read(signal, "a{sv}", 2, &key, "s", &link, &key2, "s", &origin) >
		    0);
	assert_string_equal(key, "link");
	assert_string_equal(link, "plant");
}

static void test_overlapping_filters_send_once(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app, "cmd/#");
	(void)subscribe(f, f->app, "#");
	(void)subscribe(f, f->other, "#");
	assert_int_equal(deliver(f, "cmd/light"), 3);
	assert_int_equal(count_messages(f->app), 1);
	assert_int_equal(count_messages(f->other), 1);
	assert_int_equal(deliver(f, "cmd/light"), 3);
	assert_int_equal(count_messages(f->app), 2);
}

static void test_filter_that_breaks_the_rules(void **state)
{
	struct fixture *f = *state;

	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "a/#/b"),
			     ERROR "InvalidTopic", "#");
}

static void test_unsubscribe(void **state)
{
	struct fixture *f = *state;
	uint32_t id = subscribe(f, f->app, "#");

	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Unsubscribe", "u", id), NULL));
	assert_int_equal(deliver(f, "cmd/light"), 0);
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Unsubscribe", "u", id),
			     ERROR "NoSuchSubscription", "no subscription");
}

static void test_unsubscribe_what_is_not_ours(void **state)
{
	struct fixture *f = *state;
	struct sb_link *second = fake_link_add(f->gateway, "second");
	uint32_t id = subscribe(f, f->app, "#");

	assert_non_null(second);
	fixture_assert_error(fixture_call(f, f->other, PLANT_PATH, "Unsubscribe", "u", id),
			     ERROR "NoSuchSubscription", "no subscription");
	fixture_assert_error(fixture_call(f, f->app, SB_BUS_LINKS "/second", "Unsubscribe", "u",
					  id),
			     ERROR "NoSuchSubscription", "no subscription");
	assert_int_equal(deliver(f, "cmd/light"), 1);
}

static bool nobody_is_subscribed(void *userdata)
{
	return deliver(userdata, "cmd/light") == 0;
}

static void test_subscriptions_end_with_the_connection(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app, "#");
	(void)subscribe(f, f->app, "cmd/+");
	assert_int_equal(deliver(f, "cmd/light"), 2);
	client_call_done(&f->call);
	f->app = client_free(f->app);
	assert_true(loop_until(f->loop, nobody_is_subscribed, f));
}

/* It goes between its call and our handling of it, so only the question after it notices. */
static void test_caller_that_has_gone_already(void **state)
{
	struct fixture *f = *state;

	client_begin(f->app, &f->call, PLANT_PATH, "Subscribe", "s", "#");
	client_call_done(&f->call);
	f->app = client_free(f->app);
	client_settle_down(f->other);
	assert_true(loop_until(f->loop, nobody_is_subscribed, f));
}

static void test_bound_of_one_connection(void **state)
{
	struct fixture *f = *state;
	uint32_t id = 0;
	int i;

	for (i = 0; i < FIXTURE_SUBSCRIPTIONS; i++)
		id = subscribe(f, f->app, "#");
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "#"),
			     ERROR "QueueFull", "5 subscriptions, the most it may");
	(void)subscribe(f, f->other, "#");
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Unsubscribe", "u", id), NULL));
	(void)subscribe(f, f->app, "#");
}

/* Who may have none is not remembered for having tried. */
static void test_no_subscriptions_at_all(void **state)
{
	struct fixture *f = *state;

	f->rates.limits.subscriptions = 0;
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "#"),
			     ERROR "QueueFull", "0 subscriptions, the most it may");
	f->rates.limits.subscriptions = 1;
	(void)subscribe(f, f->app, "#");
}

static void test_subscription_outlives_its_link(void **state)
{
	struct fixture *f = *state;

	(void)subscribe(f, f->app, "#");
	fake_link_remove(f->plant);
	f->plant = fake_link_add(f->gateway, "plant");
	assert_int_equal(deliver(f, "cmd/light"), 1);
	assert_int_equal(count_messages(f->app), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_message_reaches_the_subscriber_alone),
		TEST(test_properties_without_format),
		TEST(test_overlapping_filters_send_once),
		TEST(test_filter_that_breaks_the_rules),
		TEST(test_unsubscribe),
		TEST(test_unsubscribe_what_is_not_ours),
		TEST(test_subscriptions_end_with_the_connection),
		TEST(test_caller_that_has_gone_already),
		TEST(test_bound_of_one_connection),
		TEST(test_no_subscriptions_at_all),
		TEST(test_subscription_outlives_its_link),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
