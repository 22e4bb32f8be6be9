/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/daemon/config-fixture.h"

static void a_wrong_link_is_kept_and_the_others_run(void **state)
{
	struct config_fixture *fixture = *state;

	assert_int_equal(config_fixture_read(
				 fixture, "links:\n" GOOD_LINK("a") "    prot: 1\n" GOOD_LINK(
						  "b") "    window: 65\n" GOOD_LINK("c") "  d:\n"),
			 0);
	assert_int_equal(fixture->problems.n_errors, 3);
	assert_int_equal(fixture->config->n_links, 4);
	config_fixture_assert_problem(
		fixture, 0, "skybus.yaml:7:5: unknown key \"prot\": did you mean \"port\"?");
	config_fixture_assert_problem(fixture, 1,
				      "skybus.yaml:13:13: window \"65\" is above the most, 64: ");
	config_fixture_assert_problem(fixture, 2,
				      "skybus.yaml:19:3: plugin is missing: add \"plugin:\" with ");
	assert_string_equal(fixture->config->links[0]->wrong, fixture->problems.all[0].text);
	assert_string_equal(fixture->config->links[1]->wrong, fixture->problems.all[1].text);
	assert_null(fixture->config->links[2]->wrong);
	assert_string_equal(fixture->config->links[3]->wrong, fixture->problems.all[2].text);
	assert_null(fixture->config->links[3]->plugin);
	assert_non_null(fixture->config->links[3]->common);
}

static void the_first_error_says_what_is_wrong_with_a_link(void **state)
{
	struct config_fixture *fixture = *state;

	assert_int_equal(config_fixture_read(fixture, "links:\n"
						      "  plant:\n"
						      "    plugin: good\n"
						      "    device_secret: inline\n"
						      "    host: a b\n"
						      "    product: [p]\n"),
			 0);
	assert_int_equal(fixture->problems.n, 3);
	assert_int_equal(fixture->problems.n_errors, 2);
	config_fixture_assert_wrong_link(fixture, ":5:11: host \"a b\" is not a host");
}

static void a_name_belongs_to_one_link(void **state)
{
	struct config_fixture *fixture = *state;
	char sentence[256];

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	config_fixture_put(fixture, "conf.d/1.yaml",
			   "links:\n" GOOD_LINK("plant") "    window: 1\n");
	assert_int_equal(config_fixture_read(fixture, "links:\n" GOOD_LINK("plant")), 0);
	assert_int_equal(fixture->problems.n_errors, 1);
	(void)snprintf(sentence, sizeof(sentence),
		       "conf.d/1.yaml:2:3: link plant is there twice, first at %s:2:3: give one",
		       fixture->main_path);
	config_fixture_assert_problem(fixture, 0, sentence);
	assert_int_equal(fixture->config->n_links, 1);
	assert_null(fixture->config->links[0]->wrong);
	assert_int_equal(sb_settings_integer(fixture->config->links[0]->common, "window"), 8);
}

static void names_of_links(void **state)
{
	static const char *const bad[] = {
		"Plant",
		"-a",
		"_a",
		"a.b",
		"\"\"",
		"a/b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	struct config_fixture *fixture = *state;
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "links:\n  %s: {plugin: none}\n", bad[i]);
		assert_int_equal(config_fixture_read(fixture, text), 0);
		config_fixture_assert_problem(fixture, 0, "skybus.yaml:2:3: \"");
		assert_int_equal(fixture->config->n_links, 0);
	}
	assert_int_equal(config_fixture_read(fixture, "links:\n" GOOD_LINK("0a-_")), 0);
	config_fixture_assert_clean(fixture);
}

static void a_link_without_its_plugin_keeps_what_all_have(void **state)
{
	struct config_fixture *fixture = *state;
	struct sb_link_config *link;

	assert_int_equal(config_fixture_read(fixture, "links:\n"
						      "  plant:\n"
						      "    window: 99\n"
						      "    plugin: god\n"
						      "    whatever: {is: this}\n"
						      "    queue_messages: 5\n"),
			 0);
	assert_int_equal(fixture->problems.n_errors, 2);
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml:4:13: there is no plugin \"god\" in ");
	config_fixture_assert_problem(fixture, 1, "skybus.yaml:3:13: window \"99\"");
	config_fixture_assert_wrong_link(fixture, "did you mean \"good\"?");
	link = fixture->config->links[0];
	assert_string_equal(link->plugin, "god");
	assert_null(link->loaded);
	assert_null(link->own);
	assert_int_equal(sb_settings_integer(link->common, "queue_messages"), 5);

	assert_int_equal(config_fixture_read(fixture, "links: {plant: {plugin: small}}\n"), 0);
	config_fixture_assert_wrong_link(fixture, "the descriptor of ");
	assert_int_equal(
		config_fixture_read(fixture, "links: {plant: {plugin: [good], host: x}}\n"), 0);
	assert_int_equal(fixture->problems.n_errors, 1);
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml:1:25: plugin is a list: write a text");
}

