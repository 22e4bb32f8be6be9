/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/enos-common/enos-batch.h"
#include "plugins/enos-common/enos-command.h"
#include "plugins/enos-common/enos-device.h"
#include "plugins/enos-common/enos-envelope.h"
#include "plugins/enos-common/enos.h"

#define OPTION_URI_PATH_MAX 255

/* ---- coming and going ---- */

/**
 * enos_device_check_keys() - no key holds what separates it from the next
 * @device: with its keys
 * @separator: a character
 * @why: the reason, if one does
 *
 * Return: 0, or -EINVAL.
 */
int32_t enos_device_check_keys(const struct enos_device *device, char separator,
			       struct skybus_verdict *why)
{
	bool product = strchr(device->product_key, separator);

	if (!product && !strchr(device->device_key, separator))
		return 0;
	(void)snprintf(why->reason, sizeof(why->reason),
		       "%s holds a %s, and EnOS keys hold none: copy it from the EnOS console",
		       product ? "product_key" : "device_key",
		       separator == '/' ? "slash" : "comma");

	return -EINVAL;
}

static void own_topic(const struct enos_device *device, const char *last,
		      char ret_topic[ENOS_OWN_TOPIC_SIZE])
{
	(void)snprintf(ret_topic, ENOS_OWN_TOPIC_SIZE, "/sys/%s/%s/thing/%s", device->product_key,
		       device->device_key, last);
}

/**
 * enos_device_init() - the device that the settings name
 * @device: to be filled
 * @host: the daemon
 * @link: the link
 * @why: the reason, if the settings make no sense
 *
 * Return: 0, or -EINVAL, with nothing to be undone.
 */
int32_t enos_device_init(struct enos_device *device, const struct skybus_host *host,
			 struct skybus_link *link, struct skybus_verdict *why)
{
	int64_t unanswered = host->setting_integer(link, "unanswered");

	*device = (struct enos_device){
		.host = host,
		.link = link,
		.product_key = host->setting_text(link, "product_key"),
		.device_key = host->setting_text(link, "device_key"),
		.wraps = strcmp(host->setting_text(link, "envelope"), "measurepoint") == 0,
		.batch_s = (uint32_t)host->setting_integer(link, "batch"),
	};
	enos_limit_init(&device->limit, host, link);
	(void)snprintf(device->name, sizeof(device->name), "%s/%s", device->product_key,
		       device->device_key);
	own_topic(device, "measurepoint/post", device->measurepoint);
	if (unanswered > 0)
		(void)snprintf(device->unanswered, sizeof(device->unanswered), "%u",
			       (unsigned int)unanswered);
	if (device->batch_s > 0 && !device->wraps) {
		(void)snprintf(why->reason, sizeof(why->reason),
			       "batch is set and envelope is not: EnOS takes several points in a "
			       "request as measurepoints only, so set envelope to measurepoint, or "
			       "leave batch out");
		return -EINVAL;
	}

	return enos_device_check_keys(device, '/', why);
}

/**
 * enos_device_done() - free what a device holds
 * @device: was initialised
 */
void enos_device_done(struct enos_device *device)
{
	free(device->command_topic);
	device->command_topic = NULL;
}

/* ---- login ---- */

/**
 * enos_device_fail() - the login failed
 * @device: the device; the next try keeps the vendor's distance
 * @kind: SKYBUS_TRANSIENT …
 * @reason: a sentence; NULL when a request got no answer
 */
void enos_device_fail(struct enos_device *device, uint32_t kind, const char *reason)
{
	bool refused = kind == SKYBUS_CREDENTIALS;

	device->host->failed(device->link, kind, reason,
			     enos_limit_wait_s(&device->limit, refused));
}

/**
 * enos_device_fail_inside() - the login failed by a code inside the JSON of a 2.xx
 * @device: the device
 * @reply: its reply
 * @code: of enos_json_code(), not ENOS_CODE_OK
 */
void enos_device_fail_inside(struct enos_device *device, const struct skybus_reply *reply,
			     int64_t code)
{
	struct skybus_verdict verdict = { .size = sizeof(verdict) };
	/* A disabled device is enabled in the console, with nobody beside the box. */
	bool ours = code == ENOS_CODE_NO_DEVICE || code == ENOS_CODE_BAD_SIGN;

	enos_decide(reply, &verdict);
	enos_device_fail(device, ours ? SKYBUS_CREDENTIALS : SKYBUS_TRANSIENT, verdict.reason);
}

/**
 * enos_device_keepalive_s() - after how much silence to ask for commands
 * @device: the device
 *
 * Return: seconds, so that the device never gets offline by its silence.
 */
uint32_t enos_device_keepalive_s(const struct enos_device *device)
{
	uint32_t lifetime = (uint32_t)device->host->setting_integer(device->link, "lifetime");
	uint32_t poll = (uint32_t)device->host->setting_integer(device->link, "poll");
	uint32_t latest = lifetime / 4 * 3;

	return poll > 0 && poll < latest ? poll : latest;
}

/* ---- messages ---- */

/**
 * enos_device_fill() - the path of a topic, and what the session asks for
 * @device: the device
 * @request: to be filled
 * @topic: of MQTT, begins with a slash
 *
 * Return: 0; -EMSGSIZE for a topic that is too long, or what the plugin's sign function returned.
 */
