/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/aliyun-crypto.h"
#include "sim/cleanup.h"

#define DIGEST_MAX 32

static const struct {
	const char *name;
	gnutls_mac_algorithm_t mac;
} methods[] = {
	{ "hmacmd5", GNUTLS_MAC_MD5 },
	{ "hmacsha1", GNUTLS_MAC_SHA1 },
	{ "hmacsha256", GNUTLS_MAC_SHA256 },
};

static int hex_hmac(gnutls_mac_algorithm_t mac, const char *key, const char *text, bool upper,
		    char ret_hex[SIM_ALIYUN_SIGN_SIZE])
{
	uint8_t digest[DIGEST_MAX];

	if (gnutls_hmac_fast(mac, key, strlen(key), text, strlen(text), digest) < 0)
		return -EIO;

	for (size_t i = 0; i < gnutls_hmac_get_len(mac); i++)
		(void)snprintf(ret_hex + 2 * i, 3, upper ? "%02X" : "%02x", digest[i]);

	return 0;
}

/**
 * sim_aliyun_sign() - the signature of a content
 * @method: "hmacmd5", "hmacsha1" or "hmacsha256"
 * @secret: the key, as text
 * @content: what is signed
 * @ret_sign: lowercase hex
 *
 * Return: 0; -EOPNOTSUPP for another method; -EIO when the library fails.
 */
int sim_aliyun_sign(const char *method, const char *secret, const char *content,
		    char ret_sign[SIM_ALIYUN_SIGN_SIZE])
{
	for (size_t i = 0; i < SIM_ELEMENTS(methods); i++)
		if (strcmp(method, methods[i].name) == 0)
			return hex_hmac(methods[i].mac, secret, content, false, ret_sign);

	return -EOPNOTSUPP;
}

/**
 * sim_aliyun_key() - the key of a symmetric session
 * @secret: the device's
 * @random: what the cloud answered the login with
 * @ret_key: that of "{secret},{random}"
 *
 * Return: 0; -ENOMEM; -EIO when the library fails.
 */
int sim_aliyun_key(const char *secret, const char *random, uint8_t ret_key[SIM_CIPHER_KEY_LEN])
{
	SIM_CLEANUP(free) char *text = NULL;

	if (asprintf(&text, "%s,%s", secret, random) < 0) {
		text = NULL;
		return -ENOMEM;
	}

	return sim_cipher_key(text, ret_key);
}

/**
 * sim_aliyun_psk() - the pre-shared key of a device that comes by DTLS without a certificate
 * @secret: the device's
 * @name: "product key&device name"
 * @timestamp: from its identity
 * @ret_key: HMAC-SHA256 as uppercase hex: the digits are the key
 * @ret_len: how many
 *
 * Return: 0; -ENOMEM; -EIO when the library fails.
 */
int sim_aliyun_psk(const char *secret, const char *name, const char *timestamp,
		   uint8_t ret_key[SIM_PSK_MAX], size_t *ret_len)
{
	SIM_CLEANUP(free) char *text = NULL;
	char hex[SIM_ALIYUN_SIGN_SIZE];

	if (asprintf(&text, "id%stimestamp%s", name, timestamp) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	if (hex_hmac(GNUTLS_MAC_SHA256, secret, text, true, hex) < 0)
		return -EIO;

	*ret_len = strlen(hex);
	memcpy(ret_key, hex, *ret_len);

	return 0;
}
