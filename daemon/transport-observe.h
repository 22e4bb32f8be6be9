/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Observations (RFC 7641): exchanges that go on after their first reply. Between the parts of the transport;
 * nobody else includes this.
 */
#include <coap3/coap.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/transport.h"

struct sb_exchange;
struct sb_exchanges;

/**
 * struct sb_observation - what an exchange observes; embedded in it
 * @on: it does
 * @request: lent until nobody wants to know any more
 * @timeout_usec: for the answer to it
 * @established: the cloud has said that it is observed
 * @renews: it is registered anew when the exchange's deadline comes
 * @astray: for that blocks of several notifications may be mixed
 * @n_astray: how often in a row that was so
 * @numbered: a notification has come since it was registered
 * @number: of the newest one
 * @numbered_at: when that came, µs of the loop
 */
struct sb_observation {
	bool on;
	const struct sb_request *request;
	uint64_t timeout_usec;
	bool established;
	bool renews;
	bool astray;
	unsigned int n_astray;
	bool numbered;
	uint32_t number;
	uint64_t numbered_at;
};

int sb_exchanges_observe(struct sb_exchanges *exchanges, const struct sb_request *request,
			 uint64_t timeout_usec, sb_reply_fn *notified, void *userdata,
			 struct sb_exchange **ret);
void sb_exchange_observe_stop(struct sb_exchange *exchange);
void sb_exchanges_observe_forget(struct sb_exchanges *exchanges,
				 const struct sb_exchange *exchange);
void sb_exchanges_renew(struct sb_exchanges *exchanges, bool astray);

bool sb_observation_awaits(const struct sb_exchange *exchange);
bool sb_observation_on_deadline(struct sb_exchange *exchange);
bool sb_observation_takes(struct sb_exchange *exchange, const coap_pdu_t *received,
			  struct skybus_reply *reply);
