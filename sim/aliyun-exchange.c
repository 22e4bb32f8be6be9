/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/aliyun-exchange.h"
#include "sim/cleanup.h"
#include "sim/record.h"

/** The largest message, in bytes; its header and its CoAP token are not counted. */
#define MESSAGE_MAX 1024

/** The longest token that is looked up, and the longest sequence once encrypted. */
#define TOKEN_MAX 192
#define SEQUENCE_MAX 32

/* ---- How an exchange ends -------------------------------------------------------------------- */

static void note(const struct sim_aliyun_exchange *exchange, struct sim_event *event)
{
	event->cloud = exchange->aliyun->cloud.type->name;
	event->peer = exchange->request->peer;
	event->identity = exchange->request->identity;
	event->device = exchange->device ? exchange->device->name : NULL;
	event->session = exchange->session ? exchange->session->number : 0;
	event->topic = exchange->topic;
	event->sequence = exchange->sequence;
	sim_record_write(exchange->aliyun->cloud.record, event);
}

/**
 * sim_aliyun_note() - write what became of a request into the record
 * @exchange: the request
 * @event: as in struct sim_event; with "message" goes the payload
 * @code: what the device was told; NULL when all is well
 * @reason: why it was refused; NULL when it was not
 */
void sim_aliyun_note(const struct sim_aliyun_exchange *exchange, const char *event,
		     const char *code, const char *reason)
{
	bool is_message = strcmp(event, "message") == 0;
	struct sim_event line = {
		.event = event,
		.payload = is_message ? exchange->payload : NULL,
		.payload_len = exchange->payload_len,
		.code = code,
		.reason = reason,
	};

	note(exchange, &line);
}

/**
 * sim_aliyun_note_point() - write one point of many into the record
 * @userdata: the exchange
 * @point: the point
 */
void sim_aliyun_note_point(void *userdata, const struct sim_point *point)
{
	const struct sim_aliyun_exchange *exchange = userdata;
	SIM_CLEANUP(free) char *text = sim_point_print(point);
	struct sim_event line = {
		.event = "point",
		.payload = (const uint8_t *)text,
		.payload_len = text ? strlen(text) : 0,
	};

	note(exchange, &line);
}

/**
 * sim_aliyun_refuse() - end an exchange with a code and nothing else
 * @exchange: the request
 * @event: its word in the record
 * @code: of the reply
 * @reason: for the record; the device is not told
 */
void sim_aliyun_refuse(struct sim_aliyun_exchange *exchange, const char *event, uint8_t code,
		       const char *reason)
{
	char text[SIM_CODE_TEXT];

	sim_code_print(code, text);
	sim_aliyun_note(exchange, event, text, reason);
	sim_reply_reset(exchange->reply);
	exchange->reply->code = code;
}

/**
 * sim_aliyun_answer() - end an exchange well, in the clear
 * @exchange: of a device that logs in
 * @format: of the answer; it is told
 * @root: the answer, NULL when it could not be made
 */
void sim_aliyun_answer(struct sim_aliyun_exchange *exchange, enum sim_format format,
		       const json_t *root)
{
	SIM_CLEANUP(free) uint8_t *bytes = NULL;
	uint8_t value = (uint8_t)format;
	size_t len;

	exchange->reply->code = SIM_CODE(2, 5);
	if (!root || sim_format_write(format, root, &bytes, &len) < 0 ||
	    sim_reply_add(exchange->reply, SIM_ALIYUN_CONTENT_FORMAT, &value, sizeof(value)) < 0 ||
	    sim_reply_add(exchange->reply, SIM_REPLY_PAYLOAD, bytes, len) < 0)
		sim_aliyun_refuse(exchange, "refused", SIM_CODE(5, 0), "no reply can be made");
}

static int add_payload(struct sim_aliyun_exchange *exchange, const uint8_t *bytes, size_t len)
{
	SIM_CLEANUP(free) uint8_t *encrypted = NULL;
	size_t size = SIM_CIPHER_LEN(len);

	if (exchange->request->door != SIM_ALIYUN_SYMMETRIC)
		return len > 0 ? sim_reply_add(exchange->reply, SIM_REPLY_PAYLOAD, bytes, len) : 0;

	encrypted = malloc(size);
	if (!encrypted || sim_cipher_encrypt(exchange->session->key, bytes, len, encrypted) < 0)
		return -ENOMEM;

	return sim_reply_add(exchange->reply, SIM_REPLY_PAYLOAD, encrypted, size);
}

