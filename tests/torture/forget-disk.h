/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A disk that forgets: one directory of files, and what can go wrong with them. All functions are
 * for any thread.
 *
 * A name becomes durable as on a journaling file system: an fsync of the directory or of any file
 * writes the journal, and with it all names as they are. A strict disk does what POSIX promises and
 * no more: only an fsync of the directory makes names durable.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "tests/torture/forget-directory.h"

/** struct forget_handle - an open file */
struct forget_handle {
	TAILQ_ENTRY(forget_handle) entry;
	struct forget_file *file;
	unsigned int cuts;
};

TAILQ_HEAD(forget_handles, forget_handle);

/** struct forget_disk - the disk; everything in it is under @lock */
struct forget_disk {
	pthread_mutex_t lock;
	pthread_cond_t unstalled;
	bool strict;
	struct forget_directory directory;
	struct forget_handles handles;
	unsigned int cuts; /* handles from before the last are stale */
	unsigned int syncs; /* that came */
	uint64_t stalled_until; /* CLOCK_MONOTONIC, ms */
	size_t capacity; /* bytes of all files together */
	bool readonly;
	unsigned int fail_sync; /* the so manieth from now; 0 for none */
};

typedef int forget_each_fn(void *userdata, const char *name);

uint64_t forget_now_ms(void);

int forget_disk_init(struct forget_disk *disk);
void forget_disk_done(struct forget_disk *disk);

int forget_disk_open(struct forget_disk *disk, const char *name, bool writes,
		     struct forget_handle **ret);
int forget_disk_create(struct forget_disk *disk, const char *name, mode_t mode,
		       struct forget_handle **ret);
void forget_disk_close(struct forget_disk *disk, struct forget_handle *handle);
int forget_disk_stat(struct forget_disk *disk, const struct forget_handle *handle,
		     struct stat *ret);
int forget_disk_read(struct forget_disk *disk, const struct forget_handle *handle, void *data,
		     size_t len, size_t offset);
int forget_disk_write(struct forget_disk *disk, const struct forget_handle *handle,
		      const void *data, size_t len, size_t offset);
int forget_disk_set_len(struct forget_disk *disk, const struct forget_handle *handle, size_t len);
int forget_disk_reserve(struct forget_disk *disk, const struct forget_handle *handle, size_t len);
int forget_disk_set_mode(struct forget_disk *disk, const struct forget_handle *handle, mode_t mode);
int forget_disk_sync(struct forget_disk *disk, const struct forget_handle *handle);

int forget_disk_each(struct forget_disk *disk, forget_each_fn *each, void *userdata);
int forget_disk_unlink(struct forget_disk *disk, const char *name);
int forget_disk_rename(struct forget_disk *disk, const char *from, const char *to);
size_t forget_disk_room(struct forget_disk *disk, size_t *ret_capacity);

int forget_disk_order(struct forget_disk *disk, const char *order);
int forget_disk_tell(struct forget_disk *disk, char *text, size_t size);
