/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/message.h"
#include "daemon/request.h"
#include "skybus/plugin.h"

#define ACCEPT 17

static int setup(void **state)
{
	*state = sb_request_new();

	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	(void)sb_request_free(*state);

	return 0;
}

/* The options as text, "11:a 12:32"; numbers that are not URI options in hexadecimal. */
static void expect_options(const struct sb_request *request, const char *expected)
{
	const struct sb_option *option;
	char text[1024] = "";
	size_t len = 0;

	TAILQ_FOREACH(option, &request->options, entry) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u:", len ? " " : "",
					option->number);
		if (option->number == SB_OPTION_URI_PATH || option->number == SB_OPTION_URI_QUERY) {
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s", option->len,
						(const char *)option->value);
			continue;
		}
		for (size_t i = 0; i < option->len; i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%02x",
						option->value[i]);
	}
	assert_string_equal(text, expected);
}

static void a_new_one_is_an_empty_post(void **state)
{
	const struct sb_request *request = *state;

	assert_int_equal(request->method, SKYBUS_POST);
	assert_int_equal(request->error, 0);
	assert_int_equal(request->payload_len, 0);
	expect_options(request, "");
}

static void a_path_becomes_its_segments(void **state)
{
	struct sb_request *request = *state;

	sb_request_path(request, "/a/b");
	expect_options(request, "11:a 11:b");
	sb_request_path(request, "//c///d%2f/");
	expect_options(request, "11:c 11:d%2f");
	sb_request_path(request, "/");
	expect_options(request, "");
	sb_request_path(request, "");
	expect_options(request, "");
}

static void options_stand_in_order_whatever_the_order_of_adding(void **state)
{
	struct sb_request *request = *state;

	sb_request_option(request, 2089, "\x01", 1);
	sb_request_query(request, "k=1");
	sb_request_uint(request, SB_OPTION_CONTENT_FORMAT, SKYBUS_FORMAT_JSON);
	sb_request_query(request, "j=2");
	sb_request_path(request, "/x/y");
	sb_request_option(request, 3, "\xaa", 1);
	expect_options(request, "3:aa 11:x 11:y 12:32 15:k=1 15:j=2 2089:01");
}

static void a_new_path_leaves_the_other_options(void **state)
{
	struct sb_request *request = *state;

	sb_request_query(request, "k=1");
	sb_request_path(request, "/x");
	sb_request_path(request, "/y/z");
	expect_options(request, "11:y 11:z 15:k=1");
}

static void integers_are_as_short_as_can_be(void **state)
{
	struct sb_request *request = *state;

	sb_request_uint(request, 1, 0);
	sb_request_uint(request, 2, 255);
	sb_request_uint(request, 3, 256);
	sb_request_uint(request, 4, 65536);
	sb_request_uint(request, 5, UINT32_MAX);
	expect_options(request, "1: 2:ff 3:0100 4:010000 5:ffffffff");
}

static void an_integer_replaces_the_earlier_one(void **state)
{
	struct sb_request *request = *state;

	sb_request_uint(request, ACCEPT, 1);
	sb_request_uint(request, ACCEPT, 60);
	expect_options(request, "17:3c");
}

static void an_empty_value_is_one(void **state)
{
	sb_request_option(*state, 300, NULL, 0);
	expect_options(*state, "300:");
}

static void bad_numbers_are_remembered(void **state)
{
	struct sb_request *request = *state;

	sb_request_option(request, 0, "x", 1);
	assert_int_equal(request->error, -EINVAL);
	request->error = 0;
	sb_request_uint(request, UINT16_MAX + 1, 1);
	assert_int_equal(request->error, -EINVAL);
	request->error = 0;
	sb_request_option(request, UINT16_MAX, "x", 1);
	assert_int_equal(request->error, 0);
	expect_options(request, "65535:78");
}

static void what_is_too_long_is_remembered(void **state)
{
	struct sb_request *request = *state;
	char text[1200];

	memset(text, 'x', sizeof(text));
	sb_request_option(request, 35, text, 1034);
	assert_int_equal(request->error, 0);
	sb_request_option(request, 35, text, 1035);
	assert_int_equal(request->error, -EMSGSIZE);
}

