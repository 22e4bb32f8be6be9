/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>

#include "daemon/config.h"
#include "tests/daemon/scratch.h"

/* A link without fault, to which the tests add some. */
#define GOOD_LINK(name)         \
	"  " name ":\n"         \
	"    plugin: good\n"    \
	"    host: localhost\n" \
	"    product: p\n"      \
	"    device_secret: {credential: key}\n"

struct fixture {
	struct scratch scratch;
	struct sb_plugins *plugins;
	struct sb_problems problems;
	struct sb_config *config;
	char main_path[128];
};

/* The plugin is loaded once for all tests: the linker would take it for the same anyway. */
static int group_setup(void **state)
{
	static struct fixture fixture;

	*state = &fixture;
	scratch_init(&fixture.scratch);
	scratch_mkdir(&fixture.scratch, "plugins");
	scratch_plugin(&fixture.scratch, "good.so", "plugins/good.so");
	scratch_plugin(&fixture.scratch, "small.so", "plugins/small.so");
	scratch_text(&fixture.scratch, "key", "hush\n");
	if (sb_plugins_new(scratch_path(&fixture.scratch, "plugins"), &fixture.plugins) < 0)
		return -1;

	return setenv("CREDENTIALS_DIRECTORY", fixture.scratch.path, 1);
}

static int group_teardown(void **state)
{
	struct fixture *fixture = *state;

	fixture->plugins = sb_plugins_free(fixture->plugins);
	scratch_done(&fixture->scratch);

	return unsetenv("CREDENTIALS_DIRECTORY");
}

static int setup(void **state)
{
	struct fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc");
	(void)snprintf(fixture->main_path, sizeof(fixture->main_path), "%s/etc/skybus.yaml",
		       fixture->scratch.path);

	return 0;
}

static void forget(struct fixture *fixture)
{
	fixture->config = sb_config_free(fixture->config);
	sb_problems_done(&fixture->problems);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	forget(fixture);
	(void)nftw(scratch_path(&fixture->scratch, "etc"), scratch_remove_one, 16,
		   FTW_DEPTH | FTW_PHYS);

	return 0;
}

static void put(struct fixture *fixture, const char *file, const char *text)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "etc/%s", file);
	scratch_text(&fixture->scratch, name, text);
}

static int read_again(struct fixture *fixture)
{
	forget(fixture);

	return sb_config_read(fixture->main_path, fixture->plugins, &fixture->problems,
			      &fixture->config);
}

static int read_text(struct fixture *fixture, const char *text)
{
	put(fixture, "skybus.yaml", text);

	return read_again(fixture);
}

/* Problem @i is @sentence, behind the path of the directory. */
static void assert_problem(const struct fixture *fixture, size_t i, const char *sentence)
{
	const char *text;

	if (i >= fixture->problems.n)
		fail_msg("nobody says \"%s\"", sentence);
	text = fixture->problems.all[i].text;
	assert_memory_equal(text, fixture->main_path, strlen(fixture->main_path) - 11);
	text += strlen(fixture->main_path) - 11;
	if (strncmp(text, sentence, strlen(sentence)) != 0)
		fail_msg("\"%s\" is not \"%s\"", text, sentence);
}

static void assert_clean(const struct fixture *fixture)
{
	if (fixture->problems.n > 0)
		fail_msg("%s", fixture->problems.all[0].text);
}

/* The only link, and why it cannot start. */
static void assert_wrong_link(const struct fixture *fixture, const char *sentence)
{
	assert_int_equal(fixture->config->n_links, 1);
	assert_non_null(fixture->config->links[0]->wrong);
	assert_non_null(strstr(fixture->config->links[0]->wrong, sentence));
}

/* ---- what is right ---- */

