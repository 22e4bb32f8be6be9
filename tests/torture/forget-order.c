/* SPDX-License-Identifier: Apache-2.0 */
/* What a test has the disk do. An order has been obeyed when forget_disk_order() returns. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/torture/forget-disk.h"

#define WORD_MAX 15

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* How much of what was not synced a cut spares is one of these: often nothing. */
static const long percents[] = { 0, 0, 10, 50, 90, 100 };

typedef int obey_fn(struct forget_disk *disk, uint64_t number);

static int cut(struct forget_disk *disk, uint64_t seed)
{
	struct forget_luck luck = {
		.state = { (unsigned short)seed, (unsigned short)(seed >> 16),
			   (unsigned short)(seed >> 32) },
	};

	/* The first numbers of seeds that are close to each other are so too. */
	for (int i = 0; i < 8; i++)
		(void)nrand48(luck.state);
	luck.percent = percents[(size_t)nrand48(luck.state) % ELEMENTS(percents)];
	disk->cuts++;
	disk->fail_sync = 0;
	disk->stalled_until = 0;
	(void)pthread_cond_broadcast(&disk->unstalled);

	return forget_directory_cut(&disk->directory, &luck);
}

static int stall(struct forget_disk *disk, uint64_t ms)
{
	disk->stalled_until = forget_now_ms() + ms;
	(void)pthread_cond_broadcast(&disk->unstalled);

	return 0;
}

static int be_full(struct forget_disk *disk, uint64_t bytes)
{
	disk->capacity = bytes;

	return 0;
}

static int have_room(struct forget_disk *disk, uint64_t nothing)
{
	(void)nothing;
	disk->capacity = SIZE_MAX;

	return 0;
}

static int be_readonly(struct forget_disk *disk, uint64_t on)
{
	disk->readonly = on != 0;

	return 0;
}

static int fail_sync(struct forget_disk *disk, uint64_t n)
{
	disk->fail_sync = (unsigned int)n;

	return 0;
}

static const struct {
	const char *word;
	bool has_number;
	obey_fn *obey;
} orders[] = {
	{ "cut", true, cut },
	{ "stall", true, stall },
	{ "full", true, be_full },
	{ "room", false, have_room },
	{ "readonly", true, be_readonly },
	{ "fail-sync", true, fail_sync },
};

/* A number, "on" or "off". */
static int read_number(const char *text, uint64_t *ret)
{
	char *end;

	if (strcmp(text, "on") == 0 || strcmp(text, "off") == 0) {
		*ret = strcmp(text, "on") == 0;
		return 0;
	}
	errno = 0;
	*ret = strtoull(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 ? 0 : -EINVAL;
}

/**
 * forget_disk_order() - have something go wrong, or right again
 * @disk: the disk
 * @order: one of
 *	cut SEED	the power is cut and comes back: what was not synced is gone, save what luck spares;
 *			open files are stale
 *	stall MS	what changes the disk takes until so much later; 0 ends it
 *	full BYTES	all files together have room for so much
 *	room		and again without end
 *	readonly on|off	nothing can be changed
 *	fail-sync N	the so manieth sync from now fails, and with it what it should have made durable; 0
 *			for none
 *
 * Return: 0; -EINVAL when it is no order; -ENOMEM.
 */
int forget_disk_order(struct forget_disk *disk, const char *order)
{
	char word[WORD_MAX + 1] = "";
	char argument[WORD_MAX + 10] = "";
	char more[2];
	uint64_t number = 0;
	int n = sscanf(order, "%15s %24s %1s", word, argument, more);

	for (size_t i = 0; i < ELEMENTS(orders); i++) {
		int r = 0;

		if (strcmp(word, orders[i].word) != 0)
			continue;
		if (n != (orders[i].has_number ? 2 : 1))
			return -EINVAL;
		if (orders[i].has_number)
			r = read_number(argument, &number);
		if (r < 0)
			return r;
		(void)pthread_mutex_lock(&disk->lock);
		r = orders[i].obey(disk, number);
		(void)pthread_mutex_unlock(&disk->lock);
		return r;
	}

	return -EINVAL;
}

/**
 * forget_disk_tell() - how the disk is, a line for each number
 * @disk: the disk
 * @text: room for it
 * @size: of @text
 *
 * Return: the length of the text, as snprintf(3) tells it.
 */
int forget_disk_tell(struct forget_disk *disk, char *text, size_t size)
{
	const struct forget_name *each;
	size_t bytes = 0;
	size_t unsynced = 0;
	int len;

	(void)pthread_mutex_lock(&disk->lock);
	TAILQ_FOREACH(each, &disk->directory.seen, entry) {
		bytes += each->file->seen.len;
		unsynced += forget_file_unsynced(each->file);
	}
	len = snprintf(text, size, "bytes %zu\nsyncs %u\nunsynced-writes %zu\nunsynced-names %zu\n",
		       bytes, disk->syncs, unsynced, disk->directory.n_steps);
	(void)pthread_mutex_unlock(&disk->lock);

	return len;
}
