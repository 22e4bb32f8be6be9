/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of the plugin 1nce, and which of them contradict each other.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plugins/1nce/1nce.h"

/* What 1NCE waits for an answer at least; beyond it nobody hears it. */
#define DOWNLINK_TIMEOUT_MAX_S 60

const struct skybus_setting nce_settings[NCE_SETTINGS_LEN] = {
	{ .key = "host",
	  .kind = SKYBUS_HOST,
	  .fallback = "coap.os.1nce.com",
	  .help = "name or address of the 1NCE CoAP server" },
	{ .key = "port",
	  .kind = SKYBUS_PORT,
	  .help = "its UDP port; unless set 5684 with security: dtls, and 5683 with plain; what "
		  "onboarding: coap says about the server goes before it" },
	{ .key = "security",
	  .kind = SKYBUS_CHOICE,
	  .fallback = "dtls",
	  .choices = "dtls|plain",
	  .help = "whether messages are encrypted on their way to 1NCE" },
	/* As 1NCE's own document has it; and it alone does not send the key in the clear. */
	{ .key = "onboarding",
	  .kind = SKYBUS_CHOICE,
	  .fallback = "https",
	  .choices = "https|coap|manual",
	  .help = "where identity and key come from: from 1NCE over HTTPS, from 1NCE over plain "
		  "CoAP inside the SIM's network, or from identity and psk" },
	{ .key = "onboarding_url",
	  .kind = SKYBUS_TEXT,
	  .fallback = "https://device.connectivity-suite.cloud/device-api/onboarding/coap",
	  .min = 9,
	  .max = NCE_SOURCE_MAX,
	  .help = "whom onboarding: https asks" },
	{ .key = "onboarding_format",
	  .kind = SKYBUS_CHOICE,
	  .fallback = "json",
	  .choices = "json|csv",
	  .help = "what onboarding: https asks for; csv is shorter" },
	{ .key = "onboarding_ca",
	  .kind = SKYBUS_FILE,
	  .min = 1,
	  .max = 65536,
	  .help = "a PEM file: roots that are trusted instead of the system's, for a server of "
		  "one's own" },
	{ .key = "range_bytes",
	  .kind = SKYBUS_SIZE,
	  .min = 16,
	  .max = NCE_BODY_MAX,
	  .help = "fetch the key in pieces of so many bytes, for small links; at once unless set" },
	{ .key = "bootstrap_port",
	  .kind = SKYBUS_PORT,
	  .fallback = "5683",
	  .help = "the UDP port of host that onboarding: coap asks" },
	{ .key = "identity",
	  .kind = SKYBUS_TEXT,
	  .min = 1,
	  .max = NCE_IDENTITY_MAX,
	  .help = "with onboarding: manual, the ICCID of the SIM" },
	{ .key = "psk",
	  .kind = SKYBUS_SECRET,
	  .min = 1,
	  .max = NCE_KEY_MAX,
	  .help = "with onboarding: manual, the pre-shared key, from the 1NCE portal" },
	{ .key = "psk_encoding",
	  .kind = SKYBUS_CHOICE,
	  .fallback = "raw",
	  .choices = "raw|hex",
	  .help = "whether the key is meant as it stands, or as the bytes that its hex digits "
		  "stand for" },
	{ .key = "max_payload",
	  .kind = SKYBUS_SIZE,
	  .fallback = "1024",
	  .min = 1,
	  .max = 65536,
	  .help = "the largest payload of a message; 1NCE documents 1 KB" },
	{ .key = "keepalive",
	  .kind = SKYBUS_DURATION,
	  .min = 10,
	  .max = 86400,
	  .help = "send something after so much silence, for routers that forget; never unless "
		  "set" },
	{ .key = "downlink_port",
	  .kind = SKYBUS_PORT,
	  .help = "the UDP port at which requests of the 1NCE Device Controller are taken; none "
		  "are unless set" },
	/* Whoever may send there commands the box, so it is never everybody by default. */
	{ .key = "downlink_from",
	  .kind = SKYBUS_NETWORKS,
	  .help = "the networks from which they are taken; needed with downlink_port" },
	{ .key = "downlink_timeout",
	  .kind = SKYBUS_DURATION,
	  .fallback = "45s",
	  .min = 1,
	  .max = DOWNLINK_TIMEOUT_MAX_S,
	  .help = "how long an app may take to answer one; 1NCE itself waits about a minute" },
};

