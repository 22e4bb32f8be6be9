/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/crashes.h"

#define BOOT "11111111-2222-3333-4444-555555555555"
#define OTHER_BOOT "99999999-2222-3333-4444-555555555555"
#define MINUTE_MS INT64_C(60000)

static const struct sb_plugin_mark mark = {
	.inode = UINT64_MAX,
	.size = 4096,
	.mtime_ns = INT64_C(1796126654549123456),
};

static struct sb_crash crash_of(const char *plugin, const char *boot, int64_t ms)
{
	struct sb_crash crash = {
		.link = "plant",
		.call = "encode()",
		.signal = SIGSEGV,
		.boot_ms = ms,
		.wall_ms = INT64_C(1796126654549),
	};

	(void)snprintf(crash.plugin, sizeof(crash.plugin), "%s", plugin);
	(void)snprintf(crash.boot_id, sizeof(crash.boot_id), "%s", boot);

	return crash;
}

static struct sb_crashed *add(struct sb_crashes *crashes, const char *boot, int64_t ms)
{
	const struct sb_crash crash = crash_of("enos", boot, ms);

	return sb_crashes_add(crashes, &crash, &mark);
}

/* ---- the rule ---- */

static void the_third_within_ten_minutes_is_one_too_many(void **state)
{
	struct sb_crashes crashes = { 0 };

	(void)state;
	assert_false(add(&crashes, BOOT, 0)->quarantined);
	assert_int_equal(sb_crashes_count(crashes.all), 1);
	assert_false(add(&crashes, BOOT, MINUTE_MS)->quarantined);
	assert_int_equal(sb_crashes_count(crashes.all), 2);
	assert_true(add(&crashes, BOOT, 10 * MINUTE_MS)->quarantined);
	assert_int_equal(sb_crashes_count(crashes.all), 3);
}

static void those_that_are_further_apart_are_not(void **state)
{
	struct sb_crashes crashes = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_false(add(&crashes, BOOT, i * (5 * MINUTE_MS + 1))->quarantined);
	assert_int_equal(sb_crashes_count(crashes.all), 2);
	/* One that comes soon after. */
	assert_true(add(&crashes, BOOT, 19 * (5 * MINUTE_MS + 1) + 1)->quarantined);
}

static void boots_are_not_near_each_other(void **state)
{
	struct sb_crashes crashes = { 0 };

	(void)state;
	(void)add(&crashes, BOOT, 1);
	(void)add(&crashes, BOOT, 2);
	assert_false(add(&crashes, OTHER_BOOT, 3)->quarantined);
	assert_int_equal(sb_crashes_count(crashes.all), 1);
	/* A boot whose id is not known is not even like itself. */
	for (int64_t ms = 10; ms < 20; ms++)
		assert_false(add(&crashes, "", ms)->quarantined);
	/* Nor is it near what came later, by a file that says so. */
	(void)add(&crashes, BOOT, 500);
	(void)add(&crashes, BOOT, 400);
	assert_false(add(&crashes, BOOT, 300)->quarantined);
}

static void a_crash_counts_once(void **state)
{
	struct sb_crashes crashes = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		(void)add(&crashes, BOOT, 7);
	assert_int_equal(crashes.all[0].n, 1);
	assert_false(crashes.all[0].quarantined);
}

static void another_file_begins_afresh(void **state)
{
	struct sb_crashes crashes = { 0 };
	struct sb_plugin_mark other = mark;
	struct sb_crash crash = crash_of("enos", BOOT, 3);

	(void)state;
	(void)add(&crashes, BOOT, 1);
	(void)add(&crashes, BOOT, 2);
	other.mtime_ns++;
	assert_null(sb_crashes_add(&crashes, &crash, &other));
	assert_int_equal(crashes.n, 0);
	assert_int_equal(sb_crashes_add(&crashes, &crash, &other)->n, 1);
}

static void plugins_do_not_mix(void **state)
{
	struct sb_crashes crashes = { 0 };
	const struct sb_crash another = crash_of("aliyun", BOOT, 2);

	(void)state;
	(void)add(&crashes, BOOT, 1);
	(void)sb_crashes_add(&crashes, &another, &mark);
	assert_false(add(&crashes, BOOT, 3)->quarantined);
	assert_int_equal(sb_crashes_find(&crashes, "enos")->n, 2);
	sb_crashes_forget(&crashes, sb_crashes_find(&crashes, "enos"));
	assert_null(sb_crashes_find(&crashes, "enos"));
	assert_int_equal(sb_crashes_find(&crashes, "aliyun")->n, 1);
}

