/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "daemon/access.h"
#include "daemon/identity.h"
#include "daemon/message.h"
#include "daemon/rule.h"

#define OWN 500
#define USER 1000
#define SENSORS 200

#define THINGS "/sys/+/+/thing/#"
#define POST "/sys/pk/dev/thing/post"

struct fixture {
	struct sb_rules *rules;
	struct sb_access *access;
	struct sb_grant *grant;
	struct sb_grant *old;
	struct sb_error error;
};

static const struct sb_identity user = { .uid = USER };
static const struct sb_identity nobody = { .uid = SB_NO_OWNER };

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ 0 };
	*state = &fixture;

	return sb_rules_new(&fixture.rules) < 0 ||
			       sb_access_new(fixture.rules, OWN, &fixture.access) < 0
		       ? -1
		       : 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->access = sb_access_free(f->access);
	f->grant = sb_grant_free(f->grant);
	f->old = sb_grant_free(f->old);
	f->rules = sb_rules_unref(f->rules);

	return 0;
}

/* Other rules hold, none at first. */
static void begin_rules(struct fixture *f)
{
	f->rules = sb_rules_unref(f->rules);
	assert_int_equal(sb_rules_new(&f->rules), 0);
	sb_access_replace(f->access, f->rules);
}

static struct sb_rule rule_for(enum sb_subject subject, uint32_t id)
{
	return (struct sb_rule){ .subject = subject, .id = id };
}

static void add(struct fixture *f, struct sb_rule *rule)
{
	assert_int_equal(sb_rules_add(f->rules, rule), 0);
}

/* What @verb is granted for; NULL for nothing. */
static void add_filter(struct fixture *f, enum sb_subject subject, uint32_t id, enum sb_verb verb,
		       const char *link, const char *filter)
{
	struct sb_rule rule = rule_for(subject, id);

	assert_int_equal(sb_texts_add(&rule.links, link), 0);
	assert_int_equal(sb_texts_add(&rule.filters[verb], filter), 0);
	add(f, &rule);
}

static void grant(struct fixture *f, const struct sb_identity *identity)
{
	f->grant = sb_grant_free(f->grant);
	assert_int_equal(sb_grant_new(f->access, identity, &f->grant), 0);
}

static bool may_publish(struct fixture *f, const char *link, const char *topic)
{
	return sb_grant_publish(f->grant, link, topic, &f->error) == 0;
}

static bool may_subscribe(struct fixture *f, const char *link, const char *filter)
{
	return sb_grant_subscribe(f->grant, link, filter, &f->error) == 0;
}

static bool may_administer(struct fixture *f)
{
	return sb_grant_administer(f->grant, "reload", &f->error) == 0;
}

static void assert_everything(struct fixture *f, const struct sb_identity *identity, bool expected)
{
	grant(f, identity);
	assert_int_equal(may_publish(f, "plant", "$sys/x"), expected);
	assert_int_equal(may_subscribe(f, "plant", "#"), expected);
	assert_int_equal(sb_grant_answer(f->grant, "plant", NULL, NULL) == 0, expected);
	assert_int_equal(sb_grant_administers(f->grant), expected);
	assert_int_equal(may_administer(f), expected);
}

/* ---- who ---- */

static void test_root_and_the_daemon_may_everything(void **state)
{
	struct fixture *f = *state;

	assert_everything(f, &(struct sb_identity){ .uid = 0 }, true);
	assert_everything(f, &(struct sb_identity){ .uid = OWN }, true);
	assert_everything(f, &user, false);
	assert_everything(f, &nobody, false);
}

static void test_nobody_is_not_the_daemon(void **state)
{
	struct fixture *f = *state;

	f->access = sb_access_free(f->access);
	assert_int_equal(sb_access_new(f->rules, SB_NO_OWNER, &f->access), 0);
	assert_everything(f, &nobody, false);
}