static void wrong_forms_of_links(void **state)
{
	struct config_fixture *fixture = *state;

	assert_int_equal(config_fixture_read(fixture, "links:\n  - plant\n"), 0);
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml:2:3: links is a list: write each link's name");
	assert_int_equal(fixture->config->n_links, 0);
	assert_int_equal(config_fixture_read(fixture, "links: {plant: [1, 2]}\n"), 0);
	config_fixture_assert_wrong_link(fixture, "plant is a list");
}

static void aliases_neither_loop_nor_multiply(void **state)
{
	struct config_fixture *fixture = *state;

	assert_int_equal(config_fixture_read(fixture, "links: &links\n  plant: *links\n"), 0);
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml:2:3: plant is an alias of a mapping");
	config_fixture_assert_wrong_link(fixture, "write it out");

	assert_int_equal(config_fixture_read(fixture, "links:\n"
						      "  a: &a\n"
						      "    plugin: good\n"
						      "    host: localhost\n"
						      "    product: p\n"
						      "    device_secret: {credential: key}\n"
						      "  b: *a\n"),
			 0);
	assert_int_equal(fixture->problems.n, 1);
	assert_null(fixture->config->links[0]->wrong);
	config_fixture_assert_problem(fixture, 0, "skybus.yaml:7:3: b is an alias of a mapping");

	assert_int_equal(config_fixture_read(fixture, "&all\nlinks: *all\n"), 0);
	config_fixture_assert_problem(fixture, 0, "skybus.yaml:2:1: links is an alias");
	(void)config_fixture_read(fixture,
				  "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nlinks: *c\n");
	config_fixture_assert_problem(fixture, 3, "skybus.yaml:3:4: links is a list");
}

/* libyaml would take minutes. */
static void deep_and_knotted_files_are_refused(void **state)
{
	static char text[256 * 1024];
	struct config_fixture *fixture = *state;
	size_t n = 0;

	memset(text, '[', sizeof(text) - 1);
	assert_int_equal(config_fixture_read(fixture, text), -EINVAL);
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml:1:17: this is nested deeper than 16 levels");
	memset(text, '{', sizeof(text) - 1);
	assert_int_equal(config_fixture_read(fixture, text), -EINVAL);
	assert_int_equal(fixture->problems.n, 1);

	for (size_t i = 0; i < 20000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "- &a%zu x\n", i);
	assert_int_equal(config_fixture_read(fixture, text), -EINVAL);
	config_fixture_assert_problem(fixture, 0, "skybus.yaml:257:3: this is anchor 257");
}

static void thousands_of_links_are_read(void **state)
{
	static char text[256 * 1024] = "links:\n";
	struct config_fixture *fixture = *state;
	size_t n = strlen(text);

	for (size_t i = 0; i < 2000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "  link%zu: {plugin: good, host: localhost, product: p, "
				      "device_secret: {credential: key}}\n",
				      i);
	assert_int_equal(config_fixture_read(fixture, text), 0);
	config_fixture_assert_clean(fixture);
	assert_int_equal(fixture->config->n_links, 2000);
	assert_string_equal(fixture->config->links[1999]->name, "link1999");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONFIG_TEST(a_wrong_link_is_kept_and_the_others_run),
		CONFIG_TEST(the_first_error_says_what_is_wrong_with_a_link),
		CONFIG_TEST(a_name_belongs_to_one_link),
		CONFIG_TEST(names_of_links),
		CONFIG_TEST(a_link_without_its_plugin_keeps_what_all_have),
		CONFIG_TEST(wrong_forms_of_links),
		CONFIG_TEST(aliases_neither_loop_nor_multiply),
		CONFIG_TEST(deep_and_knotted_files_are_refused),
		CONFIG_TEST(thousands_of_links_are_read),
	};

	return cmocka_run_group_tests(tests, config_fixture_group_setup,
				      config_fixture_group_teardown);
}
