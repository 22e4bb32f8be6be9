/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The envelope that EnOS wants around measured values, for apps that publish just {"temp": 21.5}.
 * Source: EnOS, "Reporting Device Measurement Points".
 */
#include <stddef.h>
#include <stdint.h>

#include "skybus/plugin.h"

int32_t enos_envelope_check(const struct skybus_message *message, size_t *ret_len,
			    struct skybus_verdict *why);
int32_t enos_envelope_wrap(const struct skybus_message *message, char **ret_text,
			   struct skybus_verdict *why);
