/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The two signs of EnOS over plain CoAP: of a login, and in version 1 of each request after it. Sources:
 * EnOS, "CoAP-based Connection and Communication (Non-DTLS)", and the vendor's pages on CoAP downlink.
 */
#include <stdint.h>

#include "plugins/enos-common/enos.h"

#define ENOS_TOKEN_MAX 256
#define ENOS_IV_LEN 16

/* Of the texts, with the terminating zero. */
#define ENOS_LOGIN_SIGN_SIZE (2 * 32 + 1)
#define ENOS_REQUEST_SIGN_SIZE (2 * (ENOS_TOKEN_MAX + 64) + 1)

/** struct enos_login - what a login's sign is made of; everything is lent */
struct enos_login {
	const char *product_key;
	const char *device_key;
	int64_t lifetime; /* seconds */
	const uint8_t *secret;
	uint32_t secret_len; /* bytes */
};

int enos_sign_login(const struct enos_login *login, char ret_sign[ENOS_LOGIN_SIGN_SIZE]);
int enos_sign_request(const uint8_t key[ENOS_KEY_LEN], const char *iv, const char *token,
		      uint64_t sequence, char ret_sign[ENOS_REQUEST_SIGN_SIZE]);
