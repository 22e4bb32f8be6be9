/* SPDX-License-Identifier: Apache-2.0 */
/* Says no name. */
#include "tests/daemon/plugins/stub.h"

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	STUB_SIZE,
	STUB_TEXTS(NULL),
	STUB_CALLS,
};
