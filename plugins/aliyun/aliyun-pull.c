/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that wait in the cloud. It never calls us; the vendor's newer clients ask, with POST /pull. How
 * the answer looks is documented nowhere: an object, or an array of them, each with topic and payload.
 *
 * One request at a time goes out, pull_interval after the answer to the one before, however busy the link
 * is. What a refusal or silence means is not for this request to say: the daemon begins a login only when a
 * message or a keepalive was refused. So no other pull goes out until the link has had an answer to one of
 * those, and with pull a keepalive is due after two intervals without an answer.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "plugins/aliyun/aliyun-document.h"
#include "plugins/aliyun/aliyun-envelope.h"
#include "plugins/aliyun/aliyun.h"

#define PAGE_SIZE 10

/* Not at once: what the apps publish has its turn, and a cloud that is never done costs no more than this. */
#define AGAIN_MS 50

/* ---- what the cloud told ---- */

/* Those of a JSON document that are no strings are the cloud's text, so that no number changes. */
static int write_payload(const json_t *payload, const struct aliyun_piece *entry, char **ret_text,
			 struct aliyun_piece *ret)
{
	static const char name[] = "\"payload\"";
	struct aliyun_walk walk;
	struct aliyun_piece key;
	struct aliyun_piece value;

	int r = -EINVAL;

	*ret_text = NULL;
	if (!entry) {
		*ret_text = json_dumps(payload, JSON_COMPACT | JSON_ENCODE_ANY);
		*ret = (struct aliyun_piece){ *ret_text, *ret_text ? strlen(*ret_text) : 0 };
		return *ret_text ? 0 : -EINVAL;
	}
	aliyun_walk_begin(&walk, entry);
	while (aliyun_walk_next(&walk, &key, &value)) {
		if (key.len == strlen(name) && memcmp(key.text, name, key.len) == 0) {
			*ret = value;
			r = 0;
		}
	}

	return r;
}

/* @entry is how @item is written in JSON; NULL when it was CBOR. */
static void deliver(struct aliyun *aliyun, const json_t *item, const struct aliyun_piece *entry)
{
	const json_t *topic = json_object_get(item, "topic");
	const json_t *payload = json_object_get(item, "payload");
	ALIYUN_FREE char *text = NULL;
	struct aliyun_piece piece = { "", 0 };
	struct skybus_command command = {
		.size = sizeof(command),
		.topic = json_string_value(topic),
		.content_format = SKYBUS_NO_FORMAT,
	};

	if (!aliyun_document_is_utf8(topic) || json_string_length(topic) == 0 ||
	    json_string_length(topic) > ALIYUN_TOPIC_MAX ||
	    strlen(command.topic) != json_string_length(topic))
		return;
	if (json_is_string(payload)) {
		piece.text = json_string_value(payload);
		piece.len = json_string_length(payload);
	} else if (payload) {
		if (write_payload(payload, entry, &text, &piece) < 0)
			return;
		command.content_format = SKYBUS_FORMAT_JSON;
	}
	command.payload = (const uint8_t *)piece.text;
	command.payload_len = (uint32_t)piece.len;
	(void)aliyun->host->deliver(aliyun->link, &command);
}

/* Returns how many there were; what makes no sense is left out, and counts. */
static size_t deliver_all(struct aliyun *aliyun, const struct aliyun_answer *answer)
{
	json_auto_t *page = aliyun_document_read(answer->format, answer->data, answer->len);
	const struct aliyun_piece whole = { (const char *)answer->data, answer->len };
	bool is_text = answer->format != SKYBUS_FORMAT_CBOR;
	struct aliyun_walk walk;
	struct aliyun_piece entry;

	if (json_is_object(page)) {
		deliver(aliyun, page, is_text ? &whole : NULL);
		return 1;
	}
	aliyun_walk_begin(&walk, &whole);
	for (size_t i = 0; i < json_array_size(page); i++) {
		if (is_text && !aliyun_walk_next(&walk, NULL, &entry))
			break;
		deliver(aliyun, json_array_get(page, i), is_text ? &entry : NULL);
	}

	return json_array_size(page);
}

/* ---- asking ---- */

static void on_time(void *state, void *tag);

