/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "plugins/aliyun/aliyun-crypto.h"
#include "tests/fuzz/plugin.h"

#define SECRET "mRPVdzSMu2nVBxzK77ERPIMxSYIv0123"

/* What a login of the corpus is answered with, so that there is a key to seal with. */
#define RANDOM "ad2b3a5eb51d64f7"

#define DEVICE                                                        \
	{ .key = "product_key", .value = "a1NUjcVkHZS" },             \
	{                                                             \
		.key = "device_name", .value = "ff1a11e7c08d4b3db2b1" \
	}

static const struct scripted_setting symmetric[] = {
	{ .key = "mode", .value = "symmetric" },
	DEVICE,
	{ .key = "device_secret", .value = SECRET },
	{ .key = NULL },
};

static const struct scripted_setting pulling[] = {
	{ .key = "mode", .value = "symmetric" },
	{ .key = "pull", .value = "yes" },
	DEVICE,
	{ .key = "device_secret", .value = SECRET },
	{ .key = NULL },
};

static const struct scripted_setting pulling_cbor[] = {
	{ .key = "mode", .value = "symmetric" },     { .key = "pull", .value = "yes" },
	{ .key = "encoding", .value = "cbor" },	     DEVICE,
	{ .key = "device_secret", .value = SECRET }, { .key = NULL },
};

static const struct scripted_setting dtls[] = {
	DEVICE,
	{ .key = "device_secret", .value = SECRET },
	{ .key = NULL },
};

static const struct scripted_setting unknown_secret[] = {
	DEVICE,
	{ .key = "product_secret", .value = "pRoDuCtSeCrEt012" },
	{ .key = NULL },
};

static const struct scripted_setting batches[] = {
	{ .key = "envelope", .value = "property" },
	{ .key = "batch", .value = "20" },
	DEVICE,
	{ .key = "device_secret", .value = SECRET },
	{ .key = NULL },
};

static const struct scripted_setting *const settings[] = {
	symmetric, pulling, pulling_cbor, dtls, unknown_secret, batches, NULL,
};

static const char *const topics[] = {
	"/a1NUjcVkHZS/ff1a11e7c08d4b3db2b1/user/update",
	"/sys/a1NUjcVkHZS/ff1a11e7c08d4b3db2b1/thing/event/property/post",
	NULL,
};

static const char *const paths[] = { NULL };

/* The token, the sequence and the message's id. */
static const uint32_t options[] = { 2088, 2089, 2090, 0 };

static size_t seal(const uint8_t *clear, size_t len, uint8_t *ret)
{
	const struct aliyun_secret secret = { (const uint8_t *)SECRET, strlen(SECRET) };
	uint8_t key[ALIYUN_KEY_LEN];

	fuzz_require(aliyun_session_key(&secret, RANDOM, key) == 0 &&
			     aliyun_encrypt(key, clear, len, ret) == 0,
		     "there is nothing to seal with");

	return aliyun_encrypted_len(len);
}

const struct fuzz_plugin fuzz_plugin = {
	.settings = settings,
	.topics = topics,
	.paths = paths,
	.options = options,
	.seal = seal,
};
