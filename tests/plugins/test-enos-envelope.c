/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measured values alone, for which the EnOS plugins make the message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/plugins/enos-link.h"

/* What goes out around values: the host's ticket is 1, its time 1700000000000. */
#define WRAPPED(values)                                                             \
	"{\"id\":\"1\",\"version\":\"1.0\",\"method\":\"thing.measurepoint.post\"," \
	"\"params\":{\"measurepoints\":" values ",\"time\":1700000000000}}"

/* The same around nothing, with the longest ticket and the longest time. */
#define OVERHEAD                                                                      \
	strlen("{\"id\":\"18446744073709551615\",\"version\":\"1.0\",\"method\":"     \
	       "\"thing.measurepoint.post\",\"params\":{\"measurepoints\":,\"time\":" \
	       "9223372036854775807}}")

static int wrapping(void **state)
{
	(void)attach_with(state, "envelope", "measurepoint", 0);
	log_in_v2(*state);

	return 0;
}

#define WRAPPING_TEST(test) cmocka_unit_test_setup_teardown(test, wrapping, teardown)

static void expect_sent(struct skybus_link *link, const char *topic, const char *payload,
			const char *path, const char *expected)
{
	struct skybus_request *request =
		scripted_encode(link, topic, payload, (uint32_t)strlen(payload));
	struct skybus_verdict why;

	assert_int_equal(request->result, 0);
	assert_string_equal(request->path, path);
	assert_int_equal(request->payload_len, strlen(expected));
	assert_memory_equal(request->payload, expected, strlen(expected));
	assert_int_equal(
		scripted_accept_payload(link, topic, payload, (uint32_t)strlen(payload), &why), 0);
}

static void test_wrapped(void **state)
{
	static const char *const topics[] = { TOPIC, "telemetry", "telemetry/room1", "a//b/" };

	for (size_t i = 0; i < SB_ELEMENTS(topics); i++)
		expect_sent(*state, topics[i], "{\"temp\": 21.5}", "/topic" TOPIC,
			    WRAPPED("{\"temp\": 21.5}"));
}

/* The vendor's example has a value with its quality. Numbers stay as they were written. */
static void test_wrapped_values(void **state)
{
	expect_sent(*state, TOPIC, "{\"power\":{\"value\":1.0,\"quality\":9},\"temp\":1.02}",
		    "/topic" TOPIC,
		    WRAPPED("{\"power\":{\"value\":1.0,\"quality\":9},\"temp\":1.02}"));
	expect_sent(*state, TOPIC, "{}", "/topic" TOPIC, WRAPPED("{}"));
	expect_sent(*state, TOPIC, "{\"a\":[1,null,true,\"%s\"],\"b\":0.1}", "/topic" TOPIC,
		    WRAPPED("{\"a\":[1,null,true,\"%s\"],\"b\":0.1}"));
	/* On a topic of the app's own, this is a point of that name. */
	expect_sent(*state, "telemetry", "{\"params\":1}", "/topic" TOPIC,
		    WRAPPED("{\"params\":1}"));
}

/* A box that does not know the time says none. */
static void test_wrapped_without_time(void **state)
{
	struct skybus_link *link = *state;

	link->time_ms = 0;
	expect_sent(link, "telemetry", "{\"temp\": 21.5}", "/topic" TOPIC,
		    "{\"id\":\"1\",\"version\":\"1.0\",\"method\":\"thing.measurepoint.post\","
		    "\"params\":{\"measurepoints\":{\"temp\": 21.5}}}");
}

