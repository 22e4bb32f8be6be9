/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/changes.h"
#include "daemon/cleanup.h"
#include "daemon/config-print.h"
#include "tests/daemon/config-fixture.h"

/* Two configurations; the fixture has what both need. */
struct pair {
	struct sb_config *old;
	struct sb_config *new;
	struct sb_changes changes;
};

static struct sb_config *read_one(struct config_fixture *f, const char *text)
{
	struct sb_config *config;

	assert_int_equal(config_fixture_read(f, text), 0);
	config = f->config;
	f->config = NULL;

	return config;
}

static struct pair read_both(struct config_fixture *f, const char *old, const char *new)
{
	return (struct pair){ .old = read_one(f, old), .new = read_one(f, new) };
}

static void pair_done(struct pair *pair)
{
	(void)sb_config_free(pair->old);
	(void)sb_config_free(pair->new);
	sb_changes_done(&pair->changes);
}

static struct sb_config_view view_of(const struct sb_config *config)
{
	return (struct sb_config_view){
		.access = config->access,
		.callers = config->callers,
		.store = config->store,
		.inboxes = config->inboxes,
		.routes = config->routes,
	};
}

static void expect(const struct pair *pair, size_t i, const char *expected)
{
	const struct sb_change *change = &pair->changes.all[i];
	char text[512];

	assert_true(i < pair->changes.n);
	(void)snprintf(text, sizeof(text), "%s %s %s: %s", change->what, change->name, change->word,
		       change->sentence);
	assert_string_equal(text, expected);
}

/* That all that changes between the sections is this; NULL for nothing. */
static void expect_section(struct config_fixture *f, const char *old, const char *new,
			   const char *expected)
{
	struct pair pair = read_both(f, old, new);
	const struct sb_config_view before = view_of(pair.old), after = view_of(pair.new);

	assert_int_equal(sb_changes_sections(&pair.changes, &before, &after), 0);
	assert_int_equal(pair.changes.n, expected ? 1 : 0);
	if (expected)
		expect(&pair, 0, expected);
	pair_done(&pair);
}

/* ---- */

static void links_come(void **state)
{
	struct pair pair =
		read_both(*state, "", "links:\n" GOOD_LINK("a") GOOD_LINK("b") "    enabled: no\n");

	assert_int_equal(sb_changes_link_added(&pair.changes, pair.new->links[0]), 0);
	assert_int_equal(sb_changes_link_added(&pair.changes, pair.new->links[1]), 0);
	expect(&pair, 0, "link a added: new, with the plugin good: it connects");
	expect(&pair, 1,
	       "link b added: new, with the plugin good: it does not connect (enabled: no)");
	pair_done(&pair);
}

static void links_go(void **state)
{
	struct pair pair = { 0 };

	(void)state;
	assert_int_equal(sb_changes_link_removed(&pair.changes, "a", 0), 0);
	assert_int_equal(sb_changes_link_removed(&pair.changes, "b", 1), 0);
	assert_int_equal(sb_changes_link_removed(&pair.changes, "c", 2), 0);
	expect(&pair, 0, "link a removed: gone, and no message waits for it");
	expect(&pair, 1,
	       "link b removed: gone, and 1 message for it stays on disk for a link of this name");
	expect(&pair, 2,
	       "link c removed: gone, and 2 messages for it stay on disk for a link of this name");
	pair_done(&pair);
}

/* One whose host, window and secret differ, and one that goes to another plugin. */
static void links_change(void **state)
{
	struct config_fixture *f = *state;
	struct pair pair = { 0 };

	pair.old = read_one(f, "links:\n" GOOD_LINK("a") GOOD_LINK("b"));
	scratch_text(&f->scratch, "key", "rush\n");
	pair.new = read_one(f, "links:\n"
			       "  a: {plugin: good, host: h, product: p, window: 2, "
			       "device_secret: {credential: key}}\n"
			       "  b: {plugin: small, enabled: no}\n");
	scratch_text(&f->scratch, "key", "hush\n");
	assert_int_equal(
		sb_changes_link_changed(&pair.changes, pair.old->links[0], pair.new->links[0]), 0);
	assert_int_equal(
		sb_changes_link_changed(&pair.changes, pair.old->links[1], pair.new->links[1]), 0);
	expect(&pair, 0, "link a changed: other window, host, device_secret: it logs in anew");
	expect(&pair, 1,
	       "link b changed: other plugin, enabled: it does not connect (enabled: no)");
	pair_done(&pair);
}

