/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of the gateway, shared by gateway.c and gateway-plan.c (another configuration). Nobody else
 * includes this.
 */
#include "daemon/gateway.h"

TAILQ_HEAD(sb_gateway_listeners, sb_gateway_listener);

struct sb_gateway {
	struct sb_link_parts parts;
	struct sb_plugins *plugins;
	struct sb_routes *routes; /* NULL for none */
	struct sb_gateway_listeners listeners;
	struct sb_link **links;
	size_t n_links;
	struct sb_streams streams;
	struct sb_timer patience; /* armed while stopping */
};

/* Calls what each listener has for @event, if anything: TELL(gateway, link_added, link). */
#define SB_GATEWAY_TELL(gateway, event, ...)                                            \
	do {                                                                            \
		struct sb_gateway_listener *told_ = TAILQ_FIRST(&(gateway)->listeners); \
		struct sb_gateway_listener *next_;                                      \
                                                                                        \
		for (; told_; told_ = next_) {                                          \
			next_ = TAILQ_NEXT(told_, entry);                               \
			if (told_->event)                                               \
				told_->event(told_->userdata, __VA_ARGS__);             \
		}                                                                       \
	} while (0)

void sb_gateway_on_link(void *userdata, struct sb_link *link, uint32_t what);
void sb_gateway_warn_of_waiting(const char *link, uint64_t messages);
