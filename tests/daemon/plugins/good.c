/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin with one setting of each kind. */
#include "tests/daemon/plugins/stub.h"

static const struct skybus_setting settings[] = {
	{ .key = "host", .kind = SKYBUS_HOST, .flags = SKYBUS_REQUIRED, .help = "The cloud." },
	{ .key = "port", .kind = SKYBUS_PORT, .fallback = "5683", .help = "Its port." },
	{ .key = "product", .kind = SKYBUS_TEXT, .flags = SKYBUS_REQUIRED, .help = "Its key." },
	{ .key = "device_secret",
	  .kind = SKYBUS_SECRET,
	  .flags = SKYBUS_REQUIRED,
	  .help = "What the console shows." },
	{ .key = "lifetime",
	  .kind = SKYBUS_DURATION,
	  .fallback = "1h",
	  .min = 30,
	  .max = 86400,
	  .help = "Of a login." },
	{ .key = "retries", .kind = SKYBUS_INTEGER, .fallback = "3", .help = "How many." },
	{ .key = "compress", .kind = SKYBUS_BOOLEAN, .fallback = "no", .help = "Whether to." },
	{ .key = "max_payload", .kind = SKYBUS_SIZE, .fallback = "1024", .help = "The most." },
	{ .key = "format",
	  .kind = SKYBUS_CHOICE,
	  .choices = "json|cbor",
	  .fallback = "json",
	  .help = "Of payloads." },
	{ .key = "root_ca", .kind = SKYBUS_FILE, .help = "Whom to trust." },
	{ .key = "allow_from", .kind = SKYBUS_NETWORKS, .help = "Whom to hear." },
};

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	STUB_SIZE,
	STUB_TEXTS("good"),
	.settings = settings,
	.n_settings = sizeof(settings) / sizeof(settings[0]),
	STUB_CALLS,
};
