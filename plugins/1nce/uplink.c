/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages to 1NCE: a POST to the root, the topic in the query. "/" stands for no topic at all:
 * 1NCE then publishes on the topic that is the SIM's own.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugins/1nce/1nce.h"

#define NO_TOPIC "/"
#define QUERY "t="

/* A Uri-Query has at most 255 bytes, RFC 7252 section 5.10. */
#define TOPIC_MAX (255 - (sizeof(QUERY) - 1))

#define MAX_AGE_MAX_S 3600

static const char topic_chars[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_/";

/* What the codes mean that are more than their class. */
static const struct {
	uint32_t code;
	uint32_t kind;
	const char *meaning;
} codes[] = {
	{ SKYBUS_CODE(4, 0), SKYBUS_REJECTED, "1NCE refuses the topic or the payload" },
	{ SKYBUS_CODE(4, 1), SKYBUS_RELOGIN,
	  "1NCE does not know the SIM, or it is not active: look at it in the 1NCE portal, and "
	  "check that the link goes through its interface" },
	{ SKYBUS_CODE(4, 3), SKYBUS_RELOGIN,
	  "1NCE forbids the SIM to send: look at it in the 1NCE portal" },
	{ SKYBUS_CODE(4, 4), SKYBUS_RETRY,
	  "host and port answer, but not as 1NCE does: check them" },
	{ SKYBUS_CODE(4, 5), SKYBUS_RETRY,
	  "host and port answer, but not as 1NCE does: check them" },
	{ SKYBUS_CODE(4, 8), SKYBUS_RETRY, "1NCE has lost a part of the message" },
	{ SKYBUS_CODE(4, 13), SKYBUS_REJECTED,
	  "the payload is larger than 1NCE takes: split it, and lower max_payload" },
	{ SKYBUS_CODE(4, 29), SKYBUS_RETRY, "1NCE asks for fewer messages" },
};

static const char *classes[] = {
	[2] = "",
	[4] = "1NCE refuses this message",
	[5] = "1NCE is too busy, or has an error of its own",
};

/* ---- what the cloud could take ---- */

static void name_character(const char *topic, size_t at, char *ret_reason, size_t size)
{
	unsigned char c = (unsigned char)topic[at];
	char name[16];

	(void)snprintf(name, sizeof(name), c > ' ' && c < 0x7f ? "\"%c\"" : "0x%02x", c);
	(void)snprintf(ret_reason, size,
		       "byte %zu of the topic is %s, and a 1NCE topic has only letters, digits, "
		       "underscores and slashes",
		       at + 1, name);
}

static int32_t check_topic(const char *topic, struct skybus_verdict *why)
{
	size_t len = strlen(topic);
	size_t good = strspn(topic, topic_chars);
	const char *empty = strstr(topic, "//");

	if (good < len)
		name_character(topic, good, why->reason, sizeof(why->reason));
	else if (empty)
		(void)snprintf(why->reason, sizeof(why->reason),
			       "byte %td of the topic is a second slash in a row, and a 1NCE topic "
			       "has none",
			       empty - topic + 2);
	else if (len == 0 || len > TOPIC_MAX)
		(void)snprintf(why->reason, sizeof(why->reason),
			       "a 1NCE topic has 1 to %zu bytes, this one %zu", TOPIC_MAX, len);
	else
		return 0;

	return -EINVAL;
}

/** nce_accept() - could 1NCE take this message, see struct skybus_plugin */
int32_t nce_accept(void *state, const struct skybus_message *message, struct skybus_verdict *why)
{
	const struct nce *nce = state;
	int64_t max_payload = nce->host->setting_integer(nce->link, "max_payload");

	if (message->payload_len > max_payload) {
		(void)snprintf(
			why->reason, sizeof(why->reason),
			"the payload has %u bytes and 1NCE takes %lld in a message: split it, or "
			"raise max_payload",
			message->payload_len, (long long)max_payload);
		return -EMSGSIZE;
	}

	return check_topic(message->topic, why);
}

/** nce_encode() - a message as a request, see struct skybus_plugin */
int32_t nce_encode(void *state, const struct skybus_message *message,
		   struct skybus_request *request, struct skybus_verdict *verdict)
{
	const struct nce *nce = state;
	char query[sizeof(QUERY) + TOPIC_MAX];

	if (strcmp(message->topic, NO_TOPIC) == 0)
		return 0;
	/* It was stored under other rules, perhaps. */
	if (check_topic(message->topic, verdict) < 0)
		return -EINVAL;
	(void)snprintf(query, sizeof(query), QUERY "%s", message->topic);
	nce->host->request_query(request, query);

	return 0;
}

/* ---- what it said ---- */

static void set_delay(const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	if (reply->max_age == UINT32_MAX)
		return;
	verdict->retry_after_ms =
		(reply->max_age > MAX_AGE_MAX_S ? MAX_AGE_MAX_S : reply->max_age) * 1000;
}

static uint32_t kind_of_class(uint32_t class)
{
	if (class == 2)
		return SKYBUS_DELIVERED;

	return class == 4 ? SKYBUS_REJECTED : SKYBUS_RETRY;
}

/** nce_decide() - what a reply means, see struct skybus_plugin */
void nce_decide(void *state, const struct skybus_message *message, const struct skybus_reply *reply,
		struct skybus_verdict *verdict)
{
	uint32_t class = SKYBUS_CODE_CLASS(reply->code);
	const char *meaning = class < sizeof(classes) / sizeof(classes[0]) ? classes[class] : NULL;

	(void)state;
	verdict->kind = kind_of_class(class);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].code != reply->code)
			continue;
		verdict->kind = codes[i].kind;
		meaning = codes[i].meaning;
	}
	/* A keepalive asks for nothing: whatever comes back has kept the way open. */
	if (!message)
		verdict->kind = SKYBUS_DELIVERED;
	if (verdict->kind == SKYBUS_DELIVERED)
		return;
	if (verdict->kind == SKYBUS_RETRY)
		set_delay(reply, verdict);
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s (%u.%02u)",
		       meaning ? meaning : "1NCE answers with a code that CoAP does not have",
		       class, reply->code & 31);
}

/**
 * nce_keepalive() - a request that changes nothing, see struct skybus_plugin
 *
 * 1NCE documents none, and to read the root is refused in a few bytes. An empty message would be a
 * message, and reading /bootstrap would make a new key.
 */
int32_t nce_keepalive(void *state, struct skybus_request *request)
{
	const struct nce *nce = state;

	nce->host->request_method(request, SKYBUS_GET);

	return 0;
}
