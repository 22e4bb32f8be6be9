/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cleanup.h"
#include "sim/enos-sign.h"

#define SHA256_LEN 32

/** The longest signature of a request, in bytes: more than any token and number need. */
#define SIGNATURE_MAX 128

/**
 * sim_enos_sign() - what a device must log in with
 * @device: its keys
 * @secret: which it has now
 * @lifetime: as the device gives it, in seconds
 * @ret_sign: uppercase hex
 *
 * Return: 0; -ENOMEM; -EIO when the library fails.
 */
int sim_enos_sign(const struct sim_device *device, const char *secret, uint32_t lifetime,
		  char ret_sign[SIM_ENOS_SIGN_SIZE])
{
	SIM_CLEANUP(free) char *text = NULL;
	uint8_t digest[SHA256_LEN];
	int len;

	len = asprintf(&text, "deviceKey%slifetime%" PRIu32 "productKey%ssecureMode%d%s",
		       device->device_key, lifetime, device->product_key, SIM_ENOS_BY_DEVICE,
		       secret);
	if (len < 0) {
		text = NULL;
		return -ENOMEM;
	}
	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, (size_t)len, digest) < 0)
		return -EIO;

	for (size_t i = 0; i < sizeof(digest); i++)
		(void)sprintf(ret_sign + 2 * i, "%02X", digest[i]);

	return 0;
}

static int nibble(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';

	return isxdigit(digit) ? tolower(digit) - 'a' + 10 : -1;
}

static bool unhex(const uint8_t *hex, size_t len, uint8_t *ret_bytes)
{
	for (size_t i = 0; i < len; i++) {
		int high = nibble(hex[2 * i]), low = nibble(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_bytes[i] = (uint8_t)(high << 4 | low);
	}

	return true;
}

/*
 * Reads "token{token}sequence{n}". Writing the text again from what was read lets exactly one way
 * to write a number pass: no sign, no leading zero, nothing behind it.
 */
static int parse(const char *text, const char *token, uint64_t *ret_sequence)
{
	SIM_CLEANUP(free) char *expected = NULL;
	size_t fixed = strlen("token") + strlen(token) + strlen("sequence");
	uint64_t sequence;

	if (strlen(text) <= fixed)
		return -EBADMSG;

	sequence = strtoull(text + fixed, NULL, 10);
	if (asprintf(&expected, "token%ssequence%" PRIu64, token, sequence) < 0) {
		expected = NULL;
		return -ENOMEM;
	}
	if (strcmp(text, expected) != 0)
		return -EBADMSG;
	*ret_sequence = sequence;

	return 0;
}

/**
 * sim_enos_sequence() - the number that a request was signed with
 * @key: from sim_cipher_key()
 * @token: of the session
 * @signature: hex in either case, as option 2101 brought it
 * @len: its length
 * @ret_sequence: the number
 *
 * Return: 0; -EBADMSG when the signature is not one by this key for this token; -ENOMEM.
 */
int sim_enos_sequence(const uint8_t key[SIM_CIPHER_KEY_LEN], const char *token,
		      const uint8_t *signature, size_t len, uint64_t *ret_sequence)
{
	uint8_t bytes[SIGNATURE_MAX], text[SIGNATURE_MAX + 1];
	size_t text_len;

	if (len % 2 != 0 || len / 2 > SIGNATURE_MAX || !unhex(signature, len / 2, bytes) ||
	    sim_cipher_decrypt(key, bytes, len / 2, text, &text_len) < 0 ||
	    memchr(text, '\0', text_len))
		return -EBADMSG;
	text[text_len] = '\0';

	return parse((const char *)text, token, ret_sequence);
}
