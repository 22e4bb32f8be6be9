/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/daemon/config-fixture.h"

/* ---- what is right ---- */

static void a_link_is_read(void **state)
{
	struct config_fixture *fixture = *state;
	struct sb_link_config *link;
	const uint8_t *secret;
	size_t len;

	assert_int_equal(config_fixture_read(fixture,
					     "store:\n"
					     "  sync: normal\n"
					     "links:\n" GOOD_LINK("plant") "    lifetime: 15m\n"
									   "    window: 4\n"
									   "    enabled: no\n"),
			 0);
	config_fixture_assert_clean(fixture);
	assert_string_equal(sb_settings_text(fixture->config->store, "sync"), "normal");
	assert_int_equal(fixture->config->n_links, 1);
	link = fixture->config->links[0];
	assert_string_equal(link->name, "plant");
	assert_string_equal(link->plugin, "good");
	assert_string_equal(link->loaded->name, "good");
	assert_null(link->wrong);

	assert_int_equal(sb_settings_integer(link->common, "window"), 4);
	assert_int_equal(sb_settings_integer(link->common, "enabled"), 0);
	assert_int_equal(sb_settings_integer(link->common, "queue_messages"), 100000);
	assert_int_equal(sb_settings_integer(link->common, "queue_bytes"), 64 << 20);
	assert_string_equal(sb_settings_text(link->own, "host"), "localhost");
	assert_int_equal(sb_settings_integer(link->own, "lifetime"), 900);
	assert_int_equal(sb_settings_integer(link->own, "port"), 5683);
	secret = sb_settings_secret(link->own, "device_secret", &len);
	assert_int_equal(len, 4);
	assert_memory_equal(secret, "hush", 4);
}

static void nothing_is_fine(void **state)
{
	static const char *const texts[] = {
		"",   "# a comment\n", "---\n",	     "links:\n", "store:\nlinks:\n",
		"{}", "links: {}\n",   "---\n...\n",
	};
	struct config_fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(config_fixture_read(fixture, texts[i]), 0);
		config_fixture_assert_clean(fixture);
		assert_int_equal(fixture->config->n_links, 0);
		assert_string_equal(sb_settings_text(fixture->config->store, "sync"), "full");
	}
}

static void the_shipped_file_is_clean(void **state)
{
	const char *root = getenv("SKYBUS_SOURCE_ROOT");
	struct config_fixture *fixture = *state;
	char path[PATH_MAX];

	if (!root)
		fail_msg("SKYBUS_SOURCE_ROOT must name the directory of the sources");
	(void)snprintf(path, sizeof(path), "%s/etc/skybus.yaml", root);
	assert_int_equal(
		sb_config_read(path, fixture->plugins, &fixture->problems, &fixture->config), 0);
	config_fixture_assert_clean(fixture);
	assert_int_equal(fixture->config->n_links, 0);
}

static void aliases_of_single_values_are_taken(void **state)
{
	struct config_fixture *fixture = *state;

	assert_int_equal(config_fixture_read(fixture, "links:\n"
						      "  plant:\n"
						      "    plugin: &good good\n"
						      "    host: &host localhost\n"
						      "    product: *good\n"
						      "    device_secret: {credential: key}\n"),
			 0);
	config_fixture_assert_clean(fixture);
	assert_string_equal(sb_settings_text(fixture->config->links[0]->own, "product"), "good");
}

/* ---- files ---- */

