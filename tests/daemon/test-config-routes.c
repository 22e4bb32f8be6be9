/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "tests/daemon/config-fixture.h"

/* Two links, of which the second is wrong where the test says so. */
#define LINKS_WITH(more)                         \
	"links:\n"                               \
	"  plant:\n"                             \
	"    plugin: good\n"                     \
	"    host: cloud.example.com\n"          \
	"    product: p1\n"                      \
	"    device_secret: {credential: key}\n" \
	"  depot:\n"                             \
	"    plugin: good\n"                     \
	"    host: localhost\n"                  \
	"    device_secret: {credential: key}\n" more
#define LINKS LINKS_WITH("    product: p2\n")

static void read_good(struct config_fixture *f, const char *text)
{
	int r = config_fixture_read(f, text);

	if (f->problems.n_errors > 0)
		fail_msg("%s", f->problems.all[0].text);
	assert_int_equal(r, 0);
}

/* It spoils the whole, with this sentence behind the path of the file. */
static void expect_refused(struct config_fixture *f, const char *text, const char *sentence)
{
	size_t len = strlen(f->main_path);

	assert_int_equal(config_fixture_read(f, text), -EINVAL);
	assert_null(f->config);
	for (size_t i = 0; i < f->problems.n; i++)
		if (strncmp(f->problems.all[i].text + len, sentence, strlen(sentence)) == 0)
			return;
	fail_msg("\"%s\" is not \"%s\"", f->problems.all[0].text + len, sentence);
}

/* The topic of one link, of the first route. */
static void expect_pattern(struct config_fixture *f, const char *topic, const char *expected)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       LINKS "routes:\n"
			     "  - match: a/#\n"
			     "    to: [{link: plant, topic: \"%s\"}]\n",
		       topic);
	read_good(f, text);
	assert_string_equal(f->config->routes->items[0].targets[0].pattern, expected);
}

/* ---- what is right ---- */

static void without_the_section_there_are_no_routes(void **state)
{
	struct config_fixture *f = *state;

	read_good(f, LINKS);
	assert_int_equal(f->config->routes->n, 0);
	read_good(f, LINKS "routes:\n");
	assert_int_equal(f->config->routes->n, 0);
}

static void routes_are_read(void **state)
{
	const struct sb_route *routes;
	struct config_fixture *f = *state;

	read_good(f, "routes:\n"
		     "  - match: telemetry/#\n"
		     "    to:\n"
		     "      - {link: plant, topic: \"/sys/{product}/post\"}\n"
		     "      - {link: depot}\n"
		     "  - match: alarm\n"
		     "    send: first-online\n"
		     "    to: {link: depot}\n" LINKS);
	assert_int_equal(f->config->routes->n, 2);
	routes = f->config->routes->items;
	assert_string_equal(routes[0].match, "telemetry/#");
	assert_false(routes[0].first_online);
	assert_int_equal(routes[0].n_targets, 2);
	assert_string_equal(routes[0].targets[0].link, "plant");
	assert_string_equal(routes[0].targets[0].pattern, "/sys/p1/post");
	assert_string_equal(routes[0].targets[1].link, "depot");
	assert_string_equal(routes[0].targets[1].pattern, "\1");
	assert_true(routes[1].first_online);
	assert_int_equal(routes[1].n_targets, 1);
}

static void files_add_routes_in_their_order(void **state)
{
	struct config_fixture *f = *state;

	scratch_mkdir(&f->scratch, "etc/conf.d");
	config_fixture_put(f, "conf.d/more.yaml", "routes: [{match: b, to: [{link: plant}]}]\n");
	read_good(f, LINKS "routes: [{match: a, to: [{link: plant}]}]\n");
	assert_int_equal(f->config->routes->n, 2);
	assert_string_equal(f->config->routes->items[0].match, "a");
	assert_string_equal(f->config->routes->items[1].match, "b");
}

