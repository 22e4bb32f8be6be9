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

#include "daemon/identity.h"
#include "daemon/log.h"
#include "tests/daemon/notices.h"
#include "tests/daemon/reload-fixture.h"

/* What is logged from LOG_WARNING on, the caller's. */
static char *reload_and_listen(struct reload_fixture *f)
{
	FILE *console = stderr;
	char *text = NULL;
	size_t len;

	stderr = open_memstream(&text, &len);
	assert_non_null(stderr);
	sb_log_set_level(LOG_WARNING);
	reload_run(f);
	sb_log_set_level(LOG_EMERG);
	(void)fclose(stderr);
	stderr = console;

	return text;
}

/* ---- */

static void the_difference_is_applied(void **state)
{
	struct reload_fixture *f = *state;
	struct sb_link *a, *b;

	reload_start(f,
		     "links:\n" RELOAD_LINK("a", "p") RELOAD_LINK("b", "p") RELOAD_LINK("c", "p"));
	a = sb_gateway_find(f->gateway, "a");
	b = sb_gateway_find(f->gateway, "b");
	reload_write(f,
		     "links:\n" RELOAD_LINK("d", "p") RELOAD_LINK("a", "p") RELOAD_LINK("b", "q"));
	reload_run(f);
	assert_string_equal(f->error.text, "");
	reload_expect_links(f, "d a b ");
	assert_ptr_equal(sb_gateway_find(f->gateway, "a"), a);
	assert_ptr_not_equal(sb_gateway_find(f->gateway, "b"), b);
	/* What has been applied is what the next one is compared with. */
	b = sb_gateway_find(f->gateway, "b");
	reload_run(f);
	assert_ptr_equal(sb_gateway_find(f->gateway, "b"), b);
}

static void secrets_are_read_again(void **state)
{
	struct reload_fixture *f = *state;
	struct sb_link *a;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	a = sb_gateway_find(f->gateway, "a");
	scratch_text(&f->scratch, "key", "rush\n");
	reload_run(f);
	assert_ptr_not_equal(sb_gateway_find(f->gateway, "a"), a);
}

static void an_error_changes_nothing(void **state)
{
	struct reload_fixture *f = *state;
	char place[160];
	struct sb_link *a;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	a = sb_gateway_find(f->gateway, "a");
	reload_write(f, "links:\n" RELOAD_LINK("a", "q")
				RELOAD_LINK("b", "p") "    port: many\n    retries: x\n");
	(void)snprintf(place, sizeof(place), "%s:12:11: port \"many\" is ", f->path);
	reload_expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, place);
	assert_non_null(strstr(f->error.text, "has 2 errors: "));
	reload_expect_links(f, "a ");
	assert_ptr_equal(sb_gateway_find(f->gateway, "a"), a);

	/* It can be mended. */
	reload_write(f, "links:\n" RELOAD_LINK("a", "q"));
	reload_run(f);
	assert_string_equal(f->error.text, "");
	assert_ptr_not_equal(sb_gateway_find(f->gateway, "a"), a);
}

static void all_errors_are_in_the_log(void **state)
{
	struct reload_fixture *f = *state;
	char *text;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	reload_write(f, "links:\n" RELOAD_LINK("a",
					       "p") "    port: 0\n    retries: x\n    format: y\n");
	text = reload_and_listen(f);
	assert_non_null(strstr(text, ":7:11: "));
	assert_non_null(strstr(text, ":8:14: "));
	assert_non_null(strstr(text, ":9:13: "));
	free(text);
}

/* However long: the first sentence is cut rather than left out. */
static void long_errors_fit(void **state)
{
	struct reload_fixture *f = *state;
	char text[2048] = "links:\n";

	reload_start(f, "");
	for (unsigned int i = 0; i < 20; i++)
		strcat(text, "  Wrong: {plugin: good}\n");
	reload_write(f, text);
	reload_expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, "errors: ");
	assert_non_null(strstr(f->error.text, "; "));
	assert_true(strlen(f->error.text) < sizeof(f->error.text));
}

static void a_file_that_is_gone_changes_nothing(void **state)
{
	struct reload_fixture *f = *state;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	assert_int_equal(unlink(f->path), 0);
	reload_expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, "skybus.yaml");
	reload_expect_links(f, "a ");
}

static void plugins_are_loaded_at_the_start_only(void **state)
{
	struct reload_fixture *f = *state;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	scratch_plugin(&f->scratch, "plain.so", "plugins/plain.so");
	reload_write(f, "links:\n  b: {plugin: plain}\n");
	reload_expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, "restart skybusd");
	reload_write(f, "links:\n  b: {plugin: goood}\n");
	reload_expect_refusal(f, SB_ERROR_INVALID_CONFIGURATION, "did you mean \"good\"");
	assert_int_equal(unlink(scratch_path(&f->scratch, "plugins/plain.so")), 0);
	assert_int_equal(sb_plugins_count(f->plugins), 1);
}

static void ignore_ticket(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	(void)ticket;
	(void)error;
}

