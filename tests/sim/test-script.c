/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/problems.h"
#include "sim/cleanup.h"
#include "sim/reply.h"
#include "sim/script.h"

/** struct fixture - a script, or what is wrong with it */
struct fixture {
	char path[32];
	struct sim_script *script;
	struct sb_problems problems;
	struct sim_script_reply reply;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int fd;

	if (!fixture)
		return -1;
	(void)strcpy(fixture->path, "/tmp/test-script-XXXXXX");
	fd = mkstemp(fixture->path);
	if (fd < 0)
		return -1;
	(void)close(fd);
	*state = fixture;

	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	(void)sim_script_free(fixture->script);
	sb_problems_done(&fixture->problems);
	(void)unlink(fixture->path);
	free(fixture);

	return 0;
}

static int read_text(struct fixture *fixture, const char *text)
{
	FILE *file = fopen(fixture->path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);

	return sim_script_read(fixture->path, &fixture->problems, &fixture->script);
}

static void read_good(struct fixture *fixture, const char *text)
{
	int r = read_text(fixture, text);

	if (fixture->problems.n > 0)
		print_error("%s\n", fixture->problems.all[0].text);
	assert_int_equal(r, 0);
	assert_int_equal(fixture->problems.n, 0);
}

/* The line of the rule that answers. */
static size_t ask(struct fixture *fixture, uint32_t method, const char *path, const char *query,
		  const char *payload)
{
	const struct sim_script_request request = {
		.method = method,
		.path = path,
		.query = query,
		.payload = (const uint8_t *)payload,
		.payload_len = strlen(payload),
	};
	bool matched = sim_script_answer(fixture->script, &request, &fixture->reply);

	assert_int_equal(matched, fixture->reply.line > 0);

	return fixture->reply.line;
}

static void assert_payload(const struct fixture *fixture, const char *text)
{
	assert_int_equal(fixture->reply.payload_len, strlen(text));
	if (*text)
		assert_memory_equal(fixture->reply.payload, text, strlen(text));
}

#define GET 1
#define POST 2
#define IPATCH 7

static void first_that_matches_answers(void **state)
{
	struct fixture *fixture = *state;

	read_good(fixture, "answers:\n"
			   "  - {method: GET, path: /a}\n"
			   "  - {method: iPATCH, path: /a}\n"
			   "  - {path: /a, query: k=v&x, code: 4.01}\n"
			   "  - {path: /a, contains: hot, code: 5.03}\n"
			   "  - {path: /a/+/c}\n"
			   "  - {path: /a/#}\n");
	assert_int_equal(ask(fixture, GET, "/a", "", ""), 2);
	assert_int_equal(ask(fixture, IPATCH, "/a", "", ""), 3);
	assert_int_equal(ask(fixture, POST, "/a", "y=1&x&k=v", ""), 4);
	assert_int_equal(fixture->reply.code, SIM_CODE(4, 1));
	assert_int_equal(ask(fixture, POST, "/a", "k=va&x", "so hot!"), 5);
	assert_int_equal(ask(fixture, POST, "/a", "k=v", "ho"), 7);
	assert_int_equal(ask(fixture, POST, "/a/b/c", "", ""), 6);
	assert_int_equal(ask(fixture, POST, "/a/b/d", "", ""), 7);
	assert_int_equal(ask(fixture, POST, "/b", "", ""), 0);
	assert_int_equal(fixture->reply.code, SIM_CODE(4, 4));
	assert_int_equal(fixture->reply.content_format, SIM_SCRIPT_NONE);
	assert_payload(fixture, "");
}