static void settings_are_filled_in(void **state)
{
	struct config_fixture *f = *state;

	expect_pattern(f, "{product}", "p1");
	expect_pattern(f, "/{product}/{topic}/{product}", "/p1/\1/p1");
	expect_pattern(f, "{host}:{port}", "cloud.example.com:5683");
	expect_pattern(f, "{lifetime}/{compress}/{retries}", "1h/no/3");
	expect_pattern(f, "{format}/{plugin}/{window}", "json/good/8");
	expect_pattern(f, "a{{b}c{{{topic}}", "a{b}c{\1}");
}

/* ---- what is wrong ---- */

#define ONE(to) LINKS "routes:\n  - match: a\n    to: " to "\n"

static void unknown_links_are_refused(void **state)
{
	struct config_fixture *f = *state;

	expect_refused(f, ONE("[{link: plnt}]"),
		       ":14:17: there is no link \"plnt\": did you mean \"plant\"?");
	expect_refused(f, ONE("[{link: elsewhere}]"),
		       ":14:17: there is no link \"elsewhere\": write the name of one");
}

static void the_same_link_twice_is_refused(void **state)
{
	expect_refused(*state, ONE("[{link: plant}, {link: depot}, {link: plant, topic: x}]"),
		       ":14:47: the link plant is in this route twice");
}

static void a_route_needs_links_and_a_filter(void **state)
{
	struct config_fixture *f = *state;

	expect_refused(f, ONE("[]"), ":14:5: to has no links");
	expect_refused(f, ONE(""), ":14:5: to has no links");
	expect_refused(f, ONE("plant"), ":14:9: to is a single value: write {link: NAME}");
	expect_refused(f, ONE("[{topic: t}]"), ":14:10: link is missing");
	expect_refused(f, LINKS "routes: [{match: a}]\n", ":12:10: to is missing");
	expect_refused(f, LINKS "routes: [{to: [{link: plant}]}]\n", ":12:10: match is missing");
	expect_refused(f, LINKS "routes: yes\n", ":12:9: routes is a single value: write a route");
	expect_refused(f, LINKS "routes: [a]\n", ":12:10: routes is a single value");
}

static void too_many_links_are_refused(void **state)
{
	char text[2048] = LINKS "routes:\n  - match: a\n    to:\n";

	for (int i = 0; i < 17; i++)
		strcat(text, "      - {link: plant}\n");
	expect_refused(*state, text, ":14:5: to has 17 links, and may have 16");
}

static void bad_filters_are_refused(void **state)
{
	struct config_fixture *f = *state;

	expect_refused(f, LINKS "routes: [{match: a/#/b, to: [{link: plant}]}]\n",
		       ":12:18: in the filter \"a/#/b\" something follows #");
	expect_refused(f, LINKS "routes: [{match: a+, to: [{link: plant}]}]\n",
		       ":12:18: in the filter \"a+\" a wildcard shares its level");
	expect_refused(f, LINKS "routes: [{match: \"\", to: [{link: plant}]}]\n", ":12:");
}

static void unknown_keys_and_choices_are_refused(void **state)
{
	struct config_fixture *f = *state;

	expect_refused(f, LINKS "routes: [{math: a, to: [{link: plant}]}]\n",
		       ":12:11: unknown key \"math\": did you mean \"match\"?");
	expect_refused(f, ONE("[{link: plant, topik: x}]"),
		       ":14:24: unknown key \"topik\": did you mean \"topic\"?");
	expect_refused(
		f, LINKS "routes: [{match: a, send: first_online, to: [{link: plant}]}]\n",
		":12:27: send \"first_online\" is no choice: did you mean \"first-online\"?");
	expect_refused(f, "rotes: []\n" LINKS,
		       ":1:1: unknown section \"rotes\": did you mean "
		       "\"routes\"?");
}

