/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wait of a link that failed, and what of it outlives the daemon: neither a restart nor a loop of crashes
 * is a way around the time that a cloud is to be left alone.
 *
 * The link's memory has a record while there are failures that count. A write that the disk refuses is
 * nobody's loss, only an attempt that may come too early after a restart, so nobody is told.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/link-private.h"
#include "daemon/log.h"

#define KEY ".backoff" /* a plugin's keys begin with no dot */
#define VERSION 2

/*
 * Who waits for the network is woken by it, and looks now and then all the same: what leads somewhere is not
 * the routing table alone. That costs no datagram where there is no route.
 */
#define AWAIT_USEC (5 * 60 * SB_USEC_PER_SEC)

/** struct record - as it is stored; the reason without the zero byte and what follows it */
struct record {
	uint32_t version;
	uint32_t failures;
	int64_t not_before_ms; /* steady time, see daemon/clock.h */
	uint32_t wait_s; /* how long that was ahead when it was written */
	uint32_t keep_s; /* so much of that no change of the network cuts short */
	char reason[SB_LINK_REASON_MAX];
};

#define RECORD_MIN offsetof(struct record, reason)

static int64_t steady_now(const struct sb_link *link)
{
	return sb_clock_steady_ms(link->parts.clock, sb_clock_now(link->parts.clock));
}

/* Unsigned, for what the clock says has been on the disk and may be anything. */
static int64_t steady_in(const struct sb_link *link, uint64_t ms)
{
	return (int64_t)((uint64_t)steady_now(link) + ms);
}

static uint32_t seconds(uint64_t usec)
{
	return (uint32_t)((usec + SB_USEC_PER_SEC - 1) / SB_USEC_PER_SEC);
}

static void put_record(struct sb_link *link, const char *reason, uint64_t wait_usec,
		       uint64_t keep_usec)
{
	struct record record = {
		.version = VERSION,
		.failures = link->backoff.failures,
		.not_before_ms = steady_in(link, wait_usec / SB_USEC_PER_MSEC),
		.wait_s = seconds(wait_usec),
		.keep_s = seconds(keep_usec),
	};
	size_t len = strnlen(reason, sizeof(record.reason) - 1);
	int r;

	memcpy(record.reason, reason, len);
	r = sb_store_put(link->parts.store, sb_link_name(link), KEY, &record, RECORD_MIN + len,
			 NULL, NULL);
	if (r < 0)
		sb_log_link(sb_link_name(link), LOG_DEBUG,
			    "a restart will not know of this failure: %s", strerror(-r));
}

/* Whether there is one that makes sense. */
static bool get_record(const struct sb_link *link, struct record *ret)
{
	size_t len = 0;
	const uint8_t *data = sb_store_value(link->parts.store, sb_link_name(link), KEY, &len);

	if (!data || len < RECORD_MIN || len >= sizeof(*ret))
		return false;
	*ret = (struct record){ 0 };
	memcpy(ret, data, len);

	return ret->version == VERSION;
}

/*
 * What is left of the wait, and never more than it was: after a power cut steady time may be behind, by as
 * much as the clock had not written down.
 */
static uint64_t rest_usec(const struct sb_link *link, const struct record *record)
{
	int64_t now = steady_now(link);
	uint64_t wait_ms = record->wait_s * UINT64_C(1000);
	uint64_t rest_ms;

	if (record->not_before_ms <= now)
		return 0;
	rest_ms = (uint64_t)record->not_before_ms - (uint64_t)now;

	return (rest_ms < wait_ms ? rest_ms : wait_ms) * SB_USEC_PER_MSEC;
}

/* How much of it no change of the network cuts short: what somebody has asked for, not our own caution. */
static uint64_t rest_of_keep(const struct record *record, uint64_t rest)
{
	uint64_t own = record->wait_s > record->keep_s
			       ? (record->wait_s - record->keep_s) * SB_USEC_PER_SEC
			       : 0;

	return rest > own ? rest - own : 0;
}

static void keep_for(struct sb_link *link, uint64_t usec)
{
	link->kept_until = sb_loop_now(link->parts.loop) + usec;
}

static void wait_for(struct sb_link *link, const char *since, const char *reason, uint64_t usec)
{
	char text[SB_LINK_REASON_MAX + 96];

	(void)snprintf(text, sizeof(text), "%s%s (next attempt in %u s)", since, reason,
		       seconds(usec));
	link->hurries = false;
	sb_timer_arm(&link->wake, usec);
	sb_link_enter(link, SB_LINK_BACKOFF, text);
}

/**
 * sb_link_backoff_begin() - a link failed, and tries again by itself
 * @link: down
 * @by_network: a change of the network may mend it
 * @reason: a sentence
 * @wait_s: not before so many seconds
 */
