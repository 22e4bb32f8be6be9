/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/1nce-onboarding.h"

#define ICCID "8988280666000001234"

static const char *type_for(const char *accept)
{
	const char *type;

	return sim_1nce_onboarding_accept(accept, &type) < 0 ? "none" : type;
}

static void test_accept(void **state)
{
	(void)state;
	assert_string_equal(type_for(""), "application/json");
	assert_string_equal(type_for("*/*"), "application/json");
	assert_string_equal(type_for("Application/JSON; charset=utf-8"), "application/json");
	assert_string_equal(type_for("text/csv"), "text/csv");
	assert_string_equal(type_for("text/html, text/csv;q=0.5,*/*"), "text/csv");
	assert_string_equal(type_for("text/html"), "none");
	assert_string_equal(type_for("text/csvx"), "none");
	assert_string_equal(type_for(","), "none");
}

static const char *granted(const char *accept, enum sim_1nce_csv csv)
{
	static struct sim_http_reply reply;
	const char *type;

	reply = (struct sim_http_reply){ .status = 404 };
	assert_int_equal(sim_1nce_onboarding_accept(accept, &type), 0);
	sim_1nce_onboarding_grant(&reply, type, csv, ICCID, "key");
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.content_type, type);
	assert_int_equal(reply.body_len, strlen(reply.body));

	return reply.body;
}

static void test_formats(void **state)
{
	(void)state;
	assert_string_equal(granted("", SIM_1NCE_KEY_FIRST),
			    "{\"clientIdentity\":\"" ICCID "\",\"preSharedKey\":\"key\"}");
	assert_string_equal(granted("text/csv", SIM_1NCE_KEY_FIRST), "key," ICCID);
	assert_string_equal(granted("text/csv", SIM_1NCE_IDENTITY_FIRST), "\"" ICCID ", key\"");
}

static void test_refusal(void **state)
{
	struct sim_http_reply reply = { .status = 404 };

	(void)state;
	sim_1nce_onboarding_refuse(&reply, 401, "Why");
	assert_int_equal(reply.status, 401);
	assert_string_equal(reply.body,
			    "{\"statusText\":\"Unauthorized\",\"errors\":[{\"message\":\"Why\"}]}");
}

static const struct {
	const char *range;
	unsigned int status;
	const char *content_range;
	const char *body;
} cuts[] = {
	{ "", 200, "", "0123456789" },
	{ "bytes=0-3", 206, "bytes 0-3/10", "0123" },
	{ "Bytes=4-4", 206, "bytes 4-4/10", "4" },
	{ "bytes=8-100", 206, "bytes 8-9/10", "89" },
	{ "bytes=5-", 206, "bytes 5-9/10", "56789" },
	{ "bytes=-3", 206, "bytes 7-9/10", "789" },
	{ "bytes=-30", 206, "bytes 0-9/10", "0123456789" },
	{ "bytes=10-", 416, "bytes */10", "" },
	{ "bytes=-0", 416, "bytes */10", "" },
	{ "bytes=-", 200, "", "0123456789" },
	{ "bytes=3-2", 200, "", "0123456789" },
	{ "bytes=0-1,4-5", 200, "", "0123456789" },
	{ "bytes=0-99999999999999999999", 200, "", "0123456789" },
	{ "lines=0-1", 200, "", "0123456789" },
	{ "bytes=a-b", 200, "", "0123456789" },
};

static void test_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		struct sim_http_reply reply = { .status = 200, .body_len = 10 };

		(void)strcpy(reply.body, "0123456789");
		sim_1nce_onboarding_cut(&reply, cuts[i].range);
		assert_int_equal(reply.status, cuts[i].status);
		assert_string_equal(reply.content_range, cuts[i].content_range);
		assert_int_equal(reply.body_len, strlen(cuts[i].body));
		assert_memory_equal(reply.body, cuts[i].body, reply.body_len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
