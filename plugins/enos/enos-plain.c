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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/enos-common/enos.h"
#include "plugins/enos/enos-sign.h"

#define TOPIC_MAX 512
#define OPTION_URI_PATH_MAX 255

/*
 * The vendor blocks a device for five minutes when it asks four times in two, and logins that
 * succeed count too. One quick second try is safe if every later one keeps this distance; and
 * whatever the reasons, no more than three go out in two minutes and some seconds for what the
 * network delays.
 */
#define LOGINS_QUICK 2
#define LOGINS_APART_S 63
#define LOGINS_MAX 3
#define LOGINS_WITHIN_MS (125 * 1000)

struct enos {
	const struct skybus_host *host;
	struct skybus_link *link;
	const char *product_key;
	const char *device_key;
	char device[130];
	uint8_t key[ENOS_KEY_LEN]; /* of the sign, SignKey */
	char token[ENOS_TOKEN_MAX + 1]; /* version 1 only, else "" */
	uint64_t sequence; /* of the last request in this session */
	char *command_topic; /* of the command that is being fetched */
	unsigned int logins; /* sent within LOGINS_WITHIN_MS */
};

static const struct skybus_setting settings[] = {
	{ .key = "host",
	  .kind = SKYBUS_HOST,
	  .flags = SKYBUS_REQUIRED,
	  .help = "name or address of the EnOS CoAP server" },
	{ .key = "port", .kind = SKYBUS_PORT, .fallback = "5683", .help = "its UDP port" },
	{ .key = "product_key",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .min = 1,
	  .max = 64,
	  .help = "the product key of the device, from the EnOS console" },
	{ .key = "device_key",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .min = 1,
	  .max = 64,
	  .help = "the device key of the device, from the EnOS console" },
	{ .key = "device_secret",
	  .kind = SKYBUS_SECRET,
	  .flags = SKYBUS_REQUIRED,
	  .min = 1,
	  .max = 128,
	  .help = "the device secret of the device, from the EnOS console" },
	{ .key = "lifetime",
	  .kind = SKYBUS_DURATION,
	  .fallback = "1h",
	  .min = 30,
	  .max = 86400,
	  .help = "a device that is silent for so long is offline to EnOS" },
	{ .key = "poll",
	  .kind = SKYBUS_DURATION,
	  .min = 10,
	  .max = 86400,
	  .help = "ask for waiting commands after so much silence; three quarters of lifetime "
		  "unless set" },
	{ .key = "max_payload",
	  .kind = SKYBUS_SIZE,
	  .fallback = "1024",
	  .min = 1,
	  .max = 65536,
	  .help = "the largest payload of a message; EnOS documents 1 KB" },
	{ .key = "sign_iv",
	  .kind = SKYBUS_TEXT,
	  .fallback = "543yhjy97ae7fyfg",
	  .min = ENOS_IV_LEN,
	  .max = ENOS_IV_LEN,
	  .help = "the AES initialisation vector of the request's sign; EnOS documents none" },
};

/* ---- requests ---- */

static int auth_payload(const struct enos *enos, char *ret_payload, size_t size)
{
	struct enos_login login = {
		.product_key = enos->product_key,
		.device_key = enos->device_key,
		.lifetime = enos->host->setting_integer(enos->link, "lifetime"),
	};
	char sign[ENOS_LOGIN_SIGN_SIZE];
	int r;

	login.secret = enos->host->setting_secret(enos->link, "device_secret", &login.secret_len);
	r = enos_sign_login(&login, sign);
	if (r < 0)
		return r;
	r = snprintf(ret_payload, size, "{\"secureMode\":%d,\"lifetime\":%lld,\"sign\":\"%s\"}",
		     ENOS_SECURE_MODE, (long long)login.lifetime, sign);

	return r > 0 && (size_t)r < size ? r : -EMSGSIZE;
}

static int add_sign(struct enos *enos, struct skybus_request *request)
{
	const char *iv = enos->host->setting_text(enos->link, "sign_iv");
	char sign[ENOS_REQUEST_SIGN_SIZE];
	int len;

	len = enos_sign_request(enos->key, iv, enos->token, enos->sequence + 1, sign);
	if (len < 0)
		return len;
	enos->host->request_option(request, ENOS_OPTION_SIGN, sign, (uint32_t)len);
	enos->sequence++;

	return 0;
}

static int fill(struct enos *enos, struct skybus_request *request, const char *topic)
{
	char path[TOPIC_MAX + sizeof("/topic")];
	int len = snprintf(path, sizeof(path), "/topic%s", topic);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -EMSGSIZE;
	enos->host->request_path(request, path);

	return enos->token[0] ? add_sign(enos, request) : 0;
}

/* ---- commands ---- */

static void look_for_command(struct enos *enos, const struct skybus_reply *reply);

static void deliver(struct enos *enos, const char *topic, const uint8_t *payload, uint32_t len)
{
	struct skybus_command command = {
		.size = sizeof(command),
		.payload_len = len,
		.topic = topic,
		.payload = payload,
		.content_format = SKYBUS_NO_FORMAT,
	};

	(void)enos->host->deliver(enos->link, &command);
}

