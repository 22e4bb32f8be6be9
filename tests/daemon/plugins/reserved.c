/* SPDX-License-Identifier: Apache-2.0 */
/* Uses a key that every link has. */
#include "tests/daemon/plugins/stub.h"

static const struct skybus_setting settings[] = {
	{ .key = "window", .kind = SKYBUS_INTEGER, .help = "Its own." },
};

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	STUB_SIZE, STUB_TEXTS("reserved"), .settings = settings, .n_settings = 1, STUB_CALLS,
};
