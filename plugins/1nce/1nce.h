/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of the plugin 1nce: settings.c, 1nce.c (login), onboarding.c (where the key comes
 * from), uplink.c (messages), downlink.c (calls of the cloud).
 */
#include <stdbool.h>
#include <stdint.h>

#include "plugins/1nce/body.h"
#include "plugins/1nce/credentials.h"
#include "skybus/plugin.h"

#define NCE_REASON_MAX 320
#define NCE_SETTINGS_LEN 17

/**
 * struct nce - one link, which is one SIM
 * @source: who hands the credentials out
 * @credentials: as onboarded; unused with a key from the configuration
 * @device: the identity, for people
 * @body: of the onboarding under way
 * @refused: handshakes that were refused since the last that succeeded, or the last onboarding
 * @silent: those without an answer
 * @renewed: an onboarding has replaced or confirmed the key, and no handshake has succeeded since
 * @changed: and it was another key then
 * @recent: the last onboarding is less than five minutes ago
 * @unsaved: the credentials are not on disk
 * @saving: the login waits for that
 * @saves: counts the attempts
 */
struct nce {
	const struct skybus_host *host;
	struct skybus_link *link;
	char source[NCE_SOURCE_MAX + 1];
	struct nce_credentials credentials;
	char device[NCE_IDENTITY_MAX + 1];
	struct nce_body body;
	unsigned int refused;
	unsigned int silent;
	bool renewed;
	bool changed;
	bool recent;
	bool unsaved;
	bool saving;
	uintptr_t saves;
};

/* settings.c */
extern const struct skybus_setting nce_settings[NCE_SETTINGS_LEN];
bool nce_setting_is(const struct nce *nce, const char *key, const char *value);
int32_t nce_settings_check(const struct nce *nce, struct skybus_verdict *why);

/* 1nce.c */
void nce_fail(struct nce *nce, uint32_t kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void nce_onboarded(struct nce *nce, const struct nce_credentials *credentials);

/* onboarding.c */
void nce_onboard(struct nce *nce);

/* uplink.c */
int32_t nce_accept(void *state, const struct skybus_message *message, struct skybus_verdict *why);
int32_t nce_encode(void *state, const struct skybus_message *message,
		   struct skybus_request *request, struct skybus_verdict *verdict);
void nce_decide(void *state, const struct skybus_message *message, const struct skybus_reply *reply,
		struct skybus_verdict *verdict);
int32_t nce_keepalive(void *state, struct skybus_request *request);

/* downlink.c */
int32_t nce_listen(struct nce *nce);
void nce_serve(void *state, const struct skybus_incoming *incoming,
	       struct skybus_response *response);
int32_t nce_answer(void *state, const struct skybus_answer *answer,
		   struct skybus_response *response, struct skybus_verdict *why);
