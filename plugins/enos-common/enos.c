/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/enos-common/enos.h"

static const struct {
	int64_t code;
	const char *meaning;
} json_codes[] = {
	{ ENOS_CODE_NO_DEVICE, "EnOS knows no such device: check product_key and device_key" },
	{ ENOS_CODE_DISABLED, "the device is disabled in EnOS: enable it in the console" },
	{ ENOS_CODE_BAD_SIGN, "EnOS does not accept the sign: check device_secret" },
	{ ENOS_CODE_NOT_LOGGED_IN, "EnOS says that the device is not logged in" },
	{ 1204, "the device's model in EnOS does not know a name in this message" },
	{ 1206, "EnOS expects another format for this topic" },
	{ 1220, "the payload is not the JSON that EnOS expects" },
};

static void say(struct skybus_verdict *verdict, uint32_t kind, const char *text)
{
	verdict->kind = kind;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", text);
}

/**
 * enos_key() - the AES and PSK key that EnOS derives from a secret
 * @secret: as text, without a terminating zero
 * @secret_len: bytes
 * @ret_key: bytes 9 to 24 of its SHA-256, counted from 1
 *
 * Return: 0, or -EIO.
 */
int enos_key(const uint8_t *secret, size_t secret_len, uint8_t ret_key[ENOS_KEY_LEN])
{
	uint8_t digest[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, secret, secret_len, digest) < 0)
		return -EIO;
	memcpy(ret_key, digest + 8, ENOS_KEY_LEN);
	gnutls_memset(digest, 0, sizeof(digest));

	return 0;
}

/**
 * enos_hex() - uppercase hex
 * @data: bytes
 * @len: how many
 * @ret_text: 2 * @len + 1 bytes
 */
void enos_hex(const uint8_t *data, size_t len, char *ret_text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = digits[data[i] >> 4];
		ret_text[2 * i + 1] = digits[data[i] & 15];
	}
	ret_text[2 * len] = '\0';
}

/**
 * enos_json() - read a JSON value
 * @text: @len bytes; may be NULL when there are none
 * @len: bytes
 *
 * Return: the value, the caller's; NULL if it is none, or without memory.
 */
json_t *enos_json(const uint8_t *text, uint32_t len)
{
	return len > 0 ? json_loadb((const char *)text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
		       : NULL;
}

/**
 * enos_accept() - could EnOS take this message
 * @message: the message
 * @max_payload: bytes
 * @why: the reason, if not
 *
 * Return: 0, -EINVAL (topic) or -EMSGSIZE (payload).
 */
int32_t enos_accept(const struct skybus_message *message, uint32_t max_payload,
		    struct skybus_verdict *why)
{
	if (message->topic[0] != '/' || message->topic[1] == '\0' || strstr(message->topic, "//") ||
	    message->topic[strlen(message->topic) - 1] == '/') {
		say(why, SKYBUS_REJECTED,
		    "an EnOS topic begins with a slash and has no empty level: write for example "
		    "/sys/PRODUCT_KEY/DEVICE_KEY/thing/measurepoint/post");
		return -EINVAL;
	}
	if (message->payload_len > max_payload) {
		(void)snprintf(
			why->reason, sizeof(why->reason),
			"the payload has %u bytes and EnOS takes %u in a message: split it, or "
			"raise max_payload",
			message->payload_len, max_payload);
		return -EMSGSIZE;
	}

	return 0;
}

/**
 * enos_code_of() - the code in a JSON value
 * @root: may be NULL
 *
 * Return: as enos_json_code().
 */
int64_t enos_code_of(const json_t *root)
{
	const json_t *value = json_object_get(root, "code");

	return json_is_integer(value) ? json_integer_value(value) : ENOS_CODE_OK;
}

/**
 * enos_json_code() - the code inside the JSON of a 2.xx, in which EnOS reports some errors
 * @reply: answered
 *
 * Return: the code; ENOS_CODE_OK when there is none: a payload that is no such JSON says nothing
 * against success.
 */
int64_t enos_json_code(const struct skybus_reply *reply)
{
	json_t *root = enos_json(reply->payload, reply->payload_len);
	int64_t code = enos_code_of(root);

	json_decref(root);

	return code;
}

/*
 * What is wrong with the device is for the login to tell, and no reason to give messages up. Codes like
 * HTTP's 5xx are EnOS' own trouble. All others are about the message.
 */
static uint32_t kind_of(int64_t code)
{
	switch (code) {
	case ENOS_CODE_NO_DEVICE:
	case ENOS_CODE_DISABLED:
	case ENOS_CODE_BAD_SIGN:
	case ENOS_CODE_NOT_LOGGED_IN:
		return SKYBUS_RELOGIN;
	default:
		return code >= 500 && code < 600 ? SKYBUS_RETRY : SKYBUS_REJECTED;
	}
}

static void decide_json(const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	int64_t code = enos_json_code(reply);
	const char *meaning = "EnOS refuses what it was sent";

	verdict->kind = SKYBUS_DELIVERED;
	if (code == ENOS_CODE_OK)
		return;

	for (size_t i = 0; i < sizeof(json_codes) / sizeof(json_codes[0]); i++) {
		if (json_codes[i].code == code)
			meaning = json_codes[i].meaning;
	}
	verdict->kind = kind_of(code);
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s (code %" PRId64 ")", meaning,
		       code);
}

