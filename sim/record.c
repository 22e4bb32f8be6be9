/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/cleanup.h"
#include "sim/record.h"

/**
 * struct sim_record - an open record
 * @fd: of the file
 * @error: what first went wrong, a positive errno; 0 while every line is in the file
 */
struct sim_record {
	int fd;
	int error;
};

/**
 * sim_record_open() - open a record, at its end
 * @path: the file; made, for its owner alone, if it does not exist
 * @ret: the record
 *
 * Return: 0; a negative errno as open() gives it.
 */
int sim_record_open(const char *path, struct sim_record **ret)
{
	struct sim_record *record = calloc(1, sizeof(*record));
	int error;

	if (!record)
		return -ENOMEM;

	record->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (record->fd < 0) {
		error = errno;
		free(record);
		return -error;
	}
	*ret = record;

	return 0;
}

/**
 * sim_record_close() - close a record
 * @record: may be NULL
 *
 * Return: NULL.
 */
struct sim_record *sim_record_close(struct sim_record *record)
{
	if (!record)
		return NULL;

	(void)close(record->fd);
	free(record);

	return NULL;
}

/**
 * sim_record_is_whole() - whether every line so far is in the file
 * @record: NULL is a record that nobody wanted, which is whole
 *
 * Return: false once a line could not be written.
 */
bool sim_record_is_whole(const struct sim_record *record)
{
	return !record || record->error == 0;
}

static int64_t wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_text(json_t *line, const char *key, const char *text)
{
	if (text)
		(void)json_object_set_new(line, key, json_string(text));
}

static void set_number(json_t *line, const char *key, uint64_t number)
{
	if (number > 0)
		(void)json_object_set_new(line, key, json_integer((json_int_t)number));
}

/**
 * sim_record_set_payload() - put a payload into an object, as the record has it
 * @object: gets "payload" if it is UTF-8, else "payload_base64"
 * @payload: the payload
 * @len: bytes
 */
void sim_record_set_payload(json_t *object, const uint8_t *payload, size_t len)
{
	const gnutls_datum_t raw = { .data = (unsigned char *)(uintptr_t)payload,
				     .size = (unsigned int)len };
	gnutls_datum_t base64 = { .data = NULL, .size = 0 };
	json_t *text = json_stringn((const char *)payload, len);

	if (text) {
		(void)json_object_set_new(object, "payload", text);
	} else if (gnutls_base64_encode2(&raw, &base64) == 0) {
		(void)json_object_set_new(object, "payload_base64",
					  json_stringn((const char *)base64.data, base64.size));
		gnutls_free(base64.data);
	}
}

/* RFC 7252 section 12.1.1, RFC 8132. */
static void set_method(json_t *line, uint8_t method)
{
	static const char *const words[] = { "GET",   "POST",  "PUT",	"DELETE",
					     "FETCH", "PATCH", "iPATCH" };

	if (method > 0 && method <= SIM_ELEMENTS(words))
		set_text(line, "method", words[method - 1]);
}

static char *line_of(const struct sim_event *event)
{
	json_auto_t *line = json_object();

	if (!line)
		return NULL;

	(void)json_object_set_new(line, "time", json_integer(wall_ms()));
	set_text(line, "event", event->event);
	set_text(line, "cloud", event->cloud);
	set_text(line, "peer", event->peer);
	set_text(line, "identity", event->identity);
	set_text(line, "device", event->device);
	set_number(line, "session", event->session);
	set_method(line, event->method);
	set_text(line, "topic", event->topic);
	set_text(line, "query", event->query);
	if (event->payload)
		sim_record_set_payload(line, event->payload, event->payload_len);
	set_number(line, "sequence", event->sequence);
	set_text(line, "code", event->code);
	set_text(line, "reason", event->reason);

	return json_dumps(line, JSON_COMPACT);
}

static int write_line(int fd, char *line)
{
	size_t len = strlen(line);
	ssize_t written;

	/* The newline takes the place of the zero byte, so that a line is one write, or none. */
	line[len] = '\n';
	written = write(fd, line, len + 1);
	if (written < 0)
		return errno;

	return (size_t)written == len + 1 ? 0 : ENOSPC;
}

/**
 * sim_record_write() - add a line
 * @record: NULL when nobody wants a record
 * @event: what happened
 *
 * A line that cannot be written makes the record incomplete for good; that is said once, here, and
 * sim_record_is_whole() tells it to the end of the program.
 */
void sim_record_write(struct sim_record *record, const struct sim_event *event)
{
	SIM_CLEANUP(free) char *line = NULL;
	int error;

	if (!record)
		return;

	line = line_of(event);
	error = line ? write_line(record->fd, line) : ENOMEM;
	if (error != 0 && record->error == 0) {
		record->error = error;
		(void)fprintf(stderr, "skybus-sim: the record is incomplete from here on: %s\n",
			      strerror(error));
	}
}
