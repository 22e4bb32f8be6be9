/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages: which of them Aliyun could take, how they become requests, and what the replies mean.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plugins/aliyun/aliyun-code.h"
#include "plugins/aliyun/aliyun-document.h"
#include "plugins/aliyun/aliyun-envelope.h"
#include "plugins/aliyun/aliyun.h"

#define DISK_MS 1000
#define MESSAGE_ID_MAX 64

#define SLASHES_MAX 7

/* RFC 7252 section 3, with the longest token. */
#define HEADER_SIZE (4 + 8)
#define PAYLOAD_MARKER_SIZE 1

/* Before a login nobody knows how long the token will be. The vendor shows some of 35 characters. */
#define TOKEN_USUAL 40

/* Lengths that no ticket and no time in milliseconds exceeds. */
#define LONGEST_TICKET UINT64_MAX
#define LONGEST_TIME_MS INT64_C(9999999999999)

/* ---- what Aliyun could take ---- */

static void say(struct skybus_verdict *verdict, uint32_t kind, const char *text)
{
	verdict->kind = kind;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", text);
}

/* Returns 0, or -EINVAL. */
static int check_topic(const char *topic, struct skybus_verdict *why)
{
	size_t len = strlen(topic);
	unsigned int slashes = 0;

	for (const char *c = topic; *c; c++)
		slashes += *c == '/';
	if (topic[0] != '/' || len < 2 || strstr(topic, "//") || topic[len - 1] == '/') {
		say(why, SKYBUS_REJECTED,
		    "an Aliyun topic begins with a slash and has no empty level: write for example "
		    "/PRODUCT_KEY/DEVICE_NAME/user/update");
		return -EINVAL;
	}
	if (len > ALIYUN_TOPIC_MAX || slashes > SLASHES_MAX) {
		(void)snprintf(why->reason, sizeof(why->reason),
			       "the topic has %zu bytes and %u slashes, and Aliyun takes %d and "
			       "%d: shorten it",
			       len, slashes, ALIYUN_TOPIC_MAX, SLASHES_MAX);
		return -EINVAL;
	}

	return 0;
}

/* Of an option with its head, RFC 7252 section 3.1. */
static size_t option_size(size_t delta_size, size_t len)
{
	return 1 + delta_size + (len >= 269 ? 2 : len >= 13 ? 1 : 0) + len;
}

/* A whole message as aliyun_upload_fill() makes it: the options in ascending order, RFC 7252 section 3. */
static size_t message_size(const struct aliyun *aliyun, const char *topic, size_t len)
{
	size_t token_len = strlen(aliyun->pass.grant.token);
	size_t size = HEADER_SIZE + option_size(0, strlen("topic"));

	for (const char *level = topic + 1;; level++) {
		size_t level_len = strcspn(level, "/");

		size += option_size(0, level_len);
		level += level_len;
		if (!*level)
			break;
	}
	size += 2 * option_size(0, 1); /* Content-Format, Accept */
	size += option_size(2, token_len > 0 ? token_len : TOKEN_USUAL);
	if (!aliyun->settings.dtls)
		size += option_size(0, ALIYUN_BLOCK_LEN);

	return size + PAYLOAD_MARKER_SIZE + len;
}

/**
 * aliyun_upload_check_size() - could Aliyun take so much
 * @aliyun: the link
 * @topic: where it goes
 * @len: bytes of payload, in the clear
 * @why: the reason, if not
 *
 * Return: 0, or -EMSGSIZE.
 */
int aliyun_upload_check_size(const struct aliyun *aliyun, const char *topic, size_t len,
			     struct skybus_verdict *why)
{
	size_t sent = aliyun->settings.dtls ? len : aliyun_encrypted_len(len);
	size_t size = message_size(aliyun, topic, sent);

	if (sent > aliyun->settings.max_payload)
		(void)snprintf(why->reason, sizeof(why->reason),
			       "the payload goes out with %zu bytes and max_payload is %u: split "
			       "it, or raise max_payload",
			       sent, aliyun->settings.max_payload);
	else if (size > ALIYUN_MESSAGE_MAX)
		(void)snprintf(why->reason, sizeof(why->reason),
			       "the message goes out with %zu bytes, of which %zu are payload, and "
			       "Aliyun takes %d: split it",
			       size, sent, ALIYUN_MESSAGE_MAX);
	else
		return 0;

