/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aliyun IoT Platform over CoAP, in both of its ways: in DTLS, with a certificate or a pre-shared key; or
 * symmetric, where the payload alone is encrypted and every request has a sequence number. In both a POST
 * /auth gives a token, which goes with each request.
 *
 * Sequence numbers may come in any order, so there may be as many messages on their way as the daemon likes;
 * beyond about 30 a second the cloud asks for patience. It never calls us.
 *
 * Source: Aliyun, "Establish connections over CoAP".
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/aliyun/aliyun-code.h"
#include "plugins/aliyun/aliyun.h"

/* ---- login ---- */

/*
 * How a link to Aliyun comes up. A session is opened; then, each step only if it is needed:
 *
 *   POST /auth/register/device   tells the device's secret, which goes to the disk first
 *   POST /auth                   gives a token; an earlier run may have left one
 *   the disk                     reserves the first sequence numbers (symmetric)
 */
static int proceed(struct aliyun *aliyun);

static void fail(struct aliyun *aliyun, uint32_t kind, const char *reason)
{
	aliyun->host->failed(aliyun->link, kind, reason, 0);
}

static void go_on(struct aliyun *aliyun)
{
	if (proceed(aliyun) < 0)
		fail(aliyun, SKYBUS_TRANSIENT, "the login could not be sent, or not be kept");
}

static int post(struct aliyun *aliyun, const char *path, const char *payload, size_t len,
		skybus_replied_fn *done)
{
	const struct skybus_host *host = aliyun->host;
	struct skybus_request *request = host->new_request(aliyun->link);

	if (!request)
		return -ENOMEM;
	host->request_path(request, path);
	host->request_uint(request, ALIYUN_OPTION_CONTENT_FORMAT, aliyun->settings.format);
	host->request_uint(request, ALIYUN_OPTION_ACCEPT, aliyun->settings.format);
	host->request_payload(request, payload, (uint32_t)len);

	return host->send_request(request, 0, done, NULL);
}

/* ---- the end of a login ---- */

/* The last thing of a login: the daemon may encode messages at once, and even begin the next login. */
static void come_online(struct aliyun *aliyun)
{
	struct skybus_terms terms = {
		.size = sizeof(terms),
		.expires_s = ALIYUN_TOKEN_LIFE_S,
		.keepalive_s = aliyun_pull_keepalive_s(&aliyun->settings),
		.batch_s = aliyun->settings.batch_s,
	};

	aliyun_pull_begin(aliyun);
	aliyun->host->online(aliyun->link, &terms);
}

/**
 * aliyun_login_on_reserved() - the disk has answered
 * @aliyun: the link; whether a login waits for that or not
 * @error: 0 or a negative errno
 */
void aliyun_login_on_reserved(struct aliyun *aliyun, int error)
{
	if (!aliyun->login.waits)
		return;
	aliyun->login.waits = false;
	if (error < 0)
		fail(aliyun, SKYBUS_TRANSIENT,
		     "the sequence numbers could not be reserved on disk: is it full?");
	else
		come_online(aliyun);
}

/* With a token. */
static int use_pass(struct aliyun *aliyun)
{
	int r;

	if (aliyun->settings.dtls || aliyun_sequence_ready(&aliyun->pass.sequence)) {
		come_online(aliyun);
		return 0;
	}
	r = aliyun_pass_reserve(aliyun);
	aliyun->login.waits = r == 0;

	return r;
}

/* ---- POST /auth ---- */

static void refused(struct aliyun *aliyun, const struct skybus_reply *reply)
{
	struct aliyun_refusal refusal;

	aliyun_code_login(reply, aliyun_secret_setting(aliyun), &refusal);
	/* A secret that an earlier run was told may have been replaced in the console. */
	if (refusal.kind == SKYBUS_CREDENTIALS && aliyun->learned.len > 0 &&
	    !aliyun->login.has_registered) {
		aliyun_secret_forget(aliyun);
		go_on(aliyun);
		return;
	}
	aliyun->host->failed(aliyun->link, refusal.kind, refusal.reason, refusal.wait_s);
}

