/* SPDX-License-Identifier: Apache-2.0 */
/* What each family says is seen in tests/dbus/test-manager-metrics.c; here is what OpenMetrics asks of all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/metrics.h"

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);

	return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

static void names_are_ours_and_differ(void **state)
{
	(void)state;
	for (size_t i = 0; i < sb_metrics_count(); i++) {
		const char *name = sb_metrics_at(i)->name;

		assert_int_equal(strncmp(name, "skybus_", 7), 0);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(name, sb_metrics_at(j)->name);
	}
}

/* OpenMetrics keeps these ends for samples, so that no two families have the same. */
static void names_have_no_end_of_a_sample(void **state)
{
	static const char *const ends[] = { "_total",  "_created", "_count",  "_sum",
					    "_bucket", "_info",	   "_gcount", "_gsum" };

	(void)state;
	for (size_t i = 0; i < sb_metrics_count(); i++) {
		for (size_t j = 0; j < sizeof(ends) / sizeof(ends[0]); j++)
			assert_false(ends_with(sb_metrics_at(i)->name, ends[j]));
	}
}

static void types_are_known(void **state)
{
	static const char types[] = " counter gauge histogram stateset info ";

	(void)state;
	for (size_t i = 0; i < sb_metrics_count(); i++) {
		const char *type = sb_metrics_at(i)->type;

		assert_non_null(strstr(types, type));
		assert_true(strlen(type) > 3);
	}
}

static void helps_are_sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < sb_metrics_count(); i++) {
		const char *help = sb_metrics_at(i)->help;

		assert_true(ends_with(help, "."));
		assert_null(strpbrk(help, "\n\\\""));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_ours_and_differ),
		cmocka_unit_test(names_have_no_end_of_a_sample),
		cmocka_unit_test(types_are_known),
		cmocka_unit_test(helps_are_sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
