/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Commands of EnOS: found in replies, fetched, handed to the apps, answered.
 */
#include <stdint.h>

#include "plugins/enos-common/enos-device.h"
#include "skybus/plugin.h"

void enos_command_look(struct enos_device *device, const struct skybus_reply *reply);
void enos_command_forget(struct enos_device *device);
int32_t enos_command_answer(void *state, const struct skybus_answer *answer,
			    struct skybus_response *response, struct skybus_verdict *why);
