/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Several messages with measured values in one request, each with its time.
 */
#include <stdint.h>

#include "skybus/plugin.h"

uint32_t enos_batch_gather(void *state, const struct skybus_message *messages, uint32_t n);
int32_t enos_batch_encode(void *state, const struct skybus_message *messages, uint32_t n,
			  struct skybus_request *request, struct skybus_verdict *verdict);
void enos_batch_doubt(const struct skybus_reply *reply, struct skybus_verdict *verdict);
