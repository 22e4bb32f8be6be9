/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where payloads come from: a word of the command line, standard input, or a file; as one payload, or with
 * --lines one for each line. Nothing is read but by ctl_source_fill(), so that whoever has an event loop reads
 * when there is something.
 */
#include <stdint.h>

#include "ctl/ctl.h"

/** struct ctl_source - embedded in its owner */
struct ctl_source {
	int fd; /* -1 for a word */
	const char *name; /* of the file, for people */
	const char *word;
	bool lines;
	bool drained; /* there is nothing more to read */
	bool ended; /* and nothing more to take */
	char *bytes; /* read, from taken to filled not taken yet */
	size_t taken;
	size_t filled;
	uint64_t size; /* of the file, in bytes; 0 if it has none */
	uint64_t read; /* of them, by what was taken */
};

enum ctl_exit ctl_source_init(struct ctl_source *source, const struct ctl *ctl, const char *word);
void ctl_source_done(struct ctl_source *source);
enum ctl_exit ctl_source_fill(struct ctl_source *source);
enum ctl_exit ctl_source_next(struct ctl_source *source, void **ret, size_t *ret_size);
