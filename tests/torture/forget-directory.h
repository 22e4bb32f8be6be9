/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one directory of a disk that forgets: what programs see of it, what is durable, and the steps
 * that lie between the two. Journals keep their order, so of the steps that are not durable a power
 * cut spares the first so many.
 */
#include <stddef.h>
#include <sys/queue.h>

#include "tests/torture/forget-file.h"

/**
 * struct forget_name - a file by one of its names
 * @name: owned
 * @file: one reference
 */
struct forget_name {
	TAILQ_ENTRY(forget_name) entry;
	char *name;
	struct forget_file *file;
};

TAILQ_HEAD(forget_names, forget_name);

struct forget_step;

STAILQ_HEAD(forget_steps, forget_step);

/** struct forget_directory - embedded in the disk */
struct forget_directory {
	struct forget_names seen;
	struct forget_names durable;
	struct forget_steps steps; /* what brings @durable to @seen */
	size_t n_steps;
};

void forget_directory_init(struct forget_directory *directory);
void forget_directory_done(struct forget_directory *directory);
struct forget_file *forget_directory_find(const struct forget_directory *directory,
					  const char *name);
int forget_directory_change(struct forget_directory *directory, const char *removes,
			    const char *adds, struct forget_file *file);
int forget_directory_sync(struct forget_directory *directory);
int forget_directory_cut(struct forget_directory *directory, struct forget_luck *luck);
