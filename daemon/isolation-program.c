/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/isolation.h"

/** Where skybus-plugin-host is installed. */
const char sb_isolation_program[] = SKYBUS_PLUGIN_HOST;
