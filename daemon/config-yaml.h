/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One YAML file, and the way through it: mappings are entered and walked pair by pair, each with
 * its place. The configuration is four mappings deep, so walking needs no recursion; a mapping is
 * entered once only, so that aliases (YAML 1.1, section 3.2.2.2) can neither loop nor multiply.
 */
#include <stdbool.h>
#include <yaml.h>

#include "daemon/problems.h"
#include "daemon/seen.h"

/** struct sb_yaml - one document; embedded in its owner, zeroed is empty */
struct sb_yaml {
	const char *file; /* its path; lent */
	yaml_document_t document;
	unsigned char *entered; /* for each node: whether it was entered */
};

/** struct sb_yaml_pair - one "key: value"; lent by the document */
struct sb_yaml_pair {
	const char *key; /* NULL for the whole file */
	struct sb_place key_place;
	yaml_node_t *value;
	struct sb_place place; /* of the value */
};

/** struct sb_yaml_walk - the way through one mapping; zeroed before it begins */
struct sb_yaml_walk {
	struct sb_yaml *yaml;
	struct sb_problems *problems;
	const yaml_node_t *mapping; /* NULL for an empty value */
	yaml_node_pair_t *next;
	struct sb_seen seen;
};

/** struct sb_yaml_list - the way through one list; zeroed before it begins */
struct sb_yaml_list {
	struct sb_yaml *yaml;
	struct sb_yaml_pair pair; /* whose value it is */
	const yaml_node_t *sequence; /* NULL for a value that stands alone, or for none */
	yaml_node_item_t *next;
	bool single_done;
};

int sb_yaml_read(struct sb_yaml *yaml, const char *file, struct sb_problems *problems);
void sb_yaml_done(struct sb_yaml *yaml);
struct sb_yaml_pair sb_yaml_root(struct sb_yaml *yaml);
struct sb_place sb_yaml_place(const struct sb_yaml *yaml, const yaml_node_t *node);

int sb_yaml_enter(struct sb_yaml_walk *walk, struct sb_yaml *yaml, const struct sb_yaml_pair *pair,
		  const char *expected, struct sb_problems *problems);
int sb_yaml_next(struct sb_yaml_walk *walk, struct sb_yaml_pair *ret);
void sb_yaml_leave(struct sb_yaml_walk *walk);

int sb_yaml_enter_list(struct sb_yaml_list *list, struct sb_yaml *yaml,
		       const struct sb_yaml_pair *pair, struct sb_problems *problems);
bool sb_yaml_next_item(struct sb_yaml_list *list, struct sb_yaml_pair *ret);

const char *sb_yaml_find(struct sb_yaml_walk *walk, const char *key, struct sb_place *ret_place);
const char *sb_yaml_text(const struct sb_yaml_pair *pair, const char *expected,
			 struct sb_problems *problems);
