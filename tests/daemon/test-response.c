/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/message.h"
#include "daemon/response.h"
#include "skybus/plugin.h"

static int setup(void **state)
{
	*state = sb_response_new(SKYBUS_CODE(5, 1));

	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	(void)sb_response_free(*state);

	return 0;
}

static void it_begins_empty(void **state)
{
	const struct sb_response *response = *state;

	assert_int_equal(response->code, SKYBUS_CODE(5, 1));
	assert_int_equal(response->content_format, SKYBUS_NO_FORMAT);
	assert_null(response->payload);
	assert_null(response->topic);
	assert_int_equal(response->error, 0);
	assert_null(sb_response_free(NULL));
}

static void the_last_word_holds(void **state)
{
	struct sb_response *response = *state;
	char word[] = "second";

	sb_response_code(response, SKYBUS_CODE(2, 5));
	sb_response_payload(response, SKYBUS_FORMAT_JSON, "first", 5);
	sb_response_payload(response, SKYBUS_FORMAT_TEXT, word, 6);
	sb_response_topic(response, "one");
	sb_response_topic(response, "two");
	word[0] = 'X';
	assert_int_equal(response->code, SKYBUS_CODE(2, 5));
	assert_int_equal(response->content_format, SKYBUS_FORMAT_TEXT);
	assert_int_equal(response->payload_len, 6);
	assert_memory_equal(response->payload, "second", 6);
	assert_string_equal(response->topic, "two");
	sb_response_payload(response, SKYBUS_NO_FORMAT, NULL, 0);
	assert_null(response->payload);
	assert_int_equal(response->payload_len, 0);
	assert_int_equal(response->error, 0);
}

static void only_codes_of_responses_are_taken(void **state)
{
	static const uint32_t wrong[] = {
		0, SKYBUS_POST, SKYBUS_CODE(3, 1), SKYBUS_CODE(7, 1), SKYBUS_CODE(8, 0), UINT32_MAX
	};
	struct sb_response *response = *state;

	sb_response_code(response, SKYBUS_CODE(4, 4));
	assert_int_equal(response->error, 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		response->error = 0;
		sb_response_code(response, wrong[i]);
		assert_int_equal(response->error, -EINVAL);
		assert_int_equal(response->code, SKYBUS_CODE(4, 4));
	}
}

static void payloads_are_bounded_and_the_first_failure_stays(void **state)
{
	static const uint8_t long_payload[SB_PAYLOAD_MAX + 1];
	struct sb_response *response = *state;

	sb_response_payload(response, SKYBUS_FORMAT_BYTES, long_payload, SB_PAYLOAD_MAX);
	assert_int_equal(response->error, 0);
	sb_response_payload(response, SKYBUS_FORMAT_TEXT, long_payload, SB_PAYLOAD_MAX + 1);
	assert_int_equal(response->error, -EMSGSIZE);
	assert_int_equal(response->payload_len, SB_PAYLOAD_MAX);
	assert_int_equal(response->content_format, SKYBUS_FORMAT_BYTES);
	sb_response_code(response, 0);
	assert_int_equal(response->error, -EMSGSIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_begins_empty),
		TEST(the_last_word_holds),
		TEST(only_codes_of_responses_are_taken),
		TEST(payloads_are_bounded_and_the_first_failure_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
