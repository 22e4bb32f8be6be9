/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several messages with properties in one report.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/plugins/aliyun-link.h"

#define BATCH "/sys/" PRODUCT_KEY "/" DEVICE_NAME "/thing/event/property/batch/post"

/* What goes out around the properties. */
#define REPORT(properties)                                                          \
	"{\"id\":\"1\",\"version\":\"1.0\",\"params\":{\"properties\":{" properties \
	"}},\"method\":\"thing.event.property.batch.post\"}"

static const struct scripted_message three[] = {
	{ "telemetry", "{\"temp\":21.5,\"on\":true}" },
	{ PROPERTIES, " { \"temp\" : 1.50 } " },
	{ "other", "{\"temp\":{\"value\":3,\"time\":5},\"x\":9007199254740993}" },
};

static struct skybus_link *attach_batching(void **state, const struct scripted_setting *usual)
{
	return attach(state, WITH(usual, { "envelope", "property", 0 }, { "batch", "60s", 0 }));
}

static void log_in_dtls(struct skybus_link *link)
{
	(void)answer(begin_login(link), CONTENT, "{\"token\":\"" TOKEN "\"}");
	all_stored(link);
	assert_int_equal(link->n_online, 1);
}

static int batching(void **state)
{
	log_in_dtls(attach_batching(state, dtls));

	return 0;
}

#define BATCH_TEST(test) cmocka_unit_test_setup_teardown(test, batching, teardown)

static uint32_t gather_one(struct skybus_link *link, const char *topic, const char *payload)
{
	const struct scripted_message message = { topic, payload };

	return scripted_gather(link, &message, 1);
}

static void test_terms(void **state)
{
	const struct skybus_link *link = *state;

	assert_int_equal(link->terms.batch_s, 60);
}

static void test_every_point_keeps_its_time(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request;

	assert_int_equal(scripted_gather(link, three, 3), 3);
	request = scripted_encode_batch(link, three, 3);
	assert_int_equal(request->result, 0);
	assert_int_equal(request->method, SKYBUS_POST);
	assert_string_equal(request->segments, "/topic" BATCH);
	assert_int_equal(uint_option(request, 12), SKYBUS_FORMAT_JSON);
	expect_text(request->payload, request->payload_len,
		    REPORT("\"temp\":[{\"value\":21.5,\"time\":1700000000000},"
			   "{\"value\":1.50,\"time\":1700000001000},{\"value\":3,\"time\":5}],"
			   "\"on\":[{\"value\":true,\"time\":1700000000000}],"
			   "\"x\":[{\"value\":9007199254740993,\"time\":1700000002000}]"));
}

/* One sequence number for all; and to ask takes none. */
static void test_symmetric(void **state)
{
	struct skybus_link *link = attach_batching(state, symmetric);
	struct skybus_request *request;

	log_in(link);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(scripted_gather(link, three, 2), 2);
	request = scripted_encode_batch(link, three, 2);
	assert_int_equal(sequence_of(request), 2);
	expect_encrypted(request->payload, request->payload_len,
			 REPORT("\"temp\":[{\"value\":21.5,\"time\":1700000000000},"
				"{\"value\":1.50,\"time\":1700000001000}],"
				"\"on\":[{\"value\":true,\"time\":1700000000000}]"));
	assert_int_equal(sequence_of(scripted_encode_batch(link, three, 2)), 3);
}

static void test_what_goes_alone(void **state)
{
	static const struct scripted_message alone[] = {
		{ TOPIC, "{\"temp\":1}" }, /* a topic of the app's own */
		{ PROPERTIES, "{\"id\":\"7\",\"params\":{\"a\":1}}" }, /* a whole report */
		{ "telemetry", "{}" },
		{ "telemetry", "text" },
		{ "telemetry", "{\"a\":1,\"a\":2}" },
		{ "telemetry", "{\"\\u0061\":1}" }, /* the same, as "a" is compared */
	};
	struct skybus_link *link = *state;

	for (size_t i = 0; i < SB_ELEMENTS(alone); i++) {
		const struct scripted_message pair[] = { three[0], alone[i] };

		assert_int_equal(scripted_gather(link, &alone[i], 1), 0);
		assert_int_equal(scripted_gather(link, pair, 2), 1);
	}
	assert_int_equal(gather_one(link, "telemetry", "{\"a\":1}"), 1);
}

