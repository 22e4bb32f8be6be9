/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AES-128-CBC with the padding of PKCS#7 and a constant initialisation vector, and the key for it
 * that a secret makes. Two vendors have the same scheme.
 */
#include <stddef.h>
#include <stdint.h>

#define SIM_CIPHER_KEY_LEN 16

/** How long @len bytes are once they are encrypted: there is always some padding. */
#define SIM_CIPHER_LEN(len) (((len) / 16 + 1) * 16)

int sim_cipher_key(const char *text, uint8_t ret_key[SIM_CIPHER_KEY_LEN]);
int sim_cipher_encrypt(const uint8_t key[SIM_CIPHER_KEY_LEN], const uint8_t *bytes, size_t len,
		       uint8_t *ret_encrypted);
int sim_cipher_decrypt(const uint8_t key[SIM_CIPHER_KEY_LEN], const uint8_t *encrypted, size_t len,
		       uint8_t *ret_bytes, size_t *ret_len);