static void on_command(void *state, void *tag, const struct skybus_reply *reply)
{
	struct enos *enos = state;
	char *topic = enos->command_topic;

	(void)tag;
	enos->command_topic = NULL;
	if (reply->outcome == SKYBUS_ANSWERED && SKYBUS_CODE_CLASS(reply->code) == 2) {
		deliver(enos, topic, reply->payload, reply->payload_len);
		look_for_command(enos, reply);
	}
	free(topic);
}

/* Takes the topic over. What goes wrong here mends itself: the next reply tells of the command again. */
static void fetch_command(struct enos *enos, char *topic)
{
	struct skybus_request *request = enos->host->new_request(enos->link);

	if (!request) {
		free(topic);
		return;
	}
	enos->host->request_method(request, SKYBUS_GET);
	if (fill(enos, request, topic) < 0) {
		enos->host->free_request(request);
		free(topic);
		return;
	}
	enos->command_topic = topic;
	if (enos->host->send_request(request, 0, on_command, NULL) < 0) {
		enos->command_topic = NULL;
		free(topic);
	}
}

/* Any reply may say, in option 2100, that a command waits. */
static void look_for_command(struct enos *enos, const struct skybus_reply *reply)
{
	const struct skybus_option *whole = enos_find_option(reply, ENOS_OPTION_COMMAND);
	char *topic = enos_command_topic(reply);

	if (topic && whole) {
		deliver(enos, topic, whole->value, whole->len);
	} else if (topic && !enos->command_topic) {
		fetch_command(enos, topic);
		return;
	}
	free(topic);
}

/* ---- login ---- */

static void fail(struct enos *enos, uint32_t kind, const char *reason)
{
	uint32_t wait_s = enos->logins < LOGINS_QUICK ? 0 : LOGINS_APART_S;

	enos->host->failed(enos->link, kind, reason, wait_s);
}

static void refused(struct enos *enos, uint32_t code)
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
	} else if (code == SKYBUS_CODE(4, 4) || code == SKYBUS_CODE(4, 5)) {
		/* Perhaps another server for a while: nothing to give up for. */
		kind = SKYBUS_TRANSIENT;
		what = "host and port answer, but not as EnOS does: check them";
	}
	(void)snprintf(reason, sizeof(reason), "%s (%u.%02u)", what, SKYBUS_CODE_CLASS(code),
		       code & 31);
	fail(enos, kind, reason);
}

/* A refusal inside the JSON of a 2.xx. */
static void refused_inside(struct enos *enos, const struct skybus_reply *reply, int64_t code)
{
	struct skybus_verdict verdict = { .size = sizeof(verdict) };
	bool ours = code == ENOS_CODE_NO_DEVICE || code == ENOS_CODE_DISABLED ||
		    code == ENOS_CODE_BAD_SIGN;

	enos_decide(reply, &verdict);
	fail(enos, ours ? SKYBUS_CREDENTIALS : SKYBUS_TRANSIENT, verdict.reason);
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
	uint32_t lifetime = (uint32_t)enos->host->setting_integer(enos->link, "lifetime");
	uint32_t poll = (uint32_t)enos->host->setting_integer(enos->link, "poll");
	struct skybus_terms terms = { .size = sizeof(terms) };

	enos->sequence = 0;
	look_for_command(enos, reply);
	terms.keepalive_s = lifetime / 4 * 3;
	if (poll > 0 && poll < terms.keepalive_s)
		terms.keepalive_s = poll;
	/* Signed requests must arrive in the order of their numbers. */
	terms.window = enos->token[0] ? 1 : 0;
	enos->host->online(enos->link, &terms);
}

static void on_auth(void *state, void *tag, const struct skybus_reply *reply)
{
	struct enos *enos = state;
	int64_t code;

	(void)tag;
	if (reply->outcome != SKYBUS_ANSWERED) {
		fail(enos, SKYBUS_TRANSIENT, NULL);
		return;
	}
	if (SKYBUS_CODE_CLASS(reply->code) != 2) {
		refused(enos, reply->code);
		return;
	}
	code = enos_json_code(reply);
	if (code != ENOS_CODE_OK) {
		refused_inside(enos, reply, code);
		return;
	}
	if (read_token(enos, reply) < 0) {
		fail(enos, SKYBUS_TRANSIENT,
		     "EnOS answered the login with a token that makes no sense");
		return;
	}
	come_online(enos, reply);
}

static void on_login_old(void *state, void *tag)
{
	struct enos *enos = state;

	(void)tag;
	enos->logins--;
}

