/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugins/enos-common/enos-envelope.h"
#include "plugins/enos-common/enos.h"

/* The values stay the app's text, so that no number changes on the way. */
#define BEFORE                                                                                \
	"{\"id\":\"%" PRIu64 "\",\"version\":\"1.0\",\"method\":\"thing.measurepoint.post\"," \
	"\"params\":{\"measurepoints\":"
#define TIME ",\"time\":%" PRId64
#define AFTER "}}"

/* More than either of the first two has with the largest numbers. */
#define PIECE_SIZE 160

/**
 * enos_envelope_check() - can the payload be wrapped
 * @message: the message; its ticket and time may still be unknown
 * @ret_len: how many bytes it has at most when it is wrapped
 * @why: the reason, if not
 *
 * Return: 0, or -EINVAL.
 */
int32_t enos_envelope_check(const struct skybus_message *message, size_t *ret_len,
			    struct skybus_verdict *why)
{
	json_t *root = enos_json(message->payload, message->payload_len);
	int32_t r = json_is_object(root) ? 0 : -EINVAL;
	char piece[PIECE_SIZE];
	int overhead;

	json_decref(root);
	if (r < 0) {
		(void)snprintf(why->reason, sizeof(why->reason),
			       "the payload is no JSON object: with the envelope of measurepoint, "
			       "publish one such as {\"temp\": 21.5}");
		return r;
	}
	overhead = snprintf(piece, sizeof(piece), BEFORE, UINT64_MAX) +
		   snprintf(piece, sizeof(piece), TIME AFTER, INT64_MAX);
	*ret_len = (size_t)overhead + message->payload_len;

	return 0;
}

/**
 * enos_envelope_wrap() - wrap a payload
 * @message: the message; without its time EnOS takes that at which it arrives
 * @ret_text: the payload for EnOS, the caller's to free()
 * @why: the reason, if it cannot be
 *
 * Return: 0; -EINVAL (the payload is no JSON object), -ENOMEM.
 */
int32_t enos_envelope_wrap(const struct skybus_message *message, char **ret_text,
			   struct skybus_verdict *why)
{
	char time[PIECE_SIZE] = "";
	size_t size;
	char *text;
	int32_t r = enos_envelope_check(message, &size, why);

	if (r < 0)
		return r;
	text = malloc(++size);
	if (!text)
		return -ENOMEM;
	if (message->time_ms != 0)
		(void)snprintf(time, sizeof(time), TIME, message->time_ms);
	(void)snprintf(text, size, BEFORE "%.*s%s" AFTER, message->ticket,
		       (int)message->payload_len, (const char *)message->payload, time);
	*ret_text = text;

	return 0;
}
