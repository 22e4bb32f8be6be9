/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Payloads on their way to the daemon: a number of calls ahead of their answers, so that those that are on disk
 * together share a write; with --wait until the last of them has ended.
 *
 * With --lines a queue that is full, or a rate that is reached, is waited for; what was refused goes first then.
 */
#include <sys/queue.h>

#include "ctl/listen.h"
#include "ctl/progress.h"
#include "ctl/source.h"

/** struct ctl_line - a payload that the daemon has not taken yet */
struct ctl_line {
	TAILQ_ENTRY(ctl_line) link; /* of called or refused */
	struct ctl_publishing *owner;
	uint64_t number; /* from 1 */
	void *payload;
	size_t size;
	bool by_routes; /* as it was called */
};

TAILQ_HEAD(ctl_lines, ctl_line);

/** struct ctl_publishing - embedded in its owner */
struct ctl_publishing {
	struct ctl *ctl;
	struct ctl_listen listen;
	struct ctl_source source;
	struct ctl_progress progress;
	const char *topic;
	char *path; /* of the link; NULL to go by the routes */
	struct ctl_lines called; /* and not answered */
	struct ctl_lines refused; /* for now, in the order of their numbers */
	sd_event_source *input; /* NULL for a source that is always ready, such as a file */
	sd_event_source *pause; /* until they are called again */
	sd_event_source *patience; /* until nobody waits any longer */
	bool paused;
	bool hungry; /* there is room for more, and it waits for the source */
	bool wait;
	uint64_t wait_usec; /* from the last line on at most; UINT64_MAX for ever */
	uint64_t lines; /* read */
	uint64_t unanswered; /* those that were called */
	uint64_t taken; /* messages, each with its ticket */
	uint64_t delivered;
	uint64_t undelivered; /* which have ended otherwise */
	enum ctl_exit first; /* that went wrong */
};

enum ctl_exit ctl_publishing_run(struct ctl_publishing *publishing);
