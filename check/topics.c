/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check/topics.h"
#include "daemon/cleanup.h"

#define LARGE (64 * 1024)

/* The longest that the daemon takes. */
#define TOPIC_MAX 512

static const char *const topics[] = {
	"telemetry/engine",
	"telemetry",
	"a",
	"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p",
	"/telemetry/engine",
	"/",
	"//",
	"a//b",
	"a/",
	"/ext/session/check1/check1/combine/login",
	"/sys/check1/check1/thing/event/property/post",
	"/sys/check1/check1/thing/measurepoint/post",
	"/check1/check1/user/update",
	"with space",
	"caf\xc3\xa9/\xe6\xb8\xa9\xe5\xba\xa6",
	"a/+/#",
	"%s%n",
	"../../etc/passwd",
	"a?b=c&d#e",
};

static const char *const payloads[] = {
	"{\"temp\":21.5}",
	"{\"temp\":21.5,\"text\":\"\\u00e9\\\"\",\"on\":true,\"none\":null,\"list\":[1,2],\"map\":{\"a\":1}}",
	"21.5",
	"on",
	"\"text\"",
	"[]",
	"{}",
	"{\"temp\":",
	"{\"temp\":1e309}",
	"{\"temp\":99999999999999999999999}",
	"{\"temp\":1,\"temp\":2}",
	"{\"\":1}",
	"null",
	"\xff\xfe\xfd",
	"%s%n",
};

/* Behind those: none, all bytes, many of one. */
enum {
	NO_PAYLOAD,
	ALL_BYTES,
	ONE_KIB,
	DEEP,
	SIXTY_FOUR_KIB,
	OTHERS,
};

static size_t n_topics(void)
{
	return SB_ELEMENTS(topics) + 1;
}

static size_t n_payloads(void)
{
	return SB_ELEMENTS(payloads) + OTHERS;
}

/**
 * check_messages_count() - how many there are
 *
 * Return: the number. Each topic comes with the payload that an app most likely publishes and with another, and
 * each payload with the first topic.
 */
size_t check_messages_count(void)
{
	return 2 * n_topics() + n_payloads();
}

static uint32_t make_other(size_t other, uint8_t *ret)
{
	switch (other) {
	case ALL_BYTES:
		for (size_t i = 0; i < 256; i++)
			ret[i] = (uint8_t)i;
		return 256;
	case ONE_KIB:
		memset(ret, '7', 1024);
		return 1024;
	case DEEP:
		memset(ret, '[', LARGE);
		return LARGE;
	case SIXTY_FOUR_KIB:
		memset(ret, 'a', LARGE);
		return LARGE;
	default:
		return 0;
	}
}

/**
 * check_message_make() - make one
 * @i: which, below check_messages_count()
 *
 * Return: the message; lent until the next is made.
 */
struct check_message check_message_make(size_t i)
{
	static char longest[TOPIC_MAX + 1];
	static uint8_t made[LARGE];
	struct check_message message = { .topic = longest, .payload = made };
	size_t topic = i < 2 * n_topics() ? i / 2 : 0;
	size_t payload = i >= 2 * n_topics() ? i - 2 * n_topics()
			 : i % 2	     ? i / 2 % n_payloads()
					     : 0;

	memset(longest, 'a', TOPIC_MAX);
	if (topic < SB_ELEMENTS(topics))
		message.topic = topics[topic];
	if (payload < SB_ELEMENTS(payloads)) {
		message.payload = payloads[payload];
		message.payload_len = (uint32_t)strlen(payloads[payload]);
	} else {
		message.payload_len = make_other(payload - SB_ELEMENTS(payloads), made);
	}

	return message;
}
