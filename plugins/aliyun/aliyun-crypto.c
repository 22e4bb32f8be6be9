/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "plugins/aliyun/aliyun-crypto.h"

/* The same for every device; the random in the key makes up for it. */
static const char vector[] = "543yhjy97ae7fyfg";

/* What the vendor's clients sign instead of the present time: a day in the year 2050. */
#define PSK_TIMESTAMP "2524608000000"

static const struct {
	const char *name;
	gnutls_mac_algorithm_t algorithm;
} methods[] = {
	{ "hmacmd5", GNUTLS_MAC_MD5 },
	{ "hmacsha1", GNUTLS_MAC_SHA1 },
	{ "hmacsha256", GNUTLS_MAC_SHA256 },
};

static gnutls_mac_algorithm_t find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].name, name) == 0)
			return methods[i].algorithm;
	}

	return GNUTLS_MAC_UNKNOWN;
}

static void to_hex(const uint8_t *data, size_t len, const char digits[17], char *ret_text)
{
	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = digits[data[i] >> 4];
		ret_text[2 * i + 1] = digits[data[i] & 15];
	}
	ret_text[2 * len] = '\0';
}

static int sign(gnutls_mac_algorithm_t algorithm, const struct aliyun_secret *secret,
		const char *content, const char digits[17], char ret_sign[ALIYUN_SIGN_SIZE])
{
	uint8_t digest[32];

	if (algorithm == GNUTLS_MAC_UNKNOWN)
		return -EINVAL;
	if (gnutls_hmac_fast(algorithm, secret->data, secret->len, content, strlen(content),
			     digest) < 0)
		return -EIO;
	to_hex(digest, gnutls_hmac_get_len(algorithm), digits, ret_sign);
	gnutls_memset(digest, 0, sizeof(digest));

	return 0;
}

/**
 * aliyun_sign() - the sign of a login or a registration
 * @method: "hmacmd5", "hmacsha1" or "hmacsha256"
 * @secret: the device's, or the product's
 * @content: what is signed
 * @ret_sign: lowercase hex
 *
 * Return: 0; -EINVAL for another method, -EIO.
 */
int aliyun_sign(const char *method, const struct aliyun_secret *secret, const char *content,
		char ret_sign[ALIYUN_SIGN_SIZE])
{
	return sign(find_method(method), secret, content, "0123456789abcdef", ret_sign);
}

/**
 * aliyun_hash_end() - what a SHA-256 comes to
 * @hash: deinitialised
 * @ret_digest: 32 bytes
 *
 * A context keeps what was left for the next block, the end of a secret, and GnuTLS frees it as it is. So a block
 * of something else goes over it, in two pieces: whole ones are not copied.
 */
void aliyun_hash_end(gnutls_hash_hd_t hash, uint8_t *ret_digest)
{
	static const uint8_t nothing[64];

	gnutls_hash_output(hash, ret_digest);
	(void)gnutls_hash(hash, nothing, 1);
	(void)gnutls_hash(hash, nothing, sizeof(nothing) - 1);
	gnutls_hash_deinit(hash, NULL);
}

/**
 * aliyun_session_key() - the key of a symmetric session
 * @secret: the device's
 * @random: out of the reply to /auth
 * @ret_key: bytes 8 to 23 of the SHA-256 of "{secret},{random}"
 *
 * Return: 0, or -EIO.
 */
int aliyun_session_key(const struct aliyun_secret *secret, const char *random,
		       uint8_t ret_key[ALIYUN_KEY_LEN])
{
	gnutls_hash_hd_t hash;
	uint8_t digest[32];
	int r;

	/* In pieces, so that there is no copy of the secret to wipe. */
	if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) < 0)
		return -EIO;
	r = gnutls_hash(hash, secret->data, secret->len);
	if (r >= 0)
		r = gnutls_hash(hash, ",", 1);
	if (r >= 0)
		r = gnutls_hash(hash, random, strlen(random));
	aliyun_hash_end(hash, digest);
	if (r >= 0)
		memcpy(ret_key, digest + 8, ALIYUN_KEY_LEN);
	gnutls_memset(digest, 0, sizeof(digest));

	return r < 0 ? -EIO : 0;
}

/**
 * aliyun_psk() - identity and key of a PSK session
 * @secret: the device's
 * @product_key: of the device
 * @device_name: of the device
 * @ret: the key is the caller's to wipe
 *
 * Return: 0; -EMSGSIZE for names that are too long, -EIO.
 */