static void wait_for(struct aliyun *aliyun, uint32_t ms)
{
	struct aliyun_pull *pull = &aliyun->pull;
	int64_t timer;

	if (aliyun->settings.pull_s == 0 || !pull->online || pull->is_asked || pull->timer > 0)
		return;
	/* Without a timer the next answer to a message begins anew. */
	timer = aliyun->host->timer_start(aliyun->link, ms, on_time, NULL);
	pull->timer = timer > 0 ? timer : 0;
}

static uint32_t interval_ms(const struct aliyun *aliyun)
{
	return aliyun->settings.pull_s * 1000;
}

static void refused(struct aliyun *aliyun, uint32_t code)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
		       "Aliyun does not tell the commands that wait (%u.%02u): not every region "
		       "knows how",
		       SKYBUS_CODE_CLASS(code), code & 31);
	aliyun->host->log(aliyun->link,
			  aliyun->pull.is_refused ? SKYBUS_LOG_DEBUG : SKYBUS_LOG_NOTICE, text);
	aliyun->pull.is_refused = true;
}

static void on_pulled(void *state, void *tag, const struct skybus_reply *reply)
{
	struct aliyun *aliyun = state;
	struct aliyun_answer answer;
	size_t n;

	(void)tag;
	aliyun->pull.is_asked = false;
	if (reply->outcome != SKYBUS_ANSWERED)
		return;
	if (SKYBUS_CODE_CLASS(reply->code) != 2) {
		refused(aliyun, reply->code);
		return;
	}
	aliyun->pull.is_refused = false;
	aliyun->pass.untried = false;
	aliyun_answer_open(aliyun, reply, &answer);
	n = deliver_all(aliyun, &answer);
	free(answer.clear);
	wait_for(aliyun, n >= PAGE_SIZE ? AGAIN_MS : interval_ms(aliyun));
}

/* Fails without a session, too: then the next login begins anew. */
static int ask(struct aliyun *aliyun)
{
	static const char page[] = "{\"pageSize\":\"10\"}";
	const struct aliyun_upload upload = {
		.path = "/pull",
		.payload = page,
		.len = strlen(page),
		.format = SKYBUS_FORMAT_JSON,
	};
	struct skybus_request *request = aliyun->host->new_request(aliyun->link);
	int r;

	if (!request)
		return -ENOMEM;
	r = aliyun_upload_fill(aliyun, &upload, request);
	if (r < 0) {
		aliyun->host->free_request(request);
		return r;
	}

	return aliyun->host->send_request(request, 0, on_pulled, NULL);
}

static void on_time(void *state, void *tag)
{
	struct aliyun *aliyun = state;

	(void)tag;
	aliyun->pull.timer = 0;
	if (aliyun->pull.online)
		aliyun->pull.is_asked = ask(aliyun) == 0;
}

/* ---- when ---- */

/**
 * aliyun_pull_keepalive_s() - when a keepalive is due
 * @settings: of the link
 *
 * Return: seconds without an answer; 0 for never.
 */
uint32_t aliyun_pull_keepalive_s(const struct aliyun_settings *settings)
{
	uint32_t most = 2 * settings->pull_s;

	if (most > 0 && (settings->keepalive_s == 0 || settings->keepalive_s > most))
		return most;

	return settings->keepalive_s;
}

/**
 * aliyun_pull_begin() - the link comes online
 * @aliyun: the link
 *
 * In a run's first login there is one interval for the apps, which may have been started with the daemon, to
 * subscribe. Later, what fell due while the link was down is made up for.
 */
void aliyun_pull_begin(struct aliyun *aliyun)
{
	aliyun->pull.online = true;
	wait_for(aliyun, aliyun->pull.has_begun ? AGAIN_MS : interval_ms(aliyun));
	aliyun->pull.has_begun = true;
}

/**
 * aliyun_pull_go_on() - a message or a keepalive was answered, and not with the wish for a login
 * @aliyun: the link
 */
void aliyun_pull_go_on(struct aliyun *aliyun)
{
	wait_for(aliyun, interval_ms(aliyun));
}

/**
 * aliyun_pull_stop() - a login begins: what was asked before it ends unheard
 * @aliyun: the link
 */
void aliyun_pull_stop(struct aliyun *aliyun)
{
	aliyun->pull.online = false;
	aliyun->pull.is_asked = false;
}
