/* SPDX-License-Identifier: Apache-2.0 */
/* Forgot a call. */
#include "tests/daemon/plugins/stub.h"

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	STUB_SIZE,
	STUB_TEXTS("nocall"),
	.attach = stub_attach,
	.detach = stub_detach,
	.encode = stub_encode,
	.decide = stub_decide,
};
