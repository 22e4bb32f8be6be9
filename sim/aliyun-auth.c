/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/aliyun-auth.h"
#include "sim/aliyun-crypto.h"
#include "sim/cleanup.h"

/** The longest client id, in characters. */
#define CLIENT_ID_MAX 64

#define DEFAULT_METHOD "hmacmd5"

static const char *const unsigned_fields[] = { "version", "sign", "resources", "signmethod" };

static bool is_signed_field(const char *name)
{
	for (size_t i = 0; i < SIM_ELEMENTS(unsigned_fields); i++)
		if (strcmp(name, unsigned_fields[i]) == 0)
			return false;

	return true;
}

static const char *text_of(const json_t *fields, const char *name)
{
	return json_string_value(json_object_get(fields, name));
}

static const char *method_of(const json_t *fields)
{
	return json_object_get(fields, "signmethod") ? text_of(fields, "signmethod")
						     : DEFAULT_METHOD;
}

/* ---- What may be wrong with it --------------------------------------------------------------- */

/* What has several ways to be written cannot be signed. */
static const char *signed_fault(const json_t *fields)
{
	json_t *lent = (json_t *)(uintptr_t)fields, *value;
	const char *name, *method = method_of(fields);
	char sign[SIM_ALIYUN_SIGN_SIZE];

	json_object_foreach(lent, name, value) {
		if (is_signed_field(name) && !json_is_string(value) && !json_is_integer(value))
			return "a field that is signed is neither text nor integer";
	}
	if (!method || sim_aliyun_sign(method, "", "", sign) == -EOPNOTSUPP)
		return "signmethod is not hmacmd5, hmacsha1 or hmacsha256";

	return NULL;
}

/* Bytes that do not continue a character of UTF-8. */
static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;

	return n;
}

/* "0" and "1", as numbers or, like all else in the vendor's examples, as text. */
static bool is_ack_mode(const json_t *mode, json_int_t number)
{
	const char *text = json_string_value(mode);

	if (text)
		return text[0] == '0' + (char)number && text[1] == '\0';

	return json_is_integer(mode) && json_integer_value(mode) == number;
}

/**
 * sim_aliyun_login_fault() - what keeps an object from being a login
 * @login: an object
 *
 * Return: a reason for the record; NULL when it is one.
 */
const char *sim_aliyun_login_fault(const json_t *login)
{
	const json_t *mode = json_object_get(login, "ackMode");

	if (!text_of(login, "productKey") || !text_of(login, "deviceName") ||
	    !text_of(login, "clientId") || !text_of(login, "sign"))
		return "productKey, deviceName, clientId or sign is missing";
	if (characters(text_of(login, "clientId")) > CLIENT_ID_MAX)
		return "clientId is longer than 64 characters";
	if (mode && !is_ack_mode(mode, 0) && !is_ack_mode(mode, 1))
		return "ackMode is not 0 or 1";

	return signed_fault(login);
}

/**
 * sim_aliyun_register_fault() - what keeps an object from asking for a device's secret
 * @asked: an object
 *
 * Return: a reason for the record; NULL when it does ask.
 */
const char *sim_aliyun_register_fault(const json_t *asked)
{
	if (!text_of(asked, "productKey") || !text_of(asked, "deviceName") ||
	    !text_of(asked, "random") || !text_of(asked, "sign"))
		return "productKey, deviceName, random or sign is missing";

	return signed_fault(asked);
}

/**
 * sim_aliyun_wants_separate() - how the device wants to be answered
 * @login: without fault
 *
 * Return: true for an acknowledgment first and the reply later, false for both in one.
 */
bool sim_aliyun_wants_separate(const json_t *login)
{
	return is_ack_mode(json_object_get(login, "ackMode"), 1);
}

/* ---- Its signature --------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_fields(FILE *stream, const json_t *fields, const char **names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++) {
		const json_t *value = json_object_get(fields, names[i]);

		if (json_is_string(value))
			(void)fprintf(stream, "%s%s", names[i], json_string_value(value));
		else
			(void)fprintf(stream, "%s%" JSON_INTEGER_FORMAT, names[i],
				      json_integer_value(value));
	}
}

/* What is signed: names and values, in the order of the names. */
static int make_content(const json_t *fields, char **ret_content)
{
	SIM_CLEANUP(free) const char **names = NULL;
	json_t *lent = (json_t *)(uintptr_t)fields, *value;
	SIM_CLEANUP(free) char *text = NULL;
	size_t size, n_names = 0;
	const char *name;
	FILE *stream;

	names = calloc(json_object_size(fields) + 1, sizeof(*names));
	stream = names ? open_memstream(&text, &size) : NULL;
	if (!stream)
		return -ENOMEM;

	json_object_foreach(lent, name, value) {
		if (is_signed_field(name))
			names[n_names++] = name;
	}
	qsort(names, n_names, sizeof(*names), compare_names);
	write_fields(stream, fields, names, n_names);
	if (fclose(stream) != 0)
		return -ENOMEM;
	*ret_content = text;
	text = NULL;

	return 0;
}

/**
 * sim_aliyun_verify() - whether an object is signed with a secret
 * @fields: an object without fault
 * @secret: a device's or a product's
 *
 * Return: 0; -EACCES when it is not; -ENOMEM; -EIO when the library fails.
 */
int sim_aliyun_verify(const json_t *fields, const char *secret)
{
	SIM_CLEANUP(free) char *content = NULL;
	char sign[SIM_ALIYUN_SIGN_SIZE];
	int error;

	error = make_content(fields, &content);
	if (error == 0)
		error = sim_aliyun_sign(method_of(fields), secret, content, sign);
	if (error < 0)
		return error;

	return strcasecmp(sign, text_of(fields, "sign")) == 0 ? 0 : -EACCES;
}