static void send_auth(struct enos *enos)
{
	struct skybus_request *request;
	char payload[192];
	char path[160];
	int len;

	if (enos->host->timer_start(enos->link, LOGINS_WITHIN_MS, on_login_old, NULL) < 0) {
		fail(enos, SKYBUS_TRANSIENT, "no timer left for the login");
		return;
	}
	enos->logins++;
	request = enos->host->new_request(enos->link);
	if (!request) {
		fail(enos, SKYBUS_TRANSIENT, "no memory left for the login");
		return;
	}
	len = auth_payload(enos, payload, sizeof(payload));
	if (len < 0) {
		enos->host->free_request(request);
		fail(enos, SKYBUS_CONFIGURATION, "the login's sign could not be computed");
		return;
	}
	(void)snprintf(path, sizeof(path), "/auth/%s/%s", enos->product_key, enos->device_key);
	enos->host->request_path(request, path);
	enos->host->request_payload(request, payload, (uint32_t)len);
	if (enos->host->send_request(request, 0, on_auth, NULL) < 0)
		fail(enos, SKYBUS_TRANSIENT, "the login could not be sent");
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct enos *enos = state;

	(void)tag;
	if (outcome < 0)
		fail(enos, SKYBUS_TRANSIENT, reason);
	else
		send_auth(enos);
}

static void enos_login(void *state)
{
	struct enos *enos = state;
	struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = enos->host->setting_text(enos->link, "host"),
		.port = (uint32_t)enos->host->setting_integer(enos->link, "port"),
	};

	free(enos->command_topic);
	enos->command_topic = NULL;
	if (enos->logins >= LOGINS_MAX) {
		fail(enos, SKYBUS_TRANSIENT,
		     "the login waits: EnOS blocks a device that logs in four times in two "
		     "minutes");
		return;
	}
	if (enos->host->open_session(enos->link, &session, on_opened, NULL) < 0)
		fail(enos, SKYBUS_TRANSIENT, "no session could be opened");
}

/* ---- messages ---- */

static int32_t enos_encode(void *state, const struct skybus_message *message,
			   struct skybus_request *request, struct skybus_verdict *verdict)
{
	int r = fill(state, request, message->topic);

	if (r < 0)
		(void)snprintf(verdict->reason, sizeof(verdict->reason),
			       r == -EMSGSIZE ? "the topic is too long for a CoAP path"
					      : "the request's sign could not be computed");

	return r;
}

static void enos_on_reply(void *state, const struct skybus_message *message,
			  const struct skybus_reply *reply, struct skybus_verdict *verdict)
{
	(void)message;
	enos_decide(reply, verdict);
	look_for_command(state, reply);
}

static int32_t enos_may_accept(void *state, const struct skybus_message *message,
			       struct skybus_verdict *why)
{
	const struct enos *enos = state;
	int64_t max_payload = enos->host->setting_integer(enos->link, "max_payload");

	for (const char *level = message->topic; *level;) {
		size_t len = strcspn(level, "/");

		if (len > OPTION_URI_PATH_MAX) {
			(void)snprintf(
				why->reason, sizeof(why->reason),
				"a level of the topic has %zu bytes, and a CoAP path takes %d", len,
				OPTION_URI_PATH_MAX);
			return -EINVAL;
		}
		level += len + (level[len] == '/');
	}

	return enos_accept(message, (uint32_t)max_payload, why);
}

/*
 * Any exchange renews the session and may tell of a command. EnOS documents none that does just that, so
 * ask for one tag, by a name that nobody uses: it changes nothing and the answer is short.
 */
static int32_t enos_keepalive(void *state, struct skybus_request *request)
{
	static const char payload[] = "{\"id\":\"0\",\"version\":\"1.0\",\"params\":{\"tags\":"
				      "[\"skybus\"]},\"method\":\"thing.tag.query\"}";
	struct enos *enos = state;
	char topic[TOPIC_MAX];

	(void)snprintf(topic, sizeof(topic), "/sys/%s/%s/thing/tag/query", enos->product_key,
		       enos->device_key);
	enos->host->request_payload(request, payload, sizeof(payload) - 1);

	return fill(enos, request, topic);
}

static const char *enos_device(void *state)
{
	const struct enos *enos = state;

	return enos->device;
}

/* ---- coming and going ---- */

static void enos_detach(void *state)
{
	struct enos *enos = state;

	free(enos->command_topic);
	gnutls_memset(enos, 0, sizeof(*enos));
	free(enos);
}

static int32_t check_key(const char *name, const char *value, struct skybus_verdict *why)
{
	if (!strchr(value, '/'))
		return 0;
	(void)snprintf(why->reason, sizeof(why->reason),
		       "%s holds a slash, and EnOS keys hold none", name);

	return -EINVAL;
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
	enos->host = host;
	enos->link = link;
	enos->product_key = host->setting_text(link, "product_key");
	enos->device_key = host->setting_text(link, "device_key");
	(void)snprintf(enos->device, sizeof(enos->device), "%s/%s", enos->product_key,
		       enos->device_key);
	r = check_key("product_key", enos->product_key, why);
	if (r == 0)
		r = check_key("device_key", enos->device_key, why);
	if (r == 0) {
		secret = host->setting_secret(link, "device_secret", &secret_len);
		r = enos_key(secret, secret_len, enos->key);
	}
	if (r < 0) {
		enos_detach(enos);
		return r;
	}
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
	.encode = enos_encode,
	.decide = enos_on_reply,
	.accept = enos_may_accept,
	.keepalive = enos_keepalive,
	.device = enos_device,
};
