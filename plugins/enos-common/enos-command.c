/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/enos-common/enos-command.h"
#include "plugins/enos-common/enos.h"

#define CONTEXT_MAX 1024
#define REPLY_SUFFIX "_reply"
#define RAW_SUFFIX "/thing/model/down_raw"

/*
 * EnOS keeps so many commands for a device. One that tells of more after them all repeats itself, and
 * while commands are fetched one after the other, messages may have to wait.
 */
#define FETCHED_MAX 50

/* ---- from the cloud ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text);
	size_t end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/*
 * What an answer must repeat: the command's id, as JSON. A command without one cannot be answered,
 * and neither can raw bytes, which hold none even when they look like JSON: the app that
 * understands them publishes to up_raw by itself.
 *
 * Returns a text, the caller's to free(); NULL if there is no answering it.
 */
static char *id_of(const char *topic, const uint8_t *payload, uint32_t len)
{
	json_t *root = ends_with(topic, RAW_SUFFIX) ? NULL : enos_json(payload, len);
	json_t *id = json_object_get(root, "id");
	char *text = NULL;

	if (json_is_string(id) || json_is_number(id))
		text = json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT);
	json_decref(root);
	if (text && strlen(text) > CONTEXT_MAX) {
		free(text);
		return NULL;
	}

	return text;
}

static void note(const struct enos_device *device, const char *text)
{
	device->host->log(device->link, SKYBUS_LOG_DEBUG, text);
}

static void deliver(struct enos_device *device, const char *topic, const uint8_t *payload,
		    uint32_t len)
{
	char *id = id_of(topic, payload, len);
	struct skybus_command command = {
		.size = sizeof(command),
		.payload_len = len,
		.topic = topic,
		.payload = payload,
		.content_format = SKYBUS_NO_FORMAT,
		.flags = id ? SKYBUS_ANSWERABLE : 0,
		.context = (const uint8_t *)id,
		.context_len = id ? (uint32_t)strlen(id) : 0,
		.otherwise = device->unanswered[0] ? device->unanswered : NULL,
	};

	if (device->host->deliver(device->link, &command) < 0)
		note(device, "a command came on a topic that makes no sense: it is left out");
	free(id);
}

static void look_on(struct enos_device *device, const struct skybus_reply *reply);

static void on_command(void *state, void *tag, const struct skybus_reply *reply)
{
	struct enos_device *device = tag;
	char *topic = device->command_topic;

	(void)state;
	device->command_topic = NULL;
	if (reply->outcome == SKYBUS_ANSWERED && SKYBUS_CODE_CLASS(reply->code) == 2) {
		deliver(device, topic, reply->payload, reply->payload_len);
		look_on(device, reply);
	}
	free(topic);
}

/* Takes the topic over. What goes wrong here mends itself: the next reply tells of it again. */
static void fetch_command(struct enos_device *device, char *topic)
{
	struct skybus_request *request = device->host->new_request(device->link);

	if (!request) {
		free(topic);
		return;
	}
	device->host->request_method(request, SKYBUS_GET);
	if (enos_device_fill(device, request, topic) < 0) {
		note(device, "a command waits under a topic that is too long to ask for");
		device->host->free_request(request);
		free(topic);
		return;
	}
	device->command_topic = topic;
	device->n_fetched++;
	if (device->host->send_request(request, 0, on_command, device) < 0) {
		note(device, "a command waits that cannot be asked for at present");
		enos_command_forget(device);
	}
}

static void look_on(struct enos_device *device, const struct skybus_reply *reply)
{
	const struct skybus_option *whole = enos_find_option(reply, ENOS_OPTION_COMMAND);
	char *topic = enos_command_topic(reply);

	if (topic && whole) {
		deliver(device, topic, whole->value, whole->len);
	} else if (topic && !device->command_topic) {
		if (device->n_fetched < FETCHED_MAX) {
			fetch_command(device, topic);
			return;
		}
		note(device, "more commands wait than EnOS keeps: the rest after the next "
			     "message");
	}
	free(topic);
}

/**
 * enos_command_look() - deliver or fetch the command of which a reply tells
 * @device: the device
 * @reply: to anything but the fetching of a command; option 2100 says that a command waits, and option
 *	2102 may hold it
 */
void enos_command_look(struct enos_device *device, const struct skybus_reply *reply)
{
	device->n_fetched = 0;
	look_on(device, reply);
}

/**
 * enos_command_forget() - the command that was being fetched will not come
 * @device: the device, whose session is gone
 */
void enos_command_forget(struct enos_device *device)
{
	free(device->command_topic);
	device->command_topic = NULL;
}

/* ---- from an app ---- */

static int parse_code(const char *text, int64_t *ret_code)
{
	const char *digits = text + (text[0] == '-');
	size_t len = strlen(digits);

	if (text[0] == '\0') {
		*ret_code = ENOS_CODE_OK;
		return 0;
	}
	if (len == 0 || len > 9 || strspn(digits, "0123456789") != len)
		return -EINVAL;
	*ret_code = strtol(text, NULL, 10);

	return 0;
}

static bool is_json(const uint8_t *payload, uint32_t len)
{
	json_t *root = enos_json(payload, len);
	bool is = root != NULL;

	json_decref(root);

	return is;
}

static int32_t check_answer(const struct skybus_answer *answer, int64_t *ret_code,
			    struct skybus_verdict *why)
{
	if (parse_code(answer->code, ret_code) < 0) {
		(void)snprintf(why->reason, sizeof(why->reason),
			       "EnOS knows integers as codes: write 200, or nothing, for success");
		return -EINVAL;
	}
	if (answer->payload_len > 0 && !is_json(answer->payload, answer->payload_len)) {
		(void)snprintf(
			why->reason, sizeof(why->reason),
			"EnOS takes JSON in an answer: write for example {\"result\": 1}, or "
			"nothing");
		return -EINVAL;
	}

	return 0;
}

/**
 * enos_command_answer() - a plugin's answer()
 *
 * EnOS documents no code for a device that cannot serve a command, so which one it is told when no app
 * answers is a setting, "unanswered".
 *
 * The answer to /sys/…/thing/service/x is a message to /sys/…/thing/service/x_reply. What the app
 * gave stays its text, so that no number changes on the way.
 */
int32_t enos_command_answer(void *state, const struct skybus_answer *answer,
			    struct skybus_response *response, struct skybus_verdict *why)
{
	const struct enos_device *device = state;
	const char *data = answer->payload_len > 0 ? (const char *)answer->payload : "{}";
	int data_len = answer->payload_len > 0 ? (int)answer->payload_len : 2;
	char *payload = NULL;
	char *topic = NULL;
	int64_t code;
	int32_t r = check_answer(answer, &code, why);

	if (r < 0)
		return r;
	if (asprintf(&topic, "%s" REPLY_SUFFIX, answer->topic) < 0)
		return -ENOMEM;
	if (asprintf(&payload, "{\"id\":%.*s,\"code\":%lld,\"data\":%.*s}",
		     (int)answer->context_len, (const char *)answer->context, (long long)code,
		     data_len, data) < 0) {
		free(topic);
		return -ENOMEM;
	}
	device->host->response_topic(response, topic);
	device->host->response_payload(response, SKYBUS_FORMAT_JSON, payload,
				       (uint32_t)strlen(payload));
	free(payload);
	free(topic);

	return 0;
}
