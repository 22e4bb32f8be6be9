/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/plugin.h"

static const struct scripted_setting second_generation[] = {
	{ .key = "host", .value = "coap.example.com" },
	{ .key = "product_key", .value = "pk7TestA" },
	{ .key = "device_key", .value = "dev0000001" },
	{ .key = "device_secret", .value = "AbCdEfGhIjKlMnOpQrSt" },
	{ .key = NULL },
};

static const struct scripted_setting batches[] = {
	{ .key = "envelope", .value = "measurepoint" },
	{ .key = "batch", .value = "20" },
	{ .key = "host", .value = "coap.example.com" },
	{ .key = "product_key", .value = "pk7TestA" },
	{ .key = "device_key", .value = "dev0000001" },
	{ .key = "device_secret", .value = "AbCdEfGhIjKlMnOpQrSt" },
	{ .key = NULL },
};

#ifdef FUZZ_BY_PRODUCT
static const struct scripted_setting by_product[] = {
	{ .key = "host", .value = "coap.example.com" },
	{ .key = "product_key", .value = "pk7TestA" },
	{ .key = "device_key", .value = "dev0000001" },
	{ .key = "product_secret", .value = "pRoDuCtSeCrEt012" },
	{ .key = NULL },
};
#endif

static const struct scripted_setting *const settings[] = {
	second_generation,
	batches,
#ifdef FUZZ_BY_PRODUCT
	by_product,
#endif
	NULL,
};

static const char *const topics[] = {
	"/sys/pk7TestA/dev0000001/thing/measurepoint/post",
	"/ext/session/pk7TestA/dev0000001/thing/event/post",
	NULL,
};

static const char *const paths[] = { NULL };

/* The command's path, the request's sign, the command. */
static const uint32_t options[] = { 2100, 2101, 2102, 0 };

const struct fuzz_plugin fuzz_plugin = {
	.settings = settings,
	.topics = topics,
	.paths = paths,
	.options = options,
};
