/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/daemon/config-fixture.h"

static void rules_are_read(void **state)
{
	struct config_fixture *fixture = *state;
	const struct sb_rules *rules;

	assert_int_equal(
		config_fixture_read(fixture,
				    "access:\n"
				    "  - user: root\n"
				    "    links: '*'\n"
				    "    publish: [\"/a/+\", '#']\n"
				    "    subscribe: b\n"
				    "  - group: 4242\n"
				    "    administer: yes\n"
				    "  - unit: app@1.service\n"
				    "    links: [plant, office]\n"
				    "    subscribe: ['#']\n"
				    "    administer: no\n"
				    "  - {unidentified: yes, links: [plant], publish: [a]}\n"),
		0);
	config_fixture_assert_clean(fixture);
	rules = fixture->config->access;
	assert_false(rules->built_in);
	assert_int_equal(rules->n, 4);
	assert_int_equal(rules->all[0].subject, SB_SUBJECT_USER);
	assert_int_equal(rules->all[0].id, 0);
	assert_string_equal(rules->all[0].links.all[0], "*");
	assert_int_equal(rules->all[0].filters[SB_PUBLISH].n, 2);
	assert_string_equal(rules->all[0].filters[SB_PUBLISH].all[1], "#");
	assert_string_equal(rules->all[0].filters[SB_SUBSCRIBE].all[0], "b");
	assert_false(rules->all[0].administers);
	assert_int_equal(rules->all[1].subject, SB_SUBJECT_GROUP);
	assert_int_equal(rules->all[1].id, 4242);
	assert_true(rules->all[1].administers);
	assert_int_equal(rules->all[2].subject, SB_SUBJECT_UNIT);
	assert_string_equal(rules->all[2].unit, "app@1.service");
	assert_int_equal(rules->all[2].links.n, 2);
	assert_false(rules->all[2].administers);
	assert_int_equal(rules->all[3].subject, SB_SUBJECT_UNIDENTIFIED);
	for (size_t i = 0; i < rules->n; i++)
		assert_false(rules->all[i].everything);
}

/* A section without rules grants nothing; without a section the built-in rules hold. */
static void no_rules_are_not_the_built_in_ones(void **state)
{
	static const char *const none[] = { "access:\n", "access: []\n" };
	struct config_fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(config_fixture_read(fixture, none[i]), 0);
		assert_int_equal(fixture->config->access->n, 0);
		assert_false(fixture->config->access->built_in);
	}
	assert_int_equal(config_fixture_read(fixture, "store:\n"), 0);
	assert_true(fixture->config->access->built_in);
	assert_int_not_equal(fixture->config->access->n, 0);
}