	return -EMSGSIZE;
}

static int wrap(const struct skybus_message *message, char **ret_payload, size_t *ret_len,
		struct skybus_verdict *why)
{
	int r = aliyun_envelope_wrap(message, ret_payload, ret_len);

	if (r == -EINVAL)
		say(why, SKYBUS_REJECTED,
		    "with envelope property a payload is a JSON object: write for example "
		    "{\"temp\":21.5}");
	else if (r < 0)
		say(why, SKYBUS_RETRY, "no memory left for the envelope");

	return r;
}

/**
 * aliyun_accept() - the descriptor's accept()
 * @state: the link
 * @message: the message
 * @why: the reason, if not
 *
 * Return: 0, -EINVAL (topic, or a payload for the envelope) or -EMSGSIZE (payload).
 */
int32_t aliyun_accept(void *state, const struct skybus_message *message, struct skybus_verdict *why)
{
	const struct aliyun *aliyun = state;
	struct skybus_message longest = *message;
	ALIYUN_FREE char *payload = NULL;
	char properties[ALIYUN_TOPIC_MAX + 1];
	const char *topic = message->topic;
	size_t len = message->payload_len;
	int r;

	longest.ticket = LONGEST_TICKET;
	longest.time_ms = LONGEST_TIME_MS;
	if (aliyun_envelope_applies(&aliyun->settings, message->topic)) {
		aliyun_envelope_topic(&aliyun->settings, properties);
		topic = properties;
		r = wrap(&longest, &payload, &len, why);
	} else {
		r = check_topic(topic, why);
	}

	return r == 0 ? aliyun_upload_check_size(aliyun, topic, len, why) : r;
}

/* ---- requests ---- */

static int encrypt_payload(struct aliyun *aliyun, struct skybus_request *request,
			   const struct aliyun_upload *upload)
{
	size_t len = aliyun_encrypted_len(upload->len);
	ALIYUN_FREE uint8_t *cipher = malloc(len);
	int r;

	if (!cipher)
		return -ENOMEM;
	r = aliyun_encrypt(aliyun->pass.key, upload->payload, upload->len, cipher);
	if (r == 0)
		aliyun->host->request_payload(request, cipher, (uint32_t)len);

	return r;
}

static int add_sequence(struct aliyun *aliyun, struct skybus_request *request)
{
	uint8_t cipher[2 * ALIYUN_BLOCK_LEN];
	uint64_t number;
	char text[24];
	int len;
	int r;

	/* When it fails, taking a number tells, sooner or later, and this is tried again. */
	(void)aliyun_pass_reserve(aliyun);
	r = aliyun_sequence_take(&aliyun->pass.sequence, &number);
	if (r < 0)
		return r;
	len = snprintf(text, sizeof(text), "%" PRIu64, number);
	r = aliyun_encrypt(aliyun->pass.key, text, (size_t)len, cipher);
	if (r == 0)
		aliyun->host->request_option(request, ALIYUN_OPTION_SEQUENCE, cipher,
					     (uint32_t)aliyun_encrypted_len((size_t)len));

	return r;
}

/**
 * aliyun_upload_fill() - fill a request of any kind but the login's own
 * @aliyun: the link
 * @upload: what it carries
 * @request: filled
 *
 * Return: 0; -ENOTCONN without a token, -EAGAIN while the disk is too slow with the sequence numbers;
 * -ENOMEM, -EIO.
 */
int aliyun_upload_fill(struct aliyun *aliyun, const struct aliyun_upload *upload,
		       struct skybus_request *request)
{
	const struct skybus_host *host = aliyun->host;
	const char *token = aliyun->pass.grant.token;
	int r;

	if (!aliyun_pass_is_there(aliyun))
		return -ENOTCONN;
	host->request_path(request, upload->path);
	host->request_uint(request, ALIYUN_OPTION_CONTENT_FORMAT, upload->format);
	host->request_uint(request, ALIYUN_OPTION_ACCEPT, aliyun->settings.format);
	host->request_option(request, ALIYUN_OPTION_TOKEN, token, (uint32_t)strlen(token));
	if (aliyun->settings.dtls) {
		host->request_payload(request, upload->payload, (uint32_t)upload->len);
		return 0;
	}
	r = add_sequence(aliyun, request);

