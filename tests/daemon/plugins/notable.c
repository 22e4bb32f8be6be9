/* SPDX-License-Identifier: Apache-2.0 */
/* Counts settings, but has no table. */
#include "tests/daemon/plugins/stub.h"

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	STUB_SIZE,
	STUB_TEXTS("notable"),
	.n_settings = 1,
	STUB_CALLS,
};