static void on_auth(void *state, void *tag, const struct skybus_reply *reply)
{
	struct aliyun *aliyun = state;
	struct aliyun_grant grant;
	const char *wrong;

	(void)tag;
	if (reply->outcome != SKYBUS_ANSWERED) {
		fail(aliyun, SKYBUS_TRANSIENT, NULL);
		return;
	}
	if (SKYBUS_CODE_CLASS(reply->code) != 2) {
		refused(aliyun, reply);
		return;
	}
	wrong = aliyun_auth_read(&aliyun->settings, reply, &grant);
	if (!wrong && aliyun_pass_take(aliyun, &grant) < 0)
		wrong = "the session's key could not be computed";
	gnutls_memset(&grant, 0, sizeof(grant));
	if (wrong) {
		fail(aliyun, SKYBUS_TRANSIENT, wrong);
		return;
	}
	if (aliyun->settings.dtls)
		(void)aliyun_pass_save(aliyun);
	go_on(aliyun);
}

static int send_auth(struct aliyun *aliyun)
{
	struct aliyun_secret secret = aliyun_secret(aliyun);
	ALIYUN_FREE char *payload = NULL;
	size_t len;
	int r = aliyun_auth_write(&aliyun->settings, &secret, &payload, &len);

	return r < 0 ? r : post(aliyun, "/auth", payload, len, on_auth);
}

/* ---- POST /auth/register/device ---- */

static void on_secret_stored(void *state, void *tag, int32_t error)
{
	struct aliyun *aliyun = state;

	(void)tag;
	aliyun->learned.is_written = false;
	aliyun->learned.on_disk = error == 0;
	if (!aliyun->login.waits)
		return;
	aliyun->login.waits = false;
	if (error < 0)
		fail(aliyun, SKYBUS_TRANSIENT,
		     "the device's secret could not be put on disk: is it full?");
	else
		go_on(aliyun);
}

/* A login before this one may have begun to write it. */
static int save_secret(struct aliyun *aliyun)
{
	int r = aliyun->learned.is_written ? 0 : aliyun_secret_save(aliyun, on_secret_stored);

	aliyun->learned.is_written = r == 0;
	aliyun->login.waits = r == 0;

	return r;
}

static void on_registered(void *state, void *tag, const struct skybus_reply *reply)
{
	struct aliyun *aliyun = state;
	struct aliyun_learned *learned = &aliyun->learned;
	struct aliyun_refusal refusal;
	const char *wrong;

	(void)tag;
	if (reply->outcome != SKYBUS_ANSWERED) {
		fail(aliyun, SKYBUS_TRANSIENT, NULL);
		return;
	}
	if (SKYBUS_CODE_CLASS(reply->code) != 2) {
		aliyun_code_login(reply, "product_secret", &refusal);
		aliyun->host->failed(aliyun->link, refusal.kind, refusal.reason, refusal.wait_s);
		return;
	}
	wrong = aliyun_register_read(&aliyun->settings, reply, learned->data, &learned->len);
	if (wrong) {
		fail(aliyun, SKYBUS_TRANSIENT, wrong);
		return;
	}
	learned->on_disk = false;
	aliyun->login.has_registered = true;
	go_on(aliyun);
}

static int send_register(struct aliyun *aliyun)
{
	ALIYUN_FREE char *payload = NULL;
	size_t len;
	int r = aliyun_register_write(&aliyun->settings, &payload, &len);

	if (r < 0)
		return r;
	if (!aliyun->settings.dtls)
		aliyun->host->log(aliyun->link, SKYBUS_LOG_WARNING,
				  "the cloud tells the DeviceSecret in the clear now: with the "
				  "mode dtls nobody could read along");

	return post(aliyun, "/auth/register/device", payload, len, on_registered);
}

/* ---- the whole ---- */