/* A box that does not know the time: what an app has stamped goes along all the same. */
static void test_without_time(void **state)
{
	struct skybus_link *link = *state;

	link->time_ms = 0;
	assert_int_equal(gather_one(link, "telemetry", "{\"a\":1}"), 0);
	assert_int_equal(gather_one(link, "telemetry", "{\"a\":{\"value\":1,\"time\":5}}"), 1);
	assert_int_equal(gather_one(link, "telemetry", "{\"a\":{\"value\":1,\"time\":5},\"b\":2}"),
			 0);
}

/* As many as a CoAP message of 1 KB holds, and as max_payload allows. */
static void test_size(void **state)
{
	struct skybus_link *link = *state;
	struct scripted_message many[64];
	uint32_t n;

	for (size_t i = 0; i < SB_ELEMENTS(many); i++)
		many[i] = (struct scripted_message){ "telemetry", "{\"temperature\":21.5}" };
	n = scripted_gather(link, many, SB_ELEMENTS(many));
	assert_in_range(n, 15, 30);
	assert_int_equal(scripted_gather(link, many, n), n);
	assert_int_equal(scripted_gather(link, many, n + 1), n);
	assert_int_equal(scripted_gather(link, many, 2), 2);
	assert_int_equal(scripted_encode_batch(link, many, n)->result, 0);
	assert_int_equal(scripted_encode_batch(link, many, n + 1)->result, -EMSGSIZE);
}

static void test_max_payload(void **state)
{
	struct skybus_link *link =
		attach(state, WITH(dtls, { "envelope", "property", 0 }, { "batch", "60s", 0 },
				   { "max_payload", "230", 0 }));
	struct skybus_request *request;
	struct scripted_message many[8];
	uint32_t n;

	log_in_dtls(link);
	for (size_t i = 0; i < SB_ELEMENTS(many); i++)
		many[i] = (struct scripted_message){ "telemetry", "{\"t\":1}" };
	n = scripted_gather(link, many, SB_ELEMENTS(many));
	request = scripted_encode_batch(link, many, n);
	assert_in_range(request->payload_len, 230 - 36, 230);
}

/* Aliyun takes 200 properties in a report. */
static void test_points_max(void **state)
{
	struct skybus_link *link = *state;
	char payload[4096] = "{\"p0\":0";
	struct scripted_message pair[] = { three[0], { "telemetry", payload } };

	for (unsigned int i = 1; i < 201; i++)
		(void)sprintf(payload + strlen(payload), ",\"p%u\":0", i);
	strcat(payload, "}");
	assert_int_equal(scripted_gather(link, pair, 2), 1);
	assert_int_equal(scripted_gather(link, &pair[1], 1), 0);
}

static void test_decide(void **state)
{
	struct skybus_link *link = *state;

	assert_int_equal(answer(scripted_encode_batch(link, three, 2), CONTENT, "").kind,
			 SKYBUS_DELIVERED);
	assert_int_equal(
		answer(scripted_encode_batch(link, three, 2), CONTENT, "{\"code\":200}").kind,
		SKYBUS_DELIVERED);
	assert_int_equal(
		answer(scripted_encode_batch(link, three, 2), CONTENT, "{\"code\":5092}").kind,
		SKYBUS_REJECTED);
	assert_int_equal(answer(scripted_encode_batch(link, three, 2), SKYBUS_CODE(5, 3), "").kind,
			 SKYBUS_RETRY);
	assert_int_equal(answer(scripted_encode_batch(link, three, 2), SKYBUS_CODE(4, 1), "").kind,
			 SKYBUS_RELOGIN);
}

static void test_setting(void **state)
{
	expect_refused(state, WITH(dtls, { "batch", "60s", 0 }), "envelope");
	assert_int_equal(attach(state, WITH(dtls, { "batch", "0", 0 }))->n_failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BATCH_TEST(test_terms),
		BATCH_TEST(test_every_point_keeps_its_time),
		cmocka_unit_test_teardown(test_symmetric, teardown),
		BATCH_TEST(test_what_goes_alone),
		BATCH_TEST(test_without_time),
		BATCH_TEST(test_size),
		cmocka_unit_test_teardown(test_max_payload, teardown),
		BATCH_TEST(test_points_max),
		BATCH_TEST(test_decide),
		cmocka_unit_test_teardown(test_setting, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
