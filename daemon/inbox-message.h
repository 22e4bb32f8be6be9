/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A message that waits in an inbox. One owner at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/hub.h"

/**
 * struct sb_inbox_message - one
 * @number: that the hub has given it
 * @origin: where it came from
 * @topic: owned
 * @payload: owned; NULL when @payload_len is 0
 * @content_format: or SKYBUS_NO_FORMAT
 * @answer_by_ms: wall clock: an answer is awaited until then; 0: none is
 * @sent: the consumer has it, and may acknowledge it until @due_at
 * @due_at: then it is sent again, CLOCK_BOOTTIME, µs
 * @acknowledging: the disk is being told that it is done
 */
struct sb_inbox_message {
	TAILQ_ENTRY(sb_inbox_message) entry;
	uint64_t number;
	enum sb_origin origin;
	char *topic;
	uint8_t *payload;
	size_t payload_len;
	uint32_t content_format;
	int64_t answer_by_ms;
	bool sent;
	uint64_t due_at;
	bool acknowledging;
};

TAILQ_HEAD(sb_inbox_message_list, sb_inbox_message);

struct sb_inbox_message *sb_inbox_message_new(const struct sb_delivery *delivery);
struct sb_inbox_message *sb_inbox_message_free(struct sb_inbox_message *message);
void sb_inbox_message_list_clear(struct sb_inbox_message_list *list);
size_t sb_inbox_message_size(const struct sb_inbox_message *message);
