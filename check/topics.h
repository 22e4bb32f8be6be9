/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Messages as apps publish them, and worse: topics and payloads, by number.
 */
#include <stddef.h>
#include <stdint.h>

/** struct check_message - what an app published */
struct check_message {
	const char *topic;
	const void *payload;
	uint32_t payload_len;
};

size_t check_messages_count(void);
struct check_message check_message_make(size_t i);
