/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON and CBOR (RFC 8949), of which an Aliyun device may choose. Inside the simulator there is
 * JSON alone.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Content-Formats, RFC 7252 section 12.3; libraries have them as the values of two options. */
enum sim_format {
	SIM_FORMAT_JSON = 50,
	SIM_FORMAT_CBOR = 60,
};

json_t *sim_format_read(enum sim_format format, const uint8_t *bytes, size_t len);
int sim_format_write(enum sim_format format, const json_t *root, uint8_t **ret_bytes,
		     size_t *ret_len);
