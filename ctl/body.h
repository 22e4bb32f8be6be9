/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a message of the bus carries, as JSON. A payload (ay) is a string if it is UTF-8 without zero bytes, and
 * otherwise {"base64": "…"}. Dictionaries become objects, structs and arrays become arrays.
 */
#include <jansson.h>

#include "ctl/cleanup.h"

int ctl_body(sd_bus_message *message, json_t **ret);
int ctl_body_payload(const void *payload, size_t size, json_t **ret);
