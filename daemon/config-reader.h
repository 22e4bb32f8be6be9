/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of reading the configuration, shared by its parts: config.c (files, sections) and one file
 * for each section that is more than a table of settings. Nobody else includes this.
 */
#include <errno.h>
#include <stdbool.h>

#include "daemon/config-yaml.h"
#include "daemon/config.h"

struct sb_route_draft;

/** struct sb_route_drafts - routes as they were written, in their order; zeroed is empty */
struct sb_route_drafts {
	struct sb_route_draft *items;
	size_t n;
};

/**
 * struct sb_config_reader - what is lent, what was made, and what was seen on the way
 * @links: the names that came
 * @sections: those that may come once, and came
 * @in_main: what is read is the main file
 * @drafts: of routes, until all links are known
 * @n_tolerated: errors that spoil a link, or a file in conf.d, but not the whole
 */
struct sb_config_reader {
	struct sb_plugins *plugins;
	struct sb_problems *problems;
	struct sb_config *config;
	struct sb_seen links;
	struct sb_seen sections;
	bool in_main;
	struct sb_route_drafts drafts;
	size_t n_tolerated;
};

/** What is in the list of problems needs no second telling. */
static inline int sb_config_only_enomem(int r)
{
	return r == -ENOMEM ? r : 0;
}

void sb_config_unknown_word(struct sb_config_reader *reader, const char *noun,
			    const struct sb_yaml_pair *pair, const char *const *words, size_t n);
bool sb_config_is_link_name(const char *name);

int sb_config_read_access(struct sb_config_reader *reader, struct sb_yaml *yaml,
			  const struct sb_yaml_pair *section);
int sb_config_read_links(struct sb_config_reader *reader, struct sb_yaml *yaml,
			 const struct sb_yaml_pair *section);
int sb_config_read_routes(struct sb_config_reader *reader, struct sb_yaml *yaml,
			  const struct sb_yaml_pair *section);
int sb_config_finish_routes(struct sb_config_reader *reader);
void sb_route_drafts_done(struct sb_route_drafts *drafts);