static void a_link_is_read(void **state)
{
	struct fixture *fixture = *state;
	struct sb_link_config *link;
	const uint8_t *secret;
	size_t len;

	assert_int_equal(read_text(fixture, "store:\n"
					    "  sync: normal\n"
					    "links:\n" GOOD_LINK("plant") "    lifetime: 15m\n"
									  "    window: 4\n"
									  "    enabled: no\n"),
			 0);
	assert_clean(fixture);
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
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(read_text(fixture, texts[i]), 0);
		assert_clean(fixture);
		assert_int_equal(fixture->config->n_links, 0);
		assert_string_equal(sb_settings_text(fixture->config->store, "sync"), "full");
	}
}

static void the_shipped_file_is_clean(void **state)
{
	const char *root = getenv("SKYBUS_SOURCE_ROOT");
	struct fixture *fixture = *state;
	char path[PATH_MAX];

	if (!root)
		fail_msg("SKYBUS_SOURCE_ROOT must name the directory of the sources");
	(void)snprintf(path, sizeof(path), "%s/etc/skybus.yaml", root);
	assert_int_equal(
		sb_config_read(path, fixture->plugins, &fixture->problems, &fixture->config), 0);
	assert_clean(fixture);
	assert_int_equal(fixture->config->n_links, 0);
}

static void aliases_of_single_values_are_taken(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_text(fixture, "links:\n"
					    "  plant:\n"
					    "    plugin: &good good\n"
					    "    host: &host localhost\n"
					    "    product: *good\n"
					    "    device_secret: {credential: key}\n"),
			 0);
	assert_clean(fixture);
	assert_string_equal(sb_settings_text(fixture->config->links[0]->own, "product"), "good");
}

/* ---- files ---- */

static void more_files_follow_in_the_order_of_their_names(void **state)
{
	static const char *const names[] = { "main", "one", "two", "three" };
	struct fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	scratch_mkdir(&fixture->scratch, "etc/conf.d/60-folder.yaml");
	put(fixture, "conf.d/20-b.yaml", "links:\n" GOOD_LINK("two"));
	put(fixture, "conf.d/10-a.yaml", "links:\n" GOOD_LINK("one"));
	put(fixture, "conf.d/C.yaml", "links:\n" GOOD_LINK("three"));
	put(fixture, "conf.d/30.yaml.dpkg-old", "links: 1\n");
	put(fixture, "conf.d/.40.yaml", "links: 1\n");
	put(fixture, "conf.d/50.yml", "links: 1\n");

	assert_int_equal(read_text(fixture, "links:\n" GOOD_LINK("main")), 0);
	assert_clean(fixture);
	assert_int_equal(fixture->config->n_links, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(fixture->config->links[i]->name, names[i]);
}

static void the_main_file_must_be_readable(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_again(fixture), -ENOENT);
	assert_null(fixture->config);
	assert_int_equal(fixture->problems.n, 1);
	assert_problem(fixture, 0, "skybus.yaml: cannot read it: No such file or directory: ");

	assert_int_equal(mkdir(fixture->main_path, 0755), 0);
	assert_int_equal(read_again(fixture), -EINVAL);
	assert_problem(fixture, 0, "skybus.yaml: it is not a regular file");
}

static void a_broken_file_beside_spoils_only_itself(void **state)
{
	struct fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	put(fixture, "conf.d/1.yaml", "links: [\n");
	put(fixture, "conf.d/2.yaml", "links:\n" GOOD_LINK("two"));
	put(fixture, "conf.d/3.yaml", "- plant\n");
	assert_int_equal(symlink("nowhere", scratch_path(&fixture->scratch, "etc/conf.d/4.yaml")),
			 0);

	assert_int_equal(read_text(fixture, ""), 0);
	assert_int_equal(fixture->problems.n_errors, 3);
	assert_problem(fixture, 0, "conf.d/1.yaml:2:1: this is not YAML: ");
	assert_problem(fixture, 1, "conf.d/3.yaml:1:1: the file is a list: write sections");
	assert_problem(fixture, 2, "conf.d/4.yaml: cannot read it: ");
	assert_int_equal(fixture->config->n_links, 1);
	assert_null(fixture->config->links[0]->wrong);
}

