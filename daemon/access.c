/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/identity.h"
#include "daemon/message.h"
#include "daemon/rule.h"

/* Of a topic or a unit in a sentence: one that is longer is cut, and says so. */
#define SHOWN_MAX 60
#define SHOWN_SIZE (SHOWN_MAX + sizeof("…"))

/* What one caller is called in a sentence, and what a rule for it begins with. */
#define WHO_SIZE 128

struct sb_access {
	struct sb_rules *rules;
	uint32_t own_uid;
	sb_access_changed_fn *changed;
	void *userdata;
};

struct sb_grant {
	struct sb_rules *rules;
	bool everything;
	uint32_t uid;
	char *unit;
	size_t n;
	const struct sb_rule *matching[];
};

SB_DEFINE_CLEANUP(struct sb_grant *, sb_grant_free)

/* ---- access ---- */

/**
 * sb_access_new() - who may do what
 * @rules: held
 * @own_uid: the daemon's own user
 * @ret: the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_access_new(struct sb_rules *rules, uint32_t own_uid, struct sb_access **ret)
{
	struct sb_access *access = calloc(1, sizeof(*access));

	if (!access)
		return -ENOMEM;
	access->rules = sb_rules_ref(rules);
	access->own_uid = own_uid;
	*ret = access;

	return 0;
}

/**
 * sb_access_free() - free it
 * @access: may be NULL; grants live on
 *
 * Return: NULL.
 */
struct sb_access *sb_access_free(struct sb_access *access)
{
	if (!access)
		return NULL;

	(void)sb_rules_unref(access->rules);
	free(access);

	return NULL;
}

/**
 * sb_access_listen() - be told when other rules hold; there is one listener
 * @access: the access
 * @changed: called when they do; NULL for nobody
 * @userdata: for @changed
 */
void sb_access_listen(struct sb_access *access, sb_access_changed_fn *changed, void *userdata)
{
	access->changed = changed;
	access->userdata = userdata;
}

/**
 * sb_access_replace() - other rules hold from now on
 * @access: grants that were given stay as they are
 * @rules: held
 */
void sb_access_replace(struct sb_access *access, struct sb_rules *rules)
{
	struct sb_rules *old = access->rules;

	access->rules = sb_rules_ref(rules);
	(void)sb_rules_unref(old);
	if (access->changed)
		access->changed(access->userdata);
}

static bool may_do_everything(const struct sb_access *access, uint32_t uid)
{
	return uid == 0 || (uid != SB_NO_OWNER && uid == access->own_uid);
}

/**
 * sb_access_needs_unit() - does it depend on somebody's unit what it may do?
 * @access: the access
 * @identity: who, without the unit
 *
 * Return: whether a rule in force is for a unit, and it may not do everything anyway.
 */
bool sb_access_needs_unit(const struct sb_access *access, const struct sb_identity *identity)
{
	return access->rules->has_unit && identity->uid != SB_NO_OWNER &&
	       !may_do_everything(access, identity->uid);
}

/* ---- grants ---- */

/**
 * sb_grant_new() - all that somebody may do now
 * @access: may go afterwards
 * @identity: who; may go afterwards
 * @ret: the grant, the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int sb_grant_new(const struct sb_access *access, const struct sb_identity *identity,
		 struct sb_grant **ret)
{
	SB_CLEANUP(sb_grant_free) struct sb_grant *grant = NULL;
	const struct sb_rules *rules = access->rules;

	grant = calloc(1, sizeof(*grant) + rules->n * sizeof(grant->matching[0]));
	if (!grant)
		return -ENOMEM;
	grant->rules = sb_rules_ref(access->rules);
	grant->uid = identity->uid;
	if (identity->unit) {
		grant->unit = strdup(identity->unit);
		if (!grant->unit)
			return -ENOMEM;
	}
	grant->everything = may_do_everything(access, identity->uid);
	for (size_t i = 0; i < rules->n; i++) {
		if (!sb_rule_is_for(&rules->all[i], identity))
			continue;
		grant->matching[grant->n++] = &rules->all[i];
		grant->everything |= rules->all[i].everything;
	}
	*ret = SB_STEAL(grant);

	return 0;
}

/**
 * sb_grant_free() - free a grant
 * @grant: may be NULL
 *
 * Return: NULL.
 */
