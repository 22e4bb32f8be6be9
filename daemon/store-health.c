/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A full disk takes small changes and refuses larger ones, in any order, and each that is refused may be a
 * message's. So it works again only when nothing has failed for a while.
 */
#include <errno.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/store-health.h"

#define CALM_USEC (UINT64_C(60) * 1000000)

/* How long the longest transaction is remembered. */
#define LONGEST_USEC (UINT64_C(600) * 1000000)

/* How often within an hour the log may have it that the store fails. */
#define LINES_MAX 4

/* What is no fault of the disk's: rows that are not there, or there already; damage has events of its own. */
static bool is_failure(int error)
{
	static const int others[] = { -ENOENT, -EEXIST, -ENOMEM, -EMSGSIZE, -EBADMSG };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (error == others[i])
			return false;

	return error < 0;
}

static void say_failure(const struct sb_store_health *health, int error)
{
	const struct sb_fields fields = { .path = health->directory };

	if (health->event == SB_EVENT_STORE_FULL)
		sb_log_event(
			health->event, &fields,
			"the store in %s is full: the disk has no room left, or the database has "
			"reached max_bytes; what is to be kept on disk is refused until there is "
			"room",
			health->directory);
	else
		sb_log_event(
			health->event, &fields,
			"the store in %s fails: %s; what is to be kept on disk is refused until "
			"that is mended",
			health->directory, strerror(-error));
}

static void fail(struct sb_store_health *health, uint64_t now, int error)
{
	enum sb_event event = error == -ENOSPC ? SB_EVENT_STORE_FULL : SB_EVENT_STORE_FAILS;

	health->failed_at = now;
	health->error = error;
	if (health->failing && health->event == event && now - health->said_at < SB_HOUR_USEC)
		return;
	if (!sb_hourly_take(&health->said, now, LINES_MAX))
		return;
	health->failing = true;
	health->event = event;
	health->said_at = now;
	say_failure(health, error);
}

/**
 * sb_store_health_init() - nothing has failed yet
 * @health: embedded in its owner
 * @directory: the state directory; lent
 */
void sb_store_health_init(struct sb_store_health *health, const char *directory)
{
	*health = (struct sb_store_health){ .directory = directory };
}

/**
 * sb_store_health_note() - a job is done
 * @health: the health
 * @now: by the loop's time, µs
 * @wrote: it was to change something; a disk that can be read may refuse that
 * @error: 0, or a negative errno
 */
void sb_store_health_note(struct sb_store_health *health, uint64_t now, bool wrote, int error)
{
	const struct sb_fields fields = { .path = health->directory };

	if (is_failure(error)) {
		fail(health, now, error);
		return;
	}
	if (!health->failing || !wrote || error < 0 || now - health->failed_at < CALM_USEC)
		return;
	health->failing = false;
	sb_log_event(SB_EVENT_STORE_WORKS, &fields, "the store in %s works again",
		     health->directory);
}

/**
 * sb_store_speed_begin() - a transaction begins
 * @speed: the speed
 * @now: µs, of a clock that is never set; not 0
 */
void sb_store_speed_begin(struct sb_store_speed *speed, uint64_t now)
{
	speed->busy_since = now;
}

/**
 * sb_store_speed_end() - the transaction has ended
 * @speed: the speed
 * @now: µs, of the same clock
 */
void sb_store_speed_end(struct sb_store_speed *speed, uint64_t now)
{
	speed->last = now - speed->busy_since;
	speed->busy_since = 0;
	if (speed->last < speed->longest && now - speed->longest_at < LONGEST_USEC)
		return;
	speed->longest = speed->last;
	speed->longest_at = now;
}

/**
 * sb_store_speed_report() - how fast it is
 * @speed: the speed
 * @now: µs, of the same clock
 * @ret: its times are filled
 */
void sb_store_speed_report(const struct sb_store_speed *speed, uint64_t now,
			   struct sb_store_report *ret)
{
	ret->busy = speed->busy_since > 0 ? now - speed->busy_since : 0;
	ret->last = speed->last;
	ret->longest = speed->longest;
}

/**
 * sb_store_health_report() - whether it works
 * @health: the health
 * @now: by the loop's time, µs
 * @ret: the rest is filled
 */
void sb_store_health_report(const struct sb_store_health *health, uint64_t now,
			    struct sb_store_report *ret)
{
	bool lately = health->error < 0 && now - health->failed_at < CALM_USEC;

	ret->directory = health->directory;
	ret->error = health->failing || lately ? health->error : 0;
}