static void conf_d_must_be_a_directory(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "conf.d", "");
	assert_int_equal(read_text(fixture, "links:\n" GOOD_LINK("one")), 0);
	assert_int_equal(fixture->problems.n, 1);
	assert_problem(fixture, 0, "conf.d: cannot list it: Not a directory");
	assert_int_equal(fixture->config->n_links, 1);
}

static void a_file_has_a_bound(void **state)
{
	static char text[1024 * 1024 + 2];
	struct fixture *fixture = *state;

	memset(text, '\n', sizeof(text) - 1);
	assert_int_equal(read_text(fixture, text), -EFBIG);
	assert_problem(fixture, 0, "skybus.yaml: it has more than 1048576 bytes");
	text[sizeof(text) - 2] = '\0';
	assert_int_equal(read_text(fixture, text), 0);
	assert_clean(fixture);
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
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_int_equal(read_text(fixture, broken[i].text), -EINVAL);
		assert_int_equal(fixture->problems.n, 1);
		assert_problem(fixture, 0, broken[i].sentence);
		assert_null(fixture->config);
	}
}

/* ---- access ---- */

static void rules_are_read(void **state)
{
	struct fixture *fixture = *state;
	const struct sb_rules *rules;

	assert_int_equal(read_text(fixture,
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
	assert_clean(fixture);
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
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(read_text(fixture, none[i]), 0);
		assert_int_equal(fixture->config->access->n, 0);
		assert_false(fixture->config->access->built_in);
	}
	assert_int_equal(read_text(fixture, "store:\n"), 0);
	assert_true(fixture->config->access->built_in);
	assert_int_not_equal(fixture->config->access->n, 0);
}

static void a_wrong_rule_spoils_the_whole(void **state)
{
#define RULE(text) "access:\n  - " text "\n"
#define GRANT ", links: [plant], publish: [a]}"
	static const struct {
		const char *text;
		const char *sentence;
	} wrong[] = {
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
		{ RULE("{unit: app@.service" GRANT),
		  "skybus.yaml:2:12: unit \"app@.service\" is no" },
		{ RULE("{unit: a/b.service" GRANT),
		  "skybus.yaml:2:12: unit \"a/b.service\" is no" },
		{ RULE("{unit: session-1.scope" GRANT),
		  "skybus.yaml:2:12: unit \"session-1.scope\"" },
		{ RULE("{unidentified: maybe" GRANT),
		  "skybus.yaml:2:20: unidentified \"maybe\" is not a boolean: write yes or no" },
		{ RULE("{unidentified: no" GRANT),
		  "skybus.yaml:2:5: this rule is for nobody: write one of user, group, unit and "
		  "\"unidentified: yes\"" },
		{ RULE("{links: [plant], publish: [a]}"),
		  "skybus.yaml:2:5: this rule is for nobody" },
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
		{ RULE("{user: 1, administer: 1}"),
		  "skybus.yaml:2:27: administer \"1\" is not a boolean" },
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
		{ RULE("sensors"),
		  "skybus.yaml:2:5: access is a single value: write a list of rules" },
		{ RULE("[]"),
		  "skybus.yaml:2:5: access is a list: write a list of rules, each with" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(read_text(fixture, wrong[i].text), -EINVAL);
		assert_problem(fixture, 0, wrong[i].sentence);
		assert_int_equal(fixture->problems.n, 1);
		assert_null(fixture->config);
	}
#undef GRANT
#undef RULE
}

/* A file there that is broken is left out, and rules with it. */
static void rules_are_in_the_main_file(void **state)
{
	struct fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	put(fixture, "conf.d/a.yaml", "access:\n");
	assert_int_equal(read_text(fixture, "links:\n"), -EINVAL);
	assert_problem(fixture, 0, "conf.d/a.yaml:1:1: access belongs in the main file");
	assert_null(fixture->config);
}

static void callers_are_read(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_text(fixture, "callers:\n"
					    "  messages_per_second: 10\n"
					    "  stored_bytes: 1M\n"),
			 0);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "messages_per_second"), 10);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "stored_bytes"), 1048576);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "bytes_per_second"),
			 32 * 1048576);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "subscriptions"), 256);
	assert_int_equal(sb_settings_integer(fixture->config->callers, "streams"), 16);
	assert_int_equal(read_text(fixture, "callers:\n  messages_per_second: 0\n"), -EINVAL);
	assert_problem(fixture, 0,
		       "skybus.yaml:2:24: messages_per_second \"0\" is below the least");
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
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(read_text(fixture, wrong[i].text), -EINVAL);
		assert_int_equal(fixture->problems.n, 1);
		assert_problem(fixture, 0, wrong[i].sentence);
		assert_null(fixture->config);
	}
}