static void test_unchanged(void **state)
{
	static const char whole[] =
		"{\"id\":\"7\",\"version\":\"1.0\",\"params\":{\"measurepoints\":"
		"{\"temp\":1.02}},\"method\":\"thing.measurepoint.post\"}";
	static const char other[] = "/sys/pk7TestA/dev0000001/thing/event/x/post";

	expect_sent(*state, TOPIC, whole, "/topic" TOPIC, whole);
	expect_sent(*state, other, "{\"temp\":1}",
		    "/topic/sys/pk7TestA/dev0000001/thing/event/x/post", "{\"temp\":1}");
	expect_sent(*state, other, "raw", "/topic/sys/pk7TestA/dev0000001/thing/event/x/post",
		    "raw");
	expect_sent(*state, TOPIC "/x", "raw", "/topic" TOPIC "/x", "raw");
	expect_sent(*state, "/sys/pk7TestA/other/thing/measurepoint/post", "raw",
		    "/topic/sys/pk7TestA/other/thing/measurepoint/post", "raw");
}

static void test_refused(void **state)
{
	static const char *const payloads[] = { "",	 "x",	"[]",	      "21.5",	 "null",
						"\"a\"", "{x}", "{\"a\":1}x", "{\"a\":", "\xff" };
	static const char *const topics[] = { TOPIC, "telemetry" };
	struct skybus_link *link = *state;
	struct skybus_verdict why;

	for (size_t i = 0; i < SB_ELEMENTS(payloads) * SB_ELEMENTS(topics); i++) {
		const char *payload = payloads[i / SB_ELEMENTS(topics)];
		const char *topic = topics[i % SB_ELEMENTS(topics)];
		uint32_t len = (uint32_t)strlen(payload);
		struct skybus_request *request;

		assert_int_equal(scripted_accept_payload(link, topic, payload, len, &why), -EINVAL);
		assert_non_null(strstr(why.reason, "JSON object"));
		request = scripted_encode(link, topic, payload, len);
		assert_int_equal(request->result, -EINVAL);
		assert_int_equal(request->verdict.kind, SKYBUS_REJECTED);
	}
	assert_int_equal(scripted_accept_payload(link, "", "{}", 2, &why), -EINVAL);
}

/* What is accepted is wrapped later, with whatever ticket: its size must be right then. */
static void test_size(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_verdict why;
	char payload[1100];
	size_t room = 1024 - OVERHEAD;
	int padding = (int)(room - strlen("{\"a\":\"\"}"));

	(void)snprintf(payload, sizeof(payload), "{\"a\":\"%0*d\"}", padding, 0);
	assert_int_equal(strlen(payload), room);
	assert_int_equal(scripted_accept_payload(link, TOPIC, payload, (uint32_t)room, &why), 0);
	assert_true(scripted_encode(link, TOPIC, payload, (uint32_t)room)->payload_len <= 1024);
	(void)snprintf(payload, sizeof(payload), "{\"a\":\"%0*d\"}", padding + 1, 0);
	assert_int_equal(scripted_accept_payload(link, TOPIC, payload, (uint32_t)room + 1, &why),
			 -EMSGSIZE);
}

/* EnOS reports what is wrong with a value in the JSON of its reply. */
static void test_decide(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_request *request = scripted_encode(link, "telemetry", "{\"x\":1}", 7);

	assert_int_equal(answer(request, CHANGED, "{\"id\":\"1\",\"code\":1204}").kind,
			 SKYBUS_REJECTED);
}

static void test_none(void **state)
{
	struct skybus_link *link = *state;
	struct skybus_verdict why;

	log_in_v2(link);
	expect_sent(link, TOPIC, "{\"temp\": 21.5}", "/topic" TOPIC, "{\"temp\": 21.5}");
	expect_sent(link, TOPIC, "raw", "/topic" TOPIC, "raw");
	assert_int_equal(scripted_accept_payload(link, "telemetry", "{}", 2, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WRAPPING_TEST(test_wrapped),
		WRAPPING_TEST(test_wrapped_values),
		WRAPPING_TEST(test_wrapped_without_time),
		WRAPPING_TEST(test_unchanged),
		WRAPPING_TEST(test_refused),
		WRAPPING_TEST(test_size),
		WRAPPING_TEST(test_decide),
		LINK_TEST(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