/* RFC 7252 section 5.10 gives them 255 bytes; peers drop longer ones as malformed. */
static void path_segments_and_queries_are_shorter(void **state)
{
	struct sb_request *request = *state;
	char text[257] = "";

	memset(text, 'x', 255);
	sb_request_path(request, text);
	sb_request_query(request, text);
	assert_int_equal(request->error, 0);
	text[255] = 'x';
	sb_request_path(request, text);
	assert_int_equal(request->error, -EMSGSIZE);
	request->error = 0;
	sb_request_query(request, text);
	assert_int_equal(request->error, -EMSGSIZE);
}

static void the_first_failure_stays(void **state)
{
	struct sb_request *request = *state;
	char text[1200];

	memset(text, 'x', sizeof(text));
	sb_request_option(request, 0, "x", 1);
	sb_request_option(request, 35, text, sizeof(text));
	assert_int_equal(request->error, -EINVAL);
	sb_request_path(request, "/fine");
	assert_int_equal(request->error, -EINVAL);
}

static void the_payload_is_copied_and_replaced(void **state)
{
	struct sb_request *request = *state;
	char data[] = "first";

	sb_request_payload(request, data, 5);
	data[0] = 'x';
	assert_int_equal(request->payload_len, 5);
	assert_memory_equal(request->payload, "first", 5);
	/* Also by a part of itself. */
	sb_request_payload(request, request->payload + 2, 3);
	assert_int_equal(request->payload_len, 3);
	assert_memory_equal(request->payload, "rst", 3);
	sb_request_payload(request, NULL, 0);
	assert_int_equal(request->payload_len, 0);
	assert_null(request->payload);
}

static void a_payload_beyond_the_bound_changes_nothing(void **state)
{
	static const uint8_t large[SB_PAYLOAD_MAX + 1];
	struct sb_request *request = *state;

	sb_request_payload(request, "x", 1);
	sb_request_payload(request, large, sizeof(large));
	assert_int_equal(request->error, -EMSGSIZE);
	assert_int_equal(request->payload_len, 1);
	request->error = 0;
	sb_request_payload(request, large, SB_PAYLOAD_MAX);
	assert_int_equal(request->error, 0);
	assert_int_equal(request->payload_len, SB_PAYLOAD_MAX);
}

static void freeing_nothing_is_fine(void **state)
{
	(void)state;
	assert_null(sb_request_free(NULL));
}

/* Most requests have few options, and those have a place of their own. */
static void many_options_stay_in_order(void **state)
{
	struct sb_request *request = *state;
	char long_one[200] = "";
	char query[64];
	size_t n = 0;

	for (unsigned int i = 0; i < 40; i++) {
		(void)snprintf(query, sizeof(query), "a-long-one-%02u", i);
		sb_request_query(request, query);
		sb_request_uint(request, SB_OPTION_CONTENT_FORMAT, i);
	}
	memset(long_one, 'x', sizeof(long_one) - 1);
	sb_request_path(request, long_one);
	sb_request_path(request, "/a/bb");
	sb_request_uint(request, SB_OPTION_CONTENT_FORMAT, 50);
	assert_int_equal(request->error, 0);
	for (const struct sb_option *option = TAILQ_FIRST(&request->options); option;
	     option = TAILQ_NEXT(option, entry), n++) {
		if (option->number != SB_OPTION_URI_QUERY)
			continue;
		(void)snprintf(query, sizeof(query), "a-long-one-%02zu", n - 3);
		assert_int_equal(option->len, strlen(query));
		assert_memory_equal(option->value, query, option->len);
	}
	assert_int_equal(n, 43);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_options_stay_in_order),
		TEST(a_new_one_is_an_empty_post),
		TEST(a_path_becomes_its_segments),
		TEST(options_stand_in_order_whatever_the_order_of_adding),
		TEST(a_new_path_leaves_the_other_options),
		TEST(integers_are_as_short_as_can_be),
		TEST(an_integer_replaces_the_earlier_one),
		TEST(an_empty_value_is_one),
		TEST(bad_numbers_are_remembered),
		TEST(what_is_too_long_is_remembered),
		TEST(path_segments_and_queries_are_shorter),
		TEST(the_first_failure_stays),
		TEST(the_payload_is_copied_and_replaced),
		TEST(a_payload_beyond_the_bound_changes_nothing),
		TEST(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
