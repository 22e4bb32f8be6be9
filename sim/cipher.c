/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "sim/cipher.h"

#define BLOCK 16
#define SHA256_LEN 32

/** "Byte 9 to byte 24" of the digest. */
#define KEY_OFFSET 8

/* Aliyun's. EnOS publishes none; its scheme is so like this one that it gets the same. */
static const uint8_t cipher_iv[BLOCK] = "543yhjy97ae7fyfg";

/**
 * sim_cipher_key() - the key that a text makes
 * @text: with a secret in it
 * @ret_key: SHA-256 of it, bytes 8 to 23
 *
 * Return: 0; -EIO when the library fails.
 */
int sim_cipher_key(const char *text, uint8_t ret_key[SIM_CIPHER_KEY_LEN])
{
	uint8_t digest[SHA256_LEN];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), digest) < 0)
		return -EIO;

	memcpy(ret_key, digest + KEY_OFFSET, SIM_CIPHER_KEY_LEN);

	return 0;
}

static int open_cipher(const uint8_t key[SIM_CIPHER_KEY_LEN], gnutls_cipher_hd_t *ret)
{
	const gnutls_datum_t secret = { (unsigned char *)(uintptr_t)key, SIM_CIPHER_KEY_LEN };
	const gnutls_datum_t iv = { (unsigned char *)(uintptr_t)cipher_iv, sizeof(cipher_iv) };

	return gnutls_cipher_init(ret, GNUTLS_CIPHER_AES_128_CBC, &secret, &iv) < 0 ? -EIO : 0;
}

/**
 * sim_cipher_encrypt() - encrypt bytes
 * @key: from sim_cipher_key()
 * @bytes: may be NULL when there are none
 * @len: how many
 * @ret_encrypted: SIM_CIPHER_LEN(len) bytes
 *
 * Return: 0; -EIO when the library fails.
 */
int sim_cipher_encrypt(const uint8_t key[SIM_CIPHER_KEY_LEN], const uint8_t *bytes, size_t len,
		       uint8_t *ret_encrypted)
{
	size_t size = SIM_CIPHER_LEN(len);
	gnutls_cipher_hd_t cipher;
	int result;

	if (open_cipher(key, &cipher) < 0)
		return -EIO;

	if (len > 0)
		memcpy(ret_encrypted, bytes, len);
	memset(ret_encrypted + len, (int)(size - len), size - len);
	result = gnutls_cipher_encrypt(cipher, ret_encrypted, size);
	gnutls_cipher_deinit(cipher);

	return result < 0 ? -EIO : 0;
}

/* The padding of PKCS#7 (RFC 5652 section 6.3); 0 when it is not sound. */
static size_t padding(const uint8_t *bytes, size_t len)
{
	size_t pad = bytes[len - 1];

	if (pad > BLOCK)
		return 0;

	for (size_t i = len - pad; i < len; i++)
		if (bytes[i] != pad)
			return 0;

	return pad;
}

/**
 * sim_cipher_decrypt() - decrypt what a device sent
 * @key: from sim_cipher_key()
 * @encrypted: as it came
 * @len: its length
 * @ret_bytes: room for @len bytes; its content is of no use after a failure
 * @ret_len: how many of them there are
 *
 * Return: 0; -EBADMSG when it was not encrypted with this key; -EIO when the library fails.
 */
int sim_cipher_decrypt(const uint8_t key[SIM_CIPHER_KEY_LEN], const uint8_t *encrypted, size_t len,
		       uint8_t *ret_bytes, size_t *ret_len)
{
	gnutls_cipher_hd_t cipher;
	size_t pad;
	int result;

	if (len == 0 || len % BLOCK != 0)
		return -EBADMSG;
	if (open_cipher(key, &cipher) < 0)
		return -EIO;

	result = gnutls_cipher_decrypt2(cipher, encrypted, len, ret_bytes, len);
	gnutls_cipher_deinit(cipher);
	if (result < 0)
		return -EIO;

	pad = padding(ret_bytes, len);
	if (pad == 0)
		return -EBADMSG;
	*ret_len = len - pad;

	return 0;
}
