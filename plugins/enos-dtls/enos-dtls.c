/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EnOS over DTLS with a pre-shared key. The handshake is the login; there is no other. The key
 * comes from one of two secrets:
 *
 *   device_secret   the device's own, secure mode 2
 *   product_secret  its product's, secure mode 3: such a session serves to ask for the device's
 *                   own secret and nothing else. That is stored, and the next session opens with
 *                   it.
 *
 * A stored secret that no longer works is asked for again, and kept until another has come: dynamic
 * registration may be switched off by then, and the trouble may pass. Sources: EnOS, "CoAP-based
 * Connection and Communication", and the vendor's pages on CoAP downlink.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/enos-common/enos-batch.h"
#include "plugins/enos-common/enos-command.h"
#include "plugins/enos-common/enos-device.h"
#include "plugins/enos-common/enos.h"

/* Two keys, the mode and the lifetime, with commas between. */
#define IDENTITY_SIZE (2 * ENOS_KEY_MAX + 32)

/* In the store: the device's name, a zero byte, the secret. */
#define STORE_KEY "device_secret"
#define STORED_MAX (2 * ENOS_KEY_MAX + 2 + ENOS_SECRET_MAX)

/* Some servers meet a wrong key with silence; so does a network. */
#define SILENT_MAX 2

/** Whose secret a handshake uses. */
enum secret {
	CONFIGURED, /* the device's own, from the configuration */
	STORED, /* the device's own, from an earlier login */
	FRESH, /* the same, handed out in this login */
	PRODUCT, /* the product's */
};

/**
 * struct enos_dtls - the plugin's state; no secret is in it
 * @secret: of the session that is open, or being opened
 * @silent: handshakes with the stored secret in a row that got no answer
 * @doubtful: the stored secret did not work, and another has not been asked for
 * @n_logins: tells a write of this login from one of a login before
 */
struct enos_dtls {
	struct enos_device device;
	enum secret secret;
	unsigned int silent;
	bool doubtful;
	uintptr_t n_logins;
};

_Static_assert(offsetof(struct enos_dtls, device) == 0,
	       "the common calls take the state as a device");

static const struct skybus_setting settings[] = {
	ENOS_SETTINGS_DEVICE("5684"),
	{ .key = "device_secret",
	  .kind = SKYBUS_SECRET,
	  .min = 1,
	  .max = ENOS_SECRET_MAX,
	  .help = "the device secret of the device, from the EnOS console" },
	{ .key = "product_secret",
	  .kind = SKYBUS_SECRET,
	  .min = 1,
	  .max = ENOS_SECRET_MAX,
	  .help = "the product secret, with which a device without device_secret asks EnOS for its "
		  "own" },
	ENOS_SETTINGS_MANNER,
};

static void fail(struct enos_dtls *dtls, uint32_t kind, const char *reason)
{
	enos_device_fail(&dtls->device, kind, reason);
}

/* ---- secrets ---- */

/* What another device of this link's name was told once is none of ours. */
static const uint8_t *stored_secret(const struct enos_device *device, uint32_t *ret_len)
{
	uint32_t name_size = (uint32_t)strlen(device->name) + 1;
	uint32_t len;
	const uint8_t *stored = device->host->store_get(device->link, STORE_KEY, &len);

	if (!stored || len <= name_size || memcmp(stored, device->name, name_size) != 0)
		return NULL;
	*ret_len = len - name_size;

	/* cppcheck-suppress returnDanglingLifetime ; the store's memory, not that of its length */
	return stored + name_size;
}

static const uint8_t *find_secret(const struct enos_dtls *dtls, uint32_t *ret_len)
{
	const struct enos_device *device = &dtls->device;

	switch (dtls->secret) {
	case CONFIGURED:
		return device->host->setting_secret(device->link, "device_secret", ret_len);
	case PRODUCT:
		return device->host->setting_secret(device->link, "product_secret", ret_len);
	case STORED:
	case FRESH:
	default:
		return stored_secret(device, ret_len);
	}
}