struct sb_grant *sb_grant_free(struct sb_grant *grant)
{
	if (!grant)
		return NULL;

	(void)sb_rules_unref(grant->rules);
	free(grant->unit);
	free(grant);

	return NULL;
}

static bool allows(const struct sb_grant *grant, enum sb_verb verb, const char *link,
		   const char *filter)
{
	bool allowed = grant->everything;

	for (size_t i = 0; i < grant->n && !allowed; i++)
		allowed = sb_rule_allows(grant->matching[i], verb, link, filter);

	return allowed;
}

/* ---- refusals ---- */

static const char *shown(const char *text, char buffer[SHOWN_SIZE])
{
	(void)snprintf(buffer, SHOWN_SIZE, "%.*s%s", SHOWN_MAX, text,
		       strlen(text) > SHOWN_MAX ? "…" : "");

	return buffer;
}

static void say_who(const struct sb_grant *grant, char ret[WHO_SIZE])
{
	char unit[SHOWN_SIZE];

	if (grant->uid == SB_NO_OWNER)
		(void)snprintf(ret, WHO_SIZE, "a caller that the bus does not know");
	else if (grant->unit)
		(void)snprintf(ret, WHO_SIZE, "user %" PRIu32 " (unit %s)", grant->uid,
			       shown(grant->unit, unit));
	else
		(void)snprintf(ret, WHO_SIZE, "user %" PRIu32, grant->uid);
}

static void say_subject(const struct sb_grant *grant, char ret[WHO_SIZE])
{
	if (grant->uid == SB_NO_OWNER)
		(void)snprintf(ret, WHO_SIZE, "\"unidentified: yes\"");
	else
		(void)snprintf(ret, WHO_SIZE, "\"user: %" PRIu32 "\"", grant->uid);
}

/* @what nobody granted, and the keys that @would grant it. */
static int refuse(const struct sb_grant *grant, const char *what, const char *would,
		  struct sb_error *ret_error)
{
	char subject[WHO_SIZE];
	char who[WHO_SIZE];

	say_who(grant, who);
	say_subject(grant, subject);
	if (grant->rules->built_in)
		return sb_error_set(
			ret_error, SB_ERROR_NOT_PERMITTED,
			"%s may not %s: make it a member of the group " SB_BUILT_IN_GROUP
			", or write a section access with a rule that has %s and %s",
			who, what, subject, would);

	return sb_error_set(ret_error, SB_ERROR_NOT_PERMITTED,
			    "%s may not %s: add a rule to the section access that has %s and %s",
			    who, what, subject, would);
}

enum deed {
	PUBLISH,
	SUBSCRIBE,
	ANSWER,
	N_DEEDS,
};

static const struct {
	enum sb_verb verb;
	const char *what;
	const char *key;
} deeds[N_DEEDS] = {
	[PUBLISH] = { SB_PUBLISH, "publish", "publish" },
	[SUBSCRIBE] = { SB_SUBSCRIBE, "subscribe to", "subscribe" },
	[ANSWER] = { SB_SUBSCRIBE, "answer the command", "subscribe" },
};

static int decide(const struct sb_grant *grant, enum deed deed, const char *link,
		  const char *filter, struct sb_error *ret_error)
{
	char text[SHOWN_SIZE];
	char would[192];
	char what[192];

	if (allows(grant, deeds[deed].verb, link, filter))
		return 0;

	(void)snprintf(what, sizeof(what), "%s \"%s\" on link %s", deeds[deed].what,
		       shown(filter, text), link);
	(void)snprintf(would, sizeof(would), "\"links: [%s]\", \"%s: ['%s']\"", link,
		       deeds[deed].key, text);

	return refuse(grant, what, would, ret_error);
}

/* ---- decisions ---- */

/**
 * sb_grant_publish() - may somebody publish, or send a request?
 * @grant: what it may do
 * @link: the link's name
 * @topic: the topic, which need not be a good one
 * @ret_error: who may not, what, and which rule would allow it
 *
 * Return: 0, or -EPERM.
 */