	return r < 0 ? r : encrypt_payload(aliyun, request, upload);
}

static int32_t unfilled(int error, struct skybus_verdict *verdict)
{
	if (error == -ENOTCONN) {
		say(verdict, SKYBUS_RELOGIN, "there is no token");
	} else if (error == -EAGAIN) {
		say(verdict, SKYBUS_RETRY, "the next sequence numbers are not on disk yet");
		verdict->retry_after_ms = DISK_MS;
	} else {
		say(verdict, SKYBUS_RETRY, "the message could not be encrypted");
	}

	return error;
}

/**
 * aliyun_upload_encode() - fill a request with what goes to a topic
 * @aliyun: the link
 * @topic: where it goes; one of an app's was checked
 * @upload: what it carries, but for the path
 * @request: filled
 * @verdict: on failure
 *
 * Return: 0, or a negative errno.
 */
int32_t aliyun_upload_encode(struct aliyun *aliyun, const char *topic,
			     const struct aliyun_upload *upload, struct skybus_request *request,
			     struct skybus_verdict *verdict)
{
	char path[sizeof("/topic") + ALIYUN_TOPIC_MAX];
	struct aliyun_upload addressed = *upload;
	/* Settings and token may have changed since accept(). */
	int r = aliyun_upload_check_size(aliyun, topic, upload->len, verdict);

	if (r < 0)
		return r;
	if (aliyun->pass.old) {
		say(verdict, SKYBUS_RELOGIN, "the token is over soon");
		return -ESTALE;
	}
	(void)snprintf(path, sizeof(path), "/topic%s", topic);
	addressed.path = path;
	r = aliyun_upload_fill(aliyun, &addressed, request);

	return r < 0 ? unfilled(r, verdict) : 0;
}

/**
 * aliyun_encode() - the descriptor's encode()
 * @state: the link
 * @message: the message
 * @request: filled
 * @verdict: on failure
 *
 * Return: 0, or a negative errno.
 */
int32_t aliyun_encode(void *state, const struct skybus_message *message,
		      struct skybus_request *request, struct skybus_verdict *verdict)
{
	struct aliyun *aliyun = state;
	bool is_cbor = message->content_format == SKYBUS_FORMAT_CBOR;
	char properties[ALIYUN_TOPIC_MAX + 1];
	ALIYUN_FREE char *wrapped = NULL;
	/* Aliyun knows two formats; what is not CBOR goes as JSON, as with the vendor's clients. */
	struct aliyun_upload upload = {
		.payload = message->payload,
		.len = message->payload_len,
		.format = is_cbor ? SKYBUS_FORMAT_CBOR : SKYBUS_FORMAT_JSON,
	};
	int r;

	if (!aliyun_envelope_applies(&aliyun->settings, message->topic)) {
		r = check_topic(message->topic, verdict);
		return r < 0 ? r
			     : aliyun_upload_encode(aliyun, message->topic, &upload, request,
						    verdict);
	}
	r = wrap(message, &wrapped, &upload.len, verdict);
	if (r < 0)
		return r;
	upload.payload = wrapped;
	upload.format = SKYBUS_FORMAT_JSON;
	aliyun_envelope_topic(&aliyun->settings, properties);

	return aliyun_upload_encode(aliyun, properties, &upload, request, verdict);
}

/**
 * aliyun_keepalive() - the descriptor's keepalive()
 * @state: the link
 * @request: filled
 *
 * Return: 0, or a negative errno.
 *
 * It updates none of the device's tags, which changes nothing.
 */
int32_t aliyun_keepalive(void *state, struct skybus_request *request)
{
	static const char no_tags[] = "{\"id\":\"0\",\"version\":\"1.0\",\"params\":[],"
				      "\"method\":\"thing.deviceinfo.update\"}";
	struct aliyun *aliyun = state;
	char path[sizeof("/topic") + ALIYUN_TOPIC_MAX];
	const struct aliyun_upload upload = {
		.path = path,
		.payload = no_tags,
		.len = strlen(no_tags),
		.format = SKYBUS_FORMAT_JSON,
	};

	(void)snprintf(path, sizeof(path), "/topic/sys/%s/%s/thing/deviceinfo/update",
		       aliyun->settings.product_key, aliyun->settings.device_name);

	return aliyun_upload_fill(aliyun, &upload, request);
}

