/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "skybus/plugin.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

static void assert_payload(sd_bus_message *message, const char *expected)
{
	const void *payload;
	size_t len;

	assert_true(sd_bus_message_read_array(message, 'y', &payload, &len) >= 0);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(payload, expected, len);
}

/* ---- request, connect, disconnect ------------------------------------------------------------ */

static void test_request(void **state)
{
	const struct skybus_reply reply = {
		.size = sizeof(reply),
		.outcome = SKYBUS_ANSWERED,
		.code = SKYBUS_CODE(4, 4),
		.payload = (const uint8_t *)"{}",
		.payload_len = 2,
	};
	struct fixture *f = *state;
	struct fake_job job;
	const char *code = NULL;

	client_begin(f->app, &f->call, PLANT_PATH, "Request", "ssu", "t", "x", 7);
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.timeout_usec, 7 * SB_USEC_PER_SEC);
	assert_null(job.message->sender);
	job.requested(job.userdata, &reply, NULL);
	assert_non_null(client_end(f->app, &f->call));
	assert_true(sd_bus_message_read(f->call.reply, "s", &code) > 0);
	assert_string_equal(code, "4.04");
	assert_payload(f->call.reply, "{}");
}

static void test_request_without_timeout(void **state)
{
	struct fixture *f = *state;
	struct sb_error error;
	struct fake_job job;

	client_begin(f->app, &f->call, PLANT_PATH, "Request", "ssu", "t", "x", 0);
	job = fixture_wait_job(f, f->plant);
	assert_int_equal(job.timeout_usec, 30 * SB_USEC_PER_SEC);
	(void)sb_error_set(&error, SB_ERROR_TIMEOUT, "no answer within 30 s");
	job.requested(job.userdata, NULL, &error);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "Timeout", "no answer");
}

static void test_connect_and_disconnect(void **state)
{
	struct fixture *f = *state;

	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Connect", ""), NULL));
	assert_int_equal(f->plant->connects, 1);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Disconnect", ""), NULL));
	assert_int_equal(f->plant->disconnects, 1);

	f->plant->refusal = "mend it";
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Connect", ""), ERROR "QueueFull",
			     "mend it");
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Disconnect", ""),
			     ERROR "QueueFull", "mend it");
}

static void test_reauthenticate(void **state)
{
	struct fixture *f = *state;

	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Reauthenticate", ""), NULL));
	assert_int_equal(f->plant->reauthentications, 1);
	f->plant->refusal = "call Connect";
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Reauthenticate", ""),
			     ERROR "QueueFull", "call Connect");
}

/* ---- settled --------------------------------------------------------------------------------- */

static void test_settled_reaches_the_publisher_alone(void **state)
{
	struct fixture *f = *state;
	const struct sb_settled settled = {
		.link = "plant",
		.sender = fixture_sender(f->app, 1),
		.settlement = { .ticket = 5,
				.outcome = SB_REJECTED,
				.code = "4.00",
				.reason = "bad" },
	};
	const char *outcome;
	const char *code;
	const char *reason;
	sd_bus_message *signal;
	uint64_t ticket;

	fake_settle(f->gateway, &settled);
	signal = client_wait_signal(f->app, "Settled");
	assert_non_null(signal);
	assert_string_equal(sd_bus_message_get_path(signal), PLANT_PATH);
	assert_string_equal(sd_bus_message_get_interface(signal), SB_BUS_LINK_INTERFACE);
	assert_true(sd_bus_message_read(signal, "tsss", &ticket, &outcome, &code, &reason) > 0);
	assert_int_equal(ticket, 5);
	assert_string_equal(outcome, "rejected");
	assert_string_equal(code, "4.00");
	assert_string_equal(reason, "bad");

	client_settle_down(f->other);
	assert_null(client_signal(f->other, "Settled", 0));
}

static void test_settled_without_publisher(void **state)
{
	const struct sb_settled settled = {
		.link = "plant",
		.settlement = { .ticket = 5,
				.outcome = SB_DELIVERED,
				.code = "2.04",
				.reason = "" },
	};
	struct fixture *f = *state;

	fake_settle(f->gateway, &settled);
	client_settle_down(f->app);
	assert_null(client_signal(f->app, "Settled", 0));
}

/* ---- properties ------------------------------------------------------------------------------ */

static uint64_t read_number(struct fixture *f, const char *property)
{
	sd_bus_message *reply =
		fixture_call(f, f->app, PLANT_PATH, "org.freedesktop.DBus.Properties.Get", "ss",
			     SB_BUS_LINK_INTERFACE, property);
	uint64_t value = UINT64_MAX;

	assert_non_null(reply);
	assert_true(sd_bus_message_read(reply, "v", "t", &value) > 0);

	return value;
}

