/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file of a disk that forgets: what programs see of it, what a power cut would leave of it, and
 * the changes that lie between the two, in the order in which they were made.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>

/** Written whole or not at all, as by every disk. */
#define FORGET_SECTOR 512

/** struct forget_image - the bytes of a file; all zero is an empty one */
struct forget_image {
	uint8_t *data;
	size_t len;
	size_t room;
};

struct forget_change;

STAILQ_HEAD(forget_changes, forget_change);

/**
 * struct forget_file - a file, whatever its names are
 * @seen: what programs read
 * @durable: what outlives a power cut for sure
 * @changes: what brings @durable to @seen
 * @mode: as stat(2) has it; durable at once
 * @refs: names and handles
 */
struct forget_file {
	struct forget_image seen;
	struct forget_image durable;
	struct forget_changes changes;
	mode_t mode;
	unsigned int refs;
};

/** struct forget_luck - what a power cut spares */
struct forget_luck {
	unsigned short state[3]; /* of nrand48(3) */
	long percent; /* of what was not synced */
};

int forget_file_new(mode_t mode, struct forget_file **ret);
struct forget_file *forget_file_ref(struct forget_file *file);
struct forget_file *forget_file_unref(struct forget_file *file);

size_t forget_file_read(const struct forget_file *file, void *data, size_t len, size_t offset);
int forget_file_write(struct forget_file *file, const void *data, size_t len, size_t offset);
int forget_file_set_len(struct forget_file *file, size_t len);
int forget_file_sync(struct forget_file *file);
void forget_file_fail_sync(struct forget_file *file);
int forget_file_cut(struct forget_file *file, struct forget_luck *luck);
size_t forget_file_unsynced(const struct forget_file *file);

bool forget_luck_spares(struct forget_luck *luck);