static void keys_are_there_once(void **state)
{
	struct fixture *fixture = *state;
	char sentence[256];

	assert_int_equal(read_text(fixture, "store:\n  sync: full\n  sync: full\n"), -EINVAL);
	(void)snprintf(sentence, sizeof(sentence),
		       "skybus.yaml:3:3: sync is there twice, first at %s:2:3: keep one of them",
		       fixture->main_path);
	assert_problem(fixture, 0, sentence);

	assert_int_equal(read_text(fixture, "links:\nlinks:\n"), -EINVAL);
	assert_problem(fixture, 0, "skybus.yaml:2:1: links is there twice, first at ");

	assert_int_equal(read_text(fixture, "links:\n" GOOD_LINK("plant") "    host: other\n"), 0);
	assert_problem(fixture, 0, "skybus.yaml:7:5: host is there twice, first at ");
	assert_wrong_link(fixture, "host is there twice");
}

static void store_is_in_one_of_the_files(void **state)
{
	struct fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	put(fixture, "conf.d/1.yaml", "store:\n  sync: normal\n");
	assert_int_equal(read_text(fixture, "links:\n"), 0);
	assert_string_equal(sb_settings_text(fixture->config->store, "sync"), "normal");

	assert_int_equal(read_text(fixture, "store:\n"), -EINVAL);
	assert_problem(fixture, 0, "conf.d/1.yaml:1:1: store is there twice, first at ");
}

static void all_problems_are_found(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_text(fixture, "store:\n"
					    "  sync: x\n"
					    "links:\n"
					    "  Plant:\n"
					    "    plugin: good\n"
					    "    lifetime: 5s\n"
					    "  b: 1\n"
					    "more:\n"),
			 -EINVAL);
	assert_int_equal(fixture->problems.n_errors, 8);
	assert_problem(fixture, 0, "skybus.yaml:2:9: sync");
	assert_problem(fixture, 1, "skybus.yaml:4:3: \"Plant\" cannot be the name of a link");
	assert_problem(fixture, 2, "skybus.yaml:6:15: lifetime \"5s\" is below the least, 30s: ");
	assert_problem(fixture, 3, "skybus.yaml:4:3: host is missing");
	assert_problem(fixture, 4, "skybus.yaml:4:3: product is missing");
	assert_problem(fixture, 5, "skybus.yaml:4:3: device_secret is missing");
	assert_problem(fixture, 6, "skybus.yaml:7:6: b is a single value: write the link's");
	assert_problem(fixture, 7, "skybus.yaml:8:1: unknown section \"more\"");
}

/* ---- links ---- */

static void a_wrong_link_is_kept_and_the_others_run(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_text(fixture,
				   "links:\n" GOOD_LINK("a") "    prot: 1\n" GOOD_LINK(
					   "b") "    window: 65\n" GOOD_LINK("c") "  d:\n"),
			 0);
	assert_int_equal(fixture->problems.n_errors, 3);
	assert_int_equal(fixture->config->n_links, 4);
	assert_problem(fixture, 0, "skybus.yaml:7:5: unknown key \"prot\": did you mean \"port\"?");
	assert_problem(fixture, 1, "skybus.yaml:13:13: window \"65\" is above the most, 64: ");
	assert_problem(fixture, 2, "skybus.yaml:19:3: plugin is missing: add \"plugin:\" with ");
	assert_string_equal(fixture->config->links[0]->wrong, fixture->problems.all[0].text);
	assert_string_equal(fixture->config->links[1]->wrong, fixture->problems.all[1].text);
	assert_null(fixture->config->links[2]->wrong);
	assert_string_equal(fixture->config->links[3]->wrong, fixture->problems.all[2].text);
	assert_null(fixture->config->links[3]->plugin);
	assert_non_null(fixture->config->links[3]->common);
}

