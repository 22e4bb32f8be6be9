/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/aliyun/aliyun-document.h"
#include "plugins/aliyun/aliyun-envelope.h"

#define METHOD "thing.event.property.post"
#define CODE_OK 200
#define CLOUDS_WORDS_MAX 64

/* Codes inside an answer. Vendor's documents. */
static const struct {
	int64_t code;
	uint32_t kind;
	const char *meaning;
} codes[] = {
	{ 400, SKYBUS_RETRY, "Aliyun had an error while it worked on the message" },
	{ 429, SKYBUS_RETRY, "Aliyun has had too many messages of this device" },
	{ 460, SKYBUS_REJECTED, "Aliyun does not understand the parameters of the message" },
	{ 5092, SKYBUS_REJECTED, "the product's model in Aliyun does not know a property" },
	{ 6106, SKYBUS_REJECTED, "there are more than 200 properties in one message" },
	{ 6207, SKYBUS_REJECTED, "the payload is not the JSON that Aliyun expects" },
	{ 100000, SKYBUS_RETRY, "Aliyun has an error of its own" },
};

/**
 * aliyun_envelope_topic() - where properties go
 * @settings: of the link
 * @ret_topic: the topic
 */
void aliyun_envelope_topic(const struct aliyun_settings *settings,
			   char ret_topic[ALIYUN_TOPIC_MAX + 1])
{
	(void)snprintf(ret_topic, ALIYUN_TOPIC_MAX + 1, "/sys/%s/%s/thing/event/property/post",
		       settings->product_key, settings->device_name);
}

/**
 * aliyun_envelope_applies() - does a message go up in the envelope
 * @settings: of the link
 * @topic: as the app gave it
 *
 * Return: whether: properties do, and what is on a topic of the box's own, without leading slash.
 */
bool aliyun_envelope_applies(const struct aliyun_settings *settings, const char *topic)
{
	char properties[ALIYUN_TOPIC_MAX + 1];

	if (!settings->envelope)
		return false;
	aliyun_envelope_topic(settings, properties);

	return topic[0] != '/' || strcmp(topic, properties) == 0;
}

/**
 * aliyun_envelope_has_time() - has a property its time already
 * @value: as it is written
 *
 * { "value", "time" } is what a property becomes; without a time Aliyun takes that of its arrival.
 *
 * Return: whether it has.
 */
bool aliyun_envelope_has_time(const struct aliyun_piece *value)
{
	json_auto_t *read =
		aliyun_document_read(SKYBUS_FORMAT_JSON, (const uint8_t *)value->text, value->len);

	return json_object_size(read) == 2 && json_object_get(read, "value") &&
	       json_is_number(json_object_get(read, "time"));
}

static void write_params(FILE *report, const struct skybus_message *message)
{
	const struct aliyun_piece properties = { (const char *)message->payload,
						 message->payload_len };
	const char *separator = "";
	struct aliyun_walk walk;
	struct aliyun_piece key;
	struct aliyun_piece value;

	aliyun_walk_begin(&walk, &properties);
	while (aliyun_walk_next(&walk, &key, &value)) {
		bool timed = aliyun_envelope_has_time(&value);

		(void)fprintf(report, "%s%.*s:%s", separator, (int)key.len, key.text,
			      timed ? "" : "{\"value\":");
		(void)fwrite(value.text, 1, value.len, report);
		if (!timed && message->time_ms != 0)
			(void)fprintf(report, ",\"time\":%" PRId64, message->time_ms);
		if (!timed)
			(void)fputs("}", report);
		separator = ",";
	}
}

static void write_report(FILE *report, const struct skybus_message *message)
{
	(void)fprintf(report, "{\"id\":\"%" PRIu64 "\",\"version\":\"1.0\",\"params\":{",
		      message->ticket);
	write_params(report, message);
	(void)fputs("},\"method\":\"" METHOD "\"}", report);
}

/**
 * aliyun_envelope_wrap() - put properties into the envelope
 * @message: a JSON object, or the whole report already, with "params", which stays as it is
 * @ret_payload: the caller's to free()
 * @ret_len: bytes
 *
 * The values stay the app's text, so that no number changes on the way.
 *
 * Return: 0; -EINVAL if the payload is no JSON object; -ENOMEM.
 */
int aliyun_envelope_wrap(const struct skybus_message *message, char **ret_payload, size_t *ret_len)
{
	json_auto_t *properties =
		aliyun_document_read(SKYBUS_FORMAT_JSON, message->payload, message->payload_len);
	char *payload = NULL;
	size_t len = 0;
	FILE *report;
	bool failed;

	if (!json_is_object(properties))
		return -EINVAL;
	report = open_memstream(&payload, &len);
	if (!report)
		return -ENOMEM;
	if (json_object_get(properties, "params"))
		(void)fwrite(message->payload, 1, message->payload_len, report);
	else
		write_report(report, message);
	failed = ferror(report);
	if (fclose(report) != 0 || failed) {
		free(payload);
		return -ENOMEM;
	}
	*ret_payload = payload;
	*ret_len = len;

	return 0;
}

/* The cloud's own words go to people, and may be anything. */
static void quote(const json_t *message, char ret_words[CLOUDS_WORDS_MAX])
{
	const char *text = json_string_value(message);
	size_t len = 0;

	for (; text && text[len] && len < CLOUDS_WORDS_MAX - 1; len++)
		ret_words[len] = text[len] >= ' ' && text[len] <= '~' ? text[len] : '?';
	ret_words[len] = '\0';
}

/**
 * aliyun_envelope_judge() - the code in the answer to a message that was taken
 * @answer: of the device model; anything without a code says nothing against success; may be NULL
 * @verdict: SKYBUS_DELIVERED, and stays so unless the code says otherwise
 */
void aliyun_envelope_judge(const json_t *answer, struct skybus_verdict *verdict)
{
	const json_t *value = json_object_get(answer, "code");
	int64_t code = json_is_integer(value) ? json_integer_value(value) : CODE_OK;
	const char *meaning = "Aliyun refuses the message";
	char words[CLOUDS_WORDS_MAX];

	if (code == CODE_OK)
		return;
	verdict->kind = code >= 500 && code < 600 ? SKYBUS_RETRY : SKYBUS_REJECTED;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (codes[i].code == code) {
			verdict->kind = codes[i].kind;
			meaning = codes[i].meaning;
		}
	}
	quote(json_object_get(answer, "message"), words);
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s (code %" PRId64 "%s%s)",
		       meaning, code, words[0] ? ": " : "", words);
}
