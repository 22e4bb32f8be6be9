/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The cryptography of Aliyun over CoAP: the signature of a login, the key of a session of the
 * symmetric way in, and the key of the DTLS one.
 */
#include <stddef.h>
#include <stdint.h>

#include "sim/cipher.h"
#include "sim/cloud.h"

/** A SHA-256 in hex, with its terminating zero: the longest signature. */
#define SIM_ALIYUN_SIGN_SIZE 65

int sim_aliyun_sign(const char *method, const char *secret, const char *content,
		    char ret_sign[SIM_ALIYUN_SIGN_SIZE]);
int sim_aliyun_key(const char *secret, const char *random, uint8_t ret_key[SIM_CIPHER_KEY_LEN]);
int sim_aliyun_psk(const char *secret, const char *name, const char *timestamp,
		   uint8_t ret_key[SIM_PSK_MAX], size_t *ret_len);
