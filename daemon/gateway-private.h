/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of the gateway, shared by gateway.c and gateway-plan.c (another configuration). Nobody else
 * includes this.
 */
#include "daemon/gateway.h"

struct sb_gateway {
	struct sb_link_parts parts;
	struct sb_plugins *plugins;
	struct sb_routes *routes; /* NULL for none */
	struct sb_gateway_listener listener;
	void *listener_userdata;
	struct sb_link **links;
	size_t n_links;
	struct sb_streams streams;
	struct sb_timer patience; /* armed while stopping */
};

void sb_gateway_on_link(void *userdata, struct sb_link *link, uint32_t what);
void sb_gateway_warn_of_waiting(const char *link, uint64_t messages);
