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

/* NULL when it has ended. */
static void take_next(struct world *world, void **ret, size_t *ret_size)
{
	assert_int_equal(ctl_source_next(&world->source, ret, ret_size), CTL_EXIT_OK);
	while (!*ret && !world->source.ended) {
		assert_int_equal(ctl_source_fill(&world->source), CTL_EXIT_OK);
		assert_int_equal(ctl_source_next(&world->source, ret, ret_size), CTL_EXIT_OK);
	}
}

static void assert_next(struct world *world, const char *expected)
{
	CTL_CLEANUP(free) void *payload = NULL;
	size_t size = 0;

	take_next(world, &payload, &size);
	if (!expected) {
		assert_null(payload);
		assert_true(world->source.ended);
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
static void test_what_is_too_large(void **state)
{
	CTL_CLEANUP(free) char *text = malloc(300000);
	struct world world;

	(void)state;
	assert_non_null(text);
	(void)memset(text, 'x', 300000);
	text[299997] = '\n';
	for (int lines = 0; lines < 2; lines++) {
		CTL_CLEANUP(free) void *payload = NULL;
		size_t size;

		begin(&world, text, 300000, lines);
		assert_int_equal(ctl_source_init(&world.source, &world.ctl, NULL), CTL_EXIT_OK);
		take_next(&world, &payload, &size);
		assert_int_equal(size, 65537);
		assert_next(&world, lines ? "xx" : NULL);
		assert_int_equal(lines ? world.source.read : 300000, 300000);
		end(&world);
	}
}

/* What is there can be taken before the rest has come. */
static void test_a_pipe(void **state)
{
	struct world world = { .ctl.args.command = &command };
	CTL_CLEANUP(free) void *payload = NULL;
	int fds[2], before = dup(STDIN_FILENO);
	size_t size;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	world.ctl.args.values[1] = "";
	assert_int_equal(ctl_source_init(&world.source, &world.ctl, NULL), CTL_EXIT_OK);
	assert_int_equal(write(fds[1], "one\ntw", 6), 6);
	assert_next(&world, "one");
	assert_int_equal(ctl_source_next(&world.source, &payload, &size), CTL_EXIT_OK);
	assert_null(payload);
	assert_false(world.source.ended);
	assert_int_equal(write(fds[1], "o\n", 2), 2);
	assert_next(&world, "two");
	assert_int_equal(close(fds[1]), 0);
	assert_next(&world, NULL);
	ctl_source_done(&world.source);
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(close(before), 0);
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
		cmocka_unit_test(test_what_is_too_large),
		cmocka_unit_test(test_a_pipe),
		cmocka_unit_test(test_a_word),
		cmocka_unit_test(test_what_does_not_go_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