static int put_secret(const struct enos_dtls *dtls, const char *secret, skybus_stored_fn *done)
{
	const struct enos_device *device = &dtls->device;
	size_t name_size = strlen(device->name) + 1;
	size_t len = strlen(secret);
	uint8_t value[STORED_MAX];
	int r;

	memcpy(value, device->name, name_size);
	memcpy(value + name_size, secret, len);
	r = device->host->store_put(device->link, STORE_KEY, value, (uint32_t)(name_size + len),
				    done, (void *)dtls->n_logins);
	gnutls_memset(value, 0, sizeof(value));

	return r;
}

/* ---- handshakes ---- */

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason);

static int open_session(struct enos_dtls *dtls)
{
	struct enos_device *device = &dtls->device;
	int64_t lifetime = device->host->setting_integer(device->link, "lifetime");
	char identity[IDENTITY_SIZE];
	uint8_t key[ENOS_KEY_LEN];
	struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PSK,
		.host = device->host->setting_text(device->link, "host"),
		.port = (uint32_t)device->host->setting_integer(device->link, "port"),
		.identity = (const uint8_t *)identity,
		.key = key,
		.key_len = sizeof(key),
	};
	uint32_t secret_len = 0;
	const uint8_t *secret = find_secret(dtls, &secret_len);
	int r;

	if (!secret)
		return -ENOKEY;
	r = enos_key(secret, secret_len, key);
	if (r < 0)
		return r;
	session.identity_len =
		(uint32_t)snprintf(identity, sizeof(identity), "%s,%s,%d,%" PRId64,
				   device->product_key, device->device_key,
				   dtls->secret == PRODUCT ? ENOS_BY_PRODUCT : ENOS_BY_DEVICE,
				   lifetime);
	r = device->host->open_session(device->link, &session, on_opened, NULL);
	gnutls_memset(key, 0, sizeof(key));

	return r;
}

static void shake_hands(void *state)
{
	struct enos_dtls *dtls = state;
	struct enos_limit *limit = &dtls->device.limit;

	if (enos_limit_take(limit) < 0) {
		fail(dtls, SKYBUS_TRANSIENT, "no timer left for the login");
		return;
	}
	if (open_session(dtls) < 0) {
		enos_limit_ended(limit, false);
		fail(dtls, SKYBUS_TRANSIENT, "no session could be opened");
		return;
	}
	/* Whatever comes of asking, the next login tries the stored secret first. */
	if (dtls->secret == PRODUCT) {
		dtls->doubtful = false;
		dtls->silent = 0;
	}
}

/* A session in the product's name is of no use without the one that follows. */
static void connect_with(struct enos_dtls *dtls, enum secret secret)
{
	struct enos_limit *limit = &dtls->device.limit;

	if (!enos_limit_has_room(limit, secret == PRODUCT ? 2 : 1)) {
		fail(dtls, SKYBUS_TRANSIENT, ENOS_LIMIT_REASON);
		return;
	}
	dtls->secret = secret;
	enos_limit_start(limit, shake_hands, dtls);
}

static bool became_doubtful(struct enos_dtls *dtls, int32_t outcome)
{
	if (dtls->secret != STORED)
		return false;
	dtls->silent = outcome == -ETIMEDOUT ? dtls->silent + 1 : 0;
	dtls->doubtful = outcome == -EKEYREJECTED || dtls->silent >= SILENT_MAX;

	return dtls->doubtful;
}

static const char *refusal(enum secret secret)
{
	switch (secret) {
	case PRODUCT:
		return "EnOS refuses the handshake for the product: check product_key, device_key and "
		       "product_secret";
	case FRESH:
		return "EnOS refuses the device secret that it has just handed out: set device_secret";
	case CONFIGURED:
	case STORED:
	default:
		return "EnOS refuses the handshake: check product_key, device_key and device_secret";
	}
}

