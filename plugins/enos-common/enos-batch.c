/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources: EnOS, "Reporting Device Measurement Points in Batch": a device reports points with different times
 * of its own to measurepoint/post/batch, and if a part of it fails all of it does; "Reporting Attributes,
 * Measure points and Events to EnOS" for CoAP: its topics are those of MQTT. That this one is among them,
 * EnOS says nowhere by name. So only its own code 200 counts, and where that does not come each message goes
 * alone, see daemon/batch.c.
 *
 * What is not put together: whole messages that the app has written, messages without a value, and those without
 * a time on a box that does not know it. EnOS would give all of these the time of their arrival, and so keep
 * one of them.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/enos-common/enos-batch.h"
#include "plugins/enos-common/enos-device.h"
#include "plugins/enos-common/enos.h"

/* Tells a reply to several messages from the others. */
#define NOTE 1

/* The values stay the app's text, so that no number changes on the way. */
#define BEFORE                                                                 \
	"{\"id\":\"%" PRIu64                                                   \
	"\",\"version\":\"1.0\",\"method\":\"thing.measurepoint.post.batch\"," \
	"\"params\":["
#define POINTS "{\"measurepoints\":"
#define TIME ",\"time\":%" PRId64 "}"
#define AFTER "]}"

/* More than BEFORE or TIME has with the largest numbers. */
#define PIECE_SIZE 128

/* RFC 7252 section 3: header, the longest token, the heads of options, the marker of the payload. */
#define COAP_SIZE 24

/* A signed session's option, with a token of 32 characters and a number of six digits. */
#define SIGN_SIZE 128

/*
 * EnOS says 1 KB of a packet. One message is far from that, but several are as many as fit, so here what CoAP has
 * around the payload counts.
 */
static size_t room(const struct enos_device *device)
{
	size_t most = (size_t)device->host->setting_integer(device->link, "max_payload");
	size_t around = COAP_SIZE + strlen("/topic") + strlen(device->measurepoint) +
			strlen("/batch") + (device->sign ? SIGN_SIZE : 0);

	return most > around ? most - around : 0;
}

static bool has_values(const struct skybus_message *message)
{
	json_t *root = enos_json(message->payload, message->payload_len);
	bool has = json_object_size(root) > 0;

	json_decref(root);

	return has;
}

/* With the comma that may be before it. */
static size_t size_of(const struct skybus_message *message)
{
	char piece[PIECE_SIZE];

	return strlen("," POINTS) + message->payload_len +
	       (size_t)snprintf(piece, sizeof(piece), TIME, message->time_ms);
}

/**
 * enos_batch_gather() - a plugin's gather()
 * @state: the device
 * @messages: that wait, in their order
 * @n: how many
 *
 * Return: how many of the first could go in one request; 0 if the first goes alone.
 */
uint32_t enos_batch_gather(void *state, const struct skybus_message *messages, uint32_t n)
{
	const struct enos_device *device = state;
	size_t most = room(device);
	char piece[PIECE_SIZE];
	size_t size =
		strlen(AFTER) + (size_t)snprintf(piece, sizeof(piece), BEFORE, messages[0].ticket);
	uint32_t i;

	for (i = 0; i < n; i++) {
		size += size_of(&messages[i]);
		if (i > 0 && size > most)
			break;
		if (messages[i].time_ms == 0 || !enos_device_wraps(device, &messages[i]) ||
		    !has_values(&messages[i]))
			break;
	}

	return i;
}

static void write_all(FILE *file, const struct skybus_message *messages, uint32_t n)
{
	(void)fprintf(file, BEFORE, messages[0].ticket);
	for (uint32_t i = 0; i < n; i++) {
		(void)fputs(i > 0 ? "," POINTS : POINTS, file);
		(void)fwrite(messages[i].payload, 1, messages[i].payload_len, file);
		(void)fprintf(file, TIME, messages[i].time_ms);
	}
	(void)fputs(AFTER, file);
}

/* Returns 0, or -ENOMEM. */
static int print(const struct skybus_message *messages, uint32_t n, char **ret_text,
		 size_t *ret_len)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, ret_len);
	bool failed;

	if (!file)
		return -ENOMEM;
	write_all(file, messages, n);
	failed = ferror(file);
	if (fclose(file) != 0 || failed) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;

	return 0;
}

/**
 * enos_batch_encode() - a plugin's encode_batch()
 * @state: the device
 * @messages: that enos_batch_gather() has found to fit
 * @n: how many
 * @request: to be filled
 * @verdict: on failure
 *
 * Return: 0, or a negative errno.
 */
int32_t enos_batch_encode(void *state, const struct skybus_message *messages, uint32_t n,
			  struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct enos_device *device = state;
	char topic[ENOS_OWN_TOPIC_SIZE + sizeof("/batch")];
	char *text;
	size_t len;

	if (print(messages, n, &text, &len) < 0) {
		verdict->kind = SKYBUS_RETRY;
		return -ENOMEM;
	}
	device->host->request_payload(request, text, (uint32_t)len);
	free(text);
	device->host->request_note(request, NOTE);
	(void)snprintf(topic, sizeof(topic), "%s/batch", device->measurepoint);

	return enos_device_finish(device, request, topic, verdict);
}

/**
 * enos_batch_doubt() - several messages are delivered only if EnOS says so in its own words
 * @reply: answered
 * @verdict: of enos_decide()
 *
 * A topic that EnOS does not know over CoAP might be answered with a 2.04 that stands for nothing.
 */
void enos_batch_doubt(const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	json_t *root;

	if (reply->note != NOTE || verdict->kind != SKYBUS_DELIVERED)
		return;
	root = enos_json(reply->payload, reply->payload_len);
	if (!json_is_integer(json_object_get(root, "code"))) {
		verdict->kind = SKYBUS_REJECTED;
		(void)snprintf(verdict->reason, sizeof(verdict->reason),
			       "EnOS does not say that it has taken several points");
	}
	json_decref(root);
}
