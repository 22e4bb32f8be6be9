/* SPDX-License-Identifier: Apache-2.0 */
/* Too small to have a call to decide. */
#include "tests/daemon/plugins/stub.h"

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = offsetof(struct skybus_plugin, decide),
	STUB_TEXTS("small"),
	STUB_CALLS,
};