/**
 * nce_setting_is() - what was chosen
 * @nce: the link
 * @key: of a choice with a default
 * @value: one of the choices
 *
 * Return: whether it is that.
 */
bool nce_setting_is(const struct nce *nce, const char *key, const char *value)
{
	return strcmp(nce->host->setting_text(nce->link, key), value) == 0;
}

/* Settings that mean something only with a certain choice. */
static const struct {
	const char *key;
	const char *choice;
	const char *value;
} conditions[] = {
	{ "identity", "security", "dtls" },	    { "psk", "security", "dtls" },
	{ "onboarding_ca", "security", "dtls" },    { "range_bytes", "security", "dtls" },
	{ "identity", "onboarding", "manual" },	    { "psk", "onboarding", "manual" },
	{ "onboarding_ca", "onboarding", "https" }, { "range_bytes", "onboarding", "https" },
};

static bool is_set(const struct nce *nce, const char *key)
{
	uint32_t len;

	for (size_t i = 0; i < NCE_SETTINGS_LEN; i++) {
		if (strcmp(nce_settings[i].key, key) != 0)
			continue;
		if (nce_settings[i].kind == SKYBUS_SECRET || nce_settings[i].kind == SKYBUS_FILE)
			return nce->host->setting_secret(nce->link, key, &len);
		if (nce_settings[i].kind == SKYBUS_TEXT || nce_settings[i].kind == SKYBUS_NETWORKS)
			return nce->host->setting_text(nce->link, key);
		return nce->host->setting_integer(nce->link, key) > 0;
	}

	return false;
}

static int32_t refuse(struct skybus_verdict *why, const char *sentence)
{
	(void)snprintf(why->reason, sizeof(why->reason), "%s", sentence);

	return -EINVAL;
}

static int32_t check_conditions(const struct nce *nce, struct skybus_verdict *why)
{
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		if (!is_set(nce, conditions[i].key) ||
		    nce_setting_is(nce, conditions[i].choice, conditions[i].value))
			continue;
		(void)snprintf(why->reason, sizeof(why->reason),
			       "%s counts only with %s: %s: write that, or leave %s out",
			       conditions[i].key, conditions[i].choice, conditions[i].value,
			       conditions[i].key);
		return -EINVAL;
	}

	return 0;
}

static int32_t check_psk(const struct nce *nce, struct skybus_verdict *why)
{
	uint8_t bytes[NCE_KEY_MAX / 2];
	uint32_t len = 0;
	const uint8_t *psk = nce->host->setting_secret(nce->link, "psk", &len);
	int r = 0;

	if (!psk || !is_set(nce, "identity"))
		return refuse(why, "onboarding: manual needs identity and psk: write both");
	if (nce_setting_is(nce, "psk_encoding", "hex"))
		r = nce_unhex(psk, len, bytes, &len);
	explicit_bzero(bytes, sizeof(bytes));
	if (r < 0)
		return refuse(why,
			      "psk is not hex: write pairs of hex digits, or psk_encoding: raw");

	return 0;
}

/**
 * nce_settings_check() - say what the table cannot
 * @nce: with host and link
 * @why: what to write instead
 *
 * Return: 0, or -EINVAL.
 */
int32_t nce_settings_check(const struct nce *nce, struct skybus_verdict *why)
{
	bool dtls = nce_setting_is(nce, "security", "dtls");
	int32_t r = check_conditions(nce, why);

	if (r == 0 && dtls && nce_setting_is(nce, "onboarding", "manual"))
		r = check_psk(nce, why);
	if (r < 0)
		return r;
	if (strncmp(nce->host->setting_text(nce->link, "onboarding_url"), "https://", 8) != 0)
		return refuse(why,
			      "onboarding_url does not begin with https://: write one that does");
	if (is_set(nce, "downlink_port") && !is_set(nce, "downlink_from"))
		return refuse(why,
			      "downlink_port needs downlink_from, the networks that 1NCE calls "
			      "from, for example 10.0.0.0/8; 0.0.0.0/0 ::/0 lets everybody "
			      "command this box");
	if (is_set(nce, "downlink_from") && !is_set(nce, "downlink_port"))
		return refuse(why, "downlink_from counts only with downlink_port: write that, or "
				   "leave downlink_from out");

	return 0;
}
