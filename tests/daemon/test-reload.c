/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/access.h"
#include "daemon/gateway.h"
#include "daemon/identity.h"
#include "daemon/inboxes.h"
#include "daemon/log.h"
#include "daemon/rate.h"
#include "daemon/reload.h"
#include "daemon/rule.h"
#include "daemon/service.h"
#include "tests/daemon/link-fixture.h"
#include "tests/daemon/notices.h"

#define LINK(name, product)          \
	"  " name ":\n"              \
	"    plugin: good\n"         \
	"    host: localhost\n"      \
	"    product: " product "\n" \
	"    device_secret: {credential: key}\n"

struct fixture {
	struct scratch scratch; /* of the group: the plugin stays where it was loaded */
	struct sb_plugins *plugins;
	struct link_fixture *parts;
	struct sb_gateway *gateway;
	struct sb_access *access;
	struct sb_rates rates;
	struct sb_service service;
	struct sb_reload *reload;
	char path[128];
	unsigned int answers;
	struct sb_error error; /* of the last answer; its text is empty for none */
};

static int group_setup(void **state)
{
	static struct fixture f;

	scratch_init(&f.scratch);
	scratch_mkdir(&f.scratch, "plugins");
	scratch_plugin(&f.scratch, "good.so", "plugins/good.so");
	*state = &f;

	return setenv("CREDENTIALS_DIRECTORY", f.scratch.path, 1);
}

static int group_teardown(void **state)
{
	struct fixture *f = *state;

	scratch_done(&f->scratch);

	return unsetenv("CREDENTIALS_DIRECTORY");
}

static void write_config(struct fixture *f, const char *text)
{
	scratch_text(&f->scratch, "skybus.yaml", text);
}

/* As at the daemon's start. */
static void start(struct fixture *f, const char *text)
{
	const struct sb_reload_parts parts = {
		.gateway = f->gateway,
		.access = f->access,
		.rates = &f->rates,
		.service = &f->service,
	};
	struct sb_problems problems = { 0 };
	struct sb_config *config;

	write_config(f, text);
	(void)snprintf(f->path, sizeof(f->path), "%s/skybus.yaml", f->scratch.path);
	assert_int_equal(sb_config_read(f->path, f->plugins, &problems, &config), 0);
	sb_plugins_seal(f->plugins);
	sb_service_init(&f->service, f->gateway);
	assert_int_equal(sb_gateway_apply(f->gateway, config), 0);
	assert_int_equal(sb_reload_new(f->path, &parts, config, &f->reload), 0);
	sb_problems_done(&problems);
}

/* Nobody may do anything, and nothing has a bound. */
static int setup_access(struct fixture *f)
{
	const struct sb_caller_limits limits = { 0 };
	struct sb_rules *rules;
	int r;

	sb_rates_init(&f->rates, f->parts->parts.loop, &limits);
	r = sb_rules_new(&rules);
	if (r < 0)
		return r;
	r = sb_access_new(rules, 0, &f->access);
	(void)sb_rules_unref(rules);

	return r;
}

static const struct sb_inbox_limits inbox_limits = {
	.messages = 10,
	.bytes = 1000,
	.per_user = 10,
	.ack_timeout_usec = SB_USEC_PER_SEC,
};

static int setup(void **state)
{
	struct fixture *f = *state;

	scratch_text(&f->scratch, "key", "hush\n");
	assert_int_equal(sb_plugins_new(scratch_path(&f->scratch, "plugins"), &f->plugins), 0);
	sb_plugins_load_all(f->plugins);
	(void)link_fixture_setup((void **)&f->parts);
	assert_int_equal(sb_inboxes_new(f->parts->parts.store, f->parts->parts.hub, &inbox_limits,
					&f->parts->parts.inboxes),
			 0);
	assert_int_equal(sb_gateway_new(&f->parts->parts, f->plugins, &f->gateway), 0);
	f->answers = 0;
	f->error.text[0] = '\0';

	return setup_access(f);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sb_service_done(&f->service);
	f->gateway = sb_gateway_free(f->gateway);
	f->reload = sb_reload_free(f->reload);
	f->access = sb_access_free(f->access);
	sb_rates_done(&f->rates);
	f->parts->parts.inboxes = sb_inboxes_free(f->parts->parts.inboxes);
	(void)link_fixture_teardown((void **)&f->parts);
	f->plugins = sb_plugins_free(f->plugins);

	return 0;
}

