/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "plugins/enos/enos-sign.h"

/*
 * A context keeps what was left for the next block, the end of a secret, and GnuTLS frees it as it is. So a block
 * of something else goes over it, in two pieces: whole ones are not copied.
 */
static void end_hash(gnutls_hash_hd_t hash, uint8_t ret_digest[32])
{
	static const uint8_t nothing[64];

	gnutls_hash_output(hash, ret_digest);
	(void)gnutls_hash(hash, nothing, 1);
	(void)gnutls_hash(hash, nothing, sizeof(nothing) - 1);
	gnutls_hash_deinit(hash, NULL);
}

/**
 * enos_sign_login() - the sign in the payload of POST /auth
 * @login: what is signed
 * @ret_sign: uppercase hex SHA-256 of the fields in alphabetical order, then the secret
 *
 * Return: 0; -EMSGSIZE for keys that are too long, -EIO.
 */
int enos_sign_login(const struct enos_login *login, char ret_sign[ENOS_LOGIN_SIGN_SIZE])
{
	gnutls_hash_hd_t hash;
	uint8_t digest[32];
	char fields[256];
	int len;
	int r;

	len = snprintf(fields, sizeof(fields),
		       "deviceKey%slifetime%" PRId64 "productKey%ssecureMode%d", login->device_key,
		       login->lifetime, login->product_key, ENOS_BY_DEVICE);
	if (len < 0 || (size_t)len >= sizeof(fields))
		return -EMSGSIZE;
	/* In two pieces, so that there is no copy of the secret to wipe. */
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return -EIO;
	r = gnutls_hash(hash, fields, (size_t)len);
	if (r >= 0)
		r = gnutls_hash(hash, login->secret, login->secret_len);
	end_hash(hash, digest);
	if (r < 0)
		return -EIO;
	enos_hex(digest, sizeof(digest), ret_sign);

	return 0;
}

/**
 * enos_sign_request() - the value of option 2101
 * @key: of enos_key(), from the device's secret
 * @iv: ENOS_IV_LEN characters; EnOS documents none
 * @token: at most ENOS_TOKEN_MAX characters
 * @sequence: one more than that of the request before
 * @ret_sign: uppercase hex of AES-128-CBC over "token{T}sequence{n}" with PKCS#7 padding
 *
 * Return: the length of the text; or -EINVAL, -EIO.
 */
int enos_sign_request(const uint8_t key[ENOS_KEY_LEN], const char *iv, const char *token,
		      uint64_t sequence, char ret_sign[ENOS_REQUEST_SIGN_SIZE])
{
	char clear[ENOS_REQUEST_SIGN_SIZE / 2];
	char iv_bytes[ENOS_IV_LEN];
	uint8_t key_bytes[ENOS_KEY_LEN];
	gnutls_datum_t key_datum = { .data = key_bytes, .size = sizeof(key_bytes) };
	gnutls_datum_t iv_datum = { .data = (unsigned char *)iv_bytes, .size = sizeof(iv_bytes) };
	gnutls_cipher_hd_t cipher;
	size_t padding;
	size_t len;
	int r;

	if (strlen(iv) != ENOS_IV_LEN || strlen(token) > ENOS_TOKEN_MAX)
		return -EINVAL;
	len = (size_t)snprintf(clear, sizeof(clear), "token%ssequence%" PRIu64, token, sequence);
	padding = ENOS_IV_LEN - len % ENOS_IV_LEN;
	memset(clear + len, (int)padding, padding);
	len += padding;

	memcpy(iv_bytes, iv, sizeof(iv_bytes));
	memcpy(key_bytes, key, sizeof(key_bytes));
	r = gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_128_CBC, &key_datum, &iv_datum);
	gnutls_memset(key_bytes, 0, sizeof(key_bytes));
	if (r < 0)
		return -EIO;
	r = gnutls_cipher_encrypt(cipher, clear, len);
	gnutls_cipher_deinit(cipher);
	if (r < 0)
		return -EIO;
	enos_hex((const uint8_t *)clear, len, ret_sign);

	return (int)(2 * len);
}
