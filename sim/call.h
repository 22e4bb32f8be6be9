/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The cloud's side calls a device: one plain CoAP request, confirmable, and what comes back.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "sim/address.h"
#include "sim/reply.h"

struct sim_call;

/** The largest payload of a call, in bytes. */
#define SIM_CALL_PAYLOAD_MAX 1024

/** How often a call's datagram can be sent again. */
#define SIM_CALL_REPEAT_MAX 8

/**
 * struct sim_call_request - what is called
 * @method: "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "IPATCH"
 * @url: "coap://127.0.0.1:3000/a/b?c=d", with a numeric host
 * @payload: text; "" for none
 * @repeat: how often the same datagram is sent again, at once
 */
struct sim_call_request {
	const char *method;
	const char *url;
	const char *payload;
	uint32_t repeat;
};

/**
 * struct sim_call_result - what became of it
 * @answered: whether there was an answer
 * @code: the answer's, "2.04"; without one "0.00"
 * @payload: the first answer's, lent
 * @payload_len: in bytes
 */
struct sim_call_result {
	bool answered;
	char code[SIM_CODE_TEXT];
	const uint8_t *payload;
	size_t payload_len;
};

/** A call ended; it may be freed in here. */
typedef void sim_call_fn(void *userdata, const struct sim_call_result *result);

int sim_call_new(sd_event *event, const struct sim_address *from,
		 const struct sim_call_request *request, sim_call_fn *done, void *userdata,
		 struct sim_call **ret);
struct sim_call *sim_call_free(struct sim_call *call);
