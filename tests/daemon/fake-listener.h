/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A listener without a network, linked in the place of daemon/transport-listener.c: the test says which
 * requests come, and sees how they are answered.
 */
#include <stdbool.h>

#include "daemon/transport-listener.h"

/** struct fake_listening - what happened, and what is to happen */
struct fake_listening {
	struct sb_listener *listener; /* NULL once freed */
	unsigned int n_listeners; /* that have been made */
	uint16_t port; /* of the last */
	char interface[16]; /* "" for all */
	size_t n_networks; /* 0 for everybody */
	int error; /* of sb_listener_new() */
	unsigned int waiting; /* requests that were neither answered nor dropped */
	char answers[2048]; /* "/path 2.05 payload", each with a bar behind */
};

extern struct fake_listening fake_listening;

void fake_listening_reset(void);
void fake_incoming(const char *path);