static void a_link_is_mended(void **state)
{
	struct pair pair = read_both(*state, "links:\n" GOOD_LINK("a") "    port: x\n",
				     "links:\n" GOOD_LINK("a"));

	assert_int_equal(
		sb_changes_link_changed(&pair.changes, pair.old->links[0], pair.new->links[0]), 0);
	expect(&pair, 0, "link a changed: what was wrong with it is mended: it logs in anew");
	pair_done(&pair);
}

static void sections_of_settings(void **state)
{
	expect_section(*state, "callers: {streams: 16}\n", "", NULL);
	expect_section(*state, "", "callers: {streams: 3, stored_bytes: 1M}\n",
		       "section callers changed: other stored_bytes, streams");
	expect_section(*state, "inboxes: {per_user: 3}\n", "",
		       "section inboxes changed: other per_user");
	expect_section(*state, "", "store: {sync: normal, max_bytes: 1G}\n",
		       "section store restart: other sync, max_bytes: it takes effect at the next "
		       "start");
}

#define RULE "access: [{user: 0, links: [a], publish: [x, y], subscribe: z}]\n"

static void rules(void **state)
{
	static const char *const others[] = {
		"access: [{user: 1, links: [a], publish: [x, y], subscribe: z}]\n",
		"access: [{group: 0, links: [a], publish: [x, y], subscribe: z}]\n",
		"access: [{unit: a.service, links: [a], publish: [x, y], subscribe: z}]\n",
		"access: [{user: 0, links: [b], publish: [x, y], subscribe: z}]\n",
		"access: [{user: 0, links: [a], publish: [x], subscribe: z}]\n",
		"access: [{user: 0, links: [a], publish: [x, y], subscribe: w}]\n",
		"access: [{user: 0, links: [a], publish: [x, y], subscribe: z, administer: yes}]\n",
		"access: []\n",
	};

	expect_section(*state, RULE, RULE, NULL);
	expect_section(*state, "access: [{unit: a.service, administer: yes}]\n",
		       "access: [{unit: a.service, administer: yes}]\n", NULL);
	for (size_t i = 0; i < SB_ELEMENTS(others); i++)
		expect_section(*state, RULE, others[i],
			       "section access changed: other rules for who may do what");
	expect_section(*state, RULE, "",
		       "section access changed: no rules any more: members of the group skybus may "
		       "do everything");
}

#define LINKS "links:\n" GOOD_LINK("a") GOOD_LINK("b")
#define ROUTE "routes: [{match: x, send: all, to: [{link: a, topic: t}, {link: b}]}]\n"

static void routes(void **state)
{
	static const char *const others[] = {
		LINKS "routes: [{match: y, send: all, to: [{link: a, topic: t}, {link: b}]}]\n",
		LINKS "routes: [{match: x, send: first-online, to: [{link: a, topic: t}, "
		      "{link: b}]}]\n",
		LINKS "routes: [{match: x, send: all, to: [{link: a, topic: u}, {link: b}]}]\n",
		LINKS "routes: [{match: x, send: all, to: [{link: b, topic: t}, {link: a}]}]\n",
		LINKS "routes: [{match: x, send: all, to: [{link: a, topic: t}]}]\n",
		LINKS,
	};

	expect_section(*state, LINKS ROUTE, LINKS ROUTE, NULL);
	for (size_t i = 0; i < SB_ELEMENTS(others); i++)
		expect_section(*state, LINKS ROUTE, others[i],
			       "section routes changed: other ways from topics to links");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(links_come),
		CONFIG_TEST(links_go),
		CONFIG_TEST(links_change),
		CONFIG_TEST(a_link_is_mended),
		CONFIG_TEST(sections_of_settings),
		CONFIG_TEST(rules),
		CONFIG_TEST(routes),
	};

	return cmocka_run_group_tests(tests, config_fixture_group_setup,
				      config_fixture_group_teardown);
}
