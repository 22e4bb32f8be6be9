/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/store-health.h"
#include "tests/daemon/fake-log.h"

#define SEC UINT64_C(1000000)
#define LINES_MAX 4 /* that say within an hour that it fails */

static struct sb_store_health health;

static int setup(void **state)
{
	(void)state;
	fake_log_reset();
	sb_store_health_init(&health, "/state");

	return 0;
}

static void write_at(uint64_t seconds, int error)
{
	sb_store_health_note(&health, seconds * SEC, true, error);
}

static void read_at(uint64_t seconds, int error)
{
	sb_store_health_note(&health, seconds * SEC, false, error);
}

static void a_store_that_works_says_nothing(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		write_at(i, 0);
		read_at(i, 0);
	}
	assert_int_equal(fake_log.n, 0);
}

/* A ticket that is not there, a letter that is there already, a value that is too large: none is the disk's fault. */
static void a_callers_mistake_is_none_of_it(void **state)
{
	static const int errors[] = { -ENOENT, -EEXIST, -EMSGSIZE, -ENOMEM, -EBADMSG };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		write_at(i, errors[i]);
		read_at(i, errors[i]);
	}
	assert_int_equal(fake_log.n, 0);
}

static void full_and_room_again(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 500; i++)
		write_at(100 + i / 50, -ENOSPC);
	assert_int_equal(fake_log.n, 1);
	assert_int_equal(fake_log_last()->event, SB_EVENT_STORE_FULL);
	assert_string_equal(fake_log_last()->path, "/state");
	assert_non_null(strstr(fake_log_last()->text, "/state is full"));
	/* What is small still gets in, and what is read says nothing. */
	write_at(111, 0);
	write_at(168, 0);
	read_at(400, 0);
	assert_int_equal(fake_log.n, 1);
	write_at(401, 0);
	assert_int_equal(fake_log.n, 2);
	assert_int_equal(fake_log_last()->event, SB_EVENT_STORE_WORKS);
	write_at(402, 0);
	assert_int_equal(fake_log.n, 2);
}

static void it_works_when_nothing_has_failed_for_a_minute(void **state)
{
	(void)state;
	write_at(100, -EIO);
	assert_int_equal(fake_log_last()->event, SB_EVENT_STORE_FAILS);
	assert_non_null(strstr(fake_log_last()->text, "/state fails: Input/output error"));
	for (unsigned int i = 101; i < 400; i++)
		write_at(i, i % 50 ? 0 : -EIO);
	assert_int_equal(fake_log.n, 1);
	write_at(409, 0);
	assert_int_equal(fake_log.n, 1);
	write_at(410, 0);
	assert_int_equal(fake_log.n, 2);
}

static void what_it_fails_of_may_change(void **state)
{
	(void)state;
	write_at(100, -ENOSPC);
	write_at(101, -EROFS);
	assert_int_equal(fake_log.n, 2);
	assert_int_equal(fake_log_last()->event, SB_EVENT_STORE_FAILS);
	/* A disk that cannot be read fails, too. */
	read_at(102, -EIO);
	assert_int_equal(fake_log.n, 2);
}

static void it_is_said_again_each_hour(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 24 * 360; i++)
		write_at(100 + i * 10, -EROFS);
	assert_int_equal(fake_log.n, 24);
}

static void never_more_than_so_often(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3600; i++)
		write_at(100 + i, i % 2 ? -ENOSPC : -EIO);
	assert_int_equal(fake_log.n, LINES_MAX);
	fake_log_reset();
	/* Two minutes of each, for a day: no end is said that had no beginning. */
	for (unsigned int i = 0; i < 24 * 3600; i++)
		write_at(10000 + i, i / 120 % 2 ? 0 : -EIO);
	assert_in_range(fake_log.n, 1, 25 * 2 * LINES_MAX);
	assert_in_range(fake_log_count_events(SB_EVENT_STORE_WORKS), 1,
			fake_log_count_events(SB_EVENT_STORE_FAILS));
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

/* ---- what is told to those who ask ---- */

static void expect_error(uint64_t seconds, int error)
{
	struct sb_store_report report;

	sb_store_health_report(&health, seconds * SEC, &report);
	assert_string_equal(report.directory, "/state");
	assert_int_equal(report.error, error);
}

static void what_is_wrong_is_told_as_long_as_it_is(void **state)
{
	(void)state;
	expect_error(100, 0);
	write_at(100, -ENOSPC);
	expect_error(101, -ENOSPC);
	/* It fails until a write has shown that it does not. */
	expect_error(1000, -ENOSPC);
	write_at(1001, 0);
	expect_error(1002, 0);
}

static void how_fast_it_is(void **state)
{
	struct sb_store_speed speed = { 0 };
	struct sb_store_report report;

	(void)state;
	sb_store_speed_report(&speed, SEC, &report);
	assert_int_equal(report.busy + report.last + report.longest, 0);
	sb_store_speed_begin(&speed, 10 * SEC);
	sb_store_speed_report(&speed, 12 * SEC, &report);
	assert_int_equal(report.busy, 2 * SEC);
	assert_int_equal(report.last, 0);
	sb_store_speed_end(&speed, 13 * SEC);
	sb_store_speed_begin(&speed, 20 * SEC);
	sb_store_speed_end(&speed, 21 * SEC);
	sb_store_speed_report(&speed, 30 * SEC, &report);
	assert_int_equal(report.busy, 0);
	assert_int_equal(report.last, SEC);
	assert_int_equal(report.longest, 3 * SEC);
	/* That one was long ago. */
	sb_store_speed_begin(&speed, 700 * SEC);
	sb_store_speed_end(&speed, 702 * SEC);
	sb_store_speed_report(&speed, 703 * SEC, &report);
	assert_int_equal(report.longest, 2 * SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_store_that_works_says_nothing),
		TEST(a_callers_mistake_is_none_of_it),
		TEST(full_and_room_again),
		TEST(it_works_when_nothing_has_failed_for_a_minute),
		TEST(what_it_fails_of_may_change),
		TEST(it_is_said_again_each_hour),
		TEST(never_more_than_so_often),
		TEST(what_is_wrong_is_told_as_long_as_it_is),
		TEST(how_fast_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
