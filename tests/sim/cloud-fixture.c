/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/record.h"
#include "tests/sim/cloud-fixture.h"

#define OPTIONS_MAX 8

static struct sim_option options[OPTIONS_MAX];
static size_t n_options;

static struct sim_record *record;
static char record_path[] = "/tmp/test-sim-XXXXXX";

/**
 * cloud_fixture_open() - make the cloud
 * @fixture: its setup is filled; its sender begins at 127.0.0.1:40000, 1000 seconds after the boot
 * @type: of the cloud
 *
 * Return: 0; -1 when something fails.
 */
int cloud_fixture_open(struct cloud_fixture *fixture, const struct sim_cloud_type *type)
{
	int fd;

	(void)strcpy(record_path, "/tmp/test-sim-XXXXXX");
	fd = mkstemp(record_path);
	if (fd < 0)
		return -1;
	(void)close(fd);

	n_options = 0;
	fixture->now = 1000;
	fixture->peer = "127.0.0.1:40000";
	fixture->door = 0;
	fixture->identity = NULL;
	fixture->reply = sim_reply_new();
	if (!fixture->reply || sim_record_open(record_path, &record) < 0)
		return -1;
	fixture->cloud = type->make(type, &fixture->setup, record);

	return fixture->cloud ? 0 : -1;
}

/**
 * cloud_fixture_close() - free what the fixture holds, its setup too
 * @fixture: may be half made
 */
void cloud_fixture_close(struct cloud_fixture *fixture)
{
	if (fixture->cloud)
		fixture->cloud = fixture->cloud->type->free(fixture->cloud);
	fixture->reply = sim_reply_free(fixture->reply);
	record = sim_record_close(record);
	(void)unlink(record_path);
	sim_setup_done(&fixture->setup);
}

/**
 * cloud_fixture_option() - give the next request an option
 * @number: the option's
 * @value: lent until then
 * @len: bytes
 */
void cloud_fixture_option(uint16_t number, const void *value, size_t len)
{
	assert(n_options < OPTIONS_MAX);
	options[n_options++] =
		(struct sim_option){ .number = number, .len = (uint16_t)len, .value = value };
}

/**
 * cloud_fixture_send() - send a request
 * @fixture: who sends it, and when
 * @method: SIM_GET …
 * @path: its path
 * @payload: its payload
 * @len: bytes
 *
 * Return: the code of the reply.
 */
uint8_t cloud_fixture_send(struct cloud_fixture *fixture, uint8_t method, const char *path,
			   const void *payload, size_t len)
{
	const struct sim_request request = {
		.now = fixture->now * SIM_USEC_PER_SEC,
		.door = fixture->door,
		.identity = fixture->identity,
		.peer = fixture->peer,
		.method = method,
		.path = path,
		.options = options,
		.n_options = n_options,
		.payload = payload,
		.payload_len = len,
	};

	n_options = 0;
	sim_reply_reset(fixture->reply);
	fixture->cloud->type->serve(fixture->cloud, &request, fixture->reply);

	return fixture->reply->code;
}

/**
 * cloud_fixture_part() - an option of the reply, or its payload
 * @fixture: the fixture
 * @number: the option's, or SIM_REPLY_PAYLOAD
 * @ret_len: bytes; may be NULL
 *
 * Return: as text, lent until the next one; NULL when there is none.
 */
const char *cloud_fixture_part(const struct cloud_fixture *fixture, uint16_t number,
			       size_t *ret_len)
{
	static char text[SIM_REPLY_BYTES + 1];
	const uint8_t *value;
	size_t len;

	value = sim_reply_find(fixture->reply, number, &len);
	if (!value)
		return NULL;

	memcpy(text, value, len);
	text[len] = '\0';
	if (ret_len)
		*ret_len = len;

	return text;
}

/**
 * cloud_fixture_recorded() - what the last line of the record says
 * @member: of the JSON object, a text
 *
 * Return: its value, lent until the next one; NULL when it is not there.
 */
const char *cloud_fixture_recorded(const char *member)
{
	static char line[4096], value[2048];
	FILE *stream = fopen(record_path, "re");
	json_auto_t *root = NULL;
	const char *text;

	line[0] = '\0';
	while (stream && fgets(line, sizeof(line), stream))
		;
	if (stream)
		(void)fclose(stream);

	root = json_loads(line, 0, NULL);
	text = json_string_value(json_object_get(root, member));
	if (!text)
		return NULL;
	(void)snprintf(value, sizeof(value), "%s", text);

	return value;
}

/**
 * cloud_fixture_count() - how often something is in the record
 * @event: what
 *
 * Return: how many lines.
 */
size_t cloud_fixture_count(const char *event)
{
	FILE *stream = fopen(record_path, "re");
	char line[4096];
	size_t n = 0;

	while (stream && fgets(line, sizeof(line), stream)) {
		json_auto_t *root = json_loads(line, 0, NULL);
		const char *text = json_string_value(json_object_get(root, "event"));

		n += text && strcmp(text, event) == 0;
	}
	if (stream)
		(void)fclose(stream);

	return n;
}
