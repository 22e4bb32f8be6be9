/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The hub: which local subscriber gets which message, of those that come from a cloud and of those that
 * apps of this box publish.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/error.h"

struct sb_hub;
struct sb_landing;
struct sb_subscription;

/* X(constant, word on the bus) - where a message comes from */
#define SB_ORIGINS(X)               \
	X(SB_ORIGIN_CLOUD, "cloud") \
	X(SB_ORIGIN_LOCAL, "local")

enum sb_origin {
#define SB_ORIGIN_CONSTANT(constant, word) constant,
	SB_ORIGINS(SB_ORIGIN_CONSTANT)
#undef SB_ORIGIN_CONSTANT
};

/* Sets of origins. */
#define SB_FROM_CLOUD (1u << SB_ORIGIN_CLOUD)
#define SB_FROM_LOCAL (1u << SB_ORIGIN_LOCAL)

/** struct sb_delivery - one message; everything is lent */
struct sb_delivery {
	uint64_t message; /* its number; counts up */
	enum sb_origin origin;
	const char *link; /* that it came by, or that it was published to */
	const char *topic;
	const uint8_t *payload;
	size_t payload_len;
	uint32_t content_format; /* or SKYBUS_NO_FORMAT */
	int64_t answer_by_ms; /* wall clock: an answer is awaited until then; 0: none is */
	struct sb_landing
		*landing; /* held by whoever brings it to disk; NULL: nobody waits for that */
};

/** struct sb_reach - whom a message reached: subscriptions */
struct sb_reach {
	size_t matched;
	size_t answering; /* of these, who subscribed in order to answer */
};

/** struct sb_interest - what a subscriber wants; text is copied */
struct sb_interest {
	const char *link; /* the link whose messages are meant */
	const char *filter; /* see daemon/filter.h */
	unsigned int origins; /* SB_FROM_… bits */
	bool answers; /* the subscriber wants to answer what can be answered */
};

typedef void sb_delivery_fn(void *userdata, struct sb_subscription *subscription,
			    const struct sb_delivery *delivery);

/** Whether subscribers are so far behind that no app may add to it for the moment. */
typedef bool sb_hub_pressed_fn(void *userdata);

int sb_hub_new(struct sb_hub **ret);
struct sb_hub *sb_hub_free(struct sb_hub *hub);
void sb_hub_count_from(struct sb_hub *hub, uint64_t message);
size_t sb_hub_count(const struct sb_hub *hub);
int sb_hub_subscribe(struct sb_hub *hub, const struct sb_interest *interest,
		     sb_delivery_fn *deliver, void *userdata, struct sb_subscription **ret,
		     struct sb_error *ret_error);
struct sb_subscription *sb_subscription_free(struct sb_subscription *subscription);
struct sb_reach sb_hub_deliver(struct sb_hub *hub, struct sb_delivery *delivery);
bool sb_hub_wants(struct sb_hub *hub, const char *link, const char *topic, enum sb_origin origin);
void sb_hub_watch_pressure(struct sb_hub *hub, sb_hub_pressed_fn *pressed, void *userdata);
bool sb_hub_is_pressed(const struct sb_hub *hub);
bool sb_subscription_answers(const struct sb_subscription *subscription);
const char *sb_origin_word(enum sb_origin origin);
