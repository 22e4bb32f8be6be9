/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What Aliyun does with a device's secret: signs, the key of a symmetric session, that of a PSK session,
 * and AES in the payload. Sources: Aliyun, "Establish connections over CoAP", and what the vendor's own
 * clients send.
 */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stddef.h>
#include <stdint.h>

#define ALIYUN_KEY_LEN 16
#define ALIYUN_BLOCK_LEN 16

/* Of the texts, with the terminating zero. */
#define ALIYUN_SIGN_SIZE (2 * 32 + 1)
#define ALIYUN_PSK_IDENTITY_SIZE 128

/** struct aliyun_secret - a secret that is lent */
struct aliyun_secret {
	const uint8_t *data;
	uint32_t len; /* bytes */
};

/** struct aliyun_psk - identity and key of a PSK session, both texts */
struct aliyun_psk {
	char identity[ALIYUN_PSK_IDENTITY_SIZE];
	char key[ALIYUN_SIGN_SIZE];
};

int aliyun_sign(const char *method, const struct aliyun_secret *secret, const char *content,
		char ret_sign[ALIYUN_SIGN_SIZE]);
void aliyun_hash_end(gnutls_hash_hd_t hash, uint8_t *ret_digest);
int aliyun_session_key(const struct aliyun_secret *secret, const char *random,
		       uint8_t ret_key[ALIYUN_KEY_LEN]);
int aliyun_psk(const struct aliyun_secret *secret, const char *product_key, const char *device_name,
	       struct aliyun_psk *ret);

size_t aliyun_encrypted_len(size_t len);
int aliyun_encrypt(const uint8_t key[ALIYUN_KEY_LEN], const void *clear, size_t len,
		   uint8_t *ret_cipher);
int aliyun_decrypt(const uint8_t key[ALIYUN_KEY_LEN], const uint8_t *cipher, size_t len,
		   uint8_t *ret_clear, size_t *ret_len);
