/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/torture/forget-disk.h"

/**
 * forget_now_ms() - the clock of stalls
 *
 * Return: CLOCK_MONOTONIC, in milliseconds.
 */
uint64_t forget_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* With the lock held, which others have while this one waits. */
static void wait_out_stall(struct forget_disk *disk)
{
	while (forget_now_ms() < disk->stalled_until) {
		const struct timespec until = {
			.tv_sec = (time_t)(disk->stalled_until / 1000),
			.tv_nsec = (long)(disk->stalled_until % 1000) * 1000000,
		};

		(void)pthread_cond_timedwait(&disk->unstalled, &disk->lock, &until);
	}
}

static int check_handle(const struct forget_disk *disk, const struct forget_handle *handle)
{
	return handle->cuts == disk->cuts ? 0 : -EIO;
}

/* Everything that changes the disk comes through here, with the lock held. */
static int begin_change(struct forget_disk *disk, const struct forget_handle *handle)
{
	wait_out_stall(disk);
	if (disk->readonly)
		return -EROFS;

	return handle ? check_handle(disk, handle) : 0;
}

static size_t used(const struct forget_disk *disk)
{
	const struct forget_name *each;
	size_t bytes = 0;

	TAILQ_FOREACH(each, &disk->directory.seen, entry)
		bytes += each->file->seen.len;

	return bytes;
}

static int check_room(const struct forget_disk *disk, const struct forget_file *file, size_t len)
{
	size_t more = len > file->seen.len ? len - file->seen.len : 0;
	size_t has = used(disk);

	return more > 0 && (has > disk->capacity || more > disk->capacity - has) ? -ENOSPC : 0;
}

/* ---- coming and going ------------------------------------------------------------------------ */

static int new_handle(struct forget_disk *disk, struct forget_file *file,
		      struct forget_handle **ret)
{
	struct forget_handle *handle = malloc(sizeof(*handle));

	if (!handle)
		return -ENOMEM;
	*handle = (struct forget_handle){ .file = forget_file_ref(file), .cuts = disk->cuts };
	TAILQ_INSERT_TAIL(&disk->handles, handle, entry);
	*ret = handle;

	return 0;
}

static void free_handle(struct forget_disk *disk, struct forget_handle *handle)
{
	TAILQ_REMOVE(&disk->handles, handle, entry);
	(void)forget_file_unref(handle->file);
	free(handle);
}

/**
 * forget_disk_init() - an empty disk with room without end
 * @disk: where
 *
 * Return: 0, or a negative errno.
 */