static void the_first_error_says_what_is_wrong_with_a_link(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_text(fixture, "links:\n"
					    "  plant:\n"
					    "    plugin: good\n"
					    "    device_secret: inline\n"
					    "    host: a b\n"
					    "    product: [p]\n"),
			 0);
	assert_int_equal(fixture->problems.n, 3);
	assert_int_equal(fixture->problems.n_errors, 2);
	assert_wrong_link(fixture, ":5:11: host \"a b\" is not a host");
}

static void a_name_belongs_to_one_link(void **state)
{
	struct fixture *fixture = *state;
	char sentence[256];

	scratch_mkdir(&fixture->scratch, "etc/conf.d");
	put(fixture, "conf.d/1.yaml", "links:\n" GOOD_LINK("plant") "    window: 1\n");
	assert_int_equal(read_text(fixture, "links:\n" GOOD_LINK("plant")), 0);
	assert_int_equal(fixture->problems.n_errors, 1);
	(void)snprintf(sentence, sizeof(sentence),
		       "conf.d/1.yaml:2:3: link plant is there twice, first at %s:2:3: give one",
		       fixture->main_path);
	assert_problem(fixture, 0, sentence);
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
	struct fixture *fixture = *state;
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "links:\n  %s: {plugin: none}\n", bad[i]);
		assert_int_equal(read_text(fixture, text), 0);
		assert_problem(fixture, 0, "skybus.yaml:2:3: \"");
		assert_int_equal(fixture->config->n_links, 0);
	}
	assert_int_equal(read_text(fixture, "links:\n" GOOD_LINK("0a-_")), 0);
	assert_clean(fixture);
}

static void a_link_without_its_plugin_keeps_what_all_have(void **state)
{
	struct fixture *fixture = *state;
	struct sb_link_config *link;

	assert_int_equal(read_text(fixture, "links:\n"
					    "  plant:\n"
					    "    window: 99\n"
					    "    plugin: god\n"
					    "    whatever: {is: this}\n"
					    "    queue_messages: 5\n"),
			 0);
	assert_int_equal(fixture->problems.n_errors, 2);
	assert_problem(fixture, 0, "skybus.yaml:4:13: there is no plugin \"god\" in ");
	assert_problem(fixture, 1, "skybus.yaml:3:13: window \"99\"");
	assert_wrong_link(fixture, "did you mean \"good\"?");
	link = fixture->config->links[0];
	assert_string_equal(link->plugin, "god");
	assert_null(link->loaded);
	assert_null(link->own);
	assert_int_equal(sb_settings_integer(link->common, "queue_messages"), 5);

	assert_int_equal(read_text(fixture, "links: {plant: {plugin: small}}\n"), 0);
	assert_wrong_link(fixture, "the descriptor of ");
	assert_int_equal(read_text(fixture, "links: {plant: {plugin: [good], host: x}}\n"), 0);
	assert_int_equal(fixture->problems.n_errors, 1);
	assert_problem(fixture, 0, "skybus.yaml:1:25: plugin is a list: write a text");
}

static void wrong_forms_of_links(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_text(fixture, "links:\n  - plant\n"), 0);
	assert_problem(fixture, 0, "skybus.yaml:2:3: links is a list: write each link's name");
	assert_int_equal(fixture->config->n_links, 0);
	assert_int_equal(read_text(fixture, "links: {plant: [1, 2]}\n"), 0);
	assert_wrong_link(fixture, "plant is a list");
}