int aliyun_psk(const struct aliyun_secret *secret, const char *product_key, const char *device_name,
	       struct aliyun_psk *ret)
{
	char content[ALIYUN_PSK_IDENTITY_SIZE];
	int len;

	len = snprintf(content, sizeof(content), "id%s&%stimestamp" PSK_TIMESTAMP, product_key,
		       device_name);
	if (len < 0 || (size_t)len >= sizeof(content))
		return -EMSGSIZE;
	len = snprintf(ret->identity, sizeof(ret->identity),
		       "devicename|hmacsha256|%s&%s|" PSK_TIMESTAMP, product_key, device_name);
	if (len < 0 || (size_t)len >= sizeof(ret->identity))
		return -EMSGSIZE;

	return sign(GNUTLS_MAC_SHA256, secret, content, "0123456789ABCDEF", ret->key);
}

static int open_cipher(const uint8_t key[ALIYUN_KEY_LEN], gnutls_cipher_hd_t *ret)
{
	gnutls_datum_t key_datum = { .data = (unsigned char *)(uintptr_t)key,
				     .size = ALIYUN_KEY_LEN };
	gnutls_datum_t vector_datum = { .data = (unsigned char *)(uintptr_t)vector,
					.size = ALIYUN_BLOCK_LEN };

	return gnutls_cipher_init(ret, GNUTLS_CIPHER_AES_128_CBC, &key_datum, &vector_datum) < 0
		       ? -EIO
		       : 0;
}

/**
 * aliyun_encrypted_len() - how long a text gets
 * @len: bytes in the clear
 *
 * Return: bytes: there is always padding.
 */
size_t aliyun_encrypted_len(size_t len)
{
	return (len / ALIYUN_BLOCK_LEN + 1) * ALIYUN_BLOCK_LEN;
}

/**
 * aliyun_encrypt() - AES-128-CBC with the padding of RFC 5652 section 6.3
 * @key: of aliyun_session_key()
 * @clear: @len bytes; may be NULL when there are none
 * @len: bytes
 * @ret_cipher: aliyun_encrypted_len(@len) bytes; may be garbage on failure
 *
 * Return: 0, or -EIO.
 */
int aliyun_encrypt(const uint8_t key[ALIYUN_KEY_LEN], const void *clear, size_t len,
		   uint8_t *ret_cipher)
{
	size_t padded = aliyun_encrypted_len(len);
	gnutls_cipher_hd_t cipher;
	int r;

	if (len > 0)
		memcpy(ret_cipher, clear, len);
	memset(ret_cipher + len, (int)(padded - len), padded - len);
	r = open_cipher(key, &cipher);
	if (r < 0)
		return r;
	r = gnutls_cipher_encrypt(cipher, ret_cipher, padded);
	gnutls_cipher_deinit(cipher);

	return r < 0 ? -EIO : 0;
}

static int padding_of(const uint8_t *clear, size_t len)
{
	uint8_t padding = clear[len - 1];

	if (padding < 1 || padding > ALIYUN_BLOCK_LEN)
		return -EBADMSG;
	for (size_t i = len - padding; i < len; i++) {
		if (clear[i] != padding)
			return -EBADMSG;
	}

	return padding;
}

/**
 * aliyun_decrypt() - the reverse of aliyun_encrypt()
 * @key: of aliyun_session_key()
 * @cipher: @len bytes
 * @len: bytes
 * @ret_clear: @len bytes; may be garbage on failure
 * @ret_len: bytes without padding
 *
 * Return: 0; -EBADMSG for what cannot be a ciphertext of this key, -EIO.
 */
int aliyun_decrypt(const uint8_t key[ALIYUN_KEY_LEN], const uint8_t *cipher, size_t len,
		   uint8_t *ret_clear, size_t *ret_len)
{
	gnutls_cipher_hd_t handle;
	int r;

	if (len == 0 || len % ALIYUN_BLOCK_LEN != 0)
		return -EBADMSG;
	r = open_cipher(key, &handle);
	if (r < 0)
		return r;
	memcpy(ret_clear, cipher, len);
	r = gnutls_cipher_decrypt(handle, ret_clear, len);
	gnutls_cipher_deinit(handle);
	if (r < 0)
		return -EIO;
	r = padding_of(ret_clear, len);
	if (r < 0)
		return r;
	*ret_len = len - (size_t)r;

	return 0;
}
