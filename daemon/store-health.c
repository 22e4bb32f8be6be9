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
