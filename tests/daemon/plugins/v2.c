/* SPDX-License-Identifier: Apache-2.0 */
/* For a version of the ABI that is not this one. */
#include "tests/daemon/plugins/stub.h"

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v2 = {
	STUB_SIZE,
	STUB_TEXTS("v2"),
	STUB_CALLS,
};
