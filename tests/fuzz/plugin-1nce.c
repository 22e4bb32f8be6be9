/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/plugin.h"

static const struct scripted_setting https[] = { { .key = NULL } };

static const struct scripted_setting https_csv[] = {
	{ .key = "onboarding_format", .value = "csv" },
	{ .key = NULL },
};

static const struct scripted_setting coap[] = {
	{ .key = "onboarding", .value = "coap" },
	{ .key = NULL },
};

static const struct scripted_setting plain[] = {
	{ .key = "security", .value = "plain" },
	{ .key = "downlink_port", .value = "5683" },
	{ .key = "downlink_from", .value = "10.64.0.0/10" },
	{ .key = "keepalive", .value = "5m" },
	{ .key = NULL },
};

static const struct scripted_setting *const settings[] = { https, https_csv, coap, plain, NULL };

static const char *const topics[] = { "plant/temperature", NULL };

static const char *const paths[] = { "/valve/open", "/", NULL };

static const uint32_t options[] = { 0 };

const struct fuzz_plugin fuzz_plugin = {
	.settings = settings,
	.topics = topics,
	.paths = paths,
	.options = options,
};