int sb_grant_publish(const struct sb_grant *grant, const char *link, const char *topic,
		     struct sb_error *ret_error)
{
	return decide(grant, PUBLISH, link, topic, ret_error);
}

/**
 * sb_grant_subscribe() - may somebody have all that a filter matches?
 * @grant: what it may do
 * @link: the link's name
 * @filter: the filter, which need not be a good one
 * @ret_error: who may not, what, and which rule would allow it
 *
 * Return: 0, or -EPERM.
 */
int sb_grant_subscribe(const struct sb_grant *grant, const char *link, const char *filter,
		       struct sb_error *ret_error)
{
	return decide(grant, SUBSCRIBE, link, filter, ret_error);
}

static bool allows_some(const struct sb_grant *grant, enum sb_verb verb, const char *link)
{
	bool allowed = grant->everything;

	for (size_t i = 0; i < grant->n && !allowed; i++)
		allowed = grant->matching[i]->filters[verb].n > 0 &&
			  sb_rule_has_link(grant->matching[i], link);

	return allowed;
}

/**
 * sb_grant_answer() - may somebody answer a command, as who may subscribe to it?
 * @grant: what it may do
 * @link: the link's name
 * @topic: of the command; NULL where none waits: then it is asked if there are any that it might answer
 * @ret_error: who may not, what, and which rule would allow it
 *
 * Return: 0, or -EPERM.
 */
int sb_grant_answer(const struct sb_grant *grant, const char *link, const char *topic,
		    struct sb_error *ret_error)
{
	char would[128];
	char what[96];

	if (topic)
		return decide(grant, ANSWER, link, topic, ret_error);
	if (allows_some(grant, SB_SUBSCRIBE, link))
		return 0;

	(void)snprintf(what, sizeof(what), "answer commands of link %s", link);
	(void)snprintf(would, sizeof(would), "\"links: [%s]\", \"subscribe: […]\"", link);

	return refuse(grant, what, would, ret_error);
}

/**
 * sb_grant_administers() - may somebody do what concerns others?
 * @grant: what it may do
 *
 * Return: whether it may.
 */
bool sb_grant_administers(const struct sb_grant *grant)
{
	bool administers = grant->everything;

	for (size_t i = 0; i < grant->n; i++)
		administers |= grant->matching[i]->administers;

	return administers;
}

/**
 * sb_grant_administer() - the same, with a sentence
 * @grant: what it may do
 * @what: "disconnect link plant"
 * @ret_error: who may not, what, and which rule would allow it
 *
 * Return: 0, or -EPERM.
 */
int sb_grant_administer(const struct sb_grant *grant, const char *what, struct sb_error *ret_error)
{
	if (sb_grant_administers(grant))
		return 0;

	return refuse(grant, what, "\"administer: yes\"", ret_error);
}

/* ---- other rules ---- */

static bool covers_filters(const struct sb_grant *grant, const struct sb_rule *old,
			   enum sb_verb verb)
{
	for (size_t i = 0; i < old->links.n; i++)
		for (size_t j = 0; j < old->filters[verb].n; j++)
			if (!allows(grant, verb, old->links.all[i], old->filters[verb].all[j]))
				return false;

	return true;
}

static bool covers_rule(const struct sb_grant *grant, const struct sb_rule *old)
{
	if (old->administers && !sb_grant_administers(grant))
		return false;
	for (size_t verb = 0; verb < SB_N_VERBS; verb++)
		if (!covers_filters(grant, old, (enum sb_verb)verb))
			return false;

	return true;
}

/**
 * sb_grant_covers() - does a grant allow all that an older one did?
 * @grant: the newer
 * @old: the older
 *
 * Each filter is looked at by itself, so one that only several new ones cover together is missed.
 *
 * Return: whether it surely does.
 */
bool sb_grant_covers(const struct sb_grant *grant, const struct sb_grant *old)
{
	if (grant->everything)
		return true;
	if (old->everything)
		return false;
	for (size_t i = 0; i < old->n; i++)
		if (!covers_rule(grant, old->matching[i]))
			return false;

	return true;
}