static void aliases_neither_loop_nor_multiply(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_text(fixture, "links: &links\n  plant: *links\n"), 0);
	assert_problem(fixture, 0, "skybus.yaml:2:3: plant is an alias of a mapping");
	assert_wrong_link(fixture, "write it out");

	assert_int_equal(read_text(fixture, "links:\n"
					    "  a: &a\n"
					    "    plugin: good\n"
					    "    host: localhost\n"
					    "    product: p\n"
					    "    device_secret: {credential: key}\n"
					    "  b: *a\n"),
			 0);
	assert_int_equal(fixture->problems.n, 1);
	assert_null(fixture->config->links[0]->wrong);
	assert_problem(fixture, 0, "skybus.yaml:7:3: b is an alias of a mapping");

	assert_int_equal(read_text(fixture, "&all\nlinks: *all\n"), 0);
	assert_problem(fixture, 0, "skybus.yaml:2:1: links is an alias");
	(void)read_text(fixture, "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nlinks: *c\n");
	assert_problem(fixture, 3, "skybus.yaml:3:4: links is a list");
}

/* libyaml would take minutes. */
static void deep_and_knotted_files_are_refused(void **state)
{
	static char text[256 * 1024];
	struct fixture *fixture = *state;
	size_t n = 0;

	memset(text, '[', sizeof(text) - 1);
	assert_int_equal(read_text(fixture, text), -EINVAL);
	assert_problem(fixture, 0, "skybus.yaml:1:17: this is nested deeper than 16 levels");
	memset(text, '{', sizeof(text) - 1);
	assert_int_equal(read_text(fixture, text), -EINVAL);
	assert_int_equal(fixture->problems.n, 1);

	for (size_t i = 0; i < 20000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "- &a%zu x\n", i);
	assert_int_equal(read_text(fixture, text), -EINVAL);
	assert_problem(fixture, 0, "skybus.yaml:257:3: this is anchor 257");
}

static void thousands_of_links_are_read(void **state)
{
	static char text[256 * 1024] = "links:\n";
	struct fixture *fixture = *state;
	size_t n = strlen(text);

	for (size_t i = 0; i < 2000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "  link%zu: {plugin: good, host: localhost, product: p, "
				      "device_secret: {credential: key}}\n",
				      i);
	assert_int_equal(read_text(fixture, text), 0);
	assert_clean(fixture);
	assert_int_equal(fixture->config->n_links, 2000);
	assert_string_equal(fixture->config->links[1999]->name, "link1999");
}

/* ---- secrets ---- */

static void read_secret(struct fixture *fixture, const char *secret)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		       "links:\n"
		       "  plant:\n"
		       "    plugin: good\n"
		       "    host: localhost\n"
		       "    product: p\n"
		       "    device_secret: %s\n",
		       secret);
	assert_int_equal(read_text(fixture, text), 0);
}

static void assert_secret(const struct fixture *fixture, const char *expected)
{
	const uint8_t *secret;
	size_t len;

	assert_null(fixture->config->links[0]->wrong);
	secret = sb_settings_secret(fixture->config->links[0]->own, "device_secret", &len);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(secret, expected, len);
}

static void a_secret_may_be_inline_with_a_warning(void **state)
{
	struct fixture *fixture = *state;

	read_secret(fixture, "hushhush");
	assert_secret(fixture, "hushhush");
	assert_int_equal(fixture->problems.n, 1);
	assert_int_equal(fixture->problems.n_errors, 0);
	assert_problem(fixture, 0, "skybus.yaml:6:20: device_secret is written here, ");
	assert_null(strstr(fixture->problems.all[0].text, "hush"));
}

