/* SPDX-License-Identifier: Apache-2.0 */
/* A library that is no plugin. */
#include "tests/daemon/plugins/stub.h"

SKYBUS_EXPORT const struct skybus_plugin some_library = {
	STUB_SIZE,
	STUB_TEXTS("nosymbol"),
	STUB_CALLS,
};
