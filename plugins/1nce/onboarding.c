/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Onboarding: 1NCE knows the SIM by the address that it gave it, and hands out identity and key.
 * Two ways lead there, an HTTPS GET and, inside the SIM's network, a GET of /bootstrap over plain
 * CoAP.
 *
 * A call five minutes or more after the one before makes a new key and ends the old one, so nothing
 * in here is ever asked twice without need.
 */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "plugins/1nce/1nce.h"

#define DETAIL_MAX 128

/* ---- what came ---- */

static void take_credentials(struct nce *nce, bool csv, const char *text, size_t len)
{
	struct nce_credentials credentials;
	int r = csv ? nce_credentials_from_csv(text, len, &credentials)
		    : nce_credentials_from_json(text, len, &credentials);

	if (r == 0)
		nce_onboarded(nce, &credentials);
	else if (r == -ENOKEY)
		nce_fail(
			nce, SKYBUS_TRANSIENT,
			"1NCE answered the onboarding with two fields, and it cannot be told which "
			"is the identity: just one must look like an ICCID, 18 to 20 digits that "
			"begin with 89");
	else
		nce_fail(nce, SKYBUS_TRANSIENT,
			 "1NCE answered the onboarding, but not with an identity and a key as %s",
			 csv ? "CSV" : "JSON");
	explicit_bzero(&credentials, sizeof(credentials));
}

/* ---- HTTPS ---- */

static const char *first_text(json_t *error)
{
	const char *key;
	json_t *value;

	if (json_is_string(error))
		return json_string_value(error);
	json_object_foreach(error, key, value) {
		if (json_is_string(value))
			return json_string_value(value);
	}

	return NULL;
}

/* {"statusText": …, "errors": [{…}]}; 1NCE does not document what an error has inside. */
static void explain(const struct skybus_fetched *fetched, char ret_detail[DETAIL_MAX])
{
	json_t *root = json_loadb((const char *)fetched->body, fetched->body_len, 0, NULL);
	const char *status = json_string_value(json_object_get(root, "statusText"));
	const char *error = first_text(json_array_get(json_object_get(root, "errors"), 0));

	(void)snprintf(ret_detail, DETAIL_MAX, "%s%s%s%s", status || error ? ": " : "",
		       status ? status : "", status && error ? ", " : "", error ? error : "");
	for (char *c = ret_detail; *c; c++) {
		if (!isprint((unsigned char)*c))
			*c = '?';
	}
	json_decref(root);
}

/* All of this is mended at 1NCE, with nobody beside the box: so it asks again by itself. */
static void refused(struct nce *nce, const struct skybus_fetched *fetched)
{
	char detail[DETAIL_MAX];

	explain(fetched, detail);
	if (fetched->status == 401)
		nce_fail(nce, SKYBUS_TRANSIENT,
			 "1NCE refused the onboarding (HTTP 401%s): accept its terms in the 1NCE "
			 "portal, and check that the SIM is active and the link goes through it",
			 detail);
	else if (fetched->status >= 500 || fetched->status == 429)
		nce_fail(nce, SKYBUS_TRANSIENT, "1NCE cannot onboard at present (HTTP %u%s)",
			 fetched->status, detail);
	else
		nce_fail(nce, SKYBUS_TRANSIENT,
			 "onboarding_url answers, but not as 1NCE does (HTTP %u%s): check it",
			 fetched->status, detail);
}

static bool is_csv(const struct nce *nce, const char *content_type)
{
	if (strncasecmp(content_type, "text/csv", strlen("text/csv")) == 0)
		return true;
	if (strncasecmp(content_type, "application/json", strlen("application/json")) == 0)
		return false;

	return nce_setting_is(nce, "onboarding_format", "csv");
}

static void fetch_next(struct nce *nce);

static void take_body(struct nce *nce, const struct skybus_fetched *fetched)
{
	int r = nce_body_add(&nce->body, fetched);

	if (r == 0)
		fetch_next(nce);
	else if (r > 0)
		take_credentials(nce, is_csv(nce, fetched->content_type), nce->body.bytes,
				 nce->body.len);
	else if (r == -EMSGSIZE)
		nce_fail(nce, SKYBUS_TRANSIENT,
			 "1NCE answered the onboarding with more than %d bytes: check "
			 "onboarding_url",
			 NCE_BODY_MAX);
	else
		nce_fail(nce, SKYBUS_TRANSIENT,
			 "1NCE answered the onboarding with pieces that do not fit together: leave "
			 "range_bytes out");
	if (r != 0)
		explicit_bzero(&nce->body, sizeof(nce->body));
}

static void on_fetched(void *state, void *tag, const struct skybus_fetched *fetched)
{
	struct nce *nce = state;

	(void)tag;
	if (fetched->status == 200 || fetched->status == 206) {
		take_body(nce, fetched);
		return;
	}
	explicit_bzero(&nce->body, sizeof(nce->body));
	if (fetched->status == 0)
		nce_fail(
			nce, SKYBUS_TRANSIENT,
			"the key could not be fetched: %s (onboarding: coap asks for it in another "
			"way)",
			fetched->reason);
	else
		refused(nce, fetched);
}

