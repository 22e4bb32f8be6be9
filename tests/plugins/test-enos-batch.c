/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several messages with measured values in one request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/plugins/enos-link.h"

#define BATCH TOPIC "/batch"

#define BEFORE                                                                            \
	"{\"id\":\"1\",\"version\":\"1.0\",\"method\":\"thing.measurepoint.post.batch\"," \
	"\"params\":["

static const struct scripted_message three[] = {
	{ "telemetry", "{\"temp\": 21.5}" },
	{ TOPIC, "{\"power\":{\"value\":1.0,\"quality\":9},\"temp\":1.50}" },
	{ "other", "{\"temp\":21.5}" },
};

static int batching(void **state)
{
	struct skybus_link *link = attach(state, WITH(usual, { "envelope", "measurepoint", 0 },
						      { "batch", "60s", 0 }));

	log_in_v2(link);

	return 0;
}

#define BATCH_TEST(test) cmocka_unit_test_setup_teardown(test, batching, teardown)

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
	assert_string_equal(request->path, "/topic" BATCH);
	expect_text(request->payload, request->payload_len,
		    BEFORE "{\"measurepoints\":{\"temp\": 21.5},\"time\":1700000000000},"
			   "{\"measurepoints\":{\"power\":{\"value\":1.0,\"quality\":9},"
			   "\"temp\":1.50},\"time\":1700000001000},"
			   "{\"measurepoints\":{\"temp\":21.5},\"time\":1700000002000}]}");
}

/* In a session with signs it takes one, and to ask takes none. */
static void test_signed(void **state)
{
	struct skybus_link *link = attach(state, WITH(usual, { "envelope", "measurepoint", 0 },
						      { "batch", "60s", 0 }));

	log_in_v1(link);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(scripted_gather(link, three, 3), 3);
	expect_sign(scripted_encode_batch(link, three, 3), TOKEN, 1);
	expect_sign(scripted_encode_batch(link, three, 3), TOKEN, 2);
}

static void test_what_goes_alone(void **state)
{
	static const struct scripted_message alone[] = {
		{ "/sys/pk7TestA/dev0000001/thing/event/x/post", "{\"temp\":1}" },
		{ TOPIC, "{\"id\":\"7\",\"params\":{\"measurepoints\":{}}}" },
		{ "telemetry", "{}" },
		{ "telemetry", "text" },
	};
	struct skybus_link *link = *state;

	for (size_t i = 0; i < SB_ELEMENTS(alone); i++) {
		const struct scripted_message pair[] = { three[0], alone[i] };

		assert_int_equal(scripted_gather(link, &alone[i], 1), 0);
		assert_int_equal(scripted_gather(link, pair, 2), 1);
	}
	assert_int_equal(scripted_gather(link, three, 1), 1);
	link->time_ms = 0;
	assert_int_equal(scripted_gather(link, three, 3), 0);
}

/* CoAP's header, the longest token, the heads of the path's longer options, and the payload's marker. */
#define AROUND (4 + 8 + 8 + 1)

/* The whole packet is within max_payload. */
static void test_size(void **state)
{
	struct skybus_link *link = *state;
	const struct skybus_request *request;
	struct scripted_message many[64];
	size_t packet;
	uint32_t n;

	for (size_t i = 0; i < SB_ELEMENTS(many); i++)
		many[i] = (struct scripted_message){ "telemetry", "{\"temp\":21.5}" };
	n = scripted_gather(link, many, SB_ELEMENTS(many));
	request = scripted_encode_batch(link, many, n);
	packet = AROUND + strlen(request->path) + request->payload_len;
	assert_in_range(packet,
			1024 - strlen(",{\"measurepoints\":{\"temp\":21.5},"
				      "\"time\":1700000000000}"),
			1024);
	assert_int_equal(scripted_gather(link, many, n), n);
	assert_int_equal(scripted_gather(link, many, n + 1), n);
}

/* Several are delivered only if EnOS says so itself. */
static void test_decide(void **state)
{
	struct skybus_link *link = *state;

	assert_int_equal(
		answer(scripted_encode_batch(link, three, 2), CHANGED, "{\"code\":200}").kind,
		SKYBUS_DELIVERED);
	assert_int_equal(answer(scripted_encode_batch(link, three, 2), CHANGED, "").kind,
			 SKYBUS_REJECTED);
	assert_int_equal(
		answer(scripted_encode_batch(link, three, 2), CHANGED, "{\"code\":1204}").kind,
		SKYBUS_REJECTED);
	assert_int_equal(answer(scripted_encode_batch(link, three, 2), SKYBUS_CODE(4, 4), "").kind,
			 SKYBUS_REJECTED);
	assert_int_equal(answer(scripted_encode_batch(link, three, 2), SKYBUS_CODE(4, 1), "").kind,
			 SKYBUS_RELOGIN);
	assert_int_equal(answer(scripted_encode_batch(link, three, 2), SKYBUS_CODE(5, 0), "").kind,
			 SKYBUS_RETRY);
	assert_int_equal(answer(scripted_encode(link, "telemetry", "{}", 2), CHANGED, "").kind,
			 SKYBUS_DELIVERED);
}

static void test_setting(void **state)
{
	expect_refused(state, WITH(usual, { "batch", "60s", 0 }), "envelope");
	assert_int_equal(attach_with(state, "batch", "0", 0)->n_failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BATCH_TEST(test_terms),
		BATCH_TEST(test_every_point_keeps_its_time),
		cmocka_unit_test_teardown(test_signed, teardown),
		BATCH_TEST(test_what_goes_alone),
		BATCH_TEST(test_size),
		BATCH_TEST(test_decide),
		cmocka_unit_test_teardown(test_setting, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