static void not_opened(struct enos_dtls *dtls, int32_t outcome, const char *reason)
{
	const struct enos_device *device = &dtls->device;
	char silence[256];

	if (became_doubtful(dtls, outcome)) {
		device->host->log(
			device->link, SKYBUS_LOG_NOTICE,
			"the stored device secret does not work: asking EnOS for it anew");
		connect_with(dtls, PRODUCT);
	} else if (outcome == -EKEYREJECTED) {
		fail(dtls, SKYBUS_CREDENTIALS, refusal(dtls->secret));
	} else if (outcome == -ETIMEDOUT) {
		(void)snprintf(silence, sizeof(silence),
			       "%s; a wrong secret can look the same: check it, too", reason);
		fail(dtls, SKYBUS_TRANSIENT, silence);
	} else {
		fail(dtls, SKYBUS_TRANSIENT, reason);
	}
}

/* ---- what a session is for ---- */

static void come_online(struct enos_dtls *dtls)
{
	const struct enos_device *device = &dtls->device;
	struct skybus_terms terms = {
		.size = sizeof(terms),
		.keepalive_s = enos_device_keepalive_s(device),
		.batch_s = device->batch_s,
	};

	dtls->silent = 0;
	device->host->online(device->link, &terms);
}

/*
 * Dynamic registration is enabled in the console, with nobody beside the box; and a stored secret may
 * work again. So there is nothing to give up for.
 */
static void not_told(struct enos_dtls *dtls, uint32_t code)
{
	uint32_t kind = SKYBUS_TRANSIENT;
	const char *what =
		"EnOS does not tell the device's secret: enable dynamic registration for "
		"the product, or set device_secret";
	char reason[200];

	if (SKYBUS_CODE_CLASS(code) != 4 || code == SKYBUS_CODE(4, 29)) {
		what = "EnOS cannot tell the device's secret at present";
	} else if (code == SKYBUS_CODE(4, 1)) {
		kind = SKYBUS_CREDENTIALS;
		what = "EnOS does not know the device when asked for its secret: check product_key, "
		       "device_key and product_secret";
	}
	(void)snprintf(reason, sizeof(reason), "%s (%u.%02u)", what, SKYBUS_CODE_CLASS(code),
		       code & 31);
	fail(dtls, kind, reason);
}

static void on_stored(void *state, void *tag, int32_t error)
{
	struct enos_dtls *dtls = state;
	const struct enos_device *device = &dtls->device;

	if ((uintptr_t)tag != dtls->n_logins)
		return;
	if (error < 0)
		device->host->log(device->link, SKYBUS_LOG_WARNING,
				  "the device secret could not be written to disk: after a restart "
				  "EnOS is asked for it again");
	connect_with(dtls, FRESH);
}

static bool is_ours(json_t *params, const char *name, const char *key)
{
	const char *value = json_string_value(json_object_get(params, name));

	return !value || strcmp(value, key) == 0;
}

/* Ends the login, unless the secret is on its way to the disk. */
static void keep_secret(struct enos_dtls *dtls, json_t *params)
{
	const struct enos_device *device = &dtls->device;
	json_t *value = json_object_get(params, "deviceSecret");
	const char *secret = json_string_value(value);
	size_t len = json_string_length(value);

	if (!is_ours(params, "productKey", device->product_key) ||
	    !is_ours(params, "deviceKey", device->device_key))
		fail(dtls, SKYBUS_TRANSIENT, "EnOS told the secret of another device");
	else if (len == 0 || len > ENOS_SECRET_MAX || strlen(secret) != len)
		fail(dtls, SKYBUS_TRANSIENT,
		     "EnOS was asked for the device's secret, and its answer holds none");
	else if (put_secret(dtls, secret, on_stored) < 0)
		fail(dtls, SKYBUS_TRANSIENT, "the device secret could not be stored");
	if (len > 0)
		gnutls_memset((char *)(uintptr_t)secret, 0, len); /* jansson does not wipe */
}

