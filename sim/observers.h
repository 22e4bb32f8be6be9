/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who observes what at an endpoint (RFC 7641): a request with Observe 0 is one more observer if the reply
 * has the option, too; it is none any more after one with Observe 1, or when it refuses a notification.
 */
#include <coap3/coap.h>
#include <stddef.h>
#include <sys/queue.h>

#include "sim/reply.h"

struct sim_observer;

/** How many there may be at an endpoint; beyond, nobody is added. */
#define SIM_OBSERVERS_MAX 256

/** struct sim_observers - all of an endpoint */
struct sim_observers {
	LIST_HEAD(, sim_observer) all;
	size_t n;
};

void sim_observers_init(struct sim_observers *observers);
void sim_observers_done(struct sim_observers *observers);

void sim_observers_note(struct sim_observers *observers, coap_session_t *session,
			const coap_pdu_t *request, const char *path, const struct sim_reply *reply);
void sim_observers_forget(struct sim_observers *observers, const coap_session_t *session,
			  const coap_pdu_t *sent);
size_t sim_observers_notify(struct sim_observers *observers, const char *path,
			    const struct sim_reply *reply);
