/* SPDX-License-Identifier: Apache-2.0 */
/* In Berlin, where days have 23 to 25 hours. What a link makes of it is in test-link-budget.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/budget.h"

#define KB UINT64_C(1000)
#define MB (1000 * KB)

static const struct sb_budget_plan monthly = { 5 * MB, SB_BUDGET_MONTH };
static const struct sb_budget_plan daily = { 5 * MB, SB_BUDGET_DAY };

/* Local time. */
static int64_t at(int year, int month, int day, int hour)
{
	struct tm local = { .tm_year = year - 1900,
			    .tm_mon = month - 1,
			    .tm_mday = day,
			    .tm_hour = hour,
			    .tm_isdst = -1 };

	return (int64_t)mktime(&local) * 1000;
}

static void expect_plan(const char *text, uint64_t bytes, enum sb_budget_period period)
{
	struct sb_budget_plan plan;

	assert_int_equal(sb_budget_parse(text, &plan), 0);
	assert_int_equal(plan.bytes, bytes);
	assert_int_equal(plan.period, period);
}

static void budgets_are_read(void **state)
{
	(void)state;
	expect_plan("5 MB/month", 5 * MB, SB_BUDGET_MONTH);
	expect_plan("5MB/day", 5 * MB, SB_BUDGET_DAY);
	expect_plan("10 kB / day", 10 * KB, SB_BUDGET_DAY);
	expect_plan("2 GB/month", 2000 * MB, SB_BUDGET_MONTH);
	expect_plan("10 KiB/day", 10240, SB_BUDGET_DAY);
	expect_plan("1 MiB/day", 1048576, SB_BUDGET_DAY);
	expect_plan("1 GiB/month", 1073741824, SB_BUDGET_MONTH);
}

static void what_is_no_budget_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",	      "5",	     "5 MB",	     "MB/month",
		"5 MB/year",  "5 mb/month",  "-5 MB/day",    "5.5 MB/day",
		"5 MB month", "5 MB/month ", "5 MB/monthly", "0x5 MB/day",
	};
	struct sb_budget_plan plan;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(sb_budget_parse(wrong[i], &plan), -EINVAL);
	assert_int_equal(sb_budget_parse("9 kB/day", &plan), -ERANGE);
	assert_int_equal(sb_budget_parse("0 MB/day", &plan), -ERANGE);
	assert_int_equal(sb_budget_parse("99999999999 GB/day", &plan), -ERANGE);
	assert_int_equal(sb_budget_parse("99999999999999999999999 GB/day", &plan), -ERANGE);
}

static void expect_text(const char *text)
{
	char back[SB_BUDGET_TEXT_MAX];
	struct sb_budget_plan plan;

	assert_int_equal(sb_budget_parse(text, &plan), 0);
	sb_budget_plan_text(&plan, back);
	assert_string_equal(back, text);
}

static void budgets_are_written_as_they_are_read(void **state)
{
	(void)state;
	expect_text("5 MB/month");
	expect_text("10 kB/day");
	expect_text("3 GiB/month");
	expect_text("1500 MB/month");
}

static struct sb_budget begin(const struct sb_budget_plan *plan, int64_t wall_ms)
{
	struct sb_budget budget;

	sb_budget_init(&budget, plan);
	assert_false(sb_budget_look(&budget, wall_ms));

	return budget;
}

static void a_month_ends_with_the_month(void **state)
{
	struct sb_budget budget = begin(&monthly, at(2026, 1, 31, 12));
	char text[SB_BUDGET_TEXT_MAX];

	(void)state;
	sb_budget_use(&budget, MB);
	assert_int_equal(budget.ends_ms, at(2026, 2, 1, 0));
	sb_budget_end_text(&budget, text);
	assert_string_equal(text, "2026-02-01 00:00");
	assert_false(sb_budget_look(&budget, at(2026, 2, 1, 0) - 1));
	assert_int_equal(budget.used, MB);
	assert_true(sb_budget_look(&budget, at(2026, 2, 1, 0)));
	assert_int_equal(budget.used, 0);
	assert_int_equal(budget.ends_ms, at(2026, 3, 1, 0));
	/* After a year in a cupboard. */
	assert_true(sb_budget_look(&budget, at(2027, 12, 5, 3)));
	assert_int_equal(budget.ends_ms, at(2028, 1, 1, 0));
}

