/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket is one number here: the moment when it is full again. What is taken moves that moment on
 * by the time that the bucket takes to make up for it; a second ahead the bucket is empty. So nothing need
 * be done while nothing is taken, and other limits hold from the next message on.
 */
#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/cleanup.h"
#include "daemon/loop.h"
#include "daemon/message.h"
#include "daemon/rate.h"
#include "daemon/settings.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define NSEC_PER_USEC UINT64_C(1000)

/* What fits into a full bucket, as the time in which it is filled. */
#define BURST NSEC_PER_SEC

enum {
	MESSAGES,
	BYTES,
	N_BUCKETS,
};

static const struct {
	const char *setting;
	size_t limit; /* in struct sb_caller_limits */
} buckets[N_BUCKETS] = {
	[MESSAGES] = { "messages_per_second",
		       offsetof(struct sb_caller_limits, messages_per_second) },
	[BYTES] = { "bytes_per_second", offsetof(struct sb_caller_limits, bytes_per_second) },
};

/** struct sb_rate - one user */
struct sb_rate {
	uint32_t uid;
	uint64_t full_at[N_BUCKETS]; /* by the loop's clock, ns */
	uint64_t streams;
	TAILQ_ENTRY(sb_rate) entry;
};

static int compare_rates(const void *a, const void *b)
{
	const struct sb_rate *left = a;
	const struct sb_rate *right = b;

	return (left->uid > right->uid) - (left->uid < right->uid);
}

static struct sb_rate *rate_find(const struct sb_rates *rates, uint32_t uid)
{
	const struct sb_rate key = { .uid = uid };
	struct sb_rate *const *found = tfind(&key, &rates->by_uid, compare_rates);

	return found ? *found : NULL;
}

static void rate_remove(struct sb_rates *rates, struct sb_rate *rate)
{
	(void)tdelete(rate, &rates->by_uid, compare_rates);
	TAILQ_REMOVE(&rates->used, rate, entry);
	rates->n--;
	free(rate);
}

/* One that is full, and without streams, is like one that is not there. */
static bool is_idle(const struct sb_rate *rate, uint64_t now)
{
	return rate->full_at[MESSAGES] <= now && rate->full_at[BYTES] <= now && rate->streams == 0;
}

static int make_room(struct sb_rates *rates, uint64_t now)
{
	struct sb_rate *rate;

	if (rates->n < SB_RATES_MAX)
		return 0;
	TAILQ_FOREACH(rate, &rates->used, entry) {
		if (is_idle(rate, now)) {
			rate_remove(rates, rate);
			return 0;
		}
	}

	return -ENOBUFS;
}

static int rate_new(struct sb_rates *rates, uint32_t uid, struct sb_rate **ret)
{
	SB_CLEANUP(sb_free) struct sb_rate *rate = calloc(1, sizeof(*rate));

	if (!rate)
		return -ENOMEM;
	rate->uid = uid;
	if (!tsearch(rate, &rates->by_uid, compare_rates))
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&rates->used, rate, entry);
	rates->n++;
	*ret = SB_STEAL(rate);

	return 0;
}

/* The rate of a user, who is now the last that used one. */
static int rate_get(struct sb_rates *rates, uint32_t uid, uint64_t now, struct sb_rate **ret,
		    struct sb_error *ret_error)
{
	struct sb_rate *rate = rate_find(rates, uid);
	int r;

	if (rate) {
		TAILQ_REMOVE(&rates->used, rate, entry);
		TAILQ_INSERT_TAIL(&rates->used, rate, entry);
		*ret = rate;
		return 0;
	}
	r = make_room(rates, now);
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
				    "%d users publish at the same time, the most that may: publish "
				    "again in a second",
				    SB_RATES_MAX);
	r = rate_new(rates, uid, ret);
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: publish again in a while");

	return 0;
}

static uint64_t limit_of(const struct sb_rates *rates, size_t bucket)
{
	const char *limits = (const char *)&rates->limits;

	return *(const uint64_t *)(const void *)(limits + buckets[bucket].limit);
}

/* How long a bucket takes to make up for what is taken; more than ever comes is as good as for ever. */
static uint64_t cost(const struct sb_rates *rates, size_t bucket, uint64_t amount)
{
	uint64_t limit = limit_of(rates, bucket);

	return amount > UINT64_MAX / NSEC_PER_SEC ? UINT64_MAX / 2 : amount * NSEC_PER_SEC / limit;
}

/*
 * How long until there is enough in a bucket, ns. What is larger than the bucket goes when that is full, and
 * what follows waits longer.
 */
static uint64_t bucket_wait(const struct sb_rate *rate, size_t bucket, uint64_t price, uint64_t now)
{
	uint64_t missing = rate->full_at[bucket] > now ? rate->full_at[bucket] - now : 0;
	uint64_t room = price < BURST ? BURST - price : 0;

	return missing > room ? missing - room : 0;
}

static int refuse(const struct sb_rates *rates, uint32_t uid, size_t bucket, uint64_t wait_usec,
		  struct sb_error *ret_error)
{
	const char *setting = buckets[bucket].setting;
	uint64_t ms = (wait_usec + SB_USEC_PER_MSEC - 1) / SB_USEC_PER_MSEC;
	char who[40] = "what is nobody's";

	if (uid != SB_NO_OWNER)
		(void)snprintf(who, sizeof(who), "what user %" PRIu32 " sends", uid);

	return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
			    "%s is more than %s, which is %" PRIu64 ": send it again in %" PRIu64
			    " ms, or raise %s in the section callers",
			    who, setting, limit_of(rates, bucket), ms, setting);
}

/**
 * sb_caller_limits_of() - the limits as configured
 * @callers: the section "callers:"
 *
 * Return: the limits.
 */