/**
 * sim_aliyun_confirm() - end an exchange well, with a message id
 * @exchange: of a device that is logged in; at the symmetric door it is encrypted for it
 * @format: of the answer
 * @root: the answer, NULL for none
 */
void sim_aliyun_confirm(struct sim_aliyun_exchange *exchange, enum sim_format format,
			const json_t *root)
{
	SIM_CLEANUP(free) uint8_t *bytes = NULL;
	size_t len = 0;
	char id[24];
	int id_len;

	id_len = snprintf(id, sizeof(id), "%" PRIu64, ++exchange->aliyun->n_messages);
	exchange->reply->code = SIM_CODE(2, 5);
	if ((root && sim_format_write(format, root, &bytes, &len) < 0) ||
	    sim_reply_add(exchange->reply, SIM_ALIYUN_MESSAGE_ID, id, (size_t)id_len) < 0 ||
	    add_payload(exchange, bytes, len) < 0)
		sim_aliyun_refuse(exchange, "refused", SIM_CODE(5, 0), "no reply can be made");
}

/* ---- Formats and identities ------------------------------------------------------------------ */

/**
 * sim_aliyun_option() - an option that is a number (RFC 7252 section 3.2)
 * @request: the request
 * @number: the option's
 *
 * Return: its value, 65535 for all that exceed two bytes; -1 when the request has none.
 */
int sim_aliyun_option(const struct sim_request *request, uint16_t number)
{
	const struct sim_option *option = sim_request_option(request, number);
	int value = 0;

	if (!option)
		return -1;
	if (option->len > 2)
		return UINT16_MAX;

	for (size_t i = 0; i < option->len; i++)
		value = value << 8 | option->value[i];

	return value;
}

/**
 * sim_aliyun_format() - the format of whatever is not the login, where the vendor is not strict
 * @request: the request
 * @number: of the option that names the format
 *
 * Return: CBOR if the option says so, else JSON.
 */
enum sim_format sim_aliyun_format(const struct sim_request *request, uint16_t number)
{
	bool is_cbor = sim_aliyun_option(request, number) == SIM_FORMAT_CBOR;

	return is_cbor ? SIM_FORMAT_CBOR : SIM_FORMAT_JSON;
}

/**
 * sim_aliyun_identity() - read "devicename|hmacsha256|{product key}&{device name}|{timestamp}"
 * @aliyun: the cloud
 * @identity: of a handshake
 * @ret_timestamp: its last part
 *
 * Return: the device; NULL when it is none, or the identity is not like that.
 */
struct sim_aliyun_device *sim_aliyun_identity(struct sim_aliyun *aliyun, const char *identity,
					      char ret_timestamp[SIM_ALIYUN_TIMESTAMP_SIZE])
{
	char product_key[SIM_KEY_MAX + 1], device_name[SIM_KEY_MAX + 1],
		stamp[SIM_ALIYUN_TIMESTAMP_SIZE], again[256];

	if (sscanf(identity, "devicename|hmacsha256|%64[^&|]&%64[^|]|%20[0-9]", product_key,
		   device_name, stamp) != 3)
		return NULL;
	(void)snprintf(again, sizeof(again), "devicename|hmacsha256|%s&%s|%s", product_key,
		       device_name, stamp);
	if (strcmp(identity, again) != 0)
		return NULL;

	(void)strcpy(ret_timestamp, stamp);

	return sim_aliyun_devices_find(&aliyun->devices, product_key, device_name);
}

/**
 * sim_aliyun_is_another() - whether a session with a pre-shared key is that of another device
 * @exchange: its device is known
 *
 * Return: true if so; false also for sessions without an identity.
 */
bool sim_aliyun_is_another(const struct sim_aliyun_exchange *exchange)
{
	const char *identity = exchange->request->identity;
	char timestamp[SIM_ALIYUN_TIMESTAMP_SIZE];

	return identity &&
	       sim_aliyun_identity(exchange->aliyun, identity, timestamp) != exchange->device;
}

/* ---- Who sends ------------------------------------------------------------------------------- */

static void refuse(struct sim_aliyun_exchange *exchange, uint8_t code, const char *reason)
{
	sim_aliyun_refuse(exchange, "refused", code, reason);
}