/**
 * enos_decide() - what a reply means for its message
 * @reply: answered
 * @verdict: filled
 */
void enos_decide(const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	uint32_t code = reply->code;

	if (SKYBUS_CODE_CLASS(code) == 2) {
		decide_json(reply, verdict);
	} else if (code == SKYBUS_CODE(4, 1)) {
		say(verdict, SKYBUS_RELOGIN, "EnOS does not know this session (4.01)");
	} else if (code == SKYBUS_CODE(4, 29) || SKYBUS_CODE_CLASS(code) == 5) {
		say(verdict, SKYBUS_RETRY, "EnOS is too busy, or has an error of its own");
		if (reply->max_age != UINT32_MAX)
			verdict->retry_after_ms =
				reply->max_age > 3600 ? 3600 * 1000 : reply->max_age * 1000;
	} else if (code == SKYBUS_CODE(4, 3)) {
		say(verdict, SKYBUS_REJECTED,
		    "EnOS forbids this device to publish here: is it the device's own topic?");
	} else if (code == SKYBUS_CODE(4, 4)) {
		say(verdict, SKYBUS_REJECTED, "EnOS knows no such topic");
	} else if (code == SKYBUS_CODE(4, 8)) {
		say(verdict, SKYBUS_RETRY, "EnOS has lost a part of the message");
	} else if (code == SKYBUS_CODE(4, 13)) {
		say(verdict, SKYBUS_REJECTED,
		    "the payload is larger than EnOS takes: split it, and lower max_payload");
	} else if (SKYBUS_CODE_CLASS(code) == 4) {
		say(verdict, SKYBUS_REJECTED, "EnOS refuses this message");
	} else {
		say(verdict, SKYBUS_RETRY, "EnOS answers with a code that CoAP does not have");
	}
}

/**
 * enos_find_option() - the first option of a number
 * @reply: the reply
 * @number: which
 *
 * Return: lent with the reply; NULL if it has none.
 */
const struct skybus_option *enos_find_option(const struct skybus_reply *reply, uint32_t number)
{
	for (uint32_t i = 0; i < reply->n_options; i++) {
		if (reply->options[i].number == number)
			return &reply->options[i];
	}

	return NULL;
}

/**
 * enos_command_topic() - the topic of the command that waits, if a reply tells of one
 * @reply: the reply
 *
 * Option 2100 holds the command's path, "/topic" and the topic. The vendor's pages write one slash
 * between the two, and two.
 *
 * Return: the topic, the caller's to free(); NULL if none waits, the option is malformed, or there
 * is no memory.
 */
char *enos_command_topic(const struct skybus_reply *reply)
{
	static const char prefix[] = "/topic/";
	const size_t prefix_len = sizeof(prefix) - 1;
	const struct skybus_option *option = enos_find_option(reply, ENOS_OPTION_COMMAND_PATH);
	const char *topic;
	size_t len;

	if (!option || option->len < prefix_len || memcmp(option->value, prefix, prefix_len) != 0 ||
	    memchr(option->value, '\0', option->len))
		return NULL;

	/* The prefix's last slash is the topic's first. */
	topic = (const char *)option->value + prefix_len - 1;
	len = option->len - prefix_len + 1;
	while (len > 1 && topic[1] == '/') {
		topic++;
		len--;
	}

	return len > 1 ? strndup(topic, len) : NULL;
}
