/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A message on its way up. One owner at a time: whoever takes a message frees it or hands it on.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "skybus/plugin.h"

struct sb_queue;

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

/*
 * X(constant, word, outcome) - why a message ended. Whoever ends one says why; the outcome follows. What
 * is not delivered is counted by link, user and cause.
 */
#define SB_CAUSES(X)                                         \
	X(SB_CAUSE_DELIVERED, "delivered", SB_DELIVERED)     \
	X(SB_CAUSE_CLOUD, "refused-by-cloud", SB_REJECTED)   \
	X(SB_CAUSE_PLUGIN, "refused-by-plugin", SB_REJECTED) \
	X(SB_CAUSE_TTL, "ttl", SB_EXPIRED)                   \
	X(SB_CAUSE_EVICTED, "evicted", SB_EXPIRED)           \
	X(SB_CAUSE_REPLACED, "replaced", SB_CANCELLED)       \
	X(SB_CAUSE_CALLER, "cancelled", SB_CANCELLED)        \
	X(SB_CAUSE_STOPPED, "held-in-memory", SB_CANCELLED)  \
	X(SB_CAUSE_INBOX_FULL, "inbox-full", SB_EXPIRED)     \
	X(SB_CAUSE_FORGOTTEN, "inbox-forgotten", SB_CANCELLED)

/* The numbers are in the database: add at the end, never reorder. */
enum sb_cause {
#define SB_CAUSE_CONSTANT(constant, word, outcome) constant,
	SB_CAUSES(SB_CAUSE_CONSTANT)
#undef SB_CAUSE_CONSTANT
	SB_N_CAUSES
};

/*
 * The first that waits of the highest goes first. The numbers are in the database: add at the end, never
 * reorder.
 */
enum sb_priority {
	SB_BULK,
	SB_NORMAL,
	SB_URGENT,
	SB_N_PRIORITIES
};

/** The owner of what nobody on this box has published. */
#define SB_NO_OWNER UINT32_MAX

/** struct sb_moment - a point in time that needs no wall clock; zeros for none. See daemon/clock.h. */
struct sb_moment {
	uint32_t boot; /* the number of the boot */
	int64_t ms; /* CLOCK_BOOTTIME in that boot */
};

/**
 * struct sb_message - one message
 * @ticket: its number, for ever; 0 for a request, which is never stored
 * @topic: zero-terminated, owned
 * @payload: behind the struct; NULL when @payload_len is 0
 * @payload_len: bytes
 * @content_format: of the payload, or SKYBUS_NO_FORMAT
 * @priority: which goes first
 * @in_memory: never on disk: lost when the daemon ends
 * @replaces: ends those of the same link, topic and durability that wait and have this set as well
 * @ttl_s: ends when it has waited so many seconds; 0 for never
 * @requeues: the dead letter that this message is again, and that goes when it is stored; 0 for none
 * @taken: when it was taken; zeros before that
 * @route: the topic that it was published under, for one of the links of a route: it may move to another of
 *	them while it waits. Owned; NULL for all other messages, and for one that was read from disk
 * @sender: who is told of its end: a connection, as dbus/sender.h writes it, which begins with a colon; or
 *	the name of a stream; behind the struct, NULL for nobody; forgotten at a restart
 * @owner: the user that published it, a uid; or SB_NO_OWNER
 * @alone: goes in a request of its own, since one with others in it was refused; forgotten when what is in
 *	memory is
 * @entry: for the list of whoever owns it
 * @queue: with the two that follow for the outbox, which finds it by its ticket, and by its topic
 */
struct sb_message {
	uint64_t ticket;
	char *topic;
	uint8_t *payload;
	size_t payload_len;
	uint32_t content_format;
	enum sb_priority priority;
	bool in_memory;
	bool replaces;
	uint32_t ttl_s;
	uint64_t requeues;
	struct sb_moment taken;
	char *route;
	char *sender;
	uint32_t owner;
	bool alone;
	TAILQ_ENTRY(sb_message) entry;
	struct sb_queue *queue;
	LIST_ENTRY(sb_message) same_ticket;
	LIST_ENTRY(sb_message) same_topic;
};

TAILQ_HEAD(sb_message_list, sb_message);

struct sb_message *sb_message_new(const char *topic, const void *payload, size_t payload_len,
				  const char *sender);
struct sb_message *sb_message_copy(const struct sb_message *message);
struct sb_message *sb_message_free(struct sb_message *message);
void sb_message_list_clear(struct sb_message_list *list);
size_t sb_message_size(const struct sb_message *message);
struct skybus_message sb_message_view(const struct sb_message *message, int64_t time_ms);
const char *sb_outcome_word(enum sb_outcome outcome);
const char *sb_cause_word(enum sb_cause cause);
enum sb_outcome sb_cause_outcome(enum sb_cause cause);
