/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cleanup.h"
#include "sim/enos-exchange.h"
#include "sim/enos-topic.h"
#include "sim/record.h"

/** The option that names the path where a command waits. */
#define OPTION_COMMAND_PATH 2100

/**
 * sim_enos_path_topic() - the topic that a path names
 * @path: of a request
 *
 * Devices that put the whole topic behind "/topic/" send an empty segment first; both ways will do.
 *
 * Return: the topic, within the path; NULL when the path names none.
 */
const char *sim_enos_path_topic(const char *path)
{
	if (strncmp(path, "/topic/", 7) != 0)
		return NULL;

	return path + (path[7] == '/' ? 7 : 6);
}

static void note(const struct sim_enos_exchange *exchange, struct sim_event *event)
{
	const struct sim_enos_device *device = exchange->device;

	event->cloud = exchange->cloud->type->name;
	event->peer = exchange->request->peer;
	event->identity = exchange->request->identity;
	event->device = device ? device->name : NULL;
	event->session = device ? device->session.number : 0;
	event->sequence = exchange->sequence;
	sim_record_write(exchange->cloud->record, event);
}

/**
 * sim_enos_note() - write what became of a request into the record
 * @exchange: the request
 * @event: as in struct sim_event; with "message" goes the payload
 * @code: what the device was told; NULL when all is well
 * @reason: why it was refused; NULL when it was not
 */
void sim_enos_note(const struct sim_enos_exchange *exchange, const char *event, const char *code,
		   const char *reason)
{
	const struct sim_request *request = exchange->request;
	bool is_message = strcmp(event, "message") == 0;
	struct sim_event line = {
		.event = event,
		.topic = exchange->topic,
		.payload = is_message ? request->payload : NULL,
		.payload_len = request->payload_len,
		.code = code,
		.reason = reason,
	};

	note(exchange, &line);
}

static void note_point(void *userdata, const struct sim_point *point)
{
	const struct sim_enos_exchange *exchange = userdata;
	SIM_CLEANUP(free) char *text = sim_point_print(point);
	struct sim_event line = {
		.event = "point",
		.topic = exchange->topic,
		.payload = (const uint8_t *)text,
		.payload_len = text ? strlen(text) : 0,
	};

	note(exchange, &line);
}

/**
 * sim_enos_note_command() - write into the record that a device was given a command
 * @exchange: the device's request
 * @command: waits no more
 */
void sim_enos_note_command(const struct sim_enos_exchange *exchange,
			   const struct sim_command *command)
{
	struct sim_event line = {
		.event = "command",
		.topic = command->topic,
		.payload = (const uint8_t *)command->payload,
		.payload_len = strlen(command->payload),
	};

	note(exchange, &line);
}

/**
 * sim_enos_refuse() - end an exchange with a code and nothing else
 * @exchange: the request
 * @event: its word in the record
 * @code: of the reply
 * @reason: for the record; the device is not told
 */
void sim_enos_refuse(struct sim_enos_exchange *exchange, const char *event, uint8_t code,
		     const char *reason)
{
	char text[SIM_CODE_TEXT];

	sim_code_print(code, text);
	sim_enos_note(exchange, event, text, reason);
	sim_reply_reset(exchange->reply);
	exchange->reply->code = code;
}

/**
 * sim_enos_answer() - end an exchange well
 * @exchange: the request
 * @code: of the reply
 * @payload: of the reply, text; NULL for none
 */
void sim_enos_answer(struct sim_enos_exchange *exchange, uint8_t code, const char *payload)
{
	exchange->reply->code = code;
	if (payload &&
	    sim_reply_add(exchange->reply, SIM_REPLY_PAYLOAD, payload, strlen(payload)) < 0)
		sim_enos_refuse(exchange, "refused", SIM_CODE(5, 0), "the reply is too long");
}

/**
 * sim_enos_announce() - name the path of the oldest command that waits, if one does
 * @exchange: answered
 *
 * The command goes on waiting. Commands are bounded so that their paths fit beside any payload.
 */
void sim_enos_announce(struct sim_enos_exchange *exchange)
{
	char path[SIM_ENOS_COMMAND_SIZE + sizeof("/topic")];
	int len;

	if (exchange->device->n_commands == 0)
		return;

	len = snprintf(path, sizeof(path), "/topic%s", exchange->device->commands[0]->topic);
	(void)sim_reply_add(exchange->reply, OPTION_COMMAND_PATH, path, (size_t)len);
}

static const char *meaning_of(int code)
{
	switch (code) {
	case SIM_ENOS_BAD_JSON:
		return "bad JSON";
	case SIM_ENOS_UNKNOWN_POINT:
		return "no model could have a point of this name";
	default:
		return "not the payload of this topic";
	}
}

static void refuse_topic(struct sim_enos_exchange *exchange, int error)
{
	if (error == -EACCES)
		sim_enos_refuse(exchange, "refused", SIM_CODE(4, 3), "another device's topic");
	else
		sim_enos_refuse(exchange, "refused", SIM_CODE(4, 4), "no such topic");
}

/**
 * sim_enos_publish() - answer a POST to a topic
 * @exchange: of a device that may ask
 */
void sim_enos_publish(struct sim_enos_exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	const struct sim_enos_topic *kind;
	SIM_CLEANUP(free) char *reply = NULL;
	char text[16];
	int error, code;

	error = sim_enos_topic_find(exchange->topic, exchange->device->name, &kind);
	if (error < 0) {
		refuse_topic(exchange, error);
		return;
	}
	code = sim_enos_topic_answer(kind, exchange->topic, request->payload, request->payload_len,
				     &reply);
	if (code < 0) {
		sim_enos_refuse(exchange, "refused", SIM_CODE(5, 0), "no memory");
		return;
	}
	if (code == SIM_ENOS_OK) {
		sim_enos_note(exchange, "message", NULL, NULL);
		sim_enos_topic_each(kind, request->payload, request->payload_len, note_point,
				    exchange);
	} else {
		(void)snprintf(text, sizeof(text), "%d", code);
		sim_enos_note(exchange, "refused", text, meaning_of(code));
	}
	sim_enos_answer(exchange, SIM_CODE(2, 4), reply);
}

/**
 * sim_enos_fetch() - answer a GET of a topic with the oldest command that waits there
 * @exchange: of a device that may ask
 */
void sim_enos_fetch(struct sim_enos_exchange *exchange)
{
	int error = sim_enos_topic_access(exchange->topic, exchange->device->name);
	const struct sim_command *command;

	command = error == 0 ? sim_enos_command_take(exchange->device, exchange->topic) : NULL;
	if (!command) {
		refuse_topic(exchange, error);
		return;
	}
	sim_enos_note_command(exchange, command);
	sim_enos_answer(exchange, SIM_CODE(2, 5), command->payload);
}
