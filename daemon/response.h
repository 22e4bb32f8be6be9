/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the cloud is told, while it is being filled: plain data, no libcoap. Setters never fail to their
 * caller; the first failure is remembered.
 */
#include <stddef.h>
#include <stdint.h>

#include "daemon/cleanup.h"

/**
 * struct sb_response - to a request of the cloud, or to a command
 * @code: CoAP code, SKYBUS_CODE()
 * @error: 0, or the negative errno of the first setter that failed
 * @content_format: or SKYBUS_NO_FORMAT
 * @topic: owned; of the message that answers a command; NULL for none
 * @payload: owned; NULL when @payload_len is 0
 * @payload_len: bytes
 */
struct sb_response {
	uint32_t code;
	int error;
	uint32_t content_format;
	char *topic;
	uint8_t *payload;
	size_t payload_len;
};

struct sb_response *sb_response_new(uint32_t code);
struct sb_response *sb_response_free(struct sb_response *response);
SB_DEFINE_CLEANUP(struct sb_response *, sb_response_free)

void sb_response_code(struct sb_response *response, uint32_t code);
void sb_response_payload(struct sb_response *response, uint32_t content_format, const void *data,
			 size_t len);
void sb_response_topic(struct sb_response *response, const char *topic);
