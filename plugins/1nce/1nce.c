/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 1NCE OS over CoAP, plain or with DTLS. There is no login as such: over plain CoAP the cloud knows
 * the SIM by its address, and over DTLS by the handshake. What DTLS needs, identity and key, comes
 * from onboarding once, and is kept for good.
 *
 * The key is asked for again only when it seems to be worth nothing: after REFUSED_MAX handshakes
 * in a row that were refused, or SILENT_MAX without an answer, which is how DTLS servers treat a
 * wrong key, too. Within five minutes the cloud would hand out the same key, so it is not asked.
 *
 * Sources: 1NCE, "CoAP Endpoint"; the vendor's pages on onboarding and on the Device Controller.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/1nce/1nce.h"

#define CREDENTIALS "credentials" /* in the link's memory */

#define REFUSED_MAX 3
#define SILENT_MAX 5

/* For so long the cloud hands out the same key. */
#define KEY_FIXED_MS (5 * 60 * 1000)

/**
 * nce_fail() - the login failed
 * @nce: a link that logs in
 * @kind: SKYBUS_TRANSIENT …
 * @format: a sentence for people
 */
void nce_fail(struct nce *nce, uint32_t kind, const char *format, ...)
{
	char reason[NCE_REASON_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	nce->host->failed(nce->link, kind, reason, 0);
}

/* ---- the session ---- */

/* The interface may have come since the login began, so one listens at the latest now. */
static void come_online(struct nce *nce)
{
	struct skybus_terms terms = {
		.size = sizeof(terms),
		.keepalive_s = (uint32_t)nce->host->setting_integer(nce->link, "keepalive"),
	};
	int32_t r = nce_listen(nce);

	if (r == -ENODEV)
		nce_fail(nce, SKYBUS_TRANSIENT,
			 "no requests can come in: the link's interface comes and goes");
	if (r < 0)
		return;

	nce->refused = 0;
	nce->silent = 0;
	nce->renewed = false;
	nce->host->online(nce->link, &terms);
}

/* Why a key that has just been asked for is no good. */
static const char *guess(const struct nce *nce, int32_t outcome)
{
	if (!nce->renewed || (outcome != -EKEYREJECTED && outcome != -ETIMEDOUT))
		return "";
	if (nce->changed)
		return "; the key is new, so perhaps a second client uses the same SIM, and each "
		       "one's onboarding ends the other's key";

	return "; 1NCE hands out the same key as before, so perhaps psk_encoding is the other one";
}

/* A handshake failed with a key of which one knows only that 1NCE once handed it out. */
static void doubt_key(struct nce *nce, int32_t outcome, const char *reason)
{
	if (outcome == -EKEYREJECTED)
		nce->refused++;
	if (outcome == -ETIMEDOUT)
		nce->silent++;
	nce_fail(nce, SKYBUS_TRANSIENT, "%s%s", reason, guess(nce, outcome));
}

/* The one key there is, from the configuration. */
static void doubt_psk(struct nce *nce, int32_t outcome, const char *reason)
{
	if (outcome == -EKEYREJECTED)
		nce_fail(nce, SKYBUS_CREDENTIALS, "%s; check identity, psk and psk_encoding",
			 reason);
	else
		nce_fail(nce, SKYBUS_TRANSIENT, "%s", reason);
}

static void on_opened(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct nce *nce = state;

	(void)tag;
	if (outcome >= 0)
		come_online(nce);
	else if (nce_setting_is(nce, "security", "plain"))
		nce_fail(nce, SKYBUS_TRANSIENT, "%s", reason);
	else if (nce_setting_is(nce, "onboarding", "manual"))
		doubt_psk(nce, outcome, reason);
	else
		doubt_key(nce, outcome, reason);
}

static void open_session(struct nce *nce, const struct skybus_session *session)
{
	if (nce->host->open_session(nce->link, session, on_opened, NULL) < 0)
		nce_fail(nce, SKYBUS_TRANSIENT, "no session could be opened");
}

static uint32_t port_or(const struct nce *nce, uint32_t otherwise)
{
	uint32_t port = (uint32_t)nce->host->setting_integer(nce->link, "port");

	return port > 0 ? port : otherwise;
}

static void open_plain(struct nce *nce)
{
	struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = nce->host->setting_text(nce->link, "host"),
		.port = port_or(nce, NCE_PORT_PLAIN),
	};

	open_session(nce, &session);
}