static void a_day_ends_at_midnight_however_long_it_is(void **state)
{
	struct sb_budget budget = begin(&daily, at(2026, 3, 29, 1));
	const int64_t hour = INT64_C(3600) * 1000;

	(void)state;
	assert_int_equal(budget.ends_ms, at(2026, 3, 30, 0));
	assert_int_equal(budget.ends_ms - at(2026, 3, 29, 0), 23 * hour);
	assert_true(sb_budget_look(&budget, at(2026, 10, 25, 1)));
	assert_int_equal(budget.ends_ms - at(2026, 10, 25, 0), 25 * hour);
}

static void without_a_clock_no_period_ends(void **state)
{
	struct sb_budget budget = begin(&daily, 0);
	char text[SB_BUDGET_TEXT_MAX];

	(void)state;
	sb_budget_use(&budget, MB);
	assert_int_equal(budget.ends_ms, 0);
	sb_budget_end_text(&budget, text);
	assert_string_equal(text, "the box knows what time it is");
	/* What was used before it was known counts in the period in which it is known. */
	assert_false(sb_budget_look(&budget, at(2026, 5, 5, 5)));
	assert_int_equal(budget.ends_ms, at(2026, 5, 6, 0));
	assert_int_equal(budget.used, MB);
	assert_false(sb_budget_look(&budget, 0));
	assert_int_equal(budget.used, MB);
}

static void a_clock_that_goes_back_ends_nothing(void **state)
{
	struct sb_budget budget = begin(&monthly, at(2026, 5, 5, 5));

	(void)state;
	sb_budget_use(&budget, MB);
	assert_false(sb_budget_look(&budget, at(2026, 4, 30, 23)));
	assert_false(sb_budget_look(&budget, at(2026, 5, 1, 0)));
	assert_int_equal(budget.used, MB);
	assert_int_equal(budget.ends_ms, at(2026, 6, 1, 0));
}

/* Once, or so the disk says; the link would wait for it. */
static void a_clock_that_was_years_ahead_is_forgotten(void **state)
{
	struct sb_budget budget = begin(&monthly, at(2041, 5, 5, 5));

	(void)state;
	sb_budget_use(&budget, MB);
	assert_false(sb_budget_look(&budget, at(2026, 5, 5, 5)));
	assert_int_equal(budget.ends_ms, at(2026, 6, 1, 0));
	assert_int_equal(budget.used, MB);
	budget = begin(&daily, at(2026, 5, 8, 5));
	assert_false(sb_budget_look(&budget, at(2026, 5, 5, 5)));
	assert_int_equal(budget.ends_ms, at(2026, 5, 6, 0));
}

static void news_come_once_a_period(void **state)
{
	struct sb_budget budget = begin(&monthly, at(2026, 5, 5, 5));

	(void)state;
	sb_budget_use(&budget, 4 * MB - 1);
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_NOTHING);
	sb_budget_use(&budget, 1);
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_LOW);
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_NOTHING);
	sb_budget_use(&budget, MB - 1);
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_NOTHING);
	assert_false(sb_budget_spent(&budget));
	sb_budget_use(&budget, 1);
	assert_true(sb_budget_spent(&budget));
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_SPENT);
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_NOTHING);
	assert_true(sb_budget_look(&budget, at(2026, 6, 1, 0)));
	assert_false(sb_budget_spent(&budget));
	sb_budget_use(&budget, 5 * MB);
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_SPENT);
}

static void without_one_nothing_is_spent(void **state)
{
	static const struct sb_budget_plan none = { 0 };
	struct sb_budget budget = begin(&none, at(2026, 5, 5, 5));

	(void)state;
	sb_budget_use(&budget, UINT64_C(1) << 60);
	assert_false(sb_budget_spent(&budget));
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_NOTHING);
	assert_false(sb_budget_wants_record(&budget));
}

/* As a link does it: what is on disk is always more than what was used, and it is rarely written. */
static void what_is_on_disk_is_ahead(void **state)
{
	struct sb_budget budget = begin(&monthly, at(2026, 5, 5, 5));
	struct sb_budget_record record = { 0 };
	unsigned int writes = 0;

	(void)state;
	while (!sb_budget_spent(&budget)) {
		if (sb_budget_wants_record(&budget)) {
			sb_budget_record(&budget, true, &record);
			writes++;
		}
		assert_in_range(record.used, budget.used + 100, budget.used + 5 * MB / 200);
		sb_budget_use(&budget, 100);
	}
	assert_in_range(writes, 200, 401);
}