static void on_reloaded(void *userdata, const struct sb_error *error)
{
	struct fixture *f = userdata;

	f->answers++;
	f->error.text[0] = '\0';
	if (error)
		f->error = *error;
}

static void reload(struct fixture *f)
{
	unsigned int answers = f->answers;

	assert_int_equal(sb_reload_request(f->reload, on_reloaded, f), 0);
	assert_int_equal(f->answers, answers);
	link_run(f->parts);
	assert_int_equal(f->answers, answers + 1);
}

/* With this error, of which that is a part. */
static void expect_refusal(struct fixture *f, enum sb_error_code code, const char *part)
{
	reload(f);
	assert_int_equal(f->error.code, code);
	if (!strstr(f->error.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, f->error.text);
}

static void expect_links(struct fixture *f, const char *names)
{
	char all[128] = "";

	for (size_t i = 0; i < sb_gateway_n_links(f->gateway); i++)
		strcat(strcat(all, sb_link_name(sb_gateway_link(f->gateway, i))), " ");
	assert_string_equal(all, names);
}

/* What is logged from LOG_WARNING on, the caller's. */
static char *reload_and_listen(struct fixture *f)
{
	FILE *console = stderr;
	char *text = NULL;
	size_t len;

	stderr = open_memstream(&text, &len);
	assert_non_null(stderr);
	sb_log_set_level(LOG_WARNING);
	reload(f);
	sb_log_set_level(LOG_EMERG);
	(void)fclose(stderr);
	stderr = console;

	return text;
}

/* ---- */

static void the_difference_is_applied(void **state)
{
	struct fixture *f = *state;
	struct sb_link *a, *b;

	start(f, "links:\n" LINK("a", "p") LINK("b", "p") LINK("c", "p"));
	a = sb_gateway_find(f->gateway, "a");
	b = sb_gateway_find(f->gateway, "b");
	write_config(f, "links:\n" LINK("d", "p") LINK("a", "p") LINK("b", "q"));
	reload(f);
	assert_string_equal(f->error.text, "");
	expect_links(f, "d a b ");
	assert_ptr_equal(sb_gateway_find(f->gateway, "a"), a);
	assert_ptr_not_equal(sb_gateway_find(f->gateway, "b"), b);
	/* What has been applied is what the next one is compared with. */
	b = sb_gateway_find(f->gateway, "b");
	reload(f);
	assert_ptr_equal(sb_gateway_find(f->gateway, "b"), b);
}

static void secrets_are_read_again(void **state)
{
	struct fixture *f = *state;
	struct sb_link *a;

	start(f, "links:\n" LINK("a", "p"));
	a = sb_gateway_find(f->gateway, "a");
	scratch_text(&f->scratch, "key", "rush\n");
	reload(f);
	assert_ptr_not_equal(sb_gateway_find(f->gateway, "a"), a);
}

static void an_error_changes_nothing(void **state)
{
	struct fixture *f = *state;
	char place[160];
	struct sb_link *a;

	start(f, "links:\n" LINK("a", "p"));
	a = sb_gateway_find(f->gateway, "a");
	write_config(f,
		     "links:\n" LINK("a", "q") LINK("b", "p") "    port: many\n    retries: x\n");
	(void)snprintf(place, sizeof(place), "%s:12:11: port \"many\" is ", f->path);
	expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, place);
	assert_non_null(strstr(f->error.text, "has 2 errors: "));
	expect_links(f, "a ");
	assert_ptr_equal(sb_gateway_find(f->gateway, "a"), a);

	/* It can be mended. */
	write_config(f, "links:\n" LINK("a", "q"));
	reload(f);
	assert_string_equal(f->error.text, "");
	assert_ptr_not_equal(sb_gateway_find(f->gateway, "a"), a);
}

static void all_errors_are_in_the_log(void **state)
{
	struct fixture *f = *state;
	char *text;

	start(f, "links:\n" LINK("a", "p"));
	write_config(f, "links:\n" LINK("a", "p") "    port: 0\n    retries: x\n    format: y\n");
	text = reload_and_listen(f);
	assert_non_null(strstr(text, ":7:11: "));
	assert_non_null(strstr(text, ":8:14: "));
	assert_non_null(strstr(text, ":9:13: "));
	free(text);
}

