/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where payloads come from: a word of the command line, standard input, or a file; as one payload, or with
 * --lines one for each line.
 */
#include <stdint.h>
#include <stdio.h>

#include "ctl/ctl.h"

/** struct ctl_source - embedded in its owner */
struct ctl_source {
	FILE *file; /* NULL for a word */
	const char *name; /* of the file, for people */
	const char *word;
	bool lines;
	bool ended;
	char *line; /* of getline() */
	size_t line_size;
	uint64_t size; /* of the file, in bytes; 0 if it has none */
	uint64_t read; /* of them */
};

enum ctl_exit ctl_source_init(struct ctl_source *source, const struct ctl *ctl, const char *word);
void ctl_source_done(struct ctl_source *source);
enum ctl_exit ctl_source_next(struct ctl_source *source, void **ret, size_t *ret_size);
