/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/record.h"

struct fixture {
	char folder[32];
	char path[64];
	struct sim_record *record;
	json_t *line;
};

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .folder = "/tmp/test-record-XXXXXX" };
	if (!mkdtemp(fixture.folder))
		return -1;
	(void)snprintf(fixture.path, sizeof(fixture.path), "%s/record", fixture.folder);
	*state = &fixture;

	return sim_record_open(fixture.path, &fixture.record);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	json_decref(fixture->line);
	fixture->record = sim_record_close(fixture->record);
	(void)unlink(fixture->path);

	return rmdir(fixture->folder);
}

/* The line of that index, as it is in the file at this moment. */
static json_t *line(struct fixture *fixture, size_t index)
{
	FILE *file = fopen(fixture->path, "re");
	char text[1024] = "";

	assert_non_null(file);
	for (size_t i = 0; i <= index; i++)
		assert_non_null(fgets(text, sizeof(text), file));
	(void)fclose(file);
	assert_int_equal(text[strlen(text) - 1], '\n');
	json_decref(fixture->line);
	fixture->line = json_loads(text, JSON_ALLOW_NUL, NULL);
	assert_non_null(fixture->line);

	return fixture->line;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_message(void **state)
{
	struct fixture *fixture = *state;
	const struct sim_event event = {
		.event = "message",
		.cloud = "enos-v1",
		.device = "pk/dk",
		.session = 3,
		.topic = "/sys/pk/dk/x",
		.payload = (const uint8_t *)"a\0ü",
		.payload_len = 4,
		.sequence = 7,
	};
	const json_t *written;
	struct stat status;

	sim_record_write(fixture->record, &event);
	written = line(fixture, 0);
	assert_true(json_integer_value(json_object_get(written, "time")) > 1600000000000);
	assert_string_equal(text_of(written, "event"), "message");
	assert_string_equal(text_of(written, "cloud"), "enos-v1");
	assert_string_equal(text_of(written, "device"), "pk/dk");
	assert_string_equal(text_of(written, "topic"), "/sys/pk/dk/x");
	assert_int_equal(json_integer_value(json_object_get(written, "session")), 3);
	assert_int_equal(json_integer_value(json_object_get(written, "sequence")), 7);
	assert_int_equal(json_string_length(json_object_get(written, "payload")), 4);
	assert_memory_equal(text_of(written, "payload"), "a\0ü", 4);
	assert_null(json_object_get(written, "code"));
	assert_int_equal(stat(fixture->path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_payload_that_is_no_text(void **state)
{
	struct fixture *fixture = *state;
	const struct sim_event event = {
		.event = "message",
		.payload = (const uint8_t *)"\xff\xfe\0",
		.payload_len = 3,
	};
	const struct sim_event empty = { .event = "message", .payload = (const uint8_t *)"" };

	sim_record_write(fixture->record, &event);
	sim_record_write(fixture->record, &empty);
	assert_string_equal(text_of(line(fixture, 0), "payload_base64"), "//4A");
	assert_null(text_of(fixture->line, "payload"));
	assert_string_equal(text_of(line(fixture, 1), "payload"), "");
}

static void test_record_is_continued(void **state)
{
	struct fixture *fixture = *state;
	const struct sim_event first = { .event = "login" }, second = { .event = "refused" };

	sim_record_write(fixture->record, &first);
	fixture->record = sim_record_close(fixture->record);
	assert_int_equal(sim_record_open(fixture->path, &fixture->record), 0);
	sim_record_write(fixture->record, &second);
	assert_string_equal(text_of(line(fixture, 0), "event"), "login");
	assert_string_equal(text_of(line(fixture, 1), "event"), "refused");
	assert_true(sim_record_is_whole(fixture->record));
}

static void test_full_disk_is_told(void **state)
{
	const struct sim_event event = { .event = "login" };
	struct sim_record *full = NULL;
	bool whole;

	(void)state;
	assert_int_equal(sim_record_open("/dev/full", &full), 0);
	sim_record_write(full, &event);
	whole = sim_record_is_whole(full);
	(void)sim_record_close(full);
	assert_false(whole);
	assert_true(sim_record_open("/nowhere/record", &full) < 0);
}

#define RECORD_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RECORD_TEST(test_message),
		RECORD_TEST(test_payload_that_is_no_text),
		RECORD_TEST(test_record_is_continued),
		RECORD_TEST(test_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
