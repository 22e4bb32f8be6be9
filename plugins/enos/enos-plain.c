/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EnOS over plain CoAP: a signed POST /auth opens the session, and then
 *
 *   version 1  the reply held a token; every request carries option 2101, the encrypted token and a
 *              sequence number that only rises. A command is fetched with a GET of its own.
 *   version 2  the reply held none; the cloud knows the device by its address. A command comes whole, in
 *              option 2102.
 *
 * Which of the two it is shows in the reply to /auth. Sources: EnOS, "CoAP-based Connection and
 * Communication (Non-DTLS)", and the vendor's pages on CoAP downlink.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/enos-common/enos-batch.h"
#include "plugins/enos-common/enos-command.h"
#include "plugins/enos-common/enos-device.h"
#include "plugins/enos-common/enos.h"
#include "plugins/enos/enos-sign.h"

struct enos {
	struct enos_device device;
	uint8_t key[ENOS_KEY_LEN]; /* of the sign, SignKey */
	char token[ENOS_TOKEN_MAX + 1]; /* version 1 only, else "" */
	uint64_t sequence; /* of the last request in this session */
};

_Static_assert(offsetof(struct enos, device) == 0, "the common calls take the state as a device");

static const struct skybus_setting settings[] = {
	ENOS_SETTINGS_DEVICE("5683"),
	{ .key = "device_secret",
	  .kind = SKYBUS_SECRET,
	  .flags = SKYBUS_REQUIRED,
	  .min = 1,
	  .max = ENOS_SECRET_MAX,
	  .help = "the device secret of the device, from the EnOS console" },
	ENOS_SETTINGS_MANNER,
	{ .key = "sign_iv",
	  .kind = SKYBUS_TEXT,
	  .fallback = "543yhjy97ae7fyfg",
	  .min = ENOS_IV_LEN,
	  .max = ENOS_IV_LEN,
	  .help = "the AES initialisation vector of the request's sign; EnOS documents none" },
};

/* ---- requests ---- */

static int auth_payload(const struct enos_device *device, char *ret_payload, size_t size)
{
	struct enos_login login = {
		.product_key = device->product_key,
		.device_key = device->device_key,
		.lifetime = device->host->setting_integer(device->link, "lifetime"),
	};
	char sign[ENOS_LOGIN_SIGN_SIZE];
	int r;

	login.secret =
		device->host->setting_secret(device->link, "device_secret", &login.secret_len);
	r = enos_sign_login(&login, sign);
	if (r < 0)
		return r;
	r = snprintf(ret_payload, size, "{\"secureMode\":%d,\"lifetime\":%lld,\"sign\":\"%s\"}",
		     ENOS_BY_DEVICE, (long long)login.lifetime, sign);

	return r > 0 && (size_t)r < size ? r : -EMSGSIZE;
}

static int add_sign(struct enos_device *device, struct skybus_request *request)
{
	/* The first member of the state. */
	struct enos *enos = (struct enos *)device;
	const char *iv = device->host->setting_text(device->link, "sign_iv");
	char sign[ENOS_REQUEST_SIGN_SIZE];
	int len;

	len = enos_sign_request(enos->key, iv, enos->token, enos->sequence + 1, sign);
	if (len < 0)
		return len;
	device->host->request_option(request, ENOS_OPTION_SIGN, sign, (uint32_t)len);
	enos->sequence++;

	return 0;
}

/* ---- login ---- */

static void refused(struct enos_device *device, uint32_t code)
{
	char reason[200];
	uint32_t kind = SKYBUS_CREDENTIALS;
	const char *what =
		"EnOS refused the login: check product_key, device_key and device_secret";

	if (SKYBUS_CODE_CLASS(code) == 5 || code == SKYBUS_CODE(4, 29)) {
		kind = SKYBUS_TRANSIENT;
		what = "EnOS cannot log the device in at present";
	} else if (code == SKYBUS_CODE(4, 0)) {
		what = "EnOS does not understand the login: check product_key, device_key and lifetime";
	} else if (code != SKYBUS_CODE(4, 1) && code != SKYBUS_CODE(4, 3)) {
		/* Perhaps another server for a while: nothing to give up for. */
		kind = SKYBUS_TRANSIENT;
		what = "host and port answer, but not as EnOS does: check them";
	}
	(void)snprintf(reason, sizeof(reason), "%s (%u.%02u)", what, SKYBUS_CODE_CLASS(code),
		       code & 31);
	enos_device_fail(device, kind, reason);
}

/* Version 1 tells a token; version 2 does not. Returns -EINVAL for a token that cannot be one. */
static int read_token(struct enos *enos, const struct skybus_reply *reply)
{
	json_t *root =
		json_loadb((const char *)reply->payload, reply->payload_len, JSON_ALLOW_NUL, NULL);
	json_t *value = json_object_get(root, "token");
	const char *token = json_string_value(value);
	size_t len = json_string_length(value);
	int r = 0;

	enos->token[0] = '\0';
	if (token && len > 0 && len <= ENOS_TOKEN_MAX && strlen(token) == len)
		memcpy(enos->token, token, len + 1);
	else if (value && !json_is_null(value))
		r = -EINVAL;
	json_decref(root);

	return r;
}