static void answers_as_written(void **state)
{
	struct fixture *fixture = *state;

	read_good(fixture, "answers:\n"
			   "  - path: /all\n"
			   "    format: json\n"
			   "    payload: '{\"a\":1}'\n"
			   "    max_age: 1m\n"
			   "    options:\n"
			   "      - {number: 2102, value: later}\n"
			   "      - {number: 8, value: rd}\n"
			   "      - {number: 8, value_hex: 4a 4B}\n"
			   "  - {path: /bytes, payload_hex: 00 ff, format: 65000, code: 2.01}\n"
			   "  - {path: /nothing}\n"
			   "  - {path: /quiet, silent: yes}\n");

	assert_int_equal(ask(fixture, GET, "/all", "", ""), 2);
	assert_int_equal(fixture->reply.code, SIM_CODE(2, 5));
	assert_int_equal(fixture->reply.content_format, 50);
	assert_int_equal(fixture->reply.max_age, 60);
	assert_false(fixture->reply.silent);
	assert_payload(fixture, "{\"a\":1}");
	assert_int_equal(fixture->reply.n_options, 3);
	assert_int_equal(fixture->reply.options[0].number, 8);
	assert_int_equal(fixture->reply.options[0].len, 2);
	assert_memory_equal(fixture->reply.options[0].value, "rd", 2);
	assert_memory_equal(fixture->reply.options[1].value, "JK", 2);
	assert_int_equal(fixture->reply.options[2].number, 2102);

	assert_int_equal(ask(fixture, GET, "/bytes", "", ""), 10);
	assert_int_equal(fixture->reply.code, SIM_CODE(2, 1));
	assert_int_equal(fixture->reply.content_format, 65000);
	assert_int_equal(fixture->reply.payload_len, 2);
	assert_memory_equal(fixture->reply.payload, "\0\xff", 2);

	(void)ask(fixture, GET, "/nothing", "", "");
	assert_int_equal(fixture->reply.code, SIM_CODE(2, 4));
	assert_int_equal(fixture->reply.max_age, SIM_SCRIPT_NONE);
	(void)ask(fixture, GET, "/quiet", "", "");
	assert_true(fixture->reply.silent);
}

static void counts_and_begins_anew(void **state)
{
	struct fixture *fixture = *state;

	read_good(fixture, "answers:\n"
			   "  - {path: /a, times: 2}\n"
			   "  - {path: /a, times: 1, code: 5.03}\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask(fixture, GET, "/a", "", ""), 2);
		assert_int_equal(ask(fixture, GET, "/a", "", ""), 2);
		assert_int_equal(ask(fixture, GET, "/a", "", ""), 3);
		assert_int_equal(ask(fixture, GET, "/a", "", ""), 0);
		sim_script_rewind(fixture->script);
	}
}

static void commands_wait(void **state)
{
	struct fixture *fixture = *state;
	char long_payload[SIM_SCRIPT_PAYLOAD_MAX + 2];

	read_good(fixture, "answers:\n"
			   "  - {method: GET, path: /poll/+, format: json, silent: yes}\n");
	assert_int_equal(sim_script_command(fixture->script, "/other", "x"), -ENOENT);
	assert_int_equal(sim_script_command(fixture->script, "/poll/1", "first"), 0);
	assert_int_equal(sim_script_command(fixture->script, "/poll/2", "other"), 0);
	assert_int_equal(sim_script_command(fixture->script, "/poll/1", "second"), 0);

	assert_int_equal(ask(fixture, POST, "/poll/1", "", ""), 0);
	assert_int_equal(ask(fixture, GET, "/poll/1", "", ""), 2);
	assert_payload(fixture, "first");
	assert_int_equal(fixture->reply.code, SIM_CODE(2, 5));
	assert_int_equal(fixture->reply.content_format, 50);
	assert_false(fixture->reply.silent);
	(void)ask(fixture, GET, "/poll/1", "", "");
	assert_payload(fixture, "second");
	(void)ask(fixture, GET, "/poll/1", "", "");
	assert_true(fixture->reply.silent);
	(void)ask(fixture, GET, "/poll/2", "", "");
	assert_payload(fixture, "other");

	for (int i = 0; i < SIM_SCRIPT_COMMANDS; i++)
		assert_int_equal(sim_script_command(fixture->script, "/poll/1", "x"), 0);
	assert_int_equal(sim_script_command(fixture->script, "/poll/1", "x"), -ENOBUFS);
	sim_script_rewind(fixture->script);
	memset(long_payload, 'x', sizeof(long_payload));
	long_payload[sizeof(long_payload) - 1] = '\0';
	assert_int_equal(sim_script_command(fixture->script, "/poll/1", long_payload), -EMSGSIZE);
	assert_int_equal(sim_script_command(fixture->script, "/poll/1", long_payload + 1), 0);
}