static void a_restart_goes_on_with_what_is_on_disk(void **state)
{
	struct sb_budget budget = begin(&monthly, at(2026, 5, 5, 5));
	struct sb_budget_record record;
	struct sb_budget again;

	(void)state;
	sb_budget_use(&budget, 4 * MB);
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_LOW);
	sb_budget_record(&budget, true, &record);
	sb_budget_init(&again, &monthly);
	assert_true(sb_budget_restore(&again, &record, sizeof(record)));
	assert_int_equal(again.used, 4 * MB + 5 * MB / 200);
	assert_int_equal(again.ends_ms, at(2026, 6, 1, 0));
	assert_int_equal(sb_budget_news(&again), SB_BUDGET_NOTHING);
	/* One that was told to end knows exactly. */
	sb_budget_record(&budget, false, &record);
	assert_true(sb_budget_restore(&again, &record, sizeof(record)));
	assert_int_equal(again.used, 4 * MB);
	assert_true(sb_budget_look(&again, at(2026, 6, 1, 0)));
}

static void another_kind_of_period_begins_within_this_one(void **state)
{
	struct sb_budget budget = begin(&monthly, at(2026, 5, 5, 5));
	struct sb_budget_record record;
	struct sb_budget other;

	(void)state;
	sb_budget_use(&budget, MB);
	sb_budget_record(&budget, false, &record);
	sb_budget_init(&other, &daily);
	assert_true(sb_budget_restore(&other, &record, sizeof(record)));
	assert_false(sb_budget_look(&other, at(2026, 5, 5, 6)));
	assert_int_equal(other.ends_ms, at(2026, 5, 6, 0));
	assert_int_equal(other.used, MB);
}

/* A larger one has news of its own. */
static void another_size_takes_effect(void **state)
{
	static const struct sb_budget_plan larger = { 10 * MB, SB_BUDGET_MONTH };
	struct sb_budget budget = begin(&monthly, at(2026, 5, 5, 5));
	struct sb_budget_record record;
	struct sb_budget other;

	(void)state;
	sb_budget_use(&budget, 5 * MB);
	assert_int_equal(sb_budget_news(&budget), SB_BUDGET_SPENT);
	sb_budget_record(&budget, false, &record);
	sb_budget_init(&other, &larger);
	assert_true(sb_budget_restore(&other, &record, sizeof(record)));
	assert_false(sb_budget_spent(&other));
	assert_int_equal(sb_budget_news(&other), SB_BUDGET_NOTHING);
	sb_budget_use(&other, 3 * MB);
	assert_int_equal(sb_budget_news(&other), SB_BUDGET_LOW);
}

static void records_that_make_no_sense_are_left_out(void **state)
{
	struct sb_budget budget = begin(&monthly, at(2026, 5, 5, 5));
	struct sb_budget_record good;
	struct sb_budget_record record;

	(void)state;
	sb_budget_use(&budget, MB);
	sb_budget_record(&budget, false, &good);
	sb_budget_init(&budget, &monthly);
	record = good;
	record.version++;
	assert_false(sb_budget_restore(&budget, &record, sizeof(record)));
	record = good;
	record.said = 7;
	assert_false(sb_budget_restore(&budget, &record, sizeof(record)));
	record = good;
	record.ends_ms = -1;
	assert_false(sb_budget_restore(&budget, &record, sizeof(record)));
	assert_false(sb_budget_restore(&budget, &good, sizeof(good) - 1));
	assert_int_equal(budget.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budgets_are_read),
		cmocka_unit_test(what_is_no_budget_is_refused),
		cmocka_unit_test(budgets_are_written_as_they_are_read),
		cmocka_unit_test(a_month_ends_with_the_month),
		cmocka_unit_test(a_day_ends_at_midnight_however_long_it_is),
		cmocka_unit_test(without_a_clock_no_period_ends),
		cmocka_unit_test(a_clock_that_goes_back_ends_nothing),
		cmocka_unit_test(a_clock_that_was_years_ahead_is_forgotten),
		cmocka_unit_test(news_come_once_a_period),
		cmocka_unit_test(without_one_nothing_is_spent),
		cmocka_unit_test(what_is_on_disk_is_ahead),
		cmocka_unit_test(a_restart_goes_on_with_what_is_on_disk),
		cmocka_unit_test(another_kind_of_period_begins_within_this_one),
		cmocka_unit_test(another_size_takes_effect),
		cmocka_unit_test(records_that_make_no_sense_are_left_out),
	};

	/* Without tzdata, too. */
	(void)setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();

	return cmocka_run_group_tests(tests, NULL, NULL);
}