static size_t message_size(const struct sim_request *request)
{
	size_t size = strlen(request->path) + request->payload_len;

	/* One byte for an option's head, another where the number or the length is not small. */
	for (size_t i = 0; i < request->n_options; i++)
		size += 2 + (size_t)request->options[i].len;

	return size;
}

static struct sim_aliyun_session *session_of(const struct sim_aliyun_exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	const struct sim_option *option = sim_request_option(request, SIM_ALIYUN_TOKEN);
	char token[TOKEN_MAX + 1];

	if (!option)
		option = sim_request_option(request, SIM_ALIYUN_OLD_TOKEN);
	if (!option || option->len > TOKEN_MAX)
		return NULL;

	if (option->len > 0)
		memcpy(token, option->value, option->len);
	token[option->len] = '\0';
	if (strlen(token) != option->len)
		return NULL;

	return sim_aliyun_session_find(&exchange->aliyun->devices, request->door, token,
				       request->now);
}

/* The number is written again from what was read, so that there is one way to write it. */
static bool read_sequence(struct sim_aliyun_exchange *exchange)
{
	const struct sim_option *option =
		sim_request_option(exchange->request, SIM_ALIYUN_SEQUENCE);
	char text[SEQUENCE_MAX + 1], again[24];
	uint64_t sequence;
	size_t len;

	if (!option || option->len > SEQUENCE_MAX ||
	    sim_cipher_decrypt(exchange->session->key, option->value, option->len, (uint8_t *)text,
			       &len) < 0)
		return false;

	text[len] = '\0';
	sequence = strtoull(text, NULL, 10);
	(void)snprintf(again, sizeof(again), "%" PRIu64, sequence);
	if (strlen(text) != len || strcmp(text, again) != 0)
		return false;
	exchange->sequence = sequence;

	return true;
}

/* Whether sequence and payload of a symmetric request are right; if not, it is refused. */
static bool decipher(struct sim_aliyun_exchange *exchange)
{
	const struct sim_request *request = exchange->request;
	struct sim_aliyun_session *session = exchange->session;
	int error;

	if (!read_sequence(exchange)) {
		refuse(exchange, SIM_CODE(4, 1), "no sequence, or not encrypted with this key");
		return false;
	}
	if (exchange->sequence < SIM_ALIYUN_SEQUENCE_OFFSET) {
		refuse(exchange, SIM_CODE(4, 1), "the sequence is below seqOffset");
		return false;
	}
	error = sim_ranges_add(&session->used, exchange->sequence);
	if (error < 0) {
		refuse(exchange, error == -EEXIST ? SIM_CODE(4, 1) : SIM_CODE(5, 0),
		       error == -EEXIST ? "the sequence was used before"
					: "the sequence cannot be remembered");
		return false;
	}
	if (request->payload_len > 0 &&
	    sim_cipher_decrypt(session->key, request->payload, request->payload_len,
			       exchange->buffer, &exchange->payload_len) < 0) {
		refuse(exchange, SIM_CODE(4, 0), "the payload is not encrypted with this key");
		return false;
	}
	exchange->payload = exchange->buffer;

	return true;
}

/**
 * sim_aliyun_authenticate() - find out who sends a request, and what
 * @exchange: gets device, session, sequence and payload
 *
 * Return: false when it was refused.
 */
bool sim_aliyun_authenticate(struct sim_aliyun_exchange *exchange)
{
	const struct sim_request *request = exchange->request;

	if (sim_request_option(request, SIM_ALIYUN_BLOCK1)) {
		refuse(exchange, SIM_CODE(4, 2), "there are no messages in blocks");
		return false;
	}
	if (message_size(request) > MESSAGE_MAX) {
		refuse(exchange, SIM_CODE(4, 13), "the message is longer than 1 KB");
		return false;
	}
	exchange->session = session_of(exchange);
	if (!exchange->session) {
		refuse(exchange, SIM_CODE(4, 1), "no token that is valid here");
		return false;
	}
	exchange->device = exchange->session->device;
	if (sim_aliyun_is_another(exchange)) {
		refuse(exchange, SIM_CODE(4, 1), "the handshake was of another device");
		return false;
	}
	if (request->door == SIM_ALIYUN_SYMMETRIC)
		return decipher(exchange);

	exchange->payload = request->payload;
	exchange->payload_len = request->payload_len;

	return true;
}