/* A command that waits is asked for first: the window that online() opens may be one. */
static void come_online(struct enos *enos, const struct skybus_reply *reply)
{
	struct enos_device *device = &enos->device;
	struct skybus_terms terms = {
		.size = sizeof(terms),
		.keepalive_s = enos_device_keepalive_s(device),
		/* Signed requests must arrive in the order of their numbers. */
		.window = enos->token[0] ? 1 : 0,
		.batch_s = device->batch_s,
	};

	device->sign = enos->token[0] ? add_sign : NULL;
	enos->sequence = 0;
	enos_command_look(device, reply);
	device->host->online(device->link, &terms);
}

static void on_auth(void *state, void *tag, const struct skybus_reply *reply)
{
	struct enos *enos = state;
	struct enos_device *device = &enos->device;
	int64_t code;

	(void)tag;
	enos_limit_ended(&device->limit, reply->outcome != SKYBUS_UNREACHABLE);
	if (reply->outcome != SKYBUS_ANSWERED) {
		enos_device_fail(device, SKYBUS_TRANSIENT, NULL);
		return;
	}
	if (SKYBUS_CODE_CLASS(reply->code) != 2) {
		refused(device, reply->code);
		return;
	}
	code = enos_json_code(reply);
	if (code != ENOS_CODE_OK)
		enos_device_fail_inside(device, reply, code);
	else if (read_token(enos, reply) < 0)
		enos_device_fail(device, SKYBUS_TRANSIENT,
				 "EnOS answered the login with a token that makes no sense");
	else
		come_online(enos, reply);
}

static void send_auth(struct enos_device *device)
{
	const struct skybus_host *host = device->host;
	struct skybus_request *request;
	char payload[192];
	char path[160];
	int len;

	request = host->new_request(device->link);
	if (!request) {
		enos_device_fail(device, SKYBUS_TRANSIENT, "no memory left for the login");
		return;
	}
	len = auth_payload(device, payload, sizeof(payload));
	if (len < 0) {
		host->free_request(request);
		enos_device_fail(device, SKYBUS_TRANSIENT,
				 "the login's sign could not be computed");
		return;
	}
	if (enos_limit_take(&device->limit) < 0) {
		host->free_request(request);
		enos_device_fail(device, SKYBUS_TRANSIENT, "no timer left for the login");
		return;
	}
	(void)snprintf(path, sizeof(path), "/auth/%s/%s", device->product_key, device->device_key);
	host->request_path(request, path);
	host->request_payload(request, payload, (uint32_t)len);
	if (host->send_request(request, 0, on_auth, NULL) < 0) {
		enos_limit_ended(&device->limit, false);
		enos_device_fail(device, SKYBUS_TRANSIENT, "the login could not be sent");
	}
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	(void)tag;
	if (outcome < 0)
		enos_device_fail(state, SKYBUS_TRANSIENT, reason);
	else
		send_auth(state);
}

static void open_session(void *state)
{
	struct enos_device *device = state;
	struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = device->host->setting_text(device->link, "host"),
		.port = (uint32_t)device->host->setting_integer(device->link, "port"),
	};

	if (device->host->open_session(device->link, &session, on_opened, NULL) < 0)
		enos_device_fail(device, SKYBUS_TRANSIENT, "no session could be opened");
}

static void enos_login(void *state)
{
	struct enos_device *device = state;

	enos_command_forget(device);
	if (enos_limit_has_room(&device->limit, 1))
		enos_limit_start(&device->limit, open_session, device);
	else
		enos_device_fail(device, SKYBUS_TRANSIENT, ENOS_LIMIT_REASON);
}

/* ---- coming and going ---- */

static void enos_detach(void *state)
{
	struct enos *enos = state;

	enos_device_done(&enos->device);
	gnutls_memset(enos, 0, sizeof(*enos));
	free(enos);
}

static int32_t enos_attach(const struct skybus_host *host, struct skybus_link *link,
			   void **ret_state, struct skybus_verdict *why)
{
	struct enos *enos = calloc(1, sizeof(*enos));
	uint32_t secret_len = 0;
	const uint8_t *secret;
	int32_t r;

	if (!enos)
		return -ENOMEM;
	r = enos_device_init(&enos->device, host, link, why);
	if (r == 0) {
		secret = host->setting_secret(link, "device_secret", &secret_len);
		r = enos_key(secret, secret_len, enos->key);
	}
	if (r < 0) {
		enos_detach(enos);
		return r;
	}
	enos_limit_resume(&enos->device.limit);
	*ret_state = enos;

	return 0;
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(skybus_plugin_v1),
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.name = "enos",
	.version = "1.0",
	.summary = "EnOS over plain CoAP with signed logins, both generations",
	.settings = settings,
	.attach = enos_attach,
	.detach = enos_detach,
	.login = enos_login,
	.encode = enos_device_encode,
	.decide = enos_device_decide,
	.accept = enos_device_accept,
	.keepalive = enos_device_keepalive,
	.answer = enos_command_answer,
	.device = enos_device_name,
	.gather = enos_batch_gather,
	.encode_batch = enos_batch_encode,
};
