/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What whoever runs the simulator can have happen in it, as JSON objects: {"verb": "expire",
 * "args": ["enos-v1"]} gives {"ok": true, …}, in which "text" is for people; or {"ok": false,
 * "error": "a sentence"}.
 */
#include <jansson.h>

#include "sim/call.h"
#include "sim/world.h"

/** How many arguments an order can have. */
#define SIM_ORDER_ARGS_MAX 8

json_t *sim_order_obey(struct sim_world *world, const json_t *order,
		       struct sim_call_request *ret_call);
json_t *sim_order_refusal(const char *sentence);
json_t *sim_order_called(const struct sim_call_result *result);
void sim_order_help(void (*row)(const char *usage, const char *help));