int forget_disk_init(struct forget_disk *disk)
{
	pthread_condattr_t attributes;
	int r;

	*disk = (struct forget_disk){ .capacity = SIZE_MAX };
	forget_directory_init(&disk->directory);
	TAILQ_INIT(&disk->handles);
	r = pthread_condattr_init(&attributes);
	if (r != 0)
		return -r;
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	r = pthread_cond_init(&disk->unstalled, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	if (r == 0)
		r = pthread_mutex_init(&disk->lock, NULL);

	return -r;
}

/**
 * forget_disk_done() - free what the disk holds
 * @disk: with all its files, open or not
 */
void forget_disk_done(struct forget_disk *disk)
{
	while (!TAILQ_EMPTY(&disk->handles))
		free_handle(disk, TAILQ_FIRST(&disk->handles));
	forget_directory_done(&disk->directory);
	(void)pthread_cond_destroy(&disk->unstalled);
	(void)pthread_mutex_destroy(&disk->lock);
}

/**
 * forget_disk_open() - open a file
 * @disk: the disk
 * @name: of the file
 * @writes: whether it is to be written
 * @ret: stale after the next cut; for forget_disk_close()
 *
 * Return: 0; -ENOENT, -EROFS, -ENOMEM.
 */
int forget_disk_open(struct forget_disk *disk, const char *name, bool writes,
		     struct forget_handle **ret)
{
	struct forget_file *file;
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	file = forget_directory_find(&disk->directory, name);
	if (!file)
		r = -ENOENT;
	else if (writes && disk->readonly)
		r = -EROFS;
	else
		r = new_handle(disk, file, ret);
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

static int create(struct forget_disk *disk, const char *name, mode_t mode,
		  struct forget_handle **ret)
{
	struct forget_file *file;
	int r;

	r = begin_change(disk, NULL);
	if (r < 0)
		return r;
	if (forget_directory_find(&disk->directory, name))
		return -EEXIST;
	r = forget_file_new(mode, &file);
	if (r < 0)
		return r;
	r = new_handle(disk, file, ret);
	if (r == 0) {
		r = forget_directory_change(&disk->directory, NULL, name, file);
		if (r < 0)
			free_handle(disk, *ret);
	}
	(void)forget_file_unref(file);

	return r;
}

/**
 * forget_disk_create() - make a file and open it
 * @disk: the disk
 * @name: of the file
 * @mode: of its inode
 * @ret: stale after the next cut; for forget_disk_close()
 *
 * Return: 0; -EEXIST, -EROFS, -ENOMEM.
 */
int forget_disk_create(struct forget_disk *disk, const char *name, mode_t mode,
		       struct forget_handle **ret)
{
	struct forget_handle *handle;
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	r = create(disk, name, mode, &handle);
	(void)pthread_mutex_unlock(&disk->lock);
	if (r == 0)
		*ret = handle;

	return r;
}

/**
 * forget_disk_close() - close a file
 * @disk: the disk
 * @handle: may be stale
 */
void forget_disk_close(struct forget_disk *disk, struct forget_handle *handle)
{
	(void)pthread_mutex_lock(&disk->lock);
	free_handle(disk, handle);
	(void)pthread_mutex_unlock(&disk->lock);
}

/* ---- files ----------------------------------------------------------------------------------- */

/**
 * forget_disk_stat() - what stat(2) tells
 * @disk: the disk
 * @handle: of the file
 * @ret: filled
 *
 * Return: 0; -EIO when the handle is stale.
 */
int forget_disk_stat(struct forget_disk *disk, const struct forget_handle *handle, struct stat *ret)
{
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	r = check_handle(disk, handle);
	if (r == 0)
		*ret = (struct stat){
			.st_mode = handle->file->mode,
			.st_nlink = 1,
			.st_size = (off_t)handle->file->seen.len,
			.st_blocks = (blkcnt_t)((handle->file->seen.len + 511) / 512),
		};
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

/**
 * forget_disk_read() - read what programs see
 * @disk: the disk
 * @handle: of the file
 * @data: room for @len bytes
 * @len: at most so many bytes
 * @offset: from here
 *
 * Return: bytes read, 0 at the end; -EIO when the handle is stale.
 */
int forget_disk_read(struct forget_disk *disk, const struct forget_handle *handle, void *data,
		     size_t len, size_t offset)
{
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	r = check_handle(disk, handle);
	if (r == 0)
		r = (int)forget_file_read(handle->file, data, len, offset);
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

/**
 * forget_disk_write() - write, without it being durable
 * @disk: the disk
 * @handle: of the file
 * @data: @len bytes
 * @len: bytes
 * @offset: where to
 *
 * Return: 0; -EIO when the handle is stale; -EROFS, -ENOSPC, -ENOMEM.
 */
int forget_disk_write(struct forget_disk *disk, const struct forget_handle *handle,
		      const void *data, size_t len, size_t offset)
{
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	r = begin_change(disk, handle);
	if (r == 0)
		r = check_room(disk, handle->file, offset + len);
	if (r == 0)
		r = forget_file_write(handle->file, data, len, offset);
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

static int set_len(struct forget_disk *disk, const struct forget_handle *handle, size_t len,
		   bool only_grow)
{
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	r = begin_change(disk, handle);
	if (r == 0)
		r = check_room(disk, handle->file, len);
	if (r == 0 && (!only_grow || len > handle->file->seen.len))
		r = forget_file_set_len(handle->file, len);
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

/**
 * forget_disk_set_len() - cut or lengthen, without it being durable
 * @disk: the disk
 * @handle: of the file
 * @len: bytes
 *
 * Return: as forget_disk_write().
 */
int forget_disk_set_len(struct forget_disk *disk, const struct forget_handle *handle, size_t len)
{
	return set_len(disk, handle, len, false);
}

/**
 * forget_disk_reserve() - lengthen where needed, without it being durable
 * @disk: the disk
 * @handle: of the file
 * @len: bytes that the file has at least
 *
 * Return: as forget_disk_write().
 */
int forget_disk_reserve(struct forget_disk *disk, const struct forget_handle *handle, size_t len)
{
	return set_len(disk, handle, len, true);
}

/**
 * forget_disk_set_mode() - chmod(2)
 * @disk: the disk
 * @handle: of the file
 * @mode: the permissions
 *
 * Return: 0; -EIO when the handle is stale; -EROFS.
 */
int forget_disk_set_mode(struct forget_disk *disk, const struct forget_handle *handle, mode_t mode)
{
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	r = begin_change(disk, handle);
	if (r == 0)
		handle->file->mode = S_IFREG | (mode & 07777);
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

static int sync_it(struct forget_disk *disk, struct forget_file *file)
{
	int r = 0;

	disk->syncs++;
	if (disk->fail_sync > 0 && --disk->fail_sync == 0) {
		if (file)
			forget_file_fail_sync(file);
		return -EIO;
	}
	if (file)
		r = forget_file_sync(file);
	if (r == 0 && (!file || !disk->strict))
		r = forget_directory_sync(&disk->directory);

	return r;
}

/**
 * forget_disk_sync() - make durable what was changed
 * @disk: the disk
 * @handle: of a file; NULL for the directory
 *
 * Return: 0; -EIO when the handle is stale or the sync was to fail; -EROFS, -ENOMEM.
 */
int forget_disk_sync(struct forget_disk *disk, const struct forget_handle *handle)
{
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	r = begin_change(disk, handle);
	if (r == 0)
		r = sync_it(disk, handle ? handle->file : NULL);
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

/* ---- the directory --------------------------------------------------------------------------- */

/**
 * forget_disk_each() - call for each name
 * @disk: the disk
 * @each: not zero ends it; calls nothing of the disk
 * @userdata: for @each
 *
 * Return: 0, or what @each returned.
 */
int forget_disk_each(struct forget_disk *disk, forget_each_fn *each, void *userdata)
{
	const struct forget_name *name;
	int r = 0;

	(void)pthread_mutex_lock(&disk->lock);
	TAILQ_FOREACH(name, &disk->directory.seen, entry) {
		r = each(userdata, name->name);
		if (r != 0)
			break;
	}
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

/**
 * forget_disk_unlink() - take a name away, without it being durable
 * @disk: the disk
 * @name: which
 *
 * Return: 0; -ENOENT, -EROFS, -ENOMEM.
 */
int forget_disk_unlink(struct forget_disk *disk, const char *name)
{
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	r = begin_change(disk, NULL);
	if (r == 0)
		r = forget_directory_find(&disk->directory, name)
			    ? forget_directory_change(&disk->directory, name, NULL, NULL)
			    : -ENOENT;
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

/**
 * forget_disk_rename() - give a file another name, without it being durable
 * @disk: the disk
 * @from: its name
 * @to: another file of this name loses it in the same step
 *
 * Return: 0; -ENOENT, -EROFS, -ENOMEM.
 */
int forget_disk_rename(struct forget_disk *disk, const char *from, const char *to)
{
	struct forget_file *file;
	int r;

	(void)pthread_mutex_lock(&disk->lock);
	r = begin_change(disk, NULL);
	file = forget_directory_find(&disk->directory, from);
	if (r == 0 && !file)
		r = -ENOENT;
	if (r == 0 && strcmp(from, to) != 0)
		r = forget_directory_change(&disk->directory, from, to, file);
	(void)pthread_mutex_unlock(&disk->lock);

	return r;
}

/**
 * forget_disk_room() - how much may still be written
 * @disk: the disk
 * @ret_capacity: how much there is in all
 *
 * Return: bytes.
 */
size_t forget_disk_room(struct forget_disk *disk, size_t *ret_capacity)
{
	size_t has;

	(void)pthread_mutex_lock(&disk->lock);
	has = used(disk);
	*ret_capacity = disk->capacity;
	has = has < disk->capacity ? disk->capacity - has : 0;
	(void)pthread_mutex_unlock(&disk->lock);

	return has;
}