/* ---- replies ---- */

/**
 * aliyun_answer_open() - the payload of a reply, in the clear
 * @aliyun: the link
 * @reply: of class 2
 * @ret: the payload as it came, if it cannot be a ciphertext of ours: then it was sent in the clear
 */
void aliyun_answer_open(const struct aliyun *aliyun, const struct skybus_reply *reply,
			struct aliyun_answer *ret)
{
	*ret = (struct aliyun_answer){
		.format = aliyun_reply_format(&aliyun->settings, reply),
		.data = reply->payload,
		.len = reply->payload_len,
	};
	if (aliyun->settings.dtls || reply->payload_len == 0)
		return;
	ret->clear = malloc(reply->payload_len);
	if (ret->clear && aliyun_decrypt(aliyun->pass.key, reply->payload, reply->payload_len,
					 ret->clear, &ret->len) == 0)
		ret->data = ret->clear;
}

static void log_message_id(const struct aliyun *aliyun, const struct skybus_reply *reply)
{
	const struct skybus_option *id = NULL;
	char text[MESSAGE_ID_MAX + 64];

	for (uint32_t i = 0; i < reply->n_options; i++) {
		if (reply->options[i].number == ALIYUN_OPTION_MESSAGE_ID)
			id = &reply->options[i];
	}
	if (!id || id->len == 0 || id->len > MESSAGE_ID_MAX)
		return;
	for (uint32_t i = 0; i < id->len; i++) {
		if (id->value[i] < ' ' || id->value[i] > '~')
			return;
	}
	(void)snprintf(text, sizeof(text), "Aliyun calls the message %.*s", (int)id->len,
		       (const char *)id->value);
	aliyun->host->log(aliyun->link, SKYBUS_LOG_DEBUG, text);
}

/* Whether the answer's code is for us to read: topics of the device model have one. */
static bool is_model_topic(const struct aliyun *aliyun, const char *topic)
{
	return strncmp(topic, "/sys/", 5) == 0 || aliyun_envelope_applies(&aliyun->settings, topic);
}

/* Of the device model; a payload that is no document says nothing against success. */
static void judge(const struct aliyun *aliyun, const struct skybus_reply *reply,
		  struct skybus_verdict *verdict)
{
	struct aliyun_answer answer;
	json_t *document;

	aliyun_answer_open(aliyun, reply, &answer);
	document = aliyun_document_read(answer.format, answer.data, answer.len);
	aliyun_envelope_judge(document, verdict);
	json_decref(document);
	free(answer.clear);
}

static void taken(struct aliyun *aliyun, const struct skybus_message *message,
		  const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	aliyun->pass.untried = false;
	log_message_id(aliyun, reply);
	if (message && is_model_topic(aliyun, message->topic))
		judge(aliyun, reply, verdict);
}

/* A token out of an earlier run may be too old, and clouds differ in how they say so. */
static bool may_be_the_token(const struct aliyun *aliyun, uint32_t code)
{
	return aliyun->pass.untried && (code == SKYBUS_CODE(4, 0) || code == SKYBUS_CODE(4, 3));
}

/**
 * aliyun_decide() - the descriptor's decide()
 * @state: the link
 * @message: the message; NULL for a keepalive
 * @reply: answered
 * @verdict: filled
 */
void aliyun_decide(void *state, const struct skybus_message *message,
		   const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	struct aliyun *aliyun = state;

	aliyun_code_decide(reply, verdict);
	if (SKYBUS_CODE_CLASS(reply->code) == 2)
		taken(aliyun, message, reply, verdict);
	else if (message && may_be_the_token(aliyun, reply->code))
		say(verdict, SKYBUS_RELOGIN,
		    "Aliyun refuses the first message with a token from before the restart");
	if (verdict->kind == SKYBUS_RELOGIN) {
		aliyun_pass_forget(aliyun);
		aliyun->login.session_is_good = true;
		return;
	}
	if (!message && verdict->kind == SKYBUS_REJECTED) {
		/* Even so it was an answer, and that is all a keepalive is for. */
		aliyun->host->log(aliyun->link, SKYBUS_LOG_DEBUG, verdict->reason);
		verdict->kind = SKYBUS_DELIVERED;
	}
	aliyun_pull_go_on(aliyun);
}
