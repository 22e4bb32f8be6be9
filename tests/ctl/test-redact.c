/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/cleanup.h"
#include "ctl/redact.h"

static struct ctl_redaction *redaction;

static int setup(void **state)
{
	(void)state;

	return ctl_redaction_new(&redaction);
}

static int teardown(void **state)
{
	(void)state;
	redaction = ctl_redaction_free(redaction);

	return 0;
}

static void expect(const char *text, const char *shown)
{
	CTL_CLEANUP(free) char *result = ctl_redact(redaction, text);

	assert_non_null(result);
	assert_string_equal(result, shown);
}

static void what_looks_like_a_secret(void **state)
{
	static const char *const rows[][2] = {
		{ "device_secret: abc", "device_secret: [secret]" },
		{ "secret=abc&next=1", "secret=[secret]&next=1" },
		{ "{\"psk\": \"abc\", \"n\": 1}", "{\"psk\": \"[secret]\", \"n\": 1}" },
		{ "PASSWORD = 'abc' x", "PASSWORD = '[secret]' x" },
		{ "token:abc token:def.", "token:[secret] token:[secret]" },
		{ "api_key=abc\nuser=me", "api_key=[secret]\nuser=me" },
		{ "check device_key and device_secret (4.01)",
		  "check device_key and device_secret (4.01)" },
		{ "no secret here", "no secret here" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < CTL_ELEMENTS(rows); i++)
		expect(rows[i][0], rows[i][1]);
}

static void words_that_are_known(void **state)
{
	(void)state;
	assert_int_equal(ctl_redaction_hide(redaction, "dev0001"), 0);
	assert_int_equal(ctl_redaction_hide(redaction, "dev0001-twin"), 0);
	assert_int_equal(ctl_redaction_hide(redaction, "dev0001-t"), 0);
	assert_int_equal(ctl_redaction_hide(redaction, "dev0001"), 0);
	assert_int_equal(ctl_redaction_hide(redaction, "abc"), 0); /* too short */
	expect("/dev0001/abc/dev0001-twin/dev0002", "/[device-1]/abc/[device-2]/dev0002");
}

static void what_the_clouds_call_devices(void **state)
{
	CTL_CLEANUP(json_decref)
	json_t *links = json_pack("[{s:s}, {s:s}, {}]", "Device", "product7/dev0001", "Device",
				  "8988280666000000001");

	(void)state;
	assert_int_equal(ctl_redaction_learn_links(redaction, links), 0);
	expect("product7 dev0001 8988280666000000001 product8",
	       "[device-1] [device-2] [device-3] product8");
}

static void what_the_configuration_calls_them(void **state)
{
	static const char yaml[] = "links:\n"
				   "  plant:\n"
				   "    host: cloud.example\n"
				   "    product_key: pk-0001 # of the line\n"
				   "    device_name: \"pump-0001\"\n"
				   "    identity: 'id-0001'\n";

	(void)state;
	assert_int_equal(ctl_redaction_learn_settings(redaction, yaml), 0);
	expect("pk-0001 pump-0001 id-0001 cloud.example plant",
	       "[device-1] [device-2] [device-3] cloud.example plant");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_looks_like_a_secret),
		TEST(words_that_are_known),
		TEST(what_the_clouds_call_devices),
		TEST(what_the_configuration_calls_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
