/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>

#include "plugins/enos-common/enos-limit.h"

#define TRIES_QUICK 2
#define TRIES_APART_S 63
#define TRIES_MAX 3
#define TRIES_WITHIN_MS (125 * 1000)
#define TRIES_NEXT_MS 1000

/* The block, and some seconds. */
#define BLOCK_S (5 * 60 + 5)

/* In the store: how many tries count, one byte; nothing when there are none. */
#define STORE_KEY "logins"

/**
 * enos_limit_init() - nothing was tried yet
 * @limit: to be filled
 * @host: lends the timers; they end with the link
 * @link: the link
 */
void enos_limit_init(struct enos_limit *limit, const struct skybus_host *host,
		     struct skybus_link *link)
{
	*limit = (struct enos_limit){ .host = host, .link = link };
}

/**
 * enos_limit_has_room() - may the device try now
 * @limit: the limit
 * @tries: so often
 *
 * Return: whether it may.
 */
bool enos_limit_has_room(const struct enos_limit *limit, unsigned int tries)
{
	return limit->n + tries <= TRIES_MAX;
}

/**
 * enos_limit_start() - start a try, now or when the second after the last is over
 * @limit: with room; forgets what it has put off before
 * @start: counts the try by enos_limit_take() once it goes out; is not called if the link goes
 * @state: the plugin's
 */
void enos_limit_start(struct enos_limit *limit, enos_limit_try_fn *start, void *state)
{
	limit->put_off = limit->apart > 0 ? start : NULL;
	if (!limit->put_off)
		start(state);
}

/* ---- what counts ---- */

/*
 * Nobody waits for the disk: what cannot be written is missed only by a daemon that starts again
 * within two minutes.
 */
static void keep(struct enos_limit *limit)
{
	const struct skybus_host *host = limit->host;
	uint8_t n = (uint8_t)limit->n;
	int32_t r;

	if (n == limit->kept)
		return;
	if (n > 0)
		r = host->store_put(limit->link, STORE_KEY, &n, sizeof(n), NULL, NULL);
	else
		r = host->store_remove(limit->link, STORE_KEY, NULL, NULL);
	if (r == 0)
		limit->kept = n;
}

static void on_old(void *state, void *tag)
{
	struct enos_limit *limit = tag;

	(void)state;
	limit->n--;
	keep(limit);
}

static int count(struct enos_limit *limit)
{
	int64_t last = limit->host->timer_start(limit->link, TRIES_WITHIN_MS, on_old, limit);

	if (last < 0)
		return -ENOSPC;
	limit->last = last;
	limit->n++;

	return 0;
}

static void on_apart(void *state, void *tag)
{
	struct enos_limit *limit = tag;
	enos_limit_try_fn *start = limit->put_off;

	limit->apart = 0;
	limit->put_off = NULL;
	if (start)
		start(state);
}

static int64_t start_apart(struct enos_limit *limit)
{
	return limit->host->timer_start(limit->link, TRIES_NEXT_MS, on_apart, limit);
}

/**
 * enos_limit_resume() - take up what counted when the daemon ended
 * @limit: was initialised; the last of what attach() does, as it starts timers
 *
 * How long ago the tries were is not known here, so they count as if they had just been.
 */
void enos_limit_resume(struct enos_limit *limit)
{
	uint32_t len;
	const uint8_t *kept = limit->host->store_get(limit->link, STORE_KEY, &len);
	int64_t apart;

	if (!kept || len != sizeof(limit->kept))
		return;
	limit->kept = *kept;
	while (limit->n < limit->kept && limit->n < TRIES_MAX && count(limit) == 0)
		;
	apart = start_apart(limit);
	limit->apart = apart > 0 ? apart : 0;
}

/**
 * enos_limit_take() - count a try that is about to go out
 * @limit: with room
 *
 * Return: 0; or -ENOSPC without timers, and the try must not go out.
 */
int enos_limit_take(struct enos_limit *limit)
{
	int64_t apart = start_apart(limit);

	if (apart < 0)
		return -ENOSPC;
	if (count(limit) < 0) {
		limit->host->timer_stop(limit->link, apart);
		return -ENOSPC;
	}
	limit->apart = apart;
	keep(limit);

	return 0;
}

/**
 * enos_limit_ended() - the last try is over, possibly long after it was counted
 * @limit: counts it from now on, for EnOS may have seen it only just now
 * @reached: whether it can have reached EnOS; otherwise it does not count
 */
void enos_limit_ended(struct enos_limit *limit, bool reached)
{
	if (limit->apart > 0) {
		limit->host->timer_stop(limit->link, limit->apart);
		limit->apart = 0;
	}
	/* The newest is the last to be forgotten: without any, it took too long to count still. */
	if (limit->n > 0) {
		limit->host->timer_stop(limit->link, limit->last);
		limit->n--;
	}
	if (reached)
		(void)enos_limit_take(limit); /* in the place of the timers that were stopped */
	keep(limit);
}

/**
 * enos_limit_wait_s() - after a try has failed, when may the next go out
 * @limit: the limit
 * @refused: whether EnOS refused who we are, which is perhaps how it treats a blocked device
 *
 * Return: seconds; 0 when the rule asks for no wait.
 */
uint32_t enos_limit_wait_s(const struct enos_limit *limit, bool refused)
{
	if (limit->n < TRIES_QUICK)
		return 0;

	return refused ? BLOCK_S : TRIES_APART_S;
}