/* The next step over an open session. On failure nothing is under way. */
static int proceed(struct aliyun *aliyun)
{
	if (aliyun_secret(aliyun).len == 0)
		return send_register(aliyun);
	if (aliyun->learned.len > 0 && !aliyun->learned.on_disk)
		return save_secret(aliyun);
	if (!aliyun_pass_is_there(aliyun))
		return send_auth(aliyun);

	return use_pass(aliyun);
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct aliyun *aliyun = state;
	bool wrong_key = aliyun->settings.psk && outcome == -EKEYREJECTED;

	(void)tag;
	if (outcome < 0)
		fail(aliyun, wrong_key ? SKYBUS_CREDENTIALS : SKYBUS_TRANSIENT, reason);
	else
		go_on(aliyun);
}

static void secure(const struct aliyun *aliyun, const struct aliyun_psk *psk,
		   struct skybus_session *session)
{
	const struct aliyun_settings *settings = &aliyun->settings;

	if (!settings->dtls) {
		session->security = SKYBUS_PLAIN;
	} else if (settings->psk) {
		session->security = SKYBUS_PSK;
		session->identity = (const uint8_t *)psk->identity;
		session->identity_len = (uint32_t)strlen(psk->identity);
		session->key = (const uint8_t *)psk->key;
		session->key_len = (uint32_t)strlen(psk->key);
	} else {
		session->security = SKYBUS_CERTIFICATE;
		session->trust = settings->root_ca.data;
		session->trust_len = settings->root_ca.len;
		session->server_name = settings->server_name;
	}
}

static int open_session(struct aliyun *aliyun)
{
	const struct aliyun_settings *settings = &aliyun->settings;
	struct skybus_session session = {
		.size = sizeof(session),
		.host = settings->host,
		.port = settings->port,
	};
	struct aliyun_psk psk = { 0 };
	int r = 0;

	if (settings->psk)
		r = aliyun_psk(&settings->device_secret, settings->product_key,
			       settings->device_name, &psk);
	if (r == 0) {
		secure(aliyun, &psk, &session);
		r = aliyun->host->open_session(aliyun->link, &session, on_opened, NULL);
	}
	gnutls_memset(&psk, 0, sizeof(psk));

	return r;
}

static void login(void *state)
{
	struct aliyun *aliyun = state;
	bool session_is_good = aliyun->login.session_is_good;

	aliyun->login = (struct aliyun_progress){ 0 };
	aliyun_pull_stop(aliyun);
	if (aliyun->pass.old)
		aliyun_pass_forget(aliyun);
	/* Saves a handshake; without a session any more, there is a new one. */
	if (session_is_good && proceed(aliyun) == 0)
		return;
	if (open_session(aliyun) < 0)
		fail(aliyun, SKYBUS_TRANSIENT, "no session could be opened");
}

/* ---- the descriptor ---- */

static void detach(void *state)
{
	struct aliyun *aliyun = state;

	gnutls_memset(aliyun, 0, sizeof(*aliyun));
	free(aliyun);
}

static int32_t attach(const struct skybus_host *host, struct skybus_link *link, void **ret_state,
		      struct skybus_verdict *why)
{
	struct aliyun *aliyun = calloc(1, sizeof(*aliyun));
	int r;

	if (!aliyun)
		return -ENOMEM;
	aliyun->host = host;
	aliyun->link = link;
	r = aliyun_settings_read(host, link, &aliyun->settings, why);
	if (r < 0) {
		detach(aliyun);
		return r;
	}
	aliyun_secret_restore(aliyun);
	aliyun_pass_restore(aliyun);
	*ret_state = aliyun;

	return 0;
}

static const char *device(void *state)
{
	const struct aliyun *aliyun = state;

	return aliyun->settings.device;
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(skybus_plugin_v1),
	.n_settings = ALIYUN_SETTINGS_LEN,
	.name = "aliyun",
	.version = "1.0",
	.summary = "Aliyun IoT Platform over CoAP, in DTLS or with symmetric encryption",
	.settings = aliyun_settings_table,
	.attach = attach,
	.detach = detach,
	.login = login,
	.encode = aliyun_encode,
	.decide = aliyun_decide,
	.accept = aliyun_accept,
	.keepalive = aliyun_keepalive,
	.device = device,
	.gather = aliyun_gather,
	.encode_batch = aliyun_encode_batch,
};
