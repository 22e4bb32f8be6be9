/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The inside of a script, shared by the file that reads it and the one that plays it. Nobody else
 * includes this.
 */
#include <sys/queue.h>

#include "daemon/config-yaml.h"
#include "daemon/settings.h"
#include "sim/script.h"

/**
 * struct sim_script_rule - one of "answers:"
 * @settings: as they were written; owns the texts
 * @method: 0 for any
 * @path: a filter as in MQTT
 * @query: parts that must be among the request's; NULL for none
 * @contains: must be in the payload; NULL for nothing in particular
 * @times: so many requests, and then the rule is as if it were not there; 0 for all
 * @answered: how many it has answered
 * @payload: owned
 * @options: their values are owned
 * @reply: what is answered; lends the two before
 */
struct sim_script_rule {
	struct sb_settings *settings;
	uint32_t method;
	const char *path;
	const char *query;
	const char *contains;
	uint64_t times;
	uint64_t answered;
	uint8_t *payload;
	struct sim_script_option options[SIM_SCRIPT_OPTIONS];
	struct sim_script_reply reply;
};

/** struct sim_script_key - one of "keys:"; @identity is lent by @settings, @key is owned */
struct sim_script_key {
	struct sb_settings *settings;
	const char *identity;
	uint8_t *key;
	size_t len;
};

/**
 * struct sim_script_waiting - a command that waits
 * @path: where it is fetched; owned, and holds the memory of the payload
 * @rule: which requests fetch it, and what the answer is like
 */
struct sim_script_waiting {
	STAILQ_ENTRY(sim_script_waiting) entry;
	char *path;
	const char *payload;
	const struct sim_script_rule *rule;
};

/**
 * struct sim_script - a cloud
 * @rules: in the order of the file; each is owned
 * @keys: of "keys:"
 * @waiting: the oldest first
 * @fetched: the one that was answered last, which its reply lends
 */
struct sim_script {
	struct sim_script_rule **rules;
	size_t n_rules;
	struct sim_script_key *keys;
	size_t n_keys;
	STAILQ_HEAD(, sim_script_waiting) waiting;
	size_t n_waiting;
	struct sim_script_waiting *fetched;
};

/** struct sim_script_bytes - a value as bytes; owned, and NULL while there is none */
struct sim_script_bytes {
	uint8_t *data;
	size_t len;
};

int sim_script_take_code(struct sim_script_rule *rule, const char *text,
			 const struct sb_place *place, struct sb_problems *problems);
int sim_script_take_format(struct sim_script_rule *rule, const char *text,
			   const struct sb_place *place, struct sb_problems *problems);
int sim_script_take_path(struct sim_script_rule *rule, const char *text,
			 const struct sb_place *place, struct sb_problems *problems);
int sim_script_take_bytes(struct sb_yaml *yaml, struct sb_settings *settings,
			  const struct sb_yaml_pair *pair, size_t max,
			  struct sim_script_bytes *bytes, struct sb_problems *problems);