int enos_device_fill(struct enos_device *device, struct skybus_request *request, const char *topic)
{
	char path[ENOS_TOPIC_MAX + sizeof("/topic")];
	int len = snprintf(path, sizeof(path), "/topic%s", topic);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -EMSGSIZE;
	device->host->request_path(request, path);

	return device->sign ? device->sign(device, request) : 0;
}

static bool is_whole(const struct skybus_message *message)
{
	json_t *root = enos_json(message->payload, message->payload_len);
	bool whole = json_object_get(root, "params") != NULL;

	json_decref(root);

	return whole;
}

/**
 * enos_device_wraps() - does a message get the envelope
 * @device: the device
 * @message: the message
 *
 * Values alone do: on a topic that is none of EnOS', or on the one for measured values, unless there
 * somebody has written the whole message.
 *
 * Return: whether it does.
 */
bool enos_device_wraps(const struct enos_device *device, const struct skybus_message *message)
{
	if (!device->wraps || message->topic[0] == '\0')
		return false;
	if (message->topic[0] != '/')
		return true;

	return strcmp(message->topic, device->measurepoint) == 0 && !is_whole(message);
}

/* Trouble of this box's own is no reason to give a message up. */
static void wait_for_better(struct skybus_verdict *verdict, const char *reason)
{
	verdict->kind = SKYBUS_RETRY;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", reason);
}

/**
 * enos_device_finish() - the path of a request that has its payload
 * @device: the device
 * @request: to be filled
 * @topic: of MQTT
 * @verdict: on failure
 *
 * Return: as enos_device_fill().
 */
int32_t enos_device_finish(struct enos_device *device, struct skybus_request *request,
			   const char *topic, struct skybus_verdict *verdict)
{
	int32_t r = enos_device_fill(device, request, topic);

	if (r == -EMSGSIZE)
		(void)snprintf(verdict->reason, sizeof(verdict->reason),
			       "the topic is too long for a CoAP path: shorten it");
	else if (r < 0)
		wait_for_better(verdict, "the request's sign cannot be computed at present");

	return r;
}

/** enos_device_encode() - a plugin's encode() */
int32_t enos_device_encode(void *state, const struct skybus_message *message,
			   struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct enos_device *device = state;
	const char *topic = message->topic;
	char *wrapped;
	int32_t r;

	if (enos_device_wraps(device, message)) {
		r = enos_envelope_wrap(message, &wrapped, verdict);
		if (r == -ENOMEM)
			wait_for_better(verdict, "no memory left for the envelope");
		if (r < 0)
			return r;
		device->host->request_payload(request, wrapped, (uint32_t)strlen(wrapped));
		free(wrapped);
		topic = device->measurepoint;
	}

	return enos_device_finish(device, request, topic, verdict);
}

/** enos_device_decide() - a plugin's decide() */
void enos_device_decide(void *state, const struct skybus_message *message,
			const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	(void)message;
	enos_decide(reply, verdict);
	enos_batch_doubt(reply, verdict);
	enos_command_look(state, reply);
}

static int32_t check_levels(const char *topic, struct skybus_verdict *why)
{
	for (const char *level = topic; *level;) {
		size_t len = strcspn(level, "/");

		if (len > OPTION_URI_PATH_MAX) {
			(void)snprintf(
				why->reason, sizeof(why->reason),
				"a level of the topic has %zu bytes, and a CoAP path takes %d", len,
				OPTION_URI_PATH_MAX);
			return -EINVAL;
		}
		level += len + (level[len] == '/');
	}

	return 0;
}

/** enos_device_accept() - a plugin's accept() */
int32_t enos_device_accept(void *state, const struct skybus_message *message,
			   struct skybus_verdict *why)
{
	const struct enos_device *device = state;
	int64_t max_payload = device->host->setting_integer(device->link, "max_payload");
	struct skybus_message sent = *message;
	size_t len;
	int32_t r;

	if (enos_device_wraps(device, message)) {
		r = enos_envelope_check(message, &len, why);
		if (r < 0)
			return r;
		sent.topic = device->measurepoint;
		sent.payload_len = (uint32_t)len;
	}
	r = check_levels(sent.topic, why);

	return r < 0 ? r : enos_accept(&sent, (uint32_t)max_payload, why);
}

/**
 * enos_device_keepalive() - a plugin's keepalive()
 *
 * Any exchange renews the session and may tell of a command. EnOS documents none that does just
 * that, so ask for one tag, by a name that nobody uses: it changes nothing, and the answer is short.
 */
int32_t enos_device_keepalive(void *state, struct skybus_request *request)
{
	static const char payload[] = "{\"id\":\"0\",\"version\":\"1.0\",\"params\":{\"tags\":"
				      "[\"skybus\"]},\"method\":\"thing.tag.query\"}";
	struct enos_device *device = state;
	char topic[ENOS_OWN_TOPIC_SIZE];

	own_topic(device, "tag/query", topic);
	device->host->request_payload(request, payload, sizeof(payload) - 1);

	return enos_device_fill(device, request, topic);
}

/** enos_device_name() - a plugin's device() */
const char *enos_device_name(void *state)
{
	const struct enos_device *device = state;

	return device->name;
}