static void bad_templates_are_refused(void **state)
{
	struct config_fixture *f = *state;

	expect_refused(f, ONE("[{link: plant, topic: \"/{prodct}\"}]"),
		       ":14:31: unknown key \"prodct\": did you mean \"product\"?");
	expect_refused(f, ONE("[{link: plant, topic: \"/{device_secret}\"}]"),
		       ":14:31: {device_secret} is a secret");
	expect_refused(f, ONE("[{link: plant, topic: \"/{root_ca}\"}]"),
		       ":14:31: {root_ca} is a secret or a file");
	expect_refused(f, ONE("[{link: plant, topic: \"/{allow_from}\"}]"),
		       ":14:31: the link plant has no allow_from for {allow_from}");
	expect_refused(f, ONE("[{link: plant, topic: \"/{interface}\"}]"),
		       ":14:31: the link plant has no interface");
	expect_refused(f, ONE("[{link: plant, topic: \"/{product\"}]"),
		       ":14:31: in the topic \"/{product\" a { begins nothing");
	expect_refused(f, ONE("[{link: plant, topic: \"/{}\"}]"), ":14:31: in the topic \"/{}\"");
	expect_refused(f, ONE("[{link: plant, topic: \"/{a{topic}}\"}]"), ":14:31: in the topic");
	expect_refused(f, ONE("[{link: plant, topic: \"\"}]"), ":14:");
	expect_refused(f, ONE("[{link: plant, topic: \"a/+\"}]"),
		       ":14:31: the topic \"a/+\" holds the wildcard +");
	expect_refused(f, ONE("[{link: plant, topic: \"{topic}/#\"}]"),
		       ":14:31: the topic \"{topic}/#\" holds the wildcard #");
	expect_refused(f, ONE("[{link: plant, topic: \"a\\tb\"}]"),
		       ":14:31: the topic \"a?b\" holds a control character");
	expect_refused(f, ONE("[{link: plant, topic: \"a\\x01b\"}]"),
		       ":14:31: the topic holds a control character");
}

static void topics_that_are_too_long_are_refused(void **state)
{
	char topic[600];
	char text[1200];

	memset(topic, 'x', 513);
	topic[513] = '\0';
	(void)snprintf(text, sizeof(text), ONE("[{link: plant, topic: \"%s\"}]"), topic);
	expect_refused(*state, text, ":14:31: the topic \"xxx");
}

/* What is wrong with a link spoils the link, and not what is routed to it as well. */
static void a_link_that_is_wrong_has_no_pattern_yet(void **state)
{
	static const char routes[] = "routes:\n"
				     "  - match: a\n"
				     "    to:\n"
				     "      - {link: plant, topic: \"{product}\"}\n"
				     "      - {link: depot, topic: \"{product}\"}\n";
	struct config_fixture *f = *state;
	char text[1024];

	(void)snprintf(text, sizeof(text), "%s%s", LINKS_WITH(""), routes);
	assert_int_equal(config_fixture_read(f, text), 0);
	assert_int_equal(f->problems.n_errors, 1);
	assert_non_null(strstr(f->problems.all[0].text, "product is missing"));
	assert_string_equal(f->config->routes->items[0].targets[0].pattern, "p1");
	assert_null(f->config->routes->items[0].targets[1].pattern);

	(void)snprintf(text, sizeof(text), "links:\n  depot: {plugin: gone}\n%s",
		       "routes: [{match: a, to: [{link: depot, topic: \"{product}\"}]}]\n");
	assert_int_equal(config_fixture_read(f, text), 0);
	assert_null(f->config->routes->items[0].targets[0].pattern);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CONFIG_TEST(without_the_section_there_are_no_routes),
		CONFIG_TEST(routes_are_read),
		CONFIG_TEST(files_add_routes_in_their_order),
		CONFIG_TEST(settings_are_filled_in),
		CONFIG_TEST(unknown_links_are_refused),
		CONFIG_TEST(the_same_link_twice_is_refused),
		CONFIG_TEST(a_route_needs_links_and_a_filter),
		CONFIG_TEST(too_many_links_are_refused),
		CONFIG_TEST(bad_filters_are_refused),
		CONFIG_TEST(unknown_keys_and_choices_are_refused),
		CONFIG_TEST(bad_templates_are_refused),
		CONFIG_TEST(topics_that_are_too_long_are_refused),
		CONFIG_TEST(a_link_that_is_wrong_has_no_pattern_yet),
	};

	return cmocka_run_group_tests(tests, config_fixture_group_setup,
				      config_fixture_group_teardown);
}
