/* SPDX-License-Identifier: Apache-2.0 */
/* Its default lies outside its own bounds. */
#include "tests/daemon/plugins/stub.h"

static const struct skybus_setting settings[] = {
	{ .key = "lifetime",
	  .kind = SKYBUS_DURATION,
	  .fallback = "5s",
	  .min = 30,
	  .max = 86400,
	  .help = "Of a login." },
};

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	STUB_SIZE, STUB_TEXTS("badtable"), .settings = settings, .n_settings = 1, STUB_CALLS,
};
