/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests from a cloud: a UDP port for plain CoAP, RFC 7252. Each request comes once, however often it
 * is repeated (section 4.5) before 256 others have come, and is answered once: at once with the
 * acknowledgement, or later in a message of its own (section 5.2.2).
 */
#include "daemon/networks.h"
#include "daemon/response.h"
#include "daemon/transport.h"

struct sb_listener;
struct sb_incoming;

/** struct sb_listener_plan - where to listen, and to whom; everything is copied */
struct sb_listener_plan {
	uint16_t port;
	const char *interface; /* NULL for all */
	const struct sb_networks *from; /* NULL for everybody */
	struct sb_wire *wire; /* counts what the port carries; NULL for nobody; gets a reference */
};

/** A request came. The callee owns it, until sb_incoming_answer() or sb_incoming_drop(). */
typedef void sb_incoming_fn(void *userdata, struct sb_incoming *incoming);

int sb_listener_new(struct sb_transport *transport, const struct sb_listener_plan *plan,
		    sb_incoming_fn *incoming, void *userdata, struct sb_listener **ret);
struct sb_listener *sb_listener_free(struct sb_listener *listener);

const struct skybus_incoming *sb_incoming_view(const struct sb_incoming *incoming);
void sb_incoming_answer(struct sb_incoming *incoming, const struct sb_response *response);
void sb_incoming_drop(struct sb_incoming *incoming);
