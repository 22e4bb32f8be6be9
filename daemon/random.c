/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message takes a few bytes, and to ask GnuTLS or the kernel for so few each time costs several times what
 * they are worth. So they are taken ahead; each byte is given out once, and is not here any more then.
 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdint.h>
#include <string.h>

#include "daemon/random.h"

#define AHEAD 256

static uint8_t ahead[AHEAD];
static size_t left; /* of these, from the beginning */

/**
 * sb_random() - random bytes
 * @ret: filled
 * @len: how many
 *
 * Return: 0, or -EIO.
 */
int sb_random(void *ret, size_t len)
{
	if (len > sizeof(ahead))
		return gnutls_rnd(GNUTLS_RND_NONCE, ret, len) < 0 ? -EIO : 0;
	if (len > left) {
		left = 0;
		if (gnutls_rnd(GNUTLS_RND_NONCE, ahead, sizeof(ahead)) < 0)
			return -EIO;
		left = sizeof(ahead);
	}
	left -= len;
	memcpy(ret, ahead + left, len);
	explicit_bzero(ahead + left, len);

	return 0;
}
