/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/cleanup.h"
#include "ctl/yaml-json.h"

static void assert_json(const char *yaml, const char *expected)
{
	json_t *value = NULL;
	char *text;

	assert_int_equal(ctl_yaml_to_json(yaml, &value), 0);
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(value);
}

static void test_documents(void **state)
{
	(void)state;
	assert_json("a:\n  b: [x, {c: d}]\n", "{\"a\":{\"b\":[\"x\",{\"c\":\"d\"}]}}");
	assert_json("{}", "{}");
	assert_json("[]", "[]");
	assert_json("a: yes\nb: NO\nc: \"yes\"\nd: 'no'\n",
		    "{\"a\":true,\"b\":false,\"c\":\"yes\",\"d\":\"no\"}");
	assert_json("a: 12\nb: \"12\"\nc: 64K\nd: 1h\ne: 123456789012345678\nf: -1\n",
		    "{\"a\":12,\"b\":\"12\",\"c\":\"64K\",\"d\":\"1h\",\"e\":123456789012345678,"
		    "\"f\":\"-1\"}");
	/* More digits than a number of JSON keeps everywhere. */
	assert_json("a: 1234567890123456789\n", "{\"a\":\"1234567890123456789\"}");
}

static void test_what_is_none(void **state)
{
	static const char *const rows[] = { "", "a: [", "[a]: b\n", "a: \"", "a: b: c\n" };
	char deep[64] = "";
	json_t *value = NULL;

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(rows); i++)
		assert_int_equal(ctl_yaml_to_json(rows[i], &value), -EBADMSG);
	for (int i = 0; i < 20; i++)
		strcat(deep, "[");
	for (int i = 0; i < 20; i++)
		strcat(deep, "]");
	assert_int_equal(ctl_yaml_to_json(deep, &value), -EBADMSG);
	/* A list that has itself in it. */
	assert_int_equal(ctl_yaml_to_json("&a [*a]", &value), -EBADMSG);
}

static void assert_scalar(const char *value, bool is_text, const char *expected)
{
	char *text = ctl_yaml_scalar(value, is_text);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_scalars(void **state)
{
	static const char *const quoted[] = {
		"0123", "yes", "No",  "on", "null", "n",    "",	  "1h", "~",	"- x", "a: b",
		"a #b", "{a}", "a,b", "*",  "+/x",  "10.0", " a", "a ", "!tag", "a\tb"
	};
	char expected[32];

	(void)state;
	assert_scalar("word", true, "word");
	assert_scalar("coap.example.com", true, "coap.example.com");
	assert_scalar("/etc/skybus/root.pem", true, "/etc/skybus/root.pem");
	assert_scalar("a \"b\"", true, "\"a \\\"b\\\"\"");
	assert_scalar("größe", true, "\"größe\"");
	for (size_t i = 0; i < CTL_ELEMENTS(quoted); i++) {
		(void)snprintf(expected, sizeof(expected), "\"%s\"", quoted[i]);
		assert_scalar(quoted[i], true,
			      strcmp(quoted[i], "a\tb") == 0 ? "\"a\\tb\"" : expected);
	}
	/* Numbers, durations, booleans are as they are. */
	assert_scalar("5683", false, "5683");
	assert_scalar("yes", false, "yes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_what_is_none),
		cmocka_unit_test(test_scalars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
