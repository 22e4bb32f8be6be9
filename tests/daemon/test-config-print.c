/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/cleanup.h"
#include "daemon/config-print.h"
#include "tests/daemon/config-fixture.h"

static char *print(const struct sb_config *config)
{
	const struct sb_config_view view = {
		.access = config->access,
		.callers = config->callers,
		.store = config->store,
		.inboxes = config->inboxes,
		.links = (const struct sb_link_config *const *)config->links,
		.n_links = config->n_links,
		.routes = config->routes,
	};
	char *text = NULL;

	assert_int_equal(sb_config_print(&view, &text), 0);

	return text;
}

/* Reads @text; what is printed of that is the caller's. */
static char *read_and_print(struct config_fixture *f, const char *text)
{
	assert_int_equal(config_fixture_read(f, text), 0);

	return print(f->config);
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* ---- */

static void defaults_are_filled_in(void **state)
{
	SB_CLEANUP(sb_free) char *text = read_and_print(*state, "");

	expect(text, "callers:\n  messages_per_second: 50000\n  bytes_per_second: 32M\n");
	expect(text, "store:\n  sync: full\n  commit_interval: 0s\n  tickets_kept: 100000\n"
		     "  tickets_kept_for: 30d\n");
	expect(text, "inboxes:\n  messages: 10000\n");
	expect(text, "links: {}\nroutes: []\n");
	assert_null(strstr(text, "max_bytes"));
	assert_null(strstr(text, "access"));
}

static void every_kind_of_setting(void **state)
{
	struct config_fixture *f = *state;
	SB_CLEANUP(sb_free) char *text = NULL;
	char expected[1024];

	config_fixture_put(f, "root.pem", "public");
	(void)snprintf(expected, sizeof(expected),
		       "links:\n" GOOD_LINK("a") "    lifetime: 90s\n    retries: -1\n"
						 "    compress: on\n    max_payload: 2048\n"
						 "    format: cbor\n    root_ca: %s/etc/root.pem\n"
						 "    allow_from: 10.0.0.0/8 fd00::/8\n",
		       f->scratch.path);
	text = read_and_print(f, expected);
	(void)snprintf(expected, sizeof(expected),
		       "    host: localhost\n    port: 5683\n    product: p\n"
		       "    device_secret: {credential: key}\n    lifetime: 1m30s\n"
		       "    retries: -1\n    compress: yes\n    max_payload: 2K\n"
		       "    format: cbor\n    root_ca: %s/etc/root.pem\n"
		       "    allow_from: \"10.0.0.0/8 fd00::/8\"\n",
		       f->scratch.path);
	expect(text, expected);
	expect(text, "links:\n  a:\n    plugin: good\n    enabled: yes\n    memory_bytes: 1M\n");
}

/* Neither in the text, nor what it is as a name. */
static void secrets_are_not_shown(void **state)
{
	struct config_fixture *f = *state;
	SB_CLEANUP(sb_free) char *text = NULL;
	char config[1024];

	config_fixture_put(f, "secret", "rush\n");
	assert_int_equal(chmod(scratch_path(&f->scratch, "etc/secret"), 0600), 0);
	(void)snprintf(config, sizeof(config),
		       "links:\n" GOOD_LINK("a") "  b: {plugin: good, host: h, product: p, "
						 "device_secret: SeNtInEl}\n"
						 "  c: {plugin: good, host: h, product: p, "
						 "device_secret: {file: %s/etc/secret}}\n",
		       f->scratch.path);
	text = read_and_print(f, config);
	expect(text, "device_secret: {credential: key}\n");
	expect(text, "device_secret: (not shown)\n");
	(void)snprintf(config, sizeof(config), "device_secret: {file: %s/etc/secret}\n",
		       f->scratch.path);
	expect(text, config);
	assert_null(strstr(text, "SeNtInEl"));
	assert_null(strstr(text, "hush"));
	assert_null(strstr(text, "rush"));
}

/* What other programs would take for something else. */
static void texts_stay_texts(void **state)
{
	SB_CLEANUP(sb_free)
	char *text = read_and_print(*state,
				    "links:\n"
				    "  a: {plugin: good, host: h, product: 'yes', device_secret: "
				    "{credential: key}}\n"
				    "  b: {plugin: good, host: h, product: '0123', device_secret: "
				    "{credential: key}}\n"
				    "  c: {plugin: good, host: h, product: 'a: #b', "
				    "device_secret: {credential: key}}\n");

	expect(text, "product: \"yes\"\n");
	expect(text, "product: \"0123\"\n");
	expect(text, "product: 'a: #b'\n");
}

static void rules(void **state)
{
	SB_CLEANUP(sb_free)
	char *text = read_and_print(*state, "access:\n"
					    "  - {user: root, links: '*', publish: ['a/#', '+/b'], "
					    "subscribe: '#'}\n"
					    "  - {group: 0, administer: yes}\n"
					    "  - {user: 4294967290, administer: yes}\n"
					    "  - {unit: app.service, links: [x], publish: z}\n"
					    "  - {unidentified: yes, administer: yes}\n");

	expect(text, "access:\n- user: root\n  links:\n  - '*'\n  publish:\n  - a/#\n"
		     "  - \"+/b\"\n  subscribe:\n  - '#'\n"
		     "- group: root\n  administer: yes\n"
		     "- user: 4294967290\n  administer: yes\n"
		     "- unit: app.service\n  links:\n  - x\n  publish:\n  - z\n"
		     "- unidentified: yes\n  administer: yes\n");
}

static void routes(void **state)
{
	SB_CLEANUP(sb_free)
	char *text =
		read_and_print(*state,
			       "links:\n" GOOD_LINK("a")
				       GOOD_LINK("b") "routes:\n"
						      "  - {match: 't/#', send: first-online, to: "
						      "[{link: a}, {link: b, topic: "
						      "'/{product}/{{x}/{topic}'}]}\n"
						      "  - {match: u, to: {link: b}}\n");

	expect(text, "routes:\n- match: t/#\n  send: first-online\n  to:\n"
		     "  - {link: a, topic: '{topic}'}\n"
		     "  - {link: b, topic: '/p/{{x}/{topic}'}\n"
		     "- match: u\n  send: all\n  to:\n  - {link: b, topic: '{topic}'}\n");
}

/* What was printed means the same. */
static void it_is_read_again(void **state)
{
	struct config_fixture *f = *state;
	SB_CLEANUP(sb_free) char *text = NULL;
	SB_CLEANUP(sb_free) char *again = NULL;

	text = read_and_print(f, "access: [{user: root, links: '*', publish: '#'}]\n"
				 "callers: {streams: 3}\n"
				 "links:\n" GOOD_LINK("a") GOOD_LINK(
					 "b") "    when_full: drop_oldest\n"
					      "routes:\n  - {match: '#', to: [{link: a, topic: "
					      "'x/{{/{topic}'}]}\n");
	again = read_and_print(f, text);
	assert_string_equal(text, again);
	config_fixture_assert_clean(f);
}

static void a_link_that_is_wrong(void **state)
{
	struct config_fixture *f = *state;
	SB_CLEANUP(sb_free) char *text = NULL;

	text = read_and_print(f, "links:\n  a: {plugin: godo, hots: x}\n"
				 "  b: {plugin: good, product: p, device_secret: {file: x}}\n"
				 "routes: [{match: '#', to: [{link: b, topic: '{host}'}]}]\n");
	expect(text, "  a:\n    plugin: godo\n");
	expect(text, "    product: p\n    lifetime: 1h\n");
	expect(text, "  - {link: b}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(defaults_are_filled_in),
		CONFIG_TEST(every_kind_of_setting),
		CONFIG_TEST(secrets_are_not_shown),
		CONFIG_TEST(texts_stay_texts),
		CONFIG_TEST(rules),
		CONFIG_TEST(routes),
		CONFIG_TEST(it_is_read_again),
		CONFIG_TEST(a_link_that_is_wrong),
	};

	return cmocka_run_group_tests(tests, config_fixture_group_setup,
				      config_fixture_group_teardown);
}
