/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/cleanup.h"
#include "ctl/source.h"

static const struct ctl_option options[] = {
	{ .name = "file", .value = "FILE", .help = "" },
	{ .name = "lines", .help = "" },
	{ .name = NULL },
};

static const struct ctl_command command = { .name = "publish", .options = options };

/* A command line with these options, NULL for none, and a file with this text. */
struct world {
	struct ctl ctl;
	struct ctl_source source;
	char path[64];
};

static void begin(struct world *world, const char *text, size_t size, bool lines)
{
	int fd;

	*world = (struct world){ .path = "/tmp/test-source-XXXXXX" };
	fd = mkstemp(world->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	assert_int_equal(close(fd), 0);
	world->ctl.args.command = &command;
	world->ctl.args.values[0] = world->path;
	world->ctl.args.values[1] = lines ? "" : NULL;
}

static void end(struct world *world)
{
	ctl_source_done(&world->source);
	assert_int_equal(unlink(world->path), 0);
}

static void assert_next(struct world *world, const char *expected)
{
	CTL_CLEANUP(free) void *payload = NULL;
	size_t size = 0;

	assert_int_equal(ctl_source_next(&world->source, &payload, &size), CTL_EXIT_OK);
	if (!expected) {
		assert_null(payload);
		return;
	}
	assert_non_null(payload);
	assert_int_equal(size, strlen(expected));
	assert_memory_equal(payload, expected, size);
}

static void test_lines(void **state)
{
	struct world world;

	(void)state;
	begin(&world, "one\n\ntwo", 8, true);
	assert_int_equal(ctl_source_init(&world.source, &world.ctl, NULL), CTL_EXIT_OK);
	assert_int_equal(world.source.size, 8);
	assert_next(&world, "one");
	assert_int_equal(world.source.read, 4);
	assert_next(&world, "");
	assert_next(&world, "two");
	assert_next(&world, NULL);
	assert_next(&world, NULL);
	end(&world);
}

static void test_whole_file(void **state)
{
	struct world world;

	(void)state;
	begin(&world, "one\ntwo\n", 8, false);
	assert_int_equal(ctl_source_init(&world.source, &world.ctl, NULL), CTL_EXIT_OK);
	assert_next(&world, "one\ntwo\n");
	assert_next(&world, NULL);
	end(&world);
}

/* One byte more than the daemon takes is kept, so that it says what is too much. */
static void test_a_file_that_is_too_large(void **state)
{
	CTL_CLEANUP(free) char *text = malloc(100000);
	CTL_CLEANUP(free) void *payload = NULL;
	struct world world;
	size_t size;

	(void)state;
	assert_non_null(text);
	(void)memset(text, 'x', 100000);
	begin(&world, text, 100000, false);
	assert_int_equal(ctl_source_init(&world.source, &world.ctl, NULL), CTL_EXIT_OK);
	assert_int_equal(ctl_source_next(&world.source, &payload, &size), CTL_EXIT_OK);
	assert_int_equal(size, 65537);
	end(&world);
}

static void test_a_word(void **state)
{
	struct world world = { .ctl.args.command = &command };

	(void)state;
	assert_int_equal(ctl_source_init(&world.source, &world.ctl, "text"), CTL_EXIT_OK);
	assert_next(&world, "text");
	assert_next(&world, NULL);
}

static void test_what_does_not_go_together(void **state)
{
	struct world world = { .ctl.args.command = &command };

	(void)state;
	assert_int_equal(ctl_source_init(&world.source, &world.ctl, NULL), CTL_EXIT_USAGE);
	world.ctl.args.values[1] = "";
	assert_int_equal(ctl_source_init(&world.source, &world.ctl, "text"), CTL_EXIT_USAGE);
	world.ctl.args.values[0] = "/nonexistent/file";
	assert_int_equal(ctl_source_init(&world.source, &world.ctl, "text"), CTL_EXIT_USAGE);
	assert_int_equal(ctl_source_init(&world.source, &world.ctl, NULL), CTL_EXIT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_whole_file),
		cmocka_unit_test(test_a_file_that_is_too_large),
		cmocka_unit_test(test_a_word),
		cmocka_unit_test(test_what_does_not_go_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
