/* SPDX-License-Identifier: Apache-2.0 */
/* Needs a function that is nowhere; built without -Wl,-z,defs. */
#include "tests/daemon/plugins/stub.h"

int32_t skybus_no_such_function(void);

static void login_elsewhere(void *state)
{
	stub_login(state);
	(void)skybus_no_such_function();
}

SKYBUS_EXPORT const struct skybus_plugin skybus_plugin_v1 = {
	STUB_SIZE,
	STUB_TEXTS("undefined"),
	.attach = stub_attach,
	.detach = stub_detach,
	.login = login_elsewhere,
	.encode = stub_encode,
	.decide = stub_decide,
};
