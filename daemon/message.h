/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A message on its way up. One owner at a time: whoever takes a message frees it or hands it on.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "skybus/plugin.h"

/** The longest topic that any link takes, in bytes; a plugin may allow less. */
#define SB_TOPIC_MAX 512

/** The largest payload that any link takes, in bytes; a plugin may allow less. */
#define SB_PAYLOAD_MAX (64 * 1024)

/* X(constant, word) - how a message ends, or where it is until then */
#define SB_OUTCOMES(X)               \
	X(SB_STORED, "stored")       \
	X(SB_IN_FLIGHT, "in-flight") \
	X(SB_DELIVERED, "delivered") \
	X(SB_EXPIRED, "expired")     \
	X(SB_REJECTED, "rejected")   \
	X(SB_CANCELLED, "cancelled")

/* The numbers are in the database: add at the end, never reorder. */
enum sb_outcome {
#define SB_OUTCOME_CONSTANT(constant, word) constant,
	SB_OUTCOMES(SB_OUTCOME_CONSTANT)
#undef SB_OUTCOME_CONSTANT
	SB_N_OUTCOMES
};

/**
 * struct sb_message - one message
 * @ticket: its number, for ever; 0 for a request, which is never stored
 * @topic: zero-terminated, owned
 * @payload: owned; NULL when @payload_len is 0
 * @payload_len: bytes
 * @time_ms: when it was taken, wall clock, milliseconds since 1970
 * @content_format: of the payload, or SKYBUS_NO_FORMAT
 * @sender: who is told of its end, a unique bus name; owned, NULL for nobody; forgotten at a restart
 * @entry: for the list of whoever owns it
 */
struct sb_message {
	uint64_t ticket;
	char *topic;
	uint8_t *payload;
	size_t payload_len;
	int64_t time_ms;
	uint32_t content_format;
	char *sender;
	TAILQ_ENTRY(sb_message) entry;
};

TAILQ_HEAD(sb_message_list, sb_message);

struct sb_message *sb_message_new(const char *topic, const void *payload, size_t payload_len,
				  const char *sender);
struct sb_message *sb_message_free(struct sb_message *message);
void sb_message_list_clear(struct sb_message_list *list);
size_t sb_message_size(const struct sb_message *message);
struct skybus_message sb_message_view(const struct sb_message *message);
const char *sb_outcome_word(enum sb_outcome outcome);
