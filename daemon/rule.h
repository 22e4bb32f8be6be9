/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rules: what the configuration grants, and to whom. A set of them is made once, does not change any more,
 * and lives as long as anybody holds it, so that one that was replaced still says what it had granted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sb_identity;

/** The group whose members may do everything where the configuration says nothing. */
#define SB_BUILT_IN_GROUP "skybus"

/** In the place of a link's name: all of them. */
#define SB_ALL_LINKS "*"

/* X(constant, key in the configuration) */
#define SB_SUBJECTS(X)               \
	X(SB_SUBJECT_USER, "user")   \
	X(SB_SUBJECT_GROUP, "group") \
	X(SB_SUBJECT_UNIT, "unit")   \
	X(SB_SUBJECT_UNIDENTIFIED, "unidentified")

enum sb_subject {
#define SB_SUBJECT_CONSTANT(constant, key) constant,
	SB_SUBJECTS(SB_SUBJECT_CONSTANT)
#undef SB_SUBJECT_CONSTANT
};

/** struct sb_texts - texts; zeroed is none */
struct sb_texts {
	char **all;
	size_t n;
};

/* What can be granted on a link. */
enum sb_verb {
	SB_PUBLISH,
	SB_SUBSCRIBE,
	SB_N_VERBS,
};

/**
 * struct sb_rule - one rule; zeroed it grants nothing
 * @subject: to whom
 * @id: of a user or a group
 * @unit: of a unit
 * @links: the names of links, or SB_ALL_LINKS
 * @filters: on these links, for each verb: of topics, see daemon/filter.h
 * @administers: may do what concerns others
 * @everything: may do everything, on every link
 */
struct sb_rule {
	enum sb_subject subject;
	uint32_t id;
	char *unit;
	struct sb_texts links;
	struct sb_texts filters[SB_N_VERBS];
	bool administers;
	bool everything;
};

/** struct sb_rules - a set; read-only once it is in use */
struct sb_rules {
	unsigned int references;
	bool built_in; /* the configuration has none */
	bool has_unit; /* one is for a unit */
	struct sb_rule *all;
	size_t n;
};

int sb_texts_add(struct sb_texts *texts, const char *text);
void sb_rule_done(struct sb_rule *rule);
bool sb_rule_is_for(const struct sb_rule *rule, const struct sb_identity *identity);
bool sb_rule_has_link(const struct sb_rule *rule, const char *link);
bool sb_rule_allows(const struct sb_rule *rule, enum sb_verb verb, const char *link,
		    const char *filter);

int sb_rules_new(struct sb_rules **ret);
int sb_rules_new_built_in(struct sb_rules **ret);
struct sb_rules *sb_rules_ref(struct sb_rules *rules);
struct sb_rules *sb_rules_unref(struct sb_rules *rules);
int sb_rules_add(struct sb_rules *rules, struct sb_rule *rule);
bool sb_rules_equal(const struct sb_rules *rules, const struct sb_rules *other);
