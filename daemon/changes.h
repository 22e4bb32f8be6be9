/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What another configuration would change, for people: one sentence for each link and each section that
 * would not stay as it is.
 */
#include <stddef.h>
#include <stdint.h>

struct sb_config_view;
struct sb_link_config;

/**
 * struct sb_change - one of them
 * @what: "link" or "section"
 * @name: of the link or the section
 * @word: "added", "removed" or "changed"; "restart" for what takes effect at the next start
 * @sentence: what exactly
 */
struct sb_change {
	const char *what;
	char *name;
	const char *word;
	char *sentence;
};

/** struct sb_changes - embedded in its owner; zeroed is none */
struct sb_changes {
	struct sb_change *all;
	size_t n;
};

void sb_changes_done(struct sb_changes *changes);

int sb_changes_link_added(struct sb_changes *changes, const struct sb_link_config *link);
int sb_changes_link_changed(struct sb_changes *changes, const struct sb_link_config *old,
			    const struct sb_link_config *link);
int sb_changes_link_removed(struct sb_changes *changes, const char *name, uint64_t waiting);
int sb_changes_sections(struct sb_changes *changes, const struct sb_config_view *old,
			const struct sb_config_view *new);