static const char *read_text(struct fixture *f, const char *property)
{
	sd_bus_message *reply =
		fixture_call(f, f->app, PLANT_PATH, "org.freedesktop.DBus.Properties.Get", "ss",
			     SB_BUS_LINK_INTERFACE, property);
	const char *value = NULL;

	assert_non_null(reply);
	assert_true(sd_bus_message_read(reply, "v", "s", &value) > 0);

	return value;
}

static void test_properties(void **state)
{
	struct fixture *f = *state;
	struct sb_link_status *status = &f->plant->status;

	status->device = "pk/dk";
	status->state_word = "backoff";
	status->state_reason = "no answer";
	status->last_error = "older \xff";
	status->since_ms = 1700000000123;
	status->session_expires_ms = 1700000000456;
	status->queue = (struct sb_queue_stats){ .queued = 1, .queued_bytes = 2, .in_flight = 3 };
	status->queue.ended[SB_DELIVERED] = 4;
	status->queue.ended[SB_REJECTED] = 5;
	status->queue.ended[SB_EXPIRED] = 6;
	status->queue.ended[SB_CANCELLED] = 9;
	status->traffic = (struct sb_traffic){ .sent = 7, .received = 8 };
	status->wire_sent = 10;
	status->wire_received = 11;
	status->budget = 12;
	status->budget_used = 13;
	status->budget_ends_ms = 1700000000789;

	assert_string_equal(read_text(f, "Name"), "plant");
	assert_string_equal(read_text(f, "Plugin"), "enos");
	assert_string_equal(read_text(f, "Device"), "pk/dk");
	assert_string_equal(read_text(f, "State"), "backoff");
	assert_string_equal(read_text(f, "StateReason"), "no answer");
	assert_string_equal(read_text(f, "LastError"), "older ?");
	assert_int_equal(read_number(f, "Since"), 1700000000123000);
	assert_int_equal(read_number(f, "SessionExpires"), 1700000000456000);
	assert_int_equal(read_number(f, "Queued"), 1);
	assert_int_equal(read_number(f, "QueuedBytes"), 2);
	assert_int_equal(read_number(f, "InFlight"), 3);
	assert_int_equal(read_number(f, "Delivered"), 4);
	assert_int_equal(read_number(f, "Rejected"), 5);
	assert_int_equal(read_number(f, "Expired"), 6);
	assert_int_equal(read_number(f, "Cancelled"), 9);
	assert_int_equal(read_number(f, "BytesSent"), 7);
	assert_int_equal(read_number(f, "BytesReceived"), 8);
	assert_int_equal(read_number(f, "WireSent"), 10);
	assert_int_equal(read_number(f, "WireReceived"), 11);
	assert_int_equal(read_number(f, "Budget"), 12);
	assert_int_equal(read_number(f, "BudgetUsed"), 13);
	assert_int_equal(read_number(f, "BudgetEnds"), 1700000000789000);
}

/* "key=value " for each. */
static const char *read_attempt(struct fixture *f, char *ret, size_t size)
{
	sd_bus_message *reply =
		fixture_call(f, f->app, PLANT_PATH, "org.freedesktop.DBus.Properties.Get", "ss",
			     SB_BUS_LINK_INTERFACE, "LastAttempt");
	const char *key;
	const char *value;
	size_t len = 0;

	*ret = '\0';
	assert_non_null(reply);
	assert_true(sd_bus_message_enter_container(reply, 'v', "a{ss}") > 0);
	assert_true(sd_bus_message_enter_container(reply, 'a', "{ss}") > 0);
	while (sd_bus_message_read(reply, "{ss}", &key, &value) > 0)
		len += (size_t)snprintf(ret + len, size - len, "%s=%s ", key, value);

	return ret;
}

static void test_attempt(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = 1 };
	char text[1024];

	assert_string_equal(read_attempt(f, text, sizeof(text)), "");

	f->plant->attempt = (struct sb_attempt){
		.began_ms = 1700000000123,
		.ended_ms = 1700000000456,
		.stage = SB_LINK_CONNECTING,
		.trouble = SB_TROUBLE_REFUSAL,
		.code = SKYBUS_CODE(4, 1),
		.security = SKYBUS_PSK,
		.port = 5684,
		.answered = true,
		.host = "cloud.example",
		.interface = "wwan0",
		.handshake = "SERVER HELLO",
		.alert = "Unknown PSK identity",
		.reason = "who is \xff?",
	};
	peer.sin_addr.s_addr = htonl(0xc0000201);
	memcpy(&f->plant->attempt.peer, &peer, sizeof(peer));
	f->plant->idle = (struct sb_idle){ .survived = 7, .failed = 9, .failures = 1 };
	assert_string_equal(
		read_attempt(f, text, sizeof(text)),
		"began=1700000000123000 stage=connecting host=cloud.example port=5684 security=psk "
		"address=192.0.2.1 interface=wwan0 answered=yes handshake=SERVER HELLO alert=Unknown PSK identity "
		"cause=refusal code=4.01 reason=who is ?? ended=1700000000456000 idle-survived=7 "
		"idle-failed=9 idle-failures=1 ");
}

