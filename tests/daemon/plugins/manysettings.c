/* SPDX-License-Identifier: Apache-2.0 */
/* Counts more settings than any table has. */
#include "tests/daemon/plugins/stub.h"

static const struct skybus_setting settings[] = {
	{ .key = "key", .kind = SKYBUS_TEXT, .help = "One." },
};

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	STUB_SIZE, STUB_TEXTS("manysettings"), .settings = settings, .n_settings = 257, STUB_CALLS,
};
