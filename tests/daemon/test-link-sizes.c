/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins that are older or newer than the daemon: what they hand over is shorter or longer than what it knows. Each
 * struct lies in a block of just its size, so that AddressSanitizer sees who reads beyond.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/daemon/link-fixture.h"

#define OK SKYBUS_CODE(2, 4)
#define MORE 64 /* what a newer plugin has behind, bytes */
#define RUBBISH 0xa5

/* What is handed over. */
static void *handed;

static int setup(void **state)
{
	(void)link_fixture_setup(state);
	link_make(*state, NULL);

	return 0;
}

static int teardown(void **state)
{
	free(handed);
	handed = NULL;

	return link_fixture_teardown(state);
}

/* As many bytes of @whole as there are, and then rubbish; @size in front. */
static void *hand_over(const void *whole, size_t known, uint32_t size)
{
	free(handed);
	handed = malloc(size);
	assert_non_null(handed);
	memset(handed, RUBBISH, size);
	memcpy(handed, whole, size < known ? size : known);
	memcpy(handed, &size, sizeof(size));

	return handed;
}

/* With each size from that of the size itself on, and with more than we know. */
#define EACH_SIZE(size, whole) \
	for (uint32_t size = sizeof(size); size <= sizeof(whole) + MORE; size += 4)

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	(void)state;
	(void)tag;
	(void)outcome;
	(void)reason;
}

static void sessions(void **state)
{
	const struct skybus_session whole = {
		.size = sizeof(whole),
		.security = SKYBUS_PLAIN,
		.host = "cloud.example",
		.port = 5683,
	};
	struct link_fixture *f = *state;

	script.login = SCRIPT_HANGS;
	sb_link_start(f->link);
	link_run(f);
	EACH_SIZE(size, whole)
	assert_int_equal(script.host->open_session(script.link,
						   hand_over(&whole, sizeof(whole), size),
						   on_opened, NULL),
			 0);
}

static void terms(void **state)
{
	const struct skybus_terms whole = { .size = sizeof(whole), .window = 1 };
	struct link_fixture *f = *state;

	link_bring_up(f);
	script.login = SCRIPT_HANGS;
	EACH_SIZE(size, whole)
	{
		assert_int_equal(sb_link_reauthenticate(f->link, &f->error), 0);
		link_pass(f, SB_USEC_PER_SEC);
		link_expect_state(f, SB_LINK_STARTING);
		script.host->online(script.link, hand_over(&whole, sizeof(whole), size));
		link_expect_state(f, SB_LINK_ONLINE);
	}
}

static void on_fetched(void *state, void *tag, const struct skybus_fetched *fetched)
{
	(void)state;
	(void)tag;
	(void)fetched;
}

static void fetches(void **state)
{
	const struct skybus_fetch whole = { .size = sizeof(whole), .url = "https://a.example/" };
	struct link_fixture *f = *state;

	script.login = SCRIPT_HANGS;
	sb_link_start(f->link);
	link_run(f);
	EACH_SIZE(size, whole)
	{
		int32_t r = script.host->fetch(script.link, hand_over(&whole, sizeof(whole), size),
					       on_fetched, NULL);

		if (SKYBUS_HAS((struct skybus_fetch *)handed, url)) {
			assert_int_equal(r, 0);
			fake_fetched(200, "");
		} else {
			assert_int_equal(r, -EINVAL);
		}
	}
}

static void listening(void **state)
{
	const struct skybus_listen whole = { .size = sizeof(whole), .port = 5000 };
	struct link_fixture *f = *state;

	link_bring_up(f);
	EACH_SIZE(size, whole)
	{
		int32_t r =
			script.host->listen(script.link, hand_over(&whole, sizeof(whole), size));

		if (SKYBUS_HAS((struct skybus_listen *)handed, port))
			assert_int_equal(r, 0);
		else
			assert_int_equal(r, -EINVAL);
	}
	assert_int_equal(fake_listening.n_networks, 0);
}

static void commands(void **state)
{
	const struct skybus_command whole = {
		.size = sizeof(whole),
		.topic = "do",
		.payload = (const uint8_t *)"go",
		.payload_len = 2,
		.content_format = SKYBUS_NO_FORMAT,
		.flags = SKYBUS_ANSWERABLE,
		.context = (const uint8_t *)"ctx",
		.context_len = 3,
		.answer_s = 10,
		.otherwise = "4.04",
	};
	struct link_fixture *f = *state;

	link_bring_up(f);
	EACH_SIZE(size, whole)
	{
		struct skybus_command *command = hand_over(&whole, sizeof(whole), size);
		int32_t r = script.host->deliver(script.link, command);

		/* Without a topic, and with a payload or a context that is half there, it makes no sense. */
		if (!SKYBUS_HAS(command, payload))
			assert_int_equal(r, -EINVAL);
		else
			assert_int_equal(r, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sessions), TEST(terms), TEST(fetches), TEST(listening), TEST(commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