/* The group is not on every machine that builds this, so another one takes its place. */
static void test_built_in_rules(void **state)
{
	const struct group *members = getgrnam(SB_BUILT_IN_GROUP);
	struct fixture *f = *state;
	uint32_t gid = members ? members->gr_gid : 4242;
	struct sb_identity member = { .uid = USER, .gids = &gid, .n_gids = 1 };

	f->rules = sb_rules_unref(f->rules);
	assert_int_equal(sb_rules_new_built_in(&f->rules), 0);
	assert_int_equal(f->rules->n, members ? 2 : 1);
	if (!members) {
		struct sb_rule rule = rule_for(SB_SUBJECT_GROUP, gid);

		rule.everything = true;
		add(f, &rule);
	}
	sb_access_replace(f->access, f->rules);
	assert_everything(f, &member, true);
	assert_everything(f, &nobody, true);
	assert_everything(f, &(struct sb_identity){ .uid = 0 }, true);
	assert_everything(f, &user, false);
	assert_false(may_publish(f, "plant", "a"));
	assert_string_equal(
		f->error.text,
		"user 1000 may not publish \"a\" on link plant: make it a member of the "
		"group skybus, or write a section access with a rule that has "
		"\"user: 1000\" and \"links: [plant]\", \"publish: ['a']\"");
}

static void test_subjects(void **state)
{
	uint32_t gids[] = { 100, SENSORS };
	char name[] = "app.service";
	const struct sb_identity member = { .uid = USER, .gids = gids, .n_gids = 2 };
	const struct sb_identity service = { .uid = USER, .unit = name };
	struct fixture *f = *state;
	struct sb_rule rule = rule_for(SB_SUBJECT_UNIT, 0);

	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, "plant", "user");
	add_filter(f, SB_SUBJECT_GROUP, SENSORS, SB_PUBLISH, "plant", "group");
	add_filter(f, SB_SUBJECT_UNIDENTIFIED, 0, SB_PUBLISH, "plant", "unidentified");
	rule.unit = strdup(name);
	assert_int_equal(sb_texts_add(&rule.links, "plant"), 0);
	assert_int_equal(sb_texts_add(&rule.filters[SB_PUBLISH], "unit"), 0);
	add(f, &rule);

	grant(f, &user);
	assert_true(may_publish(f, "plant", "user"));
	assert_false(may_publish(f, "plant", "group"));
	assert_false(may_publish(f, "plant", "unit"));
	assert_false(may_publish(f, "plant", "unidentified"));
	grant(f, &member);
	assert_true(may_publish(f, "plant", "user"));
	assert_true(may_publish(f, "plant", "group"));
	assert_false(may_publish(f, "plant", "unit"));
	grant(f, &service);
	assert_true(may_publish(f, "plant", "unit"));
	assert_false(may_publish(f, "plant", "group"));
	name[0] = 'b'; /* the grant has its own */
	assert_non_null(strstr(f->error.text, "user 1000 (unit app.service) may not"));
	assert_true(may_publish(f, "plant", "unit"));
	grant(f, &service);
	assert_false(may_publish(f, "plant", "unit"));
	grant(f, &nobody);
	assert_true(may_publish(f, "plant", "unidentified"));
	assert_false(may_publish(f, "plant", "user"));
	assert_non_null(strstr(f->error.text, "a caller that the bus does not know may not"));
	assert_non_null(strstr(f->error.text, "\"unidentified: yes\""));
}

static void test_whose_unit_matters(void **state)
{
	const struct sb_identity root = { .uid = 0 };
	const struct sb_identity own = { .uid = OWN };
	struct fixture *f = *state;
	struct sb_rule rule = rule_for(SB_SUBJECT_UNIT, 0);

	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, "plant", "#");
	assert_false(sb_access_needs_unit(f->access, &user));
	rule.unit = strdup("app.service");
	add(f, &rule);
	assert_true(sb_access_needs_unit(f->access, &user));
	assert_false(sb_access_needs_unit(f->access, &root));
	assert_false(sb_access_needs_unit(f->access, &own));
	assert_false(sb_access_needs_unit(f->access, &nobody));
	begin_rules(f);
	assert_false(sb_access_needs_unit(f->access, &user));
}