static void more_files_follow_in_the_order_of_their_names(void **state)
{
	static const char *const names[] = { "main", "one", "two", "three" };
	struct config_fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	scratch_mkdir(&fixture->scratch, "etc/conf.d/60-folder.yaml");
	config_fixture_put(fixture, "conf.d/20-b.yaml", "links:\n" GOOD_LINK("two"));
	config_fixture_put(fixture, "conf.d/10-a.yaml", "links:\n" GOOD_LINK("one"));
	config_fixture_put(fixture, "conf.d/C.yaml", "links:\n" GOOD_LINK("three"));
	config_fixture_put(fixture, "conf.d/30.yaml.dpkg-old", "links: 1\n");
	config_fixture_put(fixture, "conf.d/.40.yaml", "links: 1\n");
	config_fixture_put(fixture, "conf.d/50.yml", "links: 1\n");

	assert_int_equal(config_fixture_read(fixture, "links:\n" GOOD_LINK("main")), 0);
	config_fixture_assert_clean(fixture);
	assert_int_equal(fixture->config->n_links, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(fixture->config->links[i]->name, names[i]);
}

static void the_main_file_must_be_readable(void **state)
{
	struct config_fixture *fixture = *state;

	assert_int_equal(config_fixture_read_again(fixture), -ENOENT);
	assert_null(fixture->config);
	assert_int_equal(fixture->problems.n, 1);
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml: cannot read it: No such file or directory: ");

	assert_int_equal(mkdir(fixture->main_path, 0755), 0);
	assert_int_equal(config_fixture_read_again(fixture), -EINVAL);
	config_fixture_assert_problem(fixture, 0, "skybus.yaml: it is not a regular file");
}

static void a_broken_file_beside_spoils_only_itself(void **state)
{
	struct config_fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	config_fixture_put(fixture, "conf.d/1.yaml", "links: [\n");
	config_fixture_put(fixture, "conf.d/2.yaml", "links:\n" GOOD_LINK("two"));
	config_fixture_put(fixture, "conf.d/3.yaml", "- plant\n");
	assert_int_equal(symlink("nowhere", scratch_path(&fixture->scratch, "etc/conf.d/4.yaml")),
			 0);

	assert_int_equal(config_fixture_read(fixture, ""), 0);
	assert_int_equal(fixture->problems.n_errors, 3);
	config_fixture_assert_problem(fixture, 0, "conf.d/1.yaml:2:1: this is not YAML: ");
	config_fixture_assert_problem(fixture, 1,
				      "conf.d/3.yaml:1:1: the file is a list: write sections");
	config_fixture_assert_problem(fixture, 2, "conf.d/4.yaml: cannot read it: ");
	assert_int_equal(fixture->config->n_links, 1);
	assert_null(fixture->config->links[0]->wrong);
}

static void conf_d_must_be_a_directory(void **state)
{
	struct config_fixture *fixture = *state;

	config_fixture_put(fixture, "conf.d", "");
	assert_int_equal(config_fixture_read(fixture, "links:\n" GOOD_LINK("one")), 0);
	assert_int_equal(fixture->problems.n, 1);
	config_fixture_assert_problem(fixture, 0, "conf.d: cannot list it: Not a directory");
	assert_int_equal(fixture->config->n_links, 1);
}

static void a_file_has_a_bound(void **state)
{
	static char text[1024 * 1024 + 2];
	struct config_fixture *fixture = *state;

	memset(text, '\n', sizeof(text) - 1);
	assert_int_equal(config_fixture_read(fixture, text), -EFBIG);
	config_fixture_assert_problem(fixture, 0, "skybus.yaml: it has more than 1048576 bytes");
	text[sizeof(text) - 2] = '\0';
	assert_int_equal(config_fixture_read(fixture, text), 0);
	config_fixture_assert_clean(fixture);
}

/* ---- form ---- */

static void what_is_not_yaml_has_its_place(void **state)
{
	static const struct {
		const char *text;
		const char *sentence;
	} broken[] = {
		{ "store:\n\tsync: full\n",
		  "skybus.yaml:2:1: this is not YAML: while scanning for the next token from line "
		  "2 on, found character that cannot start any token" },
		{ "links:\n  a: {\n", "skybus.yaml:3:1: this is not YAML: " },
		{ "store: *nothing\n", "skybus.yaml:1:8: this is not YAML: found undefined alias" },
		{ "store:\n  sync: \xff\n", "skybus.yaml:2:9: this is not YAML: invalid leading" },
		{ "store: &a\n  sync: full\n---\n[\n",
		  "skybus.yaml:3:1: a second document begins here" },
		{ "store:\n---\nlinks:\n", "skybus.yaml:2:1: a second document begins here" },
		{ "- links\n", "skybus.yaml:1:1: the file is a list: write sections" },
		{ "links\n", "skybus.yaml:1:1: the file is a single value: write sections" },
	};
	struct config_fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_int_equal(config_fixture_read(fixture, broken[i].text), -EINVAL);
		assert_int_equal(fixture->problems.n, 1);
		config_fixture_assert_problem(fixture, 0, broken[i].sentence);
		assert_null(fixture->config);
	}
}

static void callers_are_read(void **state)
{
	struct config_fixture *fixture = *state;

	assert_int_equal(config_fixture_read(fixture, "callers:\n"
						      "  messages_per_second: 10\n"
						      "  stored_bytes: 1M\n"),
			 0);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "messages_per_second"), 10);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "stored_bytes"), 1048576);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "bytes_per_second"),
			 32 * 1048576);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "subscriptions"), 256);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "streams"), 16);
	assert_int_equal(config_fixture_read(fixture, "callers:\n  messages_per_second: 0\n"),
			 -EINVAL);
	config_fixture_assert_problem(
		fixture, 0, "skybus.yaml:2:24: messages_per_second \"0\" is below the least");
}

/* ---- the whole ---- */