/* The account has a bound; what is in quarantine stays. */
static void there_may_be_too_many_plugins(void **state)
{
	struct sb_crashes crashes = { 0 };
	char name[16];

	(void)state;
	for (int64_t ms = 1; ms <= 3; ms++)
		(void)add(&crashes, BOOT, ms);
	for (int i = 0; i < 2 * SB_CRASHES_PLUGINS_MAX; i++) {
		struct sb_crash crash;

		(void)snprintf(name, sizeof(name), "p%d", i);
		crash = crash_of(name, BOOT, i);
		assert_string_equal(sb_crashes_add(&crashes, &crash, &mark)->plugin, name);
		assert_true(crashes.n <= SB_CRASHES_PLUGINS_MAX);
	}
	assert_true(sb_crashes_find(&crashes, "enos")->quarantined);
	assert_null(sb_crashes_find(&crashes, "p0"));
}

/* Then the one that is there for the longest time goes. */
static void all_of_them_may_be_in_quarantine(void **state)
{
	struct sb_crashes crashes = { 0 };
	struct sb_crash crash;
	char name[16];

	(void)state;
	for (int i = 0; i < SB_CRASHES_PLUGINS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "p%d", i);
		crash = crash_of(name, BOOT, 0);
		sb_crashes_add(&crashes, &crash, &mark)->quarantined = true;
	}
	crash = crash_of("one-more", BOOT, 0);
	(void)sb_crashes_add(&crashes, &crash, &mark);
	assert_null(sb_crashes_find(&crashes, "p0"));
	assert_non_null(sb_crashes_find(&crashes, name));
	assert_non_null(sb_crashes_find(&crashes, "one-more"));
}

/* ---- as text ---- */

static void what_is_written_is_read(void **state)
{
	struct sb_crashes crashes = { 0 }, again = { 0 };
	struct sb_crash crash = crash_of("1nce", "", INT64_C(8000000000000000000));
	char *text;

	(void)state;
	for (int64_t ms = 1; ms <= 4; ms++)
		(void)add(&crashes, BOOT, ms);
	crash.outside = 1;
	crash.link[0] = '\0';
	(void)strcpy(crash.call, "its completion of open_session()");
	(void)sb_crashes_add(&crashes, &crash, &mark);
	assert_int_equal(sb_crashes_print(&crashes, &text), 0);
	sb_crashes_parse(&again, text);
	free(text);
	assert_int_equal(again.n, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct sb_crashed *one = &crashes.all[i], *other = &again.all[i];

		assert_string_equal(one->plugin, other->plugin);
		assert_memory_equal(&one->mark, &other->mark, sizeof(mark));
		assert_int_equal(one->quarantined, other->quarantined);
		assert_int_equal(one->n, other->n);
		for (size_t j = 0; j < one->n; j++) {
			assert_string_equal(one->last[j].plugin, other->last[j].plugin);
			assert_string_equal(one->last[j].link, other->last[j].link);
			assert_string_equal(one->last[j].call, other->last[j].call);
			assert_string_equal(one->last[j].boot_id, other->last[j].boot_id);
			assert_int_equal(one->last[j].signal, other->last[j].signal);
			assert_int_equal(one->last[j].outside, other->last[j].outside);
			assert_int_equal(one->last[j].boot_ms, other->last[j].boot_ms);
			assert_int_equal(one->last[j].wall_ms, other->last[j].wall_ms);
		}
	}
}

static void what_makes_no_sense_is_passed_over(void **state)
{
	static const char *const lines[] = {
		"",
		"nonsense",
		"plugin",
		"plugin enos",
		"plugin enos 1 2 3",
		"plugin ../etc/passwd 1 2 3 quarantined",
		"plugin ENOS 1 2 3 quarantined",
		"plugin -- 1 2 3 quarantined",
		"plugin "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		"1 2 3 quarantined",
		"crash 11 inside " BOOT " 1 2 plant encode()",
	};
	static const char *const crashes_of_it[] = {
		"crash 11 inside " BOOT " 1 2 plant",
		"crash -1 inside " BOOT " 1 2 plant encode()",
		"crash 4711 inside " BOOT " 1 2 plant encode()",
		"crash 11 inside " BOOT " -1 2 plant encode()",
		"crash 11 inside " BOOT " 1 -2 plant encode()",
		"crash 11 inside nonsense! 1 2 plant encode()",
		"crash 11 inside " BOOT " 1 2 PLANT encode()",
		"crash 11 inside " BOOT " 1 2 plant \x1b[1m",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct sb_crashes crashes = { 0 };

		sb_crashes_parse(&crashes, lines[i]);
		assert_int_equal(crashes.n, 0);
	}
	for (size_t i = 0; i < sizeof(crashes_of_it) / sizeof(crashes_of_it[0]); i++) {
		struct sb_crashes crashes = { 0 };
		char text[512];

		(void)snprintf(text, sizeof(text), "plugin enos 1 2 3 free\n%s\n",
			       crashes_of_it[i]);
		sb_crashes_parse(&crashes, text);
		assert_int_equal(crashes.n, 1);
		if (crashes.all[0].n != 0)
			fail_msg("\"%s\" was taken", crashes_of_it[i]);
	}
}