static void keys_are_found(void **state)
{
	struct fixture *fixture = *state;
	const uint8_t *key;
	size_t len = 0;

	read_good(fixture, "keys:\n"
			   "  - {identity: one, key: secret}\n"
			   "  - {identity: two, key_hex: 0a 0B}\n"
			   "answers: [{path: /}]\n");
	key = sim_script_key(fixture->script, "one", &len);
	assert_non_null(key);
	assert_int_equal(len, 6);
	assert_memory_equal(key, "secret", 6);
	key = sim_script_key(fixture->script, "two", &len);
	assert_non_null(key);
	assert_int_equal(len, 2);
	assert_memory_equal(key, "\n\v", 2);
	assert_null(sim_script_key(fixture->script, "three", &len));
}

static void wrong_files_are_told(void **state)
{
	static const struct {
		const char *text;
		const char *said;
	} cases[] = {
		{ "", ": there is no rule" },
		{ "answers: []\n", "there is no rule" },
		{ "answers: [\n", "this is not YAML" },
		{ "anwsers: []\n", ":1:1: unknown key \"anwsers\": did you mean \"answers\"?" },
		{ "answers: [1]\n", ":1:11: answers is a single value: write a rule" },
		{ "answers: [{}]\n", ":1:11: path is missing" },
		{ "answers: [{path: a}]\n", "does not begin with a slash: write \"/a\"" },
		{ "answers: [{path: /a#}]\n", ":1:18: in the filter" },
		{ "answers: [{path: /, method: PSOT}]\n", "did you mean \"POST\"?" },
		{ "answers: [{path: /, code: 3.01}]\n", ":1:27: code \"3.01\"" },
		{ "answers: [{path: /, code: 2.32}]\n", "code \"2.32\"" },
		{ "answers: [{path: /, code: 2.4}]\n", "code \"2.4\"" },
		{ "answers: [{path: /, format: jsn}]\n", "format \"jsn\" is unknown" },
		{ "answers: [{path: /, format: 65536}]\n", "format \"65536\" is unknown" },
		{ "answers: [{path: /, times: 0}]\n", "below the least" },
		{ "answers: [{path: /, payload: {a: 1}}]\n", "payload is a mapping: write" },
		{ "answers: [{path: /, payload_hex: a}]\n", "payload_hex is not hexadecimal" },
		{ "answers: [{path: /, payload: a, payload_hex: ab}]\n", "is the second value" },
		{ "answers: [{path: /, options: [{number: 12}]}]\n", "write format:" },
		{ "answers: [{path: /, options: [{number: 27}]}]\n", "how a payload is cut up" },
		{ "answers: [{path: /, options: [{value: a}]}]\n", "number is missing" },
		{ "answers: [{path: /, options: [{number: 1}, {number: 1}, {number: 1}, "
		  "{number: 1}, {number: 1}]}]\n",
		  "this is option 5" },
		{ "answers: [{path: /}]\nkeys: [{identity: a}]\n", ":2:8: key is missing" },
		{ "answers: [{path: /}]\nkeys: [{key: a}]\n", "identity is missing" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < SIM_ELEMENTS(cases); i++) {
		int r = read_text(fixture, cases[i].text);

		if (r != -EINVAL || fixture->problems.n != 1 ||
		    !strstr(fixture->problems.all[0].text, cases[i].said))
			fail_msg("%s: %d, %zu problems, %s", cases[i].text, r, fixture->problems.n,
				 fixture->problems.n > 0 ? fixture->problems.all[0].text : "");
		sb_problems_done(&fixture->problems);
	}
}

static void no_file_is_told(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(sim_script_read("/nowhere/x.yaml", &fixture->problems, &fixture->script),
			 -ENOENT);
	assert_int_equal(fixture->problems.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_that_matches_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_as_written, setup, teardown),
		cmocka_unit_test_setup_teardown(counts_and_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(commands_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_files_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(no_file_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
