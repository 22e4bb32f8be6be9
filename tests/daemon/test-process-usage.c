/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/process-usage.h"

#define MANY (64 * 1024 * 1024)

static void work_costs_time(void **state)
{
	double before = sb_process_cpu_seconds();

	(void)state;
	assert_true(before >= 0);
	while (sb_process_cpu_seconds() < before + 0.01)
		;
}

static void memory_that_is_used_is_resident(void **state)
{
	double before = sb_process_resident_bytes();
	char *memory = malloc(MANY);

	(void)state;
	assert_true(before > 0);
	assert_non_null(memory);
	memset(memory, 1, MANY);
	assert_true(sb_process_resident_bytes() >= before + MANY / 2);
	free(memory);
}

static void descriptors_are_counted(void **state)
{
	double before = sb_process_open_fds();
	int ends[2];

	(void)state;
	assert_true(before >= 0);
	assert_int_equal(pipe(ends), 0);
	assert_true(sb_process_open_fds() == before + 2);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_true(sb_process_open_fds() == before);
}

static void it_began_a_moment_ago(void **state)
{
	double started = sb_process_start_seconds();
	struct timespec now;

	(void)state;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	/* With fractions it would be another moment each time, as if the daemon began again and again. */
	assert_true(started == (double)(int64_t)started);
	assert_true(started <= (double)now.tv_sec + 1);
	assert_true(started > (double)now.tv_sec - 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_costs_time),
		cmocka_unit_test(memory_that_is_used_is_resident),
		cmocka_unit_test(descriptors_are_counted),
		cmocka_unit_test(it_began_a_moment_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
