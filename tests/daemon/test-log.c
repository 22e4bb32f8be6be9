/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log where stderr does not lead to the journal; tests/system/test-journal.py has the journal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/log.h"

/** struct console - stderr while a test runs */
struct console {
	FILE *real;
	char *text;
	size_t len;
};

static struct console console;

static int setup(void **state)
{
	(void)state;
	console.real = stderr;
	stderr = open_memstream(&console.text, &console.len);
	assert_non_null(stderr);
	sb_log_set_level(LOG_DEBUG);

	return 0;
}

/* What was written, until teardown. */
static const char *written(void)
{
	(void)fflush(stderr);

	return console.text;
}

static int teardown(void **state)
{
	(void)state;
	(void)fclose(stderr);
	stderr = console.real;
	free(console.text);

	return 0;
}

static void lines_are_plain(void **state)
{
	const struct sb_fields fields = { .link = "plant", .state = "online" };

	(void)state;
	sb_log(LOG_NOTICE, "%d messages", 3);
	sb_log_link("plant", LOG_DEBUG, "it is %s", "late");
	sb_log_event(SB_EVENT_LINK_ONLINE, &fields, "online");
	sb_log_event(SB_EVENT_ENDING, NULL, "ending: %s", "Terminated");
	assert_string_equal(written(), "skybusd: 3 messages\n"
				       "skybusd: plant: it is late\n"
				       "skybusd: plant: online\n"
				       "skybusd: ending: Terminated\n");
}

static void each_level_is_one_more(void **state)
{
	static const enum sb_event events[] = {
		SB_EVENT_STORE_DAMAGED,
		SB_EVENT_LINK_FAILED,
		SB_EVENT_LINK_LOST,
		SB_EVENT_LINK_ONLINE,
	};
	const struct sb_fields fields = { 0 };

	(void)state;
	for (int level = LOG_ERR; level <= LOG_DEBUG; level++) {
		sb_log_set_level(level);
		assert_int_equal(sb_log_level(), level);
		sb_log(LOG_INFO, "i%d", level);
		sb_log(LOG_DEBUG, "d%d", level);
		for (size_t i = 0; i < 4; i++)
			sb_log_event(events[i], &fields, "%zu", i);
	}
	assert_string_equal(written(),
			    "skybusd: 0\nskybusd: 1\n" /* LOG_ERR */
			    "skybusd: 0\nskybusd: 1\nskybusd: 2\n" /* LOG_WARNING */
			    "skybusd: 0\nskybusd: 1\nskybusd: 2\nskybusd: 3\n" /* LOG_NOTICE */
			    "skybusd: i6\nskybusd: 0\nskybusd: 1\nskybusd: 2\nskybusd: 3\n"
			    "skybusd: i7\nskybusd: d7\nskybusd: 0\nskybusd: 1\nskybusd: 2\n"
			    "skybusd: 3\n");
}

/* Words of clouds and apps. */
static void a_line_is_one_line(void **state)
{
	(void)state;
	sb_log_link("p\nq", LOG_INFO, "a\nskybusd: b\033[1m\xff%s", "%s\r");
	assert_string_equal(written(), "skybusd: p?q: a?skybusd: b?[1m?%s?\n");
}

static void an_endless_line_is_cut(void **state)
{
	static char endless[100000];

	(void)state;
	memset(endless, 'x', sizeof(endless) - 1);
	sb_log_link(endless, LOG_INFO, "%s", endless);
	assert_in_range(strlen(written()), 2048, 2300);
	assert_int_equal(console.text[strlen(console.text) - 1], '\n');
	/* The sentence on a configuration is whole. */
	endless[2047] = '\0';
	sb_log_link("plant", LOG_INFO, "%s.", endless);
	assert_non_null(strstr(written(), "x.\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_are_plain),
		TEST(each_level_is_one_more),
		TEST(a_line_is_one_line),
		TEST(an_endless_line_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