/* What onboarding says about the server goes before what is configured. */
static void open_dtls(struct nce *nce, const char *identity, const uint8_t *key, uint32_t key_len)
{
	struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PSK,
		.host = nce->host->setting_text(nce->link, "host"),
		.port = port_or(nce, NCE_PORT_DTLS),
		.identity = (const uint8_t *)identity,
		.identity_len = (uint32_t)strlen(identity),
		.key = key,
		.key_len = key_len,
	};
	char host[NCE_ENDPOINT_MAX + 1];
	uint8_t bytes[NCE_KEY_MAX / 2];

	if (nce_endpoint_parse(nce->credentials.endpoint, host, &session.port) == 0)
		session.host = host;
	if (nce_setting_is(nce, "psk_encoding", "raw")) {
		open_session(nce, &session);
	} else if (nce_unhex(key, key_len, bytes, &session.key_len) == 0) {
		session.key = bytes;
		open_session(nce, &session);
	} else {
		/* Its owner may choose another in the 1NCE portal, and Connect must find that. */
		nce->refused = REFUSED_MAX;
		nce_fail(nce, SKYBUS_CONFIGURATION,
			 "the key that 1NCE hands out is not hex: write psk_encoding: raw");
	}
	explicit_bzero(bytes, sizeof(bytes));
}

static void open_with_psk(struct nce *nce)
{
	uint32_t len = 0;
	const uint8_t *psk = nce->host->setting_secret(nce->link, "psk", &len);

	open_dtls(nce, nce->host->setting_text(nce->link, "identity"), psk, len);
}

static void open_with_credentials(struct nce *nce)
{
	const struct nce_credentials *credentials = &nce->credentials;

	open_dtls(nce, credentials->identity, credentials->key, credentials->key_len);
}

/* ---- credentials ---- */

static void keep(struct nce *nce, const struct nce_credentials *credentials)
{
	nce->credentials = *credentials;
	(void)strcpy(nce->device, credentials->identity);
}

static void on_saved(void *state, void *tag, int32_t error)
{
	struct nce *nce = state;

	/* Of an attempt before the last. */
	if ((uintptr_t)tag != nce->saves)
		return;
	nce->unsaved = error < 0;
	if (!nce->saving)
		return;
	nce->saving = false;
	open_with_credentials(nce);
}

/*
 * Before the key is used: one that is lost can be had only as a new one, and that ends every other use.
 * But a disk that is full is no reason to stay away; the next login writes it again.
 */
static void save(struct nce *nce)
{
	uint8_t record[NCE_RECORD_MAX];
	uint32_t len = 0;
	int32_t r = nce_credentials_pack(&nce->credentials, nce->source, record, &len);

	nce->unsaved = true;
	nce->saves++;
	if (r == 0)
		r = nce->host->store_put(nce->link, CREDENTIALS, record, len, on_saved,
					 (void *)nce->saves);
	explicit_bzero(record, sizeof(record));
	nce->saving = r == 0;
	if (r < 0) {
		nce->host->log(nce->link, SKYBUS_LOG_WARNING,
			       "the key from 1NCE could not be stored: a restart would ask for "
			       "another one");
		open_with_credentials(nce);
	}
}

/* A key that was stored before psk_encoding was written may not be what that says. */
static bool is_usable(const struct nce *nce, const struct nce_credentials *credentials)
{
	uint8_t bytes[NCE_KEY_MAX / 2];
	uint32_t len;
	bool is_hex = nce_unhex(credentials->key, credentials->key_len, bytes, &len) == 0;

	explicit_bzero(bytes, sizeof(bytes));

	return is_hex || nce_setting_is(nce, "psk_encoding", "raw");
}

static void load(struct nce *nce)
{
	struct nce_credentials credentials;
	uint32_t len = 0;
	const uint8_t *record = nce->host->store_get(nce->link, CREDENTIALS, &len);

	if (record && nce_credentials_unpack(record, len, nce->source, &credentials) == 0 &&
	    is_usable(nce, &credentials))
		keep(nce, &credentials);
	explicit_bzero(&credentials, sizeof(credentials));
}