static void a_secret_may_come_from_a_file(void **state)
{
	struct fixture *fixture = *state;
	char secret[256];

	scratch_write(&fixture->scratch, "etc/private", "hushhush\n", 9, 0600);
	(void)snprintf(secret, sizeof(secret), "{file: %s/etc/private}", fixture->scratch.path);
	read_secret(fixture, secret);
	assert_clean(fixture);
	assert_secret(fixture, "hushhush");

	assert_int_equal(chmod(scratch_path(&fixture->scratch, "etc/private"), 0644), 0);
	read_secret(fixture, secret);
	assert_problem(fixture, 0, "skybus.yaml:6:27: ");
	assert_wrong_link(fixture, "is open to others (mode 0644): run chmod 600");
}

static void wrong_secrets(void **state)
{
	static const struct {
		const char *secret;
		const char *sentence;
	} wrong[] = {
		{ "", "6:5: device_secret has no value: write {credential" },
		{ "\"\"", "6:20: device_secret is shorter than the least, 1 byte" },
		{ "[hushhush]", "6:20: device_secret is a list: write {credential" },
		{ "{}", "6:20: device_secret must come from one source: write {credential" },
		{ "{credential: key, file: /x}", "6:20: device_secret must come from one source" },
		{ "{hushhush: key}", "6:20: device_secret must come from one source" },
		{ "{credential: [key]}", "6:33: credential is a list: write the name" },
		{ "{credential: nothing}", "6:33: there is no credential \"nothing\"" },
		{ "{file: hushhush}", "6:27: the file of a secret must be named with its whole" },
		{ "\"hush\\0hush\"", "6:20: device_secret has a zero byte in it" },
	};
	struct fixture *fixture = *state;
	char sentence[256];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t error = 0;

		read_secret(fixture, wrong[i].secret);
		while (error < fixture->problems.n && fixture->problems.all[error].warning)
			error++;
		(void)snprintf(sentence, sizeof(sentence), "skybus.yaml:%s", wrong[i].sentence);
		assert_problem(fixture, error, sentence);
		assert_wrong_link(fixture, wrong[i].sentence);
		for (size_t j = 0; j < fixture->problems.n; j++)
			assert_null(strstr(fixture->problems.all[j].text, "hush"));
	}
}

/* ---- files ---- */

static void read_root(struct fixture *fixture, const char *path)
{
	char text[PATH_MAX + 512];

	(void)snprintf(text, sizeof(text), "links:\n" GOOD_LINK("plant") "    root_ca: %s\n", path);
	assert_int_equal(read_text(fixture, text), 0);
}

static void assert_root(const struct fixture *fixture, const char *expected)
{
	const uint8_t *content;
	size_t len;

	assert_clean(fixture);
	content = sb_settings_secret(fixture->config->links[0]->own, "root_ca", &len);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(content, expected, len);
}

static void a_file_is_read_whoever_may_read_it(void **state)
{
	struct fixture *fixture = *state;
	char path[128];

	scratch_write(&fixture->scratch, "etc/root.pem", "PEM\n", 4, 0666);
	(void)snprintf(path, sizeof(path), "%s/etc/root.pem", fixture->scratch.path);
	read_root(fixture, path);
	assert_root(fixture, "PEM\n");
	/* /etc/ssl/certs is full of links. */
	assert_int_equal(symlink("root.pem", scratch_path(&fixture->scratch, "etc/link.pem")), 0);
	read_root(fixture, fixture->scratch.joined);
	assert_root(fixture, "PEM\n");
}