static void on_told(void *state, void *tag, const struct skybus_reply *reply)
{
	struct enos_dtls *dtls = state;
	json_t *root;
	int64_t code;

	(void)tag;
	if (reply->outcome != SKYBUS_ANSWERED) {
		fail(dtls, SKYBUS_TRANSIENT, NULL);
		return;
	}
	if (SKYBUS_CODE_CLASS(reply->code) != 2) {
		not_told(dtls, reply->code);
		return;
	}
	/* Read once, as each reading makes a copy of the secret. */
	root = enos_json(reply->payload, reply->payload_len);
	code = enos_code_of(root);
	if (code == ENOS_CODE_OK)
		keep_secret(dtls, json_object_get(root, "params"));
	json_decref(root);
	if (code != ENOS_CODE_OK)
		enos_device_fail_inside(&dtls->device, reply, code);
}

static void ask_for_secret(struct enos_dtls *dtls)
{
	struct enos_device *device = &dtls->device;
	struct skybus_request *request = device->host->new_request(device->link);
	char topic[ENOS_TOPIC_MAX];

	if (!request) {
		fail(dtls, SKYBUS_TRANSIENT, "no memory left for the login");
		return;
	}
	(void)snprintf(topic, sizeof(topic), "/ext/session/%s/%s/thing/activate/info",
		       device->product_key, device->device_key);
	device->host->request_method(request, SKYBUS_GET);
	(void)enos_device_fill(device, request, topic); /* neither long nor signed */
	if (device->host->send_request(request, 0, on_told, NULL) < 0)
		fail(dtls, SKYBUS_TRANSIENT, "the device's secret could not be asked for");
}

static bool can_have_reached(int32_t outcome)
{
	return outcome != -EHOSTUNREACH && outcome != -ECONNREFUSED && outcome != -ENODEV;
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct enos_dtls *dtls = state;

	(void)tag;
	enos_limit_ended(&dtls->device.limit, can_have_reached(outcome));
	if (outcome < 0)
		not_opened(dtls, outcome, reason);
	else if (dtls->secret == PRODUCT)
		ask_for_secret(dtls);
	else
		come_online(dtls);
}

static void enos_login(void *state)
{
	struct enos_dtls *dtls = state;
	const struct enos_device *device = &dtls->device;
	uint32_t len;

	dtls->n_logins++;
	enos_command_forget(&dtls->device);
	if (device->host->setting_secret(device->link, "device_secret", &len))
		connect_with(dtls, CONFIGURED);
	else if (!dtls->doubtful && stored_secret(device, &len))
		connect_with(dtls, STORED);
	else
		connect_with(dtls, PRODUCT);
}

/* ---- coming and going ---- */

static void enos_detach(void *state)
{
	struct enos_dtls *dtls = state;

	enos_device_done(&dtls->device);
	free(dtls);
}

static int32_t check_secrets(const struct enos_device *device, struct skybus_verdict *why)
{
	const struct skybus_host *host = device->host;
	uint32_t len;
	bool own = host->setting_secret(device->link, "device_secret", &len);
	bool product = host->setting_secret(device->link, "product_secret", &len);

	if (own != product)
		return 0;
	(void)snprintf(why->reason, sizeof(why->reason), "%s",
		       own ? "device_secret and product_secret are both set: leave product_secret "
			     "out where the device's secret is known, and device_secret where EnOS "
			     "is to tell it"
			   : "a device needs a secret: set device_secret, or product_secret if "
			     "dynamic registration is enabled for the product");

	return -EINVAL;
}

static int32_t enos_attach(const struct skybus_host *host, struct skybus_link *link,
			   void **ret_state, struct skybus_verdict *why)
{
	struct enos_dtls *dtls = calloc(1, sizeof(*dtls));
	int32_t r;

	if (!dtls)
		return -ENOMEM;
	r = enos_device_init(&dtls->device, host, link, why);
	if (r == 0)
		r = enos_device_check_keys(&dtls->device, ',', why); /* the identity's separator */
	if (r == 0)
		r = check_secrets(&dtls->device, why);
	if (r < 0) {
		enos_detach(dtls);
		return r;
	}
	enos_limit_resume(&dtls->device.limit);
	*ret_state = dtls;

	return 0;
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(skybus_plugin_v1),
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	.name = "enos-dtls",
	.version = "1.0",
	.summary = "EnOS over DTLS, with the secret of the device or of its product",
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
