/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "plugins/aliyun/aliyun-auth.h"
#include "plugins/aliyun/aliyun-document.h"

/* More is no offset of a counter, and leaves no room to count up. */
#define OFFSET_MAX (INT64_C(1) << 53)

/** struct field - what is submitted; a NULL value is left out */
struct field {
	const char *key;
	const char *value;
};

/* ---- requests ---- */

/*
 * The content of a sign: each field but those that name it, key and value, in alphabetical order of the
 * keys, with nothing between.
 */
static int make_content(const struct field *fields, size_t n_fields, char *ret_content, size_t size)
{
	size_t used = 0;

	ret_content[0] = '\0';
	for (size_t i = 0; i < n_fields; i++) {
		int len;

		if (!fields[i].value)
			continue;
		len = snprintf(ret_content + used, size - used, "%s%s", fields[i].key,
			       fields[i].value);
		if (len < 0 || (size_t)len >= size - used)
			return -EMSGSIZE;
		used += (size_t)len;
	}

	return 0;
}

/* @fields are in alphabetical order. */
static json_t *make_object(const struct field *fields, size_t n_fields, const char *method,
			   const struct aliyun_secret *secret)
{
	char content[512];
	char sign[ALIYUN_SIGN_SIZE];
	json_t *object;

	if (make_content(fields, n_fields, content, sizeof(content)) < 0 ||
	    aliyun_sign(method, secret, content, sign) < 0)
		return NULL;
	object = json_object();
	for (size_t i = 0; i < n_fields; i++) {
		if (fields[i].value)
			(void)json_object_set_new(object, fields[i].key,
						  json_string(fields[i].value));
	}
	(void)json_object_set_new(object, "signmethod", json_string(method));
	(void)json_object_set_new(object, "sign", json_string(sign));

	return object;
}

static int write_object(const struct aliyun_settings *settings, const json_t *object,
			char **ret_payload, size_t *ret_len)
{
	if (!object)
		return -EIO;

	return aliyun_document_write(settings->format, object, ret_payload, ret_len);
}

/**
 * aliyun_auth_write() - the payload of POST /auth
 * @settings: of the link
 * @secret: the device's
 * @ret_payload: the caller's to free()
 * @ret_len: bytes
 *
 * Return: 0; or -ENOMEM, -EIO.
 */
int aliyun_auth_write(const struct aliyun_settings *settings, const struct aliyun_secret *secret,
		      char **ret_payload, size_t *ret_len)
{
	char seq[24];
	char timestamp[24];
	const struct field fields[] = {
		/* What is left out means 0. */
		{ "ackMode", settings->ack_later ? "1" : NULL },
		{ "clientId", settings->client_id },
		{ "deviceName", settings->device_name },
		{ "productKey", settings->product_key },
		{ "seq", settings->dtls ? NULL : seq },
		{ "timestamp", settings->timestamp ? timestamp : NULL },
	};
	json_auto_t *object = NULL;

	(void)snprintf(seq, sizeof(seq), "%" PRId64, settings->seq);
	(void)snprintf(timestamp, sizeof(timestamp), "%" PRId64, settings->timestamp);
	object = make_object(fields, sizeof(fields) / sizeof(fields[0]), settings->sign_method,
			     secret);

	return write_object(settings, object, ret_payload, ret_len);
}

/**
 * aliyun_register_write() - the payload of POST /auth/register/device
 * @settings: of the link, with a product_secret
 * @ret_payload: the caller's to free()
 * @ret_len: bytes
 *
 * Return: 0; or -ENOMEM, -EIO.
 */
int aliyun_register_write(const struct aliyun_settings *settings, char **ret_payload,
			  size_t *ret_len)
{
	uint64_t number;
	char random[24];
	const struct field fields[] = {
		{ "deviceName", settings->device_name },
		{ "productKey", settings->product_key },
		{ "random", random },
	};
	json_auto_t *object = NULL;

	if (gnutls_rnd(GNUTLS_RND_NONCE, &number, sizeof(number)) < 0)
		return -EIO;
	(void)snprintf(random, sizeof(random), "%016" PRIx64, number);
	object = make_object(fields, sizeof(fields) / sizeof(fields[0]), settings->sign_method,
			     &settings->product_secret);

	return write_object(settings, object, ret_payload, ret_len);
}

/* ---- replies ---- */

/**
 * aliyun_reply_format() - how a reply is encoded
 * @settings: of the link
 * @reply: answered
 *
 * Return: what the reply says, else what it was asked for.
 */
uint32_t aliyun_reply_format(const struct aliyun_settings *settings,
			     const struct skybus_reply *reply)
{
	return reply->content_format == SKYBUS_NO_FORMAT ? settings->format : reply->content_format;
}

static json_t *read_object(const struct aliyun_settings *settings, const struct skybus_reply *reply)
{
	return aliyun_document_read(aliyun_reply_format(settings, reply), reply->payload,
				    reply->payload_len);
}

static const char *read_symmetric(const json_t *object, struct aliyun_grant *grant)
{
	const char *random = aliyun_document_text(object, "random", ALIYUN_RANDOM_MAX);
	const json_t *offset = json_object_get(object, "seqOffset");

	if (!random)
		return "Aliyun answered the login without a random that makes sense: is the mode "
		       "the port's?";
	if (!json_is_integer(offset) || json_integer_value(offset) < 0 ||
	    json_integer_value(offset) > OFFSET_MAX)
		return "Aliyun answered the login without a seqOffset that makes sense";
	(void)snprintf(grant->random, sizeof(grant->random), "%s", random);
	grant->offset = (uint64_t)json_integer_value(offset);

	return NULL;
}

/**
 * aliyun_auth_read() - read the reply to POST /auth
 * @settings: of the link
 * @reply: answered, of class 2
 * @ret: what it gives; garbage on failure
 *
 * Return: NULL; or a sentence about what is wrong with it.
 */
const char *aliyun_auth_read(const struct aliyun_settings *settings,
			     const struct skybus_reply *reply, struct aliyun_grant *ret)
{
	json_auto_t *object = read_object(settings, reply);
	const char *token = aliyun_document_text(object, "token", ALIYUN_TOKEN_MAX);

	if (!token)
		return "Aliyun answered the login without a token that makes sense";
	*ret = (struct aliyun_grant){ 0 };
	(void)snprintf(ret->token, sizeof(ret->token), "%s", token);

	return settings->dtls ? NULL : read_symmetric(object, ret);
}

/**
 * aliyun_register_read() - read the reply to POST /auth/register/device
 * @settings: of the link
 * @reply: answered, of class 2
 * @ret_secret: the device's, the caller's to wipe
 * @ret_len: bytes
 *
 * Return: NULL; or a sentence about what is wrong with it.
 */
const char *aliyun_register_read(const struct aliyun_settings *settings,
				 const struct skybus_reply *reply,
				 uint8_t ret_secret[ALIYUN_SECRET_MAX], uint32_t *ret_len)
{
	static const char key[] = "deviceSecret";
	json_auto_t *object = read_object(settings, reply);
	/* Over HTTPS the vendor wraps it, so it might here. */
	json_t *data = json_object_get(object, "data");
	json_t *holder = json_is_object(data) ? data : object;
	const char *secret = aliyun_document_text(holder, key, ALIYUN_SECRET_MAX);

	if (!secret)
		return "Aliyun answered the registration without a deviceSecret that makes sense: "
		       "is dynamic registration enabled for the product?";
	*ret_len = (uint32_t)strlen(secret);
	memcpy(ret_secret, secret, *ret_len);
	aliyun_document_wipe(holder, key);

	return NULL;
}