static int publish(struct reload_fixture *f)
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
	struct reload_fixture *f = *state;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	assert_int_equal(publish(f), 0);
	assert_int_equal(publish(f), 0);
	reload_write(f, "callers: {stored_messages: 1}\nlinks:\n" RELOAD_LINK("a", "p"));
	reload_run(f);
	assert_true(publish(f) < 0);
	assert_non_null(strstr(f->error.text, "stored_messages is 1"));
	reload_write(f, "callers: {stored_messages: 3}\nlinks:\n" RELOAD_LINK("a", "p"));
	reload_run(f);
	assert_int_equal(publish(f), 0);
	assert_true(publish(f) < 0);
}

static void rules_change_at_once(void **state)
{
	const struct sb_identity app = { .uid = 4711 };
	struct reload_fixture *f = *state;
	struct sb_grant *grant;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	reload_write(f, "access: [{user: 4711, administer: yes}]\nlinks:\n" RELOAD_LINK("a", "p"));
	assert_int_equal(sb_grant_new(f->access, &app, &grant), 0);
	assert_false(sb_grant_administers(grant));
	(void)sb_grant_free(grant);
	reload_run(f);
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

static int open_inbox(struct reload_fixture *f, const char *name)
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
	struct reload_fixture *f = *state;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	assert_int_equal(open_inbox(f, "one"), 0);
	reload_write(f, "inboxes: {per_user: 1}\nlinks:\n" RELOAD_LINK("a", "p"));
	reload_run(f);
	assert_int_equal(open_inbox(f, "two"), -ENOBUFS);
	reload_write(f, "inboxes: {per_user: 2}\nlinks:\n" RELOAD_LINK("a", "p"));
	reload_run(f);
	assert_int_equal(open_inbox(f, "two"), 0);
}

static void routes_change_at_once(void **state)
{
	struct reload_fixture *f = *state;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	assert_null(sb_routes_match(sb_gateway_routes(f->gateway), "x"));
	reload_write(f, "links:\n" RELOAD_LINK("a", "p") "routes: [{match: x, to: {link: a}}]\n");
	reload_run(f);
	assert_string_equal(f->error.text, "");
	assert_non_null(sb_routes_match(sb_gateway_routes(f->gateway), "x"));
}

/* And that is said as long as it is so. */
static void the_store_changes_at_the_next_start(void **state)
{
	struct reload_fixture *f = *state;
	char *text;

	reload_start(f, "store: {sync: full}\n");
	reload_write(f, "store: {sync: normal, tickets_kept: 5000}\n");
	for (unsigned int i = 0; i < 2; i++) {
		text = reload_and_listen(f);
		assert_string_equal(f->error.text, "");
		assert_string_equal(
			text, "skybusd: store: the change of sync takes effect at the next start\n"
			      "skybusd: store: the change of tickets_kept takes effect at the next "
			      "start\n");
		free(text);
	}
	reload_write(f, "");
	text = reload_and_listen(f);
	assert_string_equal(text, "");
	free(text);
}

static void those_who_ask_together_share_one(void **state)
{
	struct reload_fixture *f = *state;

	reload_start(f, "");
	assert_int_equal(sb_reload_request(f->reload, reload_on_done, f), 0);
	assert_int_equal(sb_reload_request(f->reload, NULL, NULL), 0);
	reload_write(f, "links:\n" RELOAD_LINK("a", "p"));
	assert_int_equal(sb_reload_request(f->reload, reload_on_done, f), 0);
	link_run(f->parts);
	assert_int_equal(f->answers, 2);
	reload_expect_links(f, "a ");
}

static void nobody_is_told_after_the_end(void **state)
{
	struct reload_fixture *f = *state;

	reload_start(f, "");
	assert_int_equal(sb_reload_request(f->reload, reload_on_done, f), 0);
	f->reload = sb_reload_free(f->reload);
	link_run(f->parts);
	assert_int_equal(f->answers, 0);
	assert_null(sb_reload_free(NULL));
}

static void it_is_too_late_when_the_daemon_ends(void **state)
{
	struct reload_fixture *f = *state;

	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	sb_gateway_stop(f->gateway, SB_USEC_PER_SEC);
	reload_write(f, "");
	reload_expect_refusal(f, SB_ERROR_FAILED, "ending");
	reload_expect_links(f, "a ");
}

/* ---- the service manager ---- */

static void the_service_manager_is_told(void **state)
{
	struct reload_fixture *f = *state;
	struct notices notices;

	notices_init(&notices, &f->scratch);
	reload_start(f, "links:\n" RELOAD_LINK("a", "p"));
	reload_write(f, "links:\n" RELOAD_LINK("a", "p") RELOAD_LINK("b", "p"));
	reload_run(f);
	notices_expect_begin(&notices, "RELOADING=1\nMONOTONIC_USEC=");
	notices_expect_begin(&notices, "READY=1\nSTATUS=0 of 2 links online | ");
	reload_write(f, "nonsense");
	reload_run(f);
	notices_expect_begin(&notices, "RELOADING=1\n");
	notices_expect_begin(&notices, "READY=1\nSTATUS=0 of 2 links online | ");
	notices_done(&notices);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reload_setup, reload_teardown)

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

	return cmocka_run_group_tests(tests, reload_group_setup, reload_group_teardown);
}