void sb_link_backoff_begin(struct sb_link *link, bool by_network, const char *reason,
			   uint32_t wait_s)
{
	uint64_t wait = sb_backoff_next(&link->backoff, arc4random());
	uint64_t keep = wait_s * SB_USEC_PER_SEC;

	if (wait < keep)
		wait = keep;
	if (!by_network)
		keep = wait;
	keep_for(link, keep);
	put_record(link, reason, wait, keep);
	wait_for(link, "", reason, wait);
}

/**
 * sb_link_backoff_await() - there is no way to the cloud: wait until the network has one
 * @link: down; this is no failure that counts
 * @reason: a sentence
 * @wait_s: not before so many seconds
 */
void sb_link_backoff_await(struct sb_link *link, const char *reason, uint32_t wait_s)
{
	char text[SB_LINK_REASON_MAX + 160];
	char lacks[64];
	uint64_t keep = wait_s * SB_USEC_PER_SEC;
	uint64_t wait = keep > AWAIT_USEC ? keep : AWAIT_USEC;

	keep_for(link, keep);
	if (wait_s > 0)
		put_record(link, reason, keep, keep);
	(void)snprintf(text, sizeof(text),
		       "%s; waiting for the network (%s; next attempt in %u s at the latest)",
		       reason, sb_path_lacks(link, lacks, sizeof(lacks)), seconds(wait));
	link->hurries = false;
	sb_timer_arm(&link->wake, wait);
	sb_link_enter(link, SB_LINK_BACKOFF, text);
}

/**
 * sb_link_backoff_hurry() - the network has changed, and with it perhaps what made the link fail
 * @link: waits in its back-off; not longer than it must for the cloud, and for a network that changes all
 *	the time
 */
void sb_link_backoff_hurry(struct sb_link *link)
{
	uint64_t now = sb_loop_now(link->parts.loop);
	uint64_t at = sb_hurry_at(&link->hurry, now);

	if (at < link->kept_until)
		at = link->kept_until;
	if (!sb_timer_armed(&link->wake) || at >= link->wake.at)
		return;
	if (at > now) {
		wait_for(link, "", link->last_error, at - now);
		link->hurries = true;
		return;
	}
	sb_hurry_take(&link->hurry, now);
	sb_link_come_up(link, false, "");
}

/**
 * sb_link_backoff_on_wake() - the wait is over
 * @link: in its back-off
 */
void sb_link_backoff_on_wake(struct sb_link *link)
{
	bool hurries = link->hurries;

	if (hurries && sb_path_is_lost(link)) {
		/* It has gone again, and so the hurry is left for when it comes. */
		sb_link_backoff_await(link, link->last_error, 0);
		return;
	}
	if (hurries)
		sb_hurry_take(&link->hurry, sb_loop_now(link->parts.loop));
	sb_link_come_up(link, false, "");
}

/**
 * sb_link_backoff_resume() - go on where the daemon was when it ended
 * @link: about to start; its earlier failures count on
 *
 * Return: whether it waits now.
 */
bool sb_link_backoff_resume(struct sb_link *link)
{
	struct record record;
	uint64_t rest;

	if (!get_record(link, &record))
		return false;
	link->backoff.failures = record.failures;
	rest = rest_usec(link, &record);
	if (rest == 0)
		return false;
	keep_for(link, rest_of_keep(&record, rest));
	sb_path_look(link);
	sb_link_set_error(link, record.reason);
	wait_for(link, "failing since before the restart: ", record.reason, rest);
	sb_report(link, SB_EVENT_LINK_LOST, record.reason, 0);

	return true;
}

/**
 * sb_link_backoff_waive() - a person wants an attempt now
 * @link: at rest; its failures still count
 */
void sb_link_backoff_waive(struct sb_link *link)
{
	struct record record;

	if (!get_record(link, &record))
		return;
	/* A link that is disabled at its start does not resume. */
	if (link->backoff.failures < record.failures)
		link->backoff.failures = record.failures;
	/* Or a link that came up by that attempt would have to wait if the daemon were restarted. */
	if (rest_usec(link, &record) > 0)
		put_record(link, record.reason, 0, 0);
}

/**
 * sb_link_backoff_forget() - a restart need not know of failures: it has been well, or has failed for good
 * @link: the link
 */
void sb_link_backoff_forget(struct sb_link *link)
{
	struct sb_store *store = link->parts.store;
	size_t len;

	if (sb_store_value(store, sb_link_name(link), KEY, &len))
		(void)sb_store_remove(store, sb_link_name(link), KEY, NULL, NULL);
}
