/* SPDX-License-Identifier: Apache-2.0 */
/* Without settings, and built before the optional calls were there. */
#include "tests/daemon/plugins/stub.h"

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = offsetof(struct skybus_plugin, accept),
	STUB_TEXTS("plain"),
	STUB_CALLS,
};