static void assert_root_refused(struct fixture *fixture, const char *name, const char *why)
{
	char path[128], sentence[256];

	(void)snprintf(path, sizeof(path), "%s/etc/%s", fixture->scratch.path, name);
	read_root(fixture, path);
	(void)snprintf(sentence, sizeof(sentence),
		       "skybus.yaml:7:14: root_ca: cannot read %s: %s: check the path", path, why);
	assert_problem(fixture, 0, sentence);
	assert_wrong_link(fixture, "root_ca: cannot read");
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	struct fixture *fixture = *state;
	static char big[64 * 1024 + 1];

	memset(big, 'x', sizeof(big));
	scratch_write(&fixture->scratch, "etc/big", big, sizeof(big), 0644);
	scratch_text(&fixture->scratch, "etc/empty", "");
	assert_int_equal(mkfifo(scratch_path(&fixture->scratch, "etc/fifo"), 0666), 0);
	assert_root_refused(fixture, "none", "No such file or directory");
	assert_root_refused(fixture, ".", "it is not a regular file");
	assert_root_refused(fixture, "fifo", "it is not a regular file");
	assert_root_refused(fixture, "empty", "it is empty");
	assert_root_refused(fixture, "big", "it has more than 65536 bytes");
	read_root(fixture, "root.pem");
	assert_problem(fixture, 0,
		       "skybus.yaml:7:14: root_ca: \"root.pem\" does not begin with /: write the "
		       "whole path of the file");
	read_root(fixture, "[a]");
	assert_problem(fixture, 0, "skybus.yaml:7:14: root_ca is a list: write the whole path");
}

static void networks_and_the_interface_are_checked(void **state)
{
	struct fixture *fixture = *state;
	struct sb_link_config *link;

	assert_int_equal(
		read_text(fixture,
			  "links:\n" GOOD_LINK("plant") "    interface: wwan0\n"
							"    allow_from: 10.0.0.0/8 fd00::/8\n"),
		0);
	assert_clean(fixture);
	link = fixture->config->links[0];
	assert_string_equal(sb_settings_text(link->common, "interface"), "wwan0");
	assert_string_equal(sb_settings_text(link->own, "allow_from"), "10.0.0.0/8 fd00::/8");
	assert_int_equal(
		read_text(fixture,
			  "links:\n" GOOD_LINK("plant") "    interface: an-interface-too-long\n"
							"    allow_from: 10.0.0.0/99\n"),
		0);
	assert_problem(fixture, 0, "skybus.yaml:7:16: interface is longer than the most, 15 bytes");
	assert_problem(
		fixture, 1,
		"skybus.yaml:8:17: allow_from \"10.0.0.0/99\" is not a list of networks: "
		"write at most 16 networks with blanks between them, such as 10.0.0.0/8 fd00::/8");
	assert_int_equal(read_text(fixture, "links:\n" GOOD_LINK("plant")), 0);
	assert_null(sb_settings_text(fixture->config->links[0]->common, "interface"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_link_is_read),
		TEST(nothing_is_fine),
		TEST(the_shipped_file_is_clean),
		TEST(aliases_of_single_values_are_taken),
		TEST(more_files_follow_in_the_order_of_their_names),
		TEST(the_main_file_must_be_readable),
		TEST(a_broken_file_beside_spoils_only_itself),
		TEST(conf_d_must_be_a_directory),
		TEST(a_file_has_a_bound),
		TEST(what_is_not_yaml_has_its_place),
		TEST(rules_are_read),
		TEST(no_rules_are_not_the_built_in_ones),
		TEST(a_wrong_rule_spoils_the_whole),
		TEST(rules_are_in_the_main_file),
		TEST(callers_are_read),
		TEST(sections_other_than_links_spoil_the_whole),
		TEST(keys_are_there_once),
		TEST(store_is_in_one_of_the_files),
		TEST(all_problems_are_found),
		TEST(a_wrong_link_is_kept_and_the_others_run),
		TEST(the_first_error_says_what_is_wrong_with_a_link),
		TEST(a_name_belongs_to_one_link),
		TEST(names_of_links),
		TEST(a_link_without_its_plugin_keeps_what_all_have),
		TEST(wrong_forms_of_links),
		TEST(aliases_neither_loop_nor_multiply),
		TEST(deep_and_knotted_files_are_refused),
		TEST(thousands_of_links_are_read),
		TEST(a_secret_may_be_inline_with_a_warning),
		TEST(a_secret_may_come_from_a_file),
		TEST(wrong_secrets),
		TEST(a_file_is_read_whoever_may_read_it),
		TEST(a_file_that_cannot_be_read_is_told),
		TEST(networks_and_the_interface_are_checked),
	};
#undef TEST

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