/* However long: the first sentence is cut rather than left out. */
static void long_errors_fit(void **state)
{
	struct fixture *f = *state;
	char text[2048] = "links:\n";

	start(f, "");
	for (unsigned int i = 0; i < 20; i++)
		strcat(text, "  Wrong: {plugin: good}\n");
	write_config(f, text);
	expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, "errors: ");
	assert_non_null(strstr(f->error.text, "; "));
	assert_true(strlen(f->error.text) < sizeof(f->error.text));
}

static void a_file_that_is_gone_changes_nothing(void **state)
{
	struct fixture *f = *state;

	start(f, "links:\n" LINK("a", "p"));
	assert_int_equal(unlink(f->path), 0);
	expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, "skybus.yaml");
	expect_links(f, "a ");
}

static void plugins_are_loaded_at_the_start_only(void **state)
{
	struct fixture *f = *state;

	start(f, "links:\n" LINK("a", "p"));
	scratch_plugin(&f->scratch, "plain.so", "plugins/plain.so");
	write_config(f, "links:\n  b: {plugin: plain}\n");
	expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, "restart skybusd");
	write_config(f, "links:\n  b: {plugin: goood}\n");
	expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, "did you mean \"good\"");
	assert_int_equal(unlink(scratch_path(&f->scratch, "plugins/plain.so")), 0);
	assert_int_equal(sb_plugins_count(f->plugins), 1);
}

static void ignore_ticket(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	(void)ticket;
	(void)error;
}

static int publish(struct fixture *f)
{
	struct sb_message *message = sb_message_new("t", "m", 1, NULL);
	int r;

	message->owner = 7;
	r = sb_link_publish(sb_gateway_find(f->gateway, "a"), message, ignore_ticket, NULL,
			    &f->error);
	if (r < 0)
		(void)sb_message_free(message);
	link_run(f->parts);

	return r;
}

static void bounds_of_users_change_at_once(void **state)
{
	struct fixture *f = *state;

	start(f, "links:\n" LINK("a", "p"));
	assert_int_equal(publish(f), 0);
	assert_int_equal(publish(f), 0);
	write_config(f, "callers: {stored_messages: 1}\nlinks:\n" LINK("a", "p"));
	reload(f);
	assert_true(publish(f) < 0);
	assert_non_null(strstr(f->error.text, "stored_messages is 1"));
	write_config(f, "callers: {stored_messages: 3}\nlinks:\n" LINK("a", "p"));
	reload(f);
	assert_int_equal(publish(f), 0);
	assert_true(publish(f) < 0);
}

static void rules_change_at_once(void **state)
{
	const struct sb_identity app = { .uid = 4711 };
	struct fixture *f = *state;
	struct sb_grant *grant;

	start(f, "links:\n" LINK("a", "p"));
	write_config(f, "access: [{user: 4711, administer: yes}]\nlinks:\n" LINK("a", "p"));
	assert_int_equal(sb_grant_new(f->access, &app, &grant), 0);
	assert_false(sb_grant_administers(grant));
	(void)sb_grant_free(grant);
	reload(f);
	assert_int_equal(sb_grant_new(f->access, &app, &grant), 0);
	assert_true(sb_grant_administers(grant));
	(void)sb_grant_free(grant);
}

static void on_opened(void *userdata, struct sb_inbox *inbox, const struct sb_error *error)
{
	(void)userdata;
	assert_non_null(inbox);
	assert_null(error);
}

static int open_inbox(struct fixture *f, const char *name)
{
	const struct sb_inbox_wish wish = {
		.interest = { .link = "a", .filter = "#", .origins = SB_FROM_CLOUD },
		.owner = 4711,
		.name = name,
	};
	int r = sb_inboxes_open(f->parts->parts.inboxes, &wish, on_opened, NULL, &f->error);

	link_run(f->parts);

	return r;
}

static void bounds_of_inboxes_change_at_once(void **state)
{
	struct fixture *f = *state;

	start(f, "links:\n" LINK("a", "p"));
	assert_int_equal(open_inbox(f, "one"), 0);
	write_config(f, "inboxes: {per_user: 1}\nlinks:\n" LINK("a", "p"));
	reload(f);
	assert_int_equal(open_inbox(f, "two"), -ENOBUFS);
	write_config(f, "inboxes: {per_user: 2}\nlinks:\n" LINK("a", "p"));
	reload(f);
	assert_int_equal(open_inbox(f, "two"), 0);
}