static void a_text_has_no_end(void **state)
{
	static char text[400 * 1000];
	struct sb_crashes crashes = { 0 };
	size_t used = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "plugin p%d 1 2 3 free\n"
					 "crash 11 inside " BOOT " %d 2 plant encode()\n"
					 "crash 11 inside " BOOT " %d 2 plant encode()\n"
					 "crash 11 inside " BOOT " %d 2 plant encode()\n"
					 "crash 11 inside " BOOT " %d 2 plant encode()\n",
					 i % 50, i, i, i, i);
	assert_true(used < sizeof(text));
	sb_crashes_parse(&crashes, text);
	assert_int_equal(crashes.n, SB_CRASHES_PLUGINS_MAX);
	assert_int_equal(crashes.all[0].n, SB_CRASHES_MAX);
}

/* ---- one crash ---- */

static void texts_must_end(void **state)
{
	struct sb_crash crash = crash_of("enos", BOOT, 1);

	(void)state;
	assert_true(sb_crash_makes_sense(&crash));
	memset(crash.plugin, 'a', sizeof(crash.plugin));
	assert_false(sb_crash_makes_sense(&crash));
	crash = crash_of("enos", BOOT, 1);
	memset(crash.link, 'a', sizeof(crash.link));
	assert_false(sb_crash_makes_sense(&crash));
	crash = crash_of("enos", BOOT, 1);
	memset(crash.call, 'a', sizeof(crash.call));
	assert_false(sb_crash_makes_sense(&crash));
	crash = crash_of("enos", BOOT, 1);
	memset(crash.boot_id, 'a', sizeof(crash.boot_id));
	assert_false(sb_crash_makes_sense(&crash));
	crash = crash_of("enos", BOOT, 1);
	crash.link[0] = '\0';
	assert_true(sb_crash_makes_sense(&crash));
	crash.call[0] = '\0';
	assert_false(sb_crash_makes_sense(&crash));
}

static void assert_described(const struct sb_crash *crash, const char *words)
{
	char *text;

	assert_int_equal(sb_crash_describe(crash, &text), 0);
	if (!strstr(text, words))
		fail_msg("\"%s\" does not say \"%s\"", text, words);
	free(text);
}

static void people_read_what_happened(void **state)
{
	struct sb_crash crash = crash_of("enos", BOOT, 1);

	(void)state;
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	assert_described(&crash, "2026-12-01 12:04:14 in encode() for the link plant: SIGSEGV, ");
	crash.signal = 0;
	assert_described(&crash, ": it ended the process with exit()");
	crash.signal = SIGABRT;
	crash.outside = 1;
	assert_described(&crash, ": it did not come back, and SIGABRT from outside");
	crash.link[0] = '\0';
	assert_described(&crash, " in encode(): it did not");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_third_within_ten_minutes_is_one_too_many),
		cmocka_unit_test(those_that_are_further_apart_are_not),
		cmocka_unit_test(boots_are_not_near_each_other),
		cmocka_unit_test(a_crash_counts_once),
		cmocka_unit_test(another_file_begins_afresh),
		cmocka_unit_test(plugins_do_not_mix),
		cmocka_unit_test(there_may_be_too_many_plugins),
		cmocka_unit_test(all_of_them_may_be_in_quarantine),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_makes_no_sense_is_passed_over),
		cmocka_unit_test(a_text_has_no_end),
		cmocka_unit_test(texts_must_end),
		cmocka_unit_test(people_read_what_happened),
	};

	return cmocka_run_group_tests_name("crashes", tests, NULL, NULL);
}
