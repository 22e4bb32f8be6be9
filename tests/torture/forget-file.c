/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/forget-file.h"

/**
 * struct forget_change - something that was written, or another length
 * @is_len: the file gets the length @offset
 * @offset: where the @len bytes of @data go
 */
struct forget_change {
	STAILQ_ENTRY(forget_change) entry;
	bool is_len;
	size_t offset;
	size_t len;
	uint8_t data[];
};

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- images ---------------------------------------------------------------------------------- */

static int image_reserve(struct forget_image *image, size_t len)
{
	size_t room = len + len / 2;
	uint8_t *data;

	if (len <= image->room)
		return 0;
	data = realloc(image->data, room);
	if (!data)
		return -ENOMEM;

	image->data = data;
	image->room = room;

	return 0;
}

/* What is new reads as zeros. */
static int image_set_len(struct forget_image *image, size_t len)
{
	int r = image_reserve(image, len);

	if (r < 0)
		return r;
	if (len > image->len)
		memset(image->data + image->len, 0, len - image->len);
	image->len = len;

	return 0;
}

static int image_write(struct forget_image *image, const uint8_t *data, size_t len, size_t offset)
{
	int r = offset + len > image->len ? image_set_len(image, offset + len) : 0;

	if (r == 0 && len > 0)
		memcpy(image->data + offset, data, len);

	return r;
}

static int image_copy(struct forget_image *image, const struct forget_image *from)
{
	image->len = 0;

	return image_write(image, from->data, from->len, 0);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void forget_changes(struct forget_file *file)
{
	struct forget_change *change;

	while ((change = STAILQ_FIRST(&file->changes))) {
		STAILQ_REMOVE_HEAD(&file->changes, entry);
		free(change);
	}
}

static int make_durable(struct forget_file *file, const struct forget_change *change)
{
	if (change->is_len)
		return image_set_len(&file->durable, change->offset);

	return image_write(&file->durable, change->data, change->len, change->offset);
}

/* Each sector has its own luck: what is written at once may be torn. */
static int spare(struct forget_file *file, const struct forget_change *change,
		 struct forget_luck *luck)
{
	size_t done = 0;
	int r = 0;

	if (change->is_len)
		return forget_luck_spares(luck) ? make_durable(file, change) : 0;

	while (done < change->len && r == 0) {
		size_t offset = change->offset + done;
		size_t len = min_size(FORGET_SECTOR - offset % FORGET_SECTOR, change->len - done);

		if (forget_luck_spares(luck))
			r = image_write(&file->durable, change->data + done, len, offset);
		done += len;
	}

	return r;
}

/* ---- files ----------------------------------------------------------------------------------- */

/**
 * forget_file_new() - an empty file
 * @mode: of its inode
 * @ret: the file, with one reference
 *
 * Return: 0; -ENOMEM.
 */
int forget_file_new(mode_t mode, struct forget_file **ret)
{
	struct forget_file *file = calloc(1, sizeof(*file));

	if (!file)
		return -ENOMEM;

	STAILQ_INIT(&file->changes);
	file->mode = mode;
	file->refs = 1;
	*ret = file;

	return 0;
}

/**
 * forget_file_ref() - one name or handle more
 * @file: the file
 *
 * Return: @file.
 */
struct forget_file *forget_file_ref(struct forget_file *file)
{
	file->refs++;

	return file;
}

/**
 * forget_file_unref() - one name or handle less; the last takes the file with it
 * @file: may be NULL
 *
 * Return: NULL.
 */
struct forget_file *forget_file_unref(struct forget_file *file)
{
	if (!file || --file->refs > 0)
		return NULL;

	forget_changes(file);
	free(file->seen.data);
	free(file->durable.data);
	free(file);

	return NULL;
}

/**
 * forget_file_read() - what programs see
 * @file: the file
 * @data: room for @len bytes
 * @len: at most so many bytes
 * @offset: from here
 *
 * Return: bytes read, 0 at the end.
 */
size_t forget_file_read(const struct forget_file *file, void *data, size_t len, size_t offset)
{
	size_t n = offset < file->seen.len ? min_size(len, file->seen.len - offset) : 0;

	if (n > 0)
		memcpy(data, file->seen.data + offset, n);

	return n;
}

/**
 * forget_file_write() - write, without it being durable
 * @file: grows where needed
 * @data: @len bytes, copied
 * @len: bytes
 * @offset: where to
 *
 * Return: 0; -ENOMEM, and nothing was written.
 */
int forget_file_write(struct forget_file *file, const void *data, size_t len, size_t offset)
{
	struct forget_change *change = malloc(sizeof(*change) + len);

	if (!change || image_write(&file->seen, data, len, offset) < 0) {
		free(change);
		return -ENOMEM;
	}
	change->is_len = false;
	change->offset = offset;
	change->len = len;
	memcpy(change->data, data, len);
	STAILQ_INSERT_TAIL(&file->changes, change, entry);

	return 0;
}

/**
 * forget_file_set_len() - cut or lengthen, without it being durable
 * @file: what is new of it reads as zeros
 * @len: bytes
 *
 * Return: 0; -ENOMEM, and nothing was changed.
 */
int forget_file_set_len(struct forget_file *file, size_t len)
{
	struct forget_change *change = calloc(1, sizeof(*change));

	if (!change || image_set_len(&file->seen, len) < 0) {
		free(change);
		return -ENOMEM;
	}
	change->is_len = true;
	change->offset = len;
	STAILQ_INSERT_TAIL(&file->changes, change, entry);

	return 0;
}

/**
 * forget_file_sync() - make all that was changed durable
 * @file: the file
 *
 * Return: 0; -ENOMEM, and all or a part of it is still not durable.
 */
int forget_file_sync(struct forget_file *file)
{
	struct forget_change *change;

	STAILQ_FOREACH(change, &file->changes, entry)
	{
		int r = make_durable(file, change);

		if (r < 0)
			return r;
	}
	forget_changes(file);

	return 0;
}

/**
 * forget_file_fail_sync() - a sync that the disk refuses
 * @file: is seen as before
 *
 * A later sync does not make durable what this one should have: so it is with Linux, which takes a
 * page that could not be written for clean.
 */
void forget_file_fail_sync(struct forget_file *file)
{
	forget_changes(file);
}

/**
 * forget_file_cut() - the power is cut and comes back
 * @file: has only what was durable, and what luck has spared of the rest
 * @luck: whose it is
 *
 * Return: 0; -ENOMEM.
 */
int forget_file_cut(struct forget_file *file, struct forget_luck *luck)
{
	struct forget_change *change;
	int r = 0;

	STAILQ_FOREACH(change, &file->changes, entry)
	{
		r = spare(file, change, luck);
		if (r < 0)
			return r;
	}
	forget_changes(file);

	return image_copy(&file->seen, &file->durable);
}

/**
 * forget_file_unsynced() - how much is not durable
 * @file: the file
 *
 * Return: changes.
 */
size_t forget_file_unsynced(const struct forget_file *file)
{
	const struct forget_change *change;
	size_t n = 0;

	STAILQ_FOREACH(change, &file->changes, entry)
	n++;

	return n;
}

/**
 * forget_luck_spares() - toss a coin
 * @luck: whose; heads as often as it has percent
 *
 * Return: heads or tails.
 */
bool forget_luck_spares(struct forget_luck *luck)
{
	return nrand48(luck->state) % 100 < luck->percent;
}