/* ---- what ---- */

static void test_nothing_is_granted_but_what_is_told(void **state)
{
	struct fixture *f = *state;

	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, "plant", THINGS);
	grant(f, &user);
	assert_true(may_publish(f, "plant", POST));
	assert_false(may_publish(f, "plant", "/sys/pk/dev/ota"));
	assert_false(may_publish(f, "office", POST));
	assert_false(may_subscribe(f, "plant", POST));
	assert_int_equal(sb_grant_answer(f->grant, "plant", NULL, &f->error), -EPERM);
	assert_false(may_administer(f));
}

static void test_subscribing(void **state)
{
	struct fixture *f = *state;

	add_filter(f, SB_SUBJECT_USER, USER, SB_SUBSCRIBE, "plant", THINGS);
	grant(f, &user);
	assert_true(may_subscribe(f, "plant", POST));
	assert_true(may_subscribe(f, "plant", THINGS));
	assert_true(may_subscribe(f, "plant", "/sys/pk/+/thing/+"));
	assert_false(may_subscribe(f, "plant", "#"));
	assert_false(may_subscribe(f, "plant", "/sys/#"));
	assert_false(may_subscribe(f, "office", THINGS));
	assert_false(may_publish(f, "plant", POST));
	assert_int_equal(sb_grant_answer(f->grant, "plant", NULL, &f->error), 0);
	assert_int_equal(sb_grant_answer(f->grant, "office", NULL, &f->error), -EPERM);
	assert_non_null(strstr(f->error.text, "may not answer commands of link office"));
	assert_int_equal(sb_grant_answer(f->grant, "plant", POST, &f->error), 0);
	assert_int_equal(sb_grant_answer(f->grant, "plant", "/sys/pk/dev/ota", &f->error), -EPERM);
	assert_non_null(strstr(f->error.text, "may not answer the command \"/sys/pk/dev/ota\" on "
					      "link plant: add a rule"));
	assert_non_null(strstr(f->error.text, "\"subscribe: ['/sys/pk/dev/ota']\""));
}

/* One after the other: a link of one rule and a filter of another make no grant. */
static void test_rules_do_not_mix(void **state)
{
	struct fixture *f = *state;

	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, "plant", "a");
	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, "office", "b");
	grant(f, &user);
	assert_true(may_publish(f, "plant", "a"));
	assert_true(may_publish(f, "office", "b"));
	assert_false(may_publish(f, "plant", "b"));
	assert_false(may_publish(f, "office", "a"));
}

static void test_all_links(void **state)
{
	struct fixture *f = *state;

	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, SB_ALL_LINKS, "#");
	grant(f, &user);
	assert_true(may_publish(f, "plant", "a"));
	assert_true(may_publish(f, "office", "a/b"));
	assert_false(may_publish(f, "plant", "$sys"));
}

static void test_administering(void **state)
{
	struct sb_rule rule = rule_for(SB_SUBJECT_USER, USER);
	struct fixture *f = *state;

	rule.administers = true;
	add(f, &rule);
	grant(f, &user);
	assert_true(may_administer(f));
	assert_true(sb_grant_administers(f->grant));
	assert_false(may_publish(f, "plant", "a"));
	grant(f, &nobody);
	assert_false(may_administer(f));
	assert_int_equal(f->error.code, SB_ERROR_NOT_PERMITTED);
	assert_string_equal(
		f->error.text,
		"a caller that the bus does not know may not reload: add a rule to the "
		"section access that has \"unidentified: yes\" and \"administer: yes\"");
}