static void on_key_old(void *state, void *tag)
{
	struct nce *nce = state;

	(void)tag;
	nce->recent = false;
}

/**
 * nce_onboarded() - the cloud has handed out credentials
 * @nce: a link that logs in
 * @credentials: lent
 */
void nce_onboarded(struct nce *nce, const struct nce_credentials *credentials)
{
	const struct nce_credentials *old = &nce->credentials;

	nce->renewed = old->identity[0] != '\0';
	nce->changed = strcmp(old->identity, credentials->identity) != 0 ||
		       old->key_len != credentials->key_len ||
		       memcmp(old->key, credentials->key, old->key_len) != 0;
	keep(nce, credentials);
	nce->recent = nce->host->timer_start(nce->link, KEY_FIXED_MS, on_key_old, NULL) > 0;
	save(nce);
}

/* ---- login ---- */

static bool key_is_doubtful(const struct nce *nce)
{
	return (nce->refused >= REFUSED_MAX || nce->silent >= SILENT_MAX) && !nce->recent;
}

/* An onboarding that fails leaves the old key, which then has as many tries again. */
static void log_in_onboarded(struct nce *nce)
{
	if (nce->credentials.identity[0] == '\0')
		load(nce);
	if (nce->credentials.identity[0] == '\0' || key_is_doubtful(nce)) {
		nce->refused = 0;
		nce->silent = 0;
		nce_onboard(nce);
	} else if (nce->unsaved) {
		save(nce);
	} else {
		open_with_credentials(nce);
	}
}

static void nce_login(void *state)
{
	struct nce *nce = state;
	int32_t r;

	nce->saving = false;
	/* Of an interface that is not there, the session that cannot be opened says more. */
	r = nce_listen(nce);
	if (r < 0 && r != -ENODEV)
		return;
	if (nce_setting_is(nce, "security", "plain"))
		open_plain(nce);
	else if (nce_setting_is(nce, "onboarding", "manual"))
		open_with_psk(nce);
	else
		log_in_onboarded(nce);
}

static const char *nce_device(void *state)
{
	const struct nce *nce = state;

	return nce->device;
}

/* ---- coming and going ---- */

static void describe(struct nce *nce)
{
	const char *identity = nce->host->setting_text(nce->link, "identity");

	if (identity)
		(void)snprintf(nce->device, sizeof(nce->device), "%s", identity);
	if (nce_setting_is(nce, "onboarding", "https"))
		(void)snprintf(nce->source, sizeof(nce->source), "%s",
			       nce->host->setting_text(nce->link, "onboarding_url"));
	else
		(void)snprintf(nce->source, sizeof(nce->source), "coap://%s:%lld",
			       nce->host->setting_text(nce->link, "host"),
			       (long long)nce->host->setting_integer(nce->link, "bootstrap_port"));
}

static void nce_detach(void *state)
{
	explicit_bzero(state, sizeof(struct nce));
	free(state);
}

static int32_t nce_attach(const struct skybus_host *host, struct skybus_link *link,
			  void **ret_state, struct skybus_verdict *why)
{
	struct nce *nce = calloc(1, sizeof(*nce));
	int32_t r;

	if (!nce)
		return -ENOMEM;
	nce->host = host;
	nce->link = link;
	r = nce_settings_check(nce, why);
	if (r < 0) {
		nce_detach(nce);
		return r;
	}
	describe(nce);
	*ret_state = nce;

	return 0;
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = sizeof(skybus_plugin_v1),
	.n_settings = NCE_SETTINGS_LEN,
	.name = "1nce",
	.version = "1.0",
	.summary =
		"1NCE OS over CoAP, plain or with DTLS, with onboarding and calls from the cloud",
	.settings = nce_settings,
	.attach = nce_attach,
	.detach = nce_detach,
	.login = nce_login,
	.encode = nce_encode,
	.decide = nce_decide,
	.accept = nce_accept,
	.keepalive = nce_keepalive,
	.serve = nce_serve,
	.answer = nce_answer,
	.device = nce_device,
};
