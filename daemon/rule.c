/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/identity.h"
#include "daemon/message.h"
#include "daemon/rule.h"

SB_DEFINE_CLEANUP(struct sb_rules *, sb_rules_unref)

/**
 * sb_texts_add() - one more
 * @texts: the texts
 * @text: copied
 *
 * Return: 0, or -ENOMEM.
 */
int sb_texts_add(struct sb_texts *texts, const char *text)
{
	char **all = reallocarray(texts->all, texts->n + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	texts->all = all;
	all[texts->n] = strdup(text);
	if (!all[texts->n])
		return -ENOMEM;
	texts->n++;

	return 0;
}

static void texts_done(struct sb_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->all[i]);
	free(texts->all);
	*texts = (struct sb_texts){ 0 };
}

/* ---- one rule ---- */

/**
 * sb_rule_done() - forget a rule
 * @rule: zeroed afterwards
 */
void sb_rule_done(struct sb_rule *rule)
{
	free(rule->unit);
	texts_done(&rule->links);
	for (size_t i = 0; i < SB_N_VERBS; i++)
		texts_done(&rule->filters[i]);
	*rule = (struct sb_rule){ 0 };
}

/**
 * sb_rule_is_for() - is a rule about somebody?
 * @rule: the rule
 * @identity: who
 *
 * Return: whether it is.
 */
bool sb_rule_is_for(const struct sb_rule *rule, const struct sb_identity *identity)
{
	switch (rule->subject) {
	case SB_SUBJECT_USER:
		return identity->uid != SB_NO_OWNER && identity->uid == rule->id;
	case SB_SUBJECT_GROUP:
		return sb_identity_has_gid(identity, rule->id);
	case SB_SUBJECT_UNIT:
		return identity->unit && strcmp(identity->unit, rule->unit) == 0;
	case SB_SUBJECT_UNIDENTIFIED:
		return identity->uid == SB_NO_OWNER;
	}

	return false;
}

/**
 * sb_rule_has_link() - is a rule about a link?
 * @rule: the rule
 * @link: its name; SB_ALL_LINKS for all of them
 *
 * Return: whether it is.
 */
bool sb_rule_has_link(const struct sb_rule *rule, const char *link)
{
	for (size_t i = 0; i < rule->links.n; i++)
		if (strcmp(rule->links.all[i], SB_ALL_LINKS) == 0 ||
		    strcmp(rule->links.all[i], link) == 0)
			return true;

	return rule->everything;
}

/**
 * sb_rule_allows() - does a rule grant this?
 * @rule: the rule
 * @verb: what
 * @link: on which link; SB_ALL_LINKS for all of them
 * @filter: a topic, or a filter of topics
 *
 * Return: whether it does, to all of @filter.
 */
bool sb_rule_allows(const struct sb_rule *rule, enum sb_verb verb, const char *link,
		    const char *filter)
{
	const struct sb_texts *filters = &rule->filters[verb];

	if (rule->everything)
		return true;
	if (!sb_rule_has_link(rule, link))
		return false;
	for (size_t i = 0; i < filters->n; i++)
		if (sb_filter_within(filter, filters->all[i]))
			return true;

	return false;
}

static bool same_texts(const struct sb_texts *a, const struct sb_texts *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (strcmp(a->all[i], b->all[i]) != 0)
			return false;

	return a->n == b->n;
}

static bool same_rule(const struct sb_rule *a, const struct sb_rule *b)
{
	if (a->subject != b->subject || a->id != b->id || !a->unit != !b->unit ||
	    (a->unit && strcmp(a->unit, b->unit) != 0) || a->administers != b->administers ||
	    a->everything != b->everything || !same_texts(&a->links, &b->links))
		return false;
	for (size_t i = 0; i < SB_N_VERBS; i++)
		if (!same_texts(&a->filters[i], &b->filters[i]))
			return false;

	return true;
}

/* ---- a set of them ---- */

/**
 * sb_rules_new() - no rules: nothing is granted to anybody
 * @ret: the set; the caller holds it
 *
 * Return: 0, or -ENOMEM.
 */
int sb_rules_new(struct sb_rules **ret)
{
	struct sb_rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	rules->references = 1;
	*ret = rules;

	return 0;
}

/**
 * sb_rules_new_built_in() - what holds where the configuration says nothing
 * @ret: the set; the caller holds it
 *
 * The members of SB_BUILT_IN_GROUP, if there is such a group, and callers that the bus cannot identify may
 * do everything: the bus policy has let them in. Looks the group up, which may wait for whoever knows the
 * groups of this box.
 *
 * Return: 0, or -ENOMEM.
 */
int sb_rules_new_built_in(struct sb_rules **ret)
{
	SB_CLEANUP(sb_rules_unref) struct sb_rules *rules = NULL;
	struct sb_rule unidentified = { .subject = SB_SUBJECT_UNIDENTIFIED, .everything = true };
	struct sb_rule members = { .subject = SB_SUBJECT_GROUP, .everything = true };
	const struct group *group = getgrnam(SB_BUILT_IN_GROUP);
	int r;

	r = sb_rules_new(&rules);
	if (r < 0)
		return r;
	rules->built_in = true;
	r = sb_rules_add(rules, &unidentified);
	if (r >= 0 && group) {
		members.id = group->gr_gid;
		r = sb_rules_add(rules, &members);
	}
	if (r < 0)
		return r;
	*ret = SB_STEAL(rules);

	return 0;
}

/**
 * sb_rules_ref() - hold a set
 * @rules: the set
 *
 * Return: @rules, which sb_rules_unref() lets go.
 */
struct sb_rules *sb_rules_ref(struct sb_rules *rules)
{
	rules->references++;

	return rules;
}

/**
 * sb_rules_unref() - let a set go; it is freed when nobody holds it
 * @rules: may be NULL
 *
 * Return: NULL.
 */
struct sb_rules *sb_rules_unref(struct sb_rules *rules)
{
	if (!rules || --rules->references > 0)
		return NULL;

	for (size_t i = 0; i < rules->n; i++)
		sb_rule_done(&rules->all[i]);
	free(rules->all);
	free(rules);

	return NULL;
}

/**
 * sb_rules_add() - one more rule
 * @rules: a set that is not in use yet
 * @rule: on success what it owns is the set's, and it is zeroed
 *
 * Return: 0, or -ENOMEM.
 */
int sb_rules_add(struct sb_rules *rules, struct sb_rule *rule)
{
	struct sb_rule *all = reallocarray(rules->all, rules->n + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	rules->all = all;
	rules->has_unit |= rule->subject == SB_SUBJECT_UNIT;
	all[rules->n++] = *rule;
	*rule = (struct sb_rule){ 0 };

	return 0;
}

/**
 * sb_rules_equal() - are two sets the same
 * @rules: a set
 * @other: a set
 *
 * Return: whether they have the same rules in the same order.
 */
bool sb_rules_equal(const struct sb_rules *rules, const struct sb_rules *other)
{
	if (rules->built_in != other->built_in || rules->n != other->n)
		return false;
	for (size_t i = 0; i < rules->n; i++)
		if (!same_rule(&rules->all[i], &other->all[i]))
			return false;

	return true;
}
