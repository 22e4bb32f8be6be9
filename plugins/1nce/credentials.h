/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who a SIM is to 1NCE: the identity and the key that onboarding hands out, as text on the way
 * here, and as bytes in the link's memory. Nothing in here talks to the daemon.
 */
#include <stddef.h>
#include <stdint.h>

#define NCE_IDENTITY_MAX 64
#define NCE_KEY_MAX 256 /* as handed out; in hex, two for a byte */
#define NCE_ENDPOINT_MAX 255
#define NCE_SOURCE_MAX 512
#define NCE_RECORD_MAX \
	(NCE_SOURCE_MAX + 1 + NCE_IDENTITY_MAX + 1 + NCE_ENDPOINT_MAX + 1 + NCE_KEY_MAX)

#define NCE_PORT_PLAIN 5683
#define NCE_PORT_DTLS 5684

/**
 * struct nce_credentials - what onboarding hands out; to be wiped
 * @identity: the SIM's ICCID; "" for no credentials at all
 * @endpoint: "coaps://host:port", where the key is good; "" when that was not said
 * @key_len: bytes
 * @key: as handed out, not yet decoded
 */
struct nce_credentials {
	char identity[NCE_IDENTITY_MAX + 1];
	char endpoint[NCE_ENDPOINT_MAX + 1];
	uint32_t key_len;
	uint8_t key[NCE_KEY_MAX];
};

int nce_credentials_from_json(const char *text, size_t len, struct nce_credentials *ret);
int nce_credentials_from_csv(const char *text, size_t len, struct nce_credentials *ret);

int nce_credentials_pack(const struct nce_credentials *credentials, const char *source,
			 uint8_t ret_record[NCE_RECORD_MAX], uint32_t *ret_len);
int nce_credentials_unpack(const uint8_t *record, uint32_t len, const char *source,
			   struct nce_credentials *ret);

int nce_endpoint_parse(const char *endpoint, char ret_host[NCE_ENDPOINT_MAX + 1],
		       uint32_t *ret_port);
int nce_unhex(const uint8_t *text, uint32_t len, uint8_t ret[NCE_KEY_MAX / 2], uint32_t *ret_len);