#define RULE(text) "access:\n  - " text "\n"
#define GRANT ", links: [plant], publish: [a]}"
static const struct {
	const char *text;
	const char *sentence;
} wrong_rules[] = {
	{ RULE("{user: no-such-user-here" GRANT),
	  "skybus.yaml:2:12: this box has no user \"no-such-user-here\": write the name or the "
	  "number of one that it has" },
	{ RULE("{group: no-such-group-here" GRANT),
	  "skybus.yaml:2:13: this box has no group \"no-such-group-here\"" },
	{ RULE("{user: 4294967295" GRANT), "skybus.yaml:2:12: this box has no user" },
	{ RULE("{user: [a]" GRANT), "skybus.yaml:2:12: user is a list: write its name" },
	{ RULE("{group: ''" GRANT), "skybus.yaml:2:13: this box has no group \"\"" },
	{ RULE("{unit: app" GRANT),
	  "skybus.yaml:2:12: unit \"app\" is no service of systemd: write the whole name of "
	  "one, \"app.service\"" },
	{ RULE("{unit: .service" GRANT), "skybus.yaml:2:12: unit \".service\" is no" },
	{ RULE("{unit: app@.service" GRANT), "skybus.yaml:2:12: unit \"app@.service\" is no" },
	{ RULE("{unit: a/b.service" GRANT), "skybus.yaml:2:12: unit \"a/b.service\" is no" },
	{ RULE("{unit: session-1.scope" GRANT), "skybus.yaml:2:12: unit \"session-1.scope\"" },
	{ RULE("{unidentified: maybe" GRANT),
	  "skybus.yaml:2:20: unidentified \"maybe\" is not a boolean: write yes or no" },
	{ RULE("{unidentified: no" GRANT),
	  "skybus.yaml:2:5: this rule is for nobody: write one of user, group, unit and "
	  "\"unidentified: yes\"" },
	{ RULE("{links: [plant], publish: [a]}"), "skybus.yaml:2:5: this rule is for nobody" },
	{ RULE("{user: 1, group: 1" GRANT),
	  "skybus.yaml:2:5: this rule is for several at a time: write one of" },
	{ RULE("{user: 1, unidentified: yes" GRANT),
	  "skybus.yaml:2:5: this rule is for several at a time" },
	{ RULE("{user: 1, publish: [a]}"),
	  "skybus.yaml:2:5: this rule does not say on which links: add \"links: [NAME]\"" },
	{ RULE("{user: 1, links: [plant]}"),
	  "skybus.yaml:2:5: this rule does not say what is granted on its links" },
	{ RULE("{user: 1}"), "skybus.yaml:2:5: this rule grants nothing: add links" },
	{ RULE("{user: 1, administer: no}"), "skybus.yaml:2:5: this rule grants nothing" },
	{ RULE("{user: 1, administer: 1}"), "skybus.yaml:2:27: administer \"1\" is not a boolean" },
	{ RULE("{user: 1, links: [Plant], publish: [a]}"),
	  "skybus.yaml:2:23: \"Plant\" cannot be the name of a link: write one that is below "
	  "links, or \"*\" for all" },
	{ RULE("{user: 1, links: [plant], publish: [a, \"#/b\"]}"),
	  "skybus.yaml:2:44: publish: in the filter \"#/b\" something follows #" },
	{ RULE("{user: 1, links: [plant], subscribe: a+}"),
	  "skybus.yaml:2:42: subscribe: in the filter \"a+\" a wildcard shares its level" },
	{ RULE("{user: 1, links: [plant], publish: [{a: b}]}"),
	  "skybus.yaml:2:41: publish is a mapping: write filters of topics" },
	{ RULE("{user: 1, links: [plant], pubish: [a]}"),
	  "skybus.yaml:2:31: unknown key \"pubish\": did you mean \"publish\"?" },
	{ RULE("{user: 1, deny: yes" GRANT),
	  "skybus.yaml:2:15: unknown key \"deny\": write user, group, unit, unidentified, "
	  "links, publish, subscribe or administer" },
	{ RULE("sensors"), "skybus.yaml:2:5: access is a single value: write a list of rules" },
	{ RULE("[]"), "skybus.yaml:2:5: access is a list: write a list of rules, each with" },
};

#undef GRANT
#undef RULE

static void a_wrong_rule_spoils_the_whole(void **state)
{
	struct config_fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(wrong_rules) / sizeof(wrong_rules[0]); i++) {
		assert_int_equal(config_fixture_read(fixture, wrong_rules[i].text), -EINVAL);
		config_fixture_assert_problem(fixture, 0, wrong_rules[i].sentence);
		assert_int_equal(fixture->problems.n, 1);
		assert_null(fixture->config);
	}
}

/* A file there that is broken is left out, and rules with it. */
static void rules_are_in_the_main_file(void **state)
{
	struct config_fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	config_fixture_put(fixture, "conf.d/a.yaml", "access:\n");
	assert_int_equal(config_fixture_read(fixture, "links:\n"), -EINVAL);
	config_fixture_assert_problem(fixture, 0,
				      "conf.d/a.yaml:1:1: access belongs in the main file");
	assert_null(fixture->config);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONFIG_TEST(rules_are_read),
		CONFIG_TEST(no_rules_are_not_the_built_in_ones),
		CONFIG_TEST(a_wrong_rule_spoils_the_whole),
		CONFIG_TEST(rules_are_in_the_main_file),
	};

	return cmocka_run_group_tests(tests, config_fixture_group_setup,
				      config_fixture_group_teardown);
}