static void sections_other_than_links_spoil_the_whole(void **state)
{
	static const struct {
		const char *text;
		const char *sentence;
	} wrong[] = {
		{ "link:\n", "skybus.yaml:1:1: unknown section \"link\": did you mean \"links\"?" },
		{ "devices:\n",
		  "skybus.yaml:1:1: unknown section \"devices\": write access, callers, store, inboxes, links or routes" },
		{ "store:\n  sync: ful\n",
		  "skybus.yaml:2:9: sync \"ful\" is no choice: did you mean \"full\"?" },
		{ "store:\n  snyc: full\n",
		  "skybus.yaml:2:3: unknown key \"snyc\": did you mean \"sync\"?" },
		{ "store: full\n", "skybus.yaml:1:8: store is a single value: write its settings" },
		{ "store:\n  sync:\n",
		  "skybus.yaml:2:3: sync has no value: write one of full, normal" },
		{ "store:\n  sync: [full]\n",
		  "skybus.yaml:2:9: sync is a list: write one of full, normal" },
		{ "store:\n  sync: {full: yes}\n",
		  "skybus.yaml:2:9: sync is a mapping: write one of full, normal" },
		{ "store:\n  sync: \"full\\0\"\n", "skybus.yaml:2:9: sync has a zero byte in it" },
		{ "store:\n  [sync]: full\n", "skybus.yaml:2:3: a key must be a plain word" },
	};
	struct config_fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(config_fixture_read(fixture, wrong[i].text), -EINVAL);
		assert_int_equal(fixture->problems.n, 1);
		config_fixture_assert_problem(fixture, 0, wrong[i].sentence);
		assert_null(fixture->config);
	}
}

static void keys_are_there_once(void **state)
{
	struct config_fixture *fixture = *state;
	char sentence[256];

	assert_int_equal(config_fixture_read(fixture, "store:\n  sync: full\n  sync: full\n"),
			 -EINVAL);
	(void)snprintf(sentence, sizeof(sentence),
		       "skybus.yaml:3:3: sync is there twice, first at %s:2:3: keep one of them",
		       fixture->main_path);
	config_fixture_assert_problem(fixture, 0, sentence);

	assert_int_equal(config_fixture_read(fixture, "links:\nlinks:\n"), -EINVAL);
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml:2:1: links is there twice, first at ");

	assert_int_equal(
		config_fixture_read(fixture, "links:\n" GOOD_LINK("plant") "    host: other\n"), 0);
	config_fixture_assert_problem(fixture, 0,
				      "skybus.yaml:7:5: host is there twice, first at ");
	config_fixture_assert_wrong_link(fixture, "host is there twice");
}

static void store_is_in_one_of_the_files(void **state)
{
	struct config_fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	config_fixture_put(fixture, "conf.d/1.yaml", "store:\n  sync: normal\n");
	assert_int_equal(config_fixture_read(fixture, "links:\n"), 0);
	assert_string_equal(sb_settings_text(fixture->config->store, "sync"), "normal");

	assert_int_equal(config_fixture_read(fixture, "store:\n"), -EINVAL);
	config_fixture_assert_problem(fixture, 0,
				      "conf.d/1.yaml:1:1: store is there twice, first at ");
}

static void all_problems_are_found(void **state)
{
	struct config_fixture *fixture = *state;

	assert_int_equal(config_fixture_read(fixture, "store:\n"
						      "  sync: x\n"
						      "links:\n"
						      "  Plant:\n"
						      "    plugin: good\n"
						      "    lifetime: 5s\n"
						      "  b: 1\n"
						      "more:\n"),
			 -EINVAL);
	assert_int_equal(fixture->problems.n_errors, 8);
	config_fixture_assert_problem(fixture, 0, "skybus.yaml:2:9: sync");
	config_fixture_assert_problem(fixture, 1,
				      "skybus.yaml:4:3: \"Plant\" cannot be the name of a link");
	config_fixture_assert_problem(
		fixture, 2, "skybus.yaml:6:15: lifetime \"5s\" is below the least, 30s: ");
	config_fixture_assert_problem(fixture, 3, "skybus.yaml:4:3: host is missing");
	config_fixture_assert_problem(fixture, 4, "skybus.yaml:4:3: product is missing");
	config_fixture_assert_problem(fixture, 5, "skybus.yaml:4:3: device_secret is missing");
	config_fixture_assert_problem(fixture, 6,
				      "skybus.yaml:7:6: b is a single value: write the link's");
	config_fixture_assert_problem(fixture, 7, "skybus.yaml:8:1: unknown section \"more\"");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONFIG_TEST(a_link_is_read),
		CONFIG_TEST(nothing_is_fine),
		CONFIG_TEST(the_shipped_file_is_clean),
		CONFIG_TEST(aliases_of_single_values_are_taken),
		CONFIG_TEST(more_files_follow_in_the_order_of_their_names),
		CONFIG_TEST(the_main_file_must_be_readable),
		CONFIG_TEST(a_broken_file_beside_spoils_only_itself),
		CONFIG_TEST(conf_d_must_be_a_directory),
		CONFIG_TEST(a_file_has_a_bound),
		CONFIG_TEST(what_is_not_yaml_has_its_place),
		CONFIG_TEST(callers_are_read),
		CONFIG_TEST(sections_other_than_links_spoil_the_whole),
		CONFIG_TEST(keys_are_there_once),
		CONFIG_TEST(store_is_in_one_of_the_files),
		CONFIG_TEST(all_problems_are_found),
	};

	return cmocka_run_group_tests(tests, config_fixture_group_setup,
				      config_fixture_group_teardown);
}
