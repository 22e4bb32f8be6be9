/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the gateway does with its routes: publishing is in daemon/gateway.h; this is for the gateway alone.
 */
#include "daemon/gateway.h"

bool sb_gateway_routes_direct(void *userdata, const char *link, const struct sb_record *record,
			      struct sb_direction *ret);
void sb_gateway_routes_on_link(struct sb_gateway *gateway, struct sb_link *link);