static void fetch_next(struct nce *nce)
{
	uint32_t range_bytes = (uint32_t)nce->host->setting_integer(nce->link, "range_bytes");
	bool csv = nce_setting_is(nce, "onboarding_format", "csv");
	struct skybus_fetch fetch = {
		.size = sizeof(fetch),
		.url = nce->host->setting_text(nce->link, "onboarding_url"),
		.accept = csv ? "text/csv" : "application/json",
		.max_len = NCE_BODY_MAX,
	};
	char range[32];
	int32_t r;

	fetch.trust = nce->host->setting_secret(nce->link, "onboarding_ca", &fetch.trust_len);
	if (range_bytes > 0) {
		(void)snprintf(range, sizeof(range), "%u-%u", nce->body.len,
			       nce->body.len + range_bytes - 1);
		fetch.range = range;
	}
	r = nce->host->fetch(nce->link, &fetch, on_fetched, NULL);
	if (r == -EINVAL)
		nce_fail(nce, SKYBUS_CONFIGURATION,
			 "onboarding_url or onboarding_ca is not what it should be: a URL that "
			 "begins with https://, and certificates as PEM");
	else if (r == -ENOTSUP)
		nce_fail(nce, SKYBUS_CONFIGURATION,
			 "this box has no library for HTTPS: install libcurl (libcurl3-gnutls), or "
			 "write onboarding: coap");
	else if (r < 0)
		nce_fail(nce, SKYBUS_TRANSIENT, "the key could not be asked for: %s", strerror(-r));
	if (r < 0)
		explicit_bzero(&nce->body, sizeof(nce->body));
}

/* ---- CoAP ---- */

static void on_bootstrap(void *state, void *tag, const struct skybus_reply *reply)
{
	struct nce *nce = state;
	uint32_t class = SKYBUS_CODE_CLASS(reply->code), detail = reply->code & 31;

	(void)tag;
	if (reply->outcome != SKYBUS_ANSWERED)
		nce->host->failed(nce->link, SKYBUS_TRANSIENT, NULL, 0);
	else if (class == 2)
		take_credentials(nce, true, (const char *)reply->payload, reply->payload_len);
	else if (reply->code == SKYBUS_CODE(4, 1) || reply->code == SKYBUS_CODE(4, 3))
		nce_fail(nce, SKYBUS_TRANSIENT,
			 "1NCE refused the onboarding (%u.%02u): is the SIM active, does the link "
			 "go through it, are the terms accepted in the 1NCE portal?",
			 class, detail);
	else if (class == 5 || reply->code == SKYBUS_CODE(4, 29))
		nce_fail(nce, SKYBUS_TRANSIENT, "1NCE cannot onboard at present (%u.%02u)", class,
			 detail);
	else
		nce_fail(nce, SKYBUS_TRANSIENT,
			 "host and bootstrap_port answer, but not as 1NCE does (%u.%02u): check "
			 "them",
			 class, detail);
}

static void ask_bootstrap(struct nce *nce)
{
	struct skybus_request *request = nce->host->new_request(nce->link);

	if (!request) {
		nce_fail(nce, SKYBUS_TRANSIENT, "no memory left for the onboarding");
		return;
	}
	nce->host->request_method(request, SKYBUS_GET);
	nce->host->request_path(request, "/bootstrap");
	if (nce->host->send_request(request, 0, on_bootstrap, NULL) < 0)
		nce_fail(nce, SKYBUS_TRANSIENT, "the onboarding could not be sent");
}

static void on_bootstrap_open(void *state, void *tag, int32_t outcome, const char *reason)
{
	struct nce *nce = state;

	(void)tag;
	if (outcome < 0)
		nce_fail(nce, SKYBUS_TRANSIENT, "%s", reason);
	else
		ask_bootstrap(nce);
}

static void open_bootstrap(struct nce *nce)
{
	struct skybus_session session = {
		.size = sizeof(session),
		.security = SKYBUS_PLAIN,
		.host = nce->host->setting_text(nce->link, "host"),
		.port = (uint32_t)nce->host->setting_integer(nce->link, "bootstrap_port"),
	};

	if (nce->host->open_session(nce->link, &session, on_bootstrap_open, NULL) < 0)
		nce_fail(nce, SKYBUS_TRANSIENT, "no session could be opened for the onboarding");
}

/**
 * nce_onboard() - ask who we are; ends in nce_onboarded() or in a failed login
 * @nce: a link that logs in, with onboarding: https or coap
 */
void nce_onboard(struct nce *nce)
{
	explicit_bzero(&nce->body, sizeof(nce->body));
	if (nce_setting_is(nce, "onboarding", "coap"))
		open_bootstrap(nce);
	else
		fetch_next(nce);
}
