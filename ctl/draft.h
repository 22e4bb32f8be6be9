/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration of a link on its way into files: one in conf.d, and one for each secret beside it. What was
 * written can be undone as long as it is not kept.
 */
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "ctl/ctl.h"

/** struct ctl_draft - zeroed is none; the caller calls ctl_draft_done() */
struct ctl_draft {
	char *directory; /* absolute */
	char *name; /* of the link */
	char *file; /* where its configuration goes */
	FILE *settings; /* fills @text */
	char *text;
	size_t len;
	uid_t owner; /* of secrets: the user that skybusd runs as */
	char **written; /* files that are there */
	size_t n_written;
	bool made_directory;
};

enum ctl_exit ctl_draft_begin(struct ctl_draft *draft, const char *directory, const char *name);
enum ctl_exit ctl_draft_set(struct ctl_draft *draft, const char *help, const char *key,
			    const char *value);
enum ctl_exit ctl_draft_secret(struct ctl_draft *draft, const char *help, const char *key,
			       const char *secret);
enum ctl_exit ctl_draft_write(struct ctl_draft *draft);
void ctl_draft_keep(struct ctl_draft *draft);
void ctl_draft_done(struct ctl_draft *draft);
