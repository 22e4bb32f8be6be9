/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is done to a socket before libcoap connects or binds it. Between the parts of the transport;
 * nobody else includes this.
 */
#include <stdbool.h>

#include "daemon/networks.h"
#include "daemon/wire.h"

/**
 * struct sb_bind - what the sockets of this thread are to be, while in force
 * @interface: to which they are bound; NULL for any; lent
 * @from: those who may send to one that listens; NULL for everybody; lent
 * @wire: counts what they carry; NULL for nobody; lent
 * @secure: those that connect carry DTLS; others have descriptors out of its way
 * @fd_limit: one that connects has a descriptor below this; 0 for any
 * @error: 0, or why a socket could not be bound like this, negative
 */
struct sb_bind {
	const char *interface;
	const struct sb_networks *from;
	struct sb_wire *wire;
	bool secure;
	int fd_limit;
	int error;
};

void sb_bind_begin(struct sb_bind *bind);
void sb_bind_end(void);