struct sb_caller_limits sb_caller_limits_of(const struct sb_settings *callers)
{
	return (struct sb_caller_limits){
		.messages_per_second =
			(uint64_t)sb_settings_integer(callers, "messages_per_second"),
		.bytes_per_second = (uint64_t)sb_settings_integer(callers, "bytes_per_second"),
		.subscriptions = (uint64_t)sb_settings_integer(callers, "subscriptions"),
		.streams = (uint64_t)sb_settings_integer(callers, "streams"),
	};
}

/**
 * sb_rates_init() - nobody has sent anything
 * @rates: to be set up
 * @loop: whose clock counts; outlives it
 * @limits: copied; those of messages and bytes are above 0
 */
void sb_rates_init(struct sb_rates *rates, struct sb_loop *loop,
		   const struct sb_caller_limits *limits)
{
	*rates = (struct sb_rates){ .loop = loop, .limits = *limits };
	TAILQ_INIT(&rates->used);
}

/**
 * sb_rates_done() - forget everybody
 * @rates: set up, or zeroed
 */
void sb_rates_done(struct sb_rates *rates)
{
	struct sb_rate *rate;

	while (rates->by_uid && (rate = TAILQ_FIRST(&rates->used)))
		rate_remove(rates, rate);
}

static void charge(struct sb_rate *rate, const uint64_t price[N_BUCKETS], uint64_t now)
{
	for (size_t i = 0; i < N_BUCKETS; i++)
		rate->full_at[i] = (rate->full_at[i] > now ? rate->full_at[i] : now) + price[i];
}

/**
 * sb_rates_take() - may a user hand this in now?
 * @rates: the rates; what is handed in counts if it may
 * @uid: the user; SB_NO_OWNER for what is nobody's
 * @messages: how many
 * @bytes: of topics and payloads
 * @ret_error: which setting it is, and when to try again
 *
 * Return: 0; -ENOBUFS: too fast; -EIO: out of memory. Nothing counts then.
 */
int sb_rates_take(struct sb_rates *rates, uint32_t uid, uint64_t messages, uint64_t bytes,
		  struct sb_error *ret_error)
{
	uint64_t now = sb_loop_now(rates->loop) * NSEC_PER_USEC;
	const uint64_t price[N_BUCKETS] = { cost(rates, MESSAGES, messages),
					    cost(rates, BYTES, bytes) };
	uint64_t waits[N_BUCKETS];
	struct sb_rate *rate = NULL;
	size_t longest;
	int r;

	r = rate_get(rates, uid, now, &rate, ret_error);
	if (r < 0)
		return r;

	for (size_t i = 0; i < N_BUCKETS; i++)
		waits[i] = bucket_wait(rate, i, price[i], now);
	longest = waits[BYTES] > waits[MESSAGES] ? BYTES : MESSAGES;
	if (waits[longest] > 0)
		return refuse(rates, uid, longest,
			      (waits[longest] + NSEC_PER_USEC - 1) / NSEC_PER_USEC, ret_error);
	charge(rate, price, now);

	return 0;
}

/**
 * sb_rates_charge() - a user hands this in, and can be made to wait before the next
 * @rates: the rates, where it counts in any case
 * @uid: the user; SB_NO_OWNER for what is nobody's
 * @messages: how many
 * @bytes: of topics and payloads
 * @ret_wait_usec: how long to wait before the next, µs; 0 for not at all
 * @ret_error: why it cannot be counted
 *
 * Return: 0; -ENOBUFS: too many users at a time; -EIO: out of memory.
 */
int sb_rates_charge(struct sb_rates *rates, uint32_t uid, uint64_t messages, uint64_t bytes,
		    uint64_t *ret_wait_usec, struct sb_error *ret_error)
{
	uint64_t now = sb_loop_now(rates->loop) * NSEC_PER_USEC;
	const uint64_t price[N_BUCKETS] = { cost(rates, MESSAGES, messages),
					    cost(rates, BYTES, bytes) };
	struct sb_rate *rate = NULL;
	uint64_t longest = 0;
	int r;

	r = rate_get(rates, uid, now, &rate, ret_error);
	if (r < 0)
		return r;

	charge(rate, price, now);
	for (size_t i = 0; i < N_BUCKETS; i++) {
		uint64_t wait = bucket_wait(rate, i, 0, now);

		longest = wait > longest ? wait : longest;
	}
	*ret_wait_usec = (longest + NSEC_PER_USEC - 1) / NSEC_PER_USEC;

	return 0;
}

/**
 * sb_rates_open_stream() - may a user open one more stream?
 * @rates: the rates; the stream counts if it may, until sb_rates_close_stream()
 * @uid: the user; SB_NO_OWNER for what is nobody's
 * @ret_error: why not
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_rates_open_stream(struct sb_rates *rates, uint32_t uid, struct sb_error *ret_error)
{
	uint64_t now = sb_loop_now(rates->loop) * NSEC_PER_USEC;
	struct sb_rate *rate = NULL;
	int r;

	r = rate_get(rates, uid, now, &rate, ret_error);
	if (r < 0)
		return r;
	if (rate->streams >= rates->limits.streams)
		return sb_error_set(ret_error, SB_ERROR_QUEUE_FULL,
				    "this user has %" PRIu64
				    " streams open, and streams in the section callers is %" PRIu64
				    ": close one, or raise streams",
				    rate->streams, rates->limits.streams);
	rate->streams++;

	return 0;
}

/**
 * sb_rates_close_stream() - a stream is closed
 * @rates: the rates
 * @uid: who had opened it
 */
void sb_rates_close_stream(struct sb_rates *rates, uint32_t uid)
{
	struct sb_rate *rate = rate_find(rates, uid);

	if (rate && rate->streams > 0)
		rate->streams--;
}
