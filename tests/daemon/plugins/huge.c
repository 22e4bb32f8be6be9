/* SPDX-License-Identifier: Apache-2.0 */
/* Larger than any descriptor. */
#include "tests/daemon/plugins/stub.h"

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	.size = 64 * 1024 + 1,
	STUB_TEXTS("huge"),
	STUB_CALLS,
};