/* The value of one property in a PropertiesChanged; text only. NULL if it is not among them. */
static const char *changed_text(sd_bus_message *signal, const char *property)
{
	const char *found = NULL;
	const char *name;

	assert_true(sd_bus_message_rewind(signal, true) >= 0);
	assert_true(sd_bus_message_skip(signal, "s") > 0);
	assert_true(sd_bus_message_enter_container(signal, 'a', "{sv}") > 0);
	while (sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(signal, "s", &name) > 0);
		if (strcmp(name, property) == 0)
			assert_true(sd_bus_message_read(signal, "v", "s", &found) > 0);
		else
			assert_true(sd_bus_message_skip(signal, "v") > 0);
		assert_true(sd_bus_message_exit_container(signal) > 0);
	}

	return found;
}

static bool changed_has(sd_bus_message *signal, const char *property)
{
	const char *name;
	bool found = false;

	assert_true(sd_bus_message_rewind(signal, true) >= 0);
	assert_true(sd_bus_message_skip(signal, "s") > 0);
	assert_true(sd_bus_message_enter_container(signal, 'a', "{sv}") > 0);
	while (sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(signal, "s", &name) > 0);
		found = found || strcmp(name, property) == 0;
		assert_true(sd_bus_message_skip(signal, "v") > 0);
		assert_true(sd_bus_message_exit_container(signal) > 0);
	}

	return found;
}

static void test_state_is_told_at_once(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *signal;

	f->plant->status.state_word = "online";
	fake_link_change(f->plant, SB_LINK_CHANGED_STATE);
	f->plant->status.state_word = "backoff";
	fake_link_change(f->plant, SB_LINK_CHANGED_STATE);
	client_settle_down(f->app);

	signal = client_signal(f->app, "PropertiesChanged", 0);
	assert_non_null(signal);
	assert_string_equal(sd_bus_message_get_path(signal), PLANT_PATH);
	assert_string_equal(changed_text(signal, "State"), "online");
	assert_string_equal(changed_text(signal, "StateReason"), "");
	assert_true(changed_has(signal, "Since"));
	assert_true(changed_has(signal, "SessionExpires"));
	assert_true(changed_has(signal, "Device"));
	assert_true(changed_has(signal, "LastError"));
	assert_false(changed_has(signal, "Queued"));
	signal = client_signal(f->app, "PropertiesChanged", 1);
	assert_non_null(signal);
	assert_string_equal(changed_text(signal, "State"), "backoff");
}

static void test_numbers_are_told_once_a_second(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *signal;
	int i;

	for (i = 0; i < 1000; i++) {
		fake_link_change(f->plant, SB_LINK_CHANGED_NUMBERS);
		sb_loop_advance(f->loop, 900);
	}
	client_settle_down(f->app);
	assert_null(client_signal(f->app, "PropertiesChanged", 0));

	sb_loop_advance(f->loop, 100 * SB_USEC_PER_MSEC);
	client_settle_down(f->app);
	signal = client_signal(f->app, "PropertiesChanged", 0);
	assert_non_null(signal);
	assert_true(changed_has(signal, "Queued"));
	assert_true(changed_has(signal, "QueuedBytes"));
	assert_true(changed_has(signal, "InFlight"));
	assert_true(changed_has(signal, "Delivered"));
	assert_true(changed_has(signal, "Rejected"));
	assert_true(changed_has(signal, "Expired"));
	assert_true(changed_has(signal, "Cancelled"));
	assert_true(changed_has(signal, "BytesSent"));
	assert_true(changed_has(signal, "BytesReceived"));
	assert_false(changed_has(signal, "State"));

	sb_loop_advance(f->loop, 60 * SB_USEC_PER_SEC);
	client_settle_down(f->app);
	assert_null(client_signal(f->app, "PropertiesChanged", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_request),
		TEST(test_request_without_timeout),
		TEST(test_connect_and_disconnect),
		TEST(test_reauthenticate),
		TEST(test_settled_reaches_the_publisher_alone),
		TEST(test_settled_without_publisher),
		TEST(test_properties),
		TEST(test_attempt),
		TEST(test_state_is_told_at_once),
		TEST(test_numbers_are_told_once_a_second),
#undef TEST
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