static void routes_change_at_once(void **state)
{
	struct fixture *f = *state;

	start(f, "links:\n" LINK("a", "p"));
	assert_null(sb_routes_match(sb_gateway_routes(f->gateway), "x"));
	write_config(f, "links:\n" LINK("a", "p") "routes: [{match: x, to: {link: a}}]\n");
	reload(f);
	assert_string_equal(f->error.text, "");
	assert_non_null(sb_routes_match(sb_gateway_routes(f->gateway), "x"));
}

/* And that is said as long as it is so. */
static void the_store_changes_at_the_next_start(void **state)
{
	struct fixture *f = *state;
	char *text;

	start(f, "store: {sync: full}\n");
	write_config(f, "store: {sync: normal, tickets_kept: 5000}\n");
	for (unsigned int i = 0; i < 2; i++) {
		text = reload_and_listen(f);
		assert_string_equal(f->error.text, "");
		assert_string_equal(
			text, "skybusd: store: the change of sync takes effect at the next start\n"
			      "skybusd: store: the change of tickets_kept takes effect at the next "
			      "start\n");
		free(text);
	}
	write_config(f, "");
	text = reload_and_listen(f);
	assert_string_equal(text, "");
	free(text);
}

static void those_who_ask_together_share_one(void **state)
{
	struct fixture *f = *state;

	start(f, "");
	assert_int_equal(sb_reload_request(f->reload, on_reloaded, f), 0);
	assert_int_equal(sb_reload_request(f->reload, NULL, NULL), 0);
	write_config(f, "links:\n" LINK("a", "p"));
	assert_int_equal(sb_reload_request(f->reload, on_reloaded, f), 0);
	link_run(f->parts);
	assert_int_equal(f->answers, 2);
	expect_links(f, "a ");
}

static void nobody_is_told_after_the_end(void **state)
{
	struct fixture *f = *state;

	start(f, "");
	assert_int_equal(sb_reload_request(f->reload, on_reloaded, f), 0);
	f->reload = sb_reload_free(f->reload);
	link_run(f->parts);
	assert_int_equal(f->answers, 0);
	assert_null(sb_reload_free(NULL));
}

static void it_is_too_late_when_the_daemon_ends(void **state)
{
	struct fixture *f = *state;

	start(f, "links:\n" LINK("a", "p"));
	sb_gateway_stop(f->gateway, SB_USEC_PER_SEC);
	write_config(f, "");
	expect_refusal(f, SB_ERROR_FAILED, "ending");
	expect_links(f, "a ");
}

/* ---- the service manager ---- */

static void the_service_manager_is_told(void **state)
{
	struct fixture *f = *state;
	struct notices notices;

	notices_init(&notices, &f->scratch);
	start(f, "links:\n" LINK("a", "p"));
	write_config(f, "links:\n" LINK("a", "p") LINK("b", "p"));
	reload(f);
	notices_expect_begin(&notices, "RELOADING=1\nMONOTONIC_USEC=");
	notices_expect_begin(&notices, "READY=1\nSTATUS=0 of 2 links online | ");
	write_config(f, "nonsense");
	reload(f);
	notices_expect_begin(&notices, "RELOADING=1\n");
	notices_expect_begin(&notices, "READY=1\nSTATUS=0 of 2 links online | ");
	notices_done(&notices);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_difference_is_applied),
		TEST(secrets_are_read_again),
		TEST(an_error_changes_nothing),
		TEST(all_errors_are_in_the_log),
		TEST(long_errors_fit),
		TEST(a_file_that_is_gone_changes_nothing),
		TEST(plugins_are_loaded_at_the_start_only),
		TEST(bounds_of_users_change_at_once),
		TEST(rules_change_at_once),
		TEST(bounds_of_inboxes_change_at_once),
		TEST(routes_change_at_once),
		TEST(the_store_changes_at_the_next_start),
		TEST(those_who_ask_together_share_one),
		TEST(nobody_is_told_after_the_end),
		TEST(it_is_too_late_when_the_daemon_ends),
		TEST(the_service_manager_is_told),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