static void test_sentences(void **state)
{
	struct fixture *f = *state;
	char topic[SB_TOPIC_MAX + 1];

	grant(f, &user);
	assert_false(may_subscribe(f, "plant", "a/#"));
	assert_string_equal(
		f->error.text,
		"user 1000 may not subscribe to \"a/#\" on link plant: add a rule to the "
		"section access that has \"user: 1000\" and \"links: [plant]\", "
		"\"subscribe: ['a/#']\"");
	memset(topic, 't', sizeof(topic) - 1);
	topic[sizeof(topic) - 1] = '\0';
	assert_false(may_publish(f, "plant", topic));
	assert_non_null(strstr(f->error.text, "ttt…\" on link plant: add"));
	assert_non_null(strstr(f->error.text, "ttt…']\""));
}

/* ---- other rules ---- */

static void test_a_grant_stays_when_rules_are_replaced(void **state)
{
	struct fixture *f = *state;

	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, "plant", "a");
	grant(f, &user);
	begin_rules(f);
	assert_true(may_publish(f, "plant", "a"));
	f->access = sb_access_free(f->access);
	assert_true(may_publish(f, "plant", "a"));
}

/* Whether all that the user might do before is still allowed. */
static bool is_covered(struct fixture *f)
{
	grant(f, &user);

	return sb_grant_covers(f->grant, f->old);
}

static void keep_as_old(struct fixture *f)
{
	grant(f, &user);
	f->old = sb_grant_free(f->old);
	f->old = f->grant;
	f->grant = NULL;
	begin_rules(f);
}

static void test_covers(void **state)
{
	struct fixture *f = *state;

	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, "plant", "a/+");
	add_filter(f, SB_SUBJECT_USER, USER, SB_SUBSCRIBE, "plant", "b");
	keep_as_old(f);
	assert_false(is_covered(f));
	assert_true(sb_grant_covers(f->old, f->old));
	assert_true(sb_grant_covers(f->old, f->grant));
	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, SB_ALL_LINKS, "a/#");
	assert_false(is_covered(f));
	add_filter(f, SB_SUBJECT_USER, USER, SB_SUBSCRIBE, "office", "b");
	assert_false(is_covered(f));
	add_filter(f, SB_SUBJECT_USER, USER, SB_SUBSCRIBE, "plant", "b");
	assert_true(is_covered(f));
	assert_false(sb_grant_covers(f->old, f->grant));
}

static void test_covers_all_links(void **state)
{
	struct fixture *f = *state;

	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, SB_ALL_LINKS, "a");
	keep_as_old(f);
	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, "plant", "a");
	assert_false(is_covered(f));
	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, SB_ALL_LINKS, "a");
	assert_true(is_covered(f));
}

static void test_covers_everything_and_administering(void **state)
{
	struct sb_rule rule = rule_for(SB_SUBJECT_USER, USER);
	struct fixture *f = *state;

	rule.administers = true;
	add(f, &rule);
	keep_as_old(f);
	assert_false(is_covered(f));
	rule = rule_for(SB_SUBJECT_USER, USER);
	rule.everything = true;
	add(f, &rule);
	assert_true(is_covered(f));
	assert_false(sb_grant_covers(f->old, f->grant));
	keep_as_old(f);
	add_filter(f, SB_SUBJECT_USER, USER, SB_PUBLISH, SB_ALL_LINKS, "#");
	assert_false(is_covered(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_root_and_the_daemon_may_everything),
		TEST(test_nobody_is_not_the_daemon),
		TEST(test_built_in_rules),
		TEST(test_subjects),
		TEST(test_whose_unit_matters),
		TEST(test_nothing_is_granted_but_what_is_told),
		TEST(test_subscribing),
		TEST(test_rules_do_not_mix),
		TEST(test_all_links),
		TEST(test_administering),
		TEST(test_sentences),
		TEST(test_a_grant_stays_when_rules_are_replaced),
		TEST(test_covers),
		TEST(test_covers_all_links),
		TEST(test_covers_everything_and_administering),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
