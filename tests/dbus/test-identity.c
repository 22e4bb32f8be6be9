/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service of the test's own, which remembers two senders only.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/access.h"
#include "daemon/cleanup.h"
#include "daemon/error.h"
#include "daemon/loop.h"
#include "daemon/message.h"
#include "daemon/rule.h"
#include "dbus/identity.h"
#include "dbus/parts.h"
#include "tests/dbus/client.h"
#include "tests/dbus/private-bus.h"

#define ERROR SB_BUS_NAME ".Error."
#define PATH SB_BUS_LINKS "/plant"

#define N_APPS 3
#define REMEMBERED 2

/* Everybody may do everything but ask who somebody is. */
#define POLICY_SECRETIVE                                  \
	PRIVATE_BUS_OPEN                                  \
	"<policy context=\"mandatory\">"                  \
	"<deny send_destination=\"org.freedesktop.DBus\"" \
	" send_interface=\"org.freedesktop.DBus\""        \
	" send_member=\"GetConnectionCredentials\"/>"     \
	"</policy>"

struct service {
	struct private_bus *private_bus;
	struct sb_loop *loop;
	struct sb_access *access; /* without rules */
	sd_bus *bus;
	sd_bus_slot *vtable;
	struct sb_identities identities;
	struct client *apps[N_APPS];
	struct client_call calls[4];
	char handled[64]; /* the texts of the calls, one after the other */
	size_t n_handled;
	uint32_t uid; /* of the last */
	struct sb_identity sender; /* the same */
	bool at_once; /* the last one */
	int result; /* of the handler */
};

static int service_on_known(sd_bus_message *call, void *userdata, const struct sb_identity *sender)
{
	struct service *s = userdata;
	size_t len = strlen(s->handled);
	const char *text;

	assert_true(sd_bus_message_read(call, "s", &text) > 0);
	(void)snprintf(s->handled + len, sizeof(s->handled) - len, "%s", text);
	s->n_handled++;
	s->uid = sender->uid;
	sb_identity_done(&s->sender);
	assert_int_equal(sb_identity_copy(&s->sender, sender), 0);
	if (s->result < 0)
		return s->result;

	return sd_bus_reply_method_return(call, NULL);
}

static int service_on_call(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct service *s = userdata;
	size_t before = s->n_handled;
	int r;

	(void)error;
	r = sb_identities_ask(&s->identities, call, service_on_known, s);
	s->at_once = s->n_handled > before;

	return r;
}

static const sd_bus_vtable service_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("PublishWith", SD_BUS_ARGS("s", text, "a{ss}", options),
				SD_BUS_NO_RESULT, service_on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Publish", SD_BUS_ARGS("s", text), SD_BUS_NO_RESULT,
				service_on_call, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* ---- setup ----------------------------------------------------------------------------------- */

static int setup_on(void **state, const char *policy)
{
	static struct service service;
	struct service *s = &service;
	struct sb_rules *rules;
	const char *address;
	size_t i;

	*s = (struct service){ 0 };
	*state = s;
	s->private_bus = private_bus_start(policy);
	if (!s->private_bus)
		return -1;
	address = private_bus_address(s->private_bus);
	if (sb_rules_new(&rules) < 0 || sb_access_new(rules, geteuid(), &s->access) < 0)
		return -1;
	(void)sb_rules_unref(rules);
	if (sb_loop_new_virtual(&s->loop) < 0 || sd_bus_new(&s->bus) < 0 ||
	    sd_bus_set_address(s->bus, address) < 0 || sd_bus_set_bus_client(s->bus, 1) < 0 ||
	    sd_bus_start(s->bus) < 0 ||
	    sd_bus_attach_event(s->bus, sb_loop_event(s->loop), 0) < 0 ||
	    sb_identities_init(&s->identities, s->bus, s->loop, s->access, REMEMBERED) < 0 ||
	    sd_bus_add_object_vtable(s->bus, &s->vtable, PATH, SB_BUS_LINK_INTERFACE,
				     service_vtable, s) < 0 ||
	    sd_bus_request_name(s->bus, SB_BUS_NAME, 0) < 0)
		return -1;
	for (i = 0; i < N_APPS; i++) {
		s->apps[i] = client_new(s->loop, address);
		if (!s->apps[i])
			return -1;
	}

	return 0;
}

static int setup(void **state)
{
	return setup_on(state, PRIVATE_BUS_OPEN);
}

static int setup_secretive(void **state)
{
	return setup_on(state, POLICY_SECRETIVE);
}

static int teardown(void **state)
{
	struct service *s = *state;
	size_t i;

	for (i = 0; i < SB_ELEMENTS(s->calls); i++)
		client_call_done(&s->calls[i]);
	if (s->private_bus)
		private_bus_resume(s->private_bus);
	for (i = 0; i < N_APPS; i++)
		s->apps[i] = client_free(s->apps[i]);
	sb_identities_done(&s->identities);
	s->access = sb_access_free(s->access);
	s->vtable = sd_bus_slot_unref(s->vtable);
	s->bus = sd_bus_flush_close_unref(s->bus);
	s->loop = sb_loop_free(s->loop);
	s->private_bus = private_bus_stop(s->private_bus);
	sb_identity_done(&s->sender);

	return 0;
}

static void begin(struct service *s, size_t call, size_t app, const char *text)
{
	client_begin(s->apps[app], &s->calls[call], PATH, "Publish", "s", text);
}

static void assert_error(struct service *s, size_t call, const char *name)
{
	const sd_bus_error *error;

	assert_true(client_end(s->apps[0], &s->calls[call]) != NULL);
	error = sd_bus_message_get_error(s->calls[call].reply);
	assert_non_null(error);
	assert_string_equal(error->name, name);
}

/* Whether the sender was known. */
static bool call_once(struct service *s, size_t app)
{
	begin(s, 0, app, "x");
	assert_non_null(client_end(s->apps[app], &s->calls[0]));
	assert_false(sd_bus_message_is_method_error(s->calls[0].reply, NULL));

	return s->at_once;
}

/* The service gets what the apps have sent so far, and no answer until private_bus_resume(). */
static void hold_bus(struct service *s)
{
	size_t i;

	for (i = 0; i < N_APPS; i++)
		if (s->apps[i])
			client_flush(s->apps[i]);
	private_bus_pause(s->private_bus);
	loop_settle_down(s->loop);
}

static bool nobody_is_known(void *userdata)
{
	const struct service *s = userdata;

	return s->identities.n == 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_asked_once(void **state)
{
	struct service *s = *state;

	assert_false(call_once(s, 0));
	assert_int_equal(s->uid, geteuid());
	s->uid = SB_NO_OWNER;
	assert_true(call_once(s, 0));
	assert_int_equal(s->uid, geteuid());
	assert_int_equal(s->identities.n, 1);
}

static void test_groups(void **state)
{
	struct service *s = *state;
	gid_t gids[64];
	int n = getgroups(SB_ELEMENTS(gids), gids);

	assert_true(n >= 0);
	assert_false(call_once(s, 0));
	assert_true(sb_identity_has_gid(&s->sender, getegid()));
	for (int i = 0; i < n; i++)
		assert_true(sb_identity_has_gid(&s->sender, gids[i]));
	assert_false(sb_identity_has_gid(&s->sender, 54321));
}

static void test_order(void **state)
{
	struct service *s = *state;

	begin(s, 0, 0, "a");
	begin(s, 1, 0, "b");
	begin(s, 2, 0, "c");
	hold_bus(s);
	assert_int_equal(s->n_handled, 0);
	private_bus_resume(s->private_bus);
	begin(s, 3, 0, "d");
	assert_non_null(client_end(s->apps[0], &s->calls[3]));
	assert_string_equal(s->handled, "abcd");
	assert_int_equal(s->identities.n, 1);
}

static void test_handler_fails(void **state)
{
	struct service *s = *state;

	s->result = -EDOM;
	begin(s, 0, 0, "a");
	assert_error(s, 0, "System.Error.EDOM");
	assert_false(s->at_once);
	begin(s, 0, 0, "a");
	assert_error(s, 0, "System.Error.EDOM");
	assert_true(s->at_once);
}

static void test_forgotten_when_it_goes(void **state)
{
	struct service *s = *state;

	assert_false(call_once(s, 0));
	s->apps[0] = client_free(s->apps[0]);
	assert_true(loop_until(s->loop, nobody_is_known, s));
}

/* Two calls of the first app, which goes before the service has read them. */
static void call_and_go(struct service *s)
{
	begin(s, 0, 0, "a");
	begin(s, 1, 0, "b");
	client_flush(s->apps[0]);
	client_call_done(&s->calls[0]);
	client_call_done(&s->calls[1]);
	s->apps[0] = client_free(s->apps[0]);
	client_flush(s->apps[1]);
}

static void test_goes_while_it_is_asked_for(void **state)
{
	struct service *s = *state;

	call_and_go(s);
	loop_settle_down(s->loop);
	assert_int_equal(s->n_handled, 2);
	assert_int_equal(s->uid, SB_NO_OWNER);
	assert_false(call_once(s, 1));
	assert_int_not_equal(s->uid, SB_NO_OWNER);
	assert_int_equal(s->identities.n, 1);
}

/* The bus answers that there is no such name; without the signal that says the same. */
static void test_has_gone_when_it_is_asked_for(void **state)
{
	struct service *s = *state;

	s->identities.gone = sd_bus_slot_unref(s->identities.gone);
	call_and_go(s);
	loop_settle_down(s->loop);
	assert_int_equal(s->n_handled, 2);
	assert_int_equal(s->uid, SB_NO_OWNER);
	assert_false(call_once(s, 1));
	assert_int_not_equal(s->uid, SB_NO_OWNER);
	assert_int_equal(s->identities.n, 1);
}

static void test_least_recently_used_goes(void **state)
{
	struct service *s = *state;

	assert_false(call_once(s, 0));
	assert_false(call_once(s, 1));
	assert_true(call_once(s, 0));
	assert_false(call_once(s, 2));
	assert_int_equal(s->identities.n, REMEMBERED);
	assert_true(call_once(s, 0));
	assert_false(call_once(s, 1));
	assert_int_equal(s->identities.n, REMEMBERED);
}

static void test_too_many_are_asked_for(void **state)
{
	struct service *s = *state;

	begin(s, 0, 0, "a");
	client_flush(s->apps[0]);
	begin(s, 1, 1, "b");
	client_flush(s->apps[1]);
	begin(s, 2, 2, "c");
	hold_bus(s);
	assert_int_equal(s->identities.n, REMEMBERED);
	private_bus_resume(s->private_bus);
	assert_error(s, 2, ERROR "QueueFull");
	assert_non_null(client_end(s->apps[1], &s->calls[1]));
	assert_string_equal(s->handled, "ab");
	assert_false(call_once(s, 2));
}

static void send_without_reply(struct client *client, const char *text)
{
	sd_bus_message *message = NULL;

	assert_true(sd_bus_message_new_method_call(client->bus, &message, SB_BUS_NAME, PATH,
						   SB_BUS_LINK_INTERFACE, "Publish") >= 0);
	assert_true(sd_bus_message_append(message, "s", text) >= 0);
	assert_true(sd_bus_message_set_expect_reply(message, 0) >= 0);
	assert_true(sd_bus_send(client->bus, message, NULL) >= 0);
	(void)sd_bus_message_unref(message);
}

static void test_too_many_calls_of_one(void **state)
{
	struct service *s = *state;
	size_t i;

	for (i = 0; i < SB_DEFERRED_MAX; i++)
		send_without_reply(s->apps[0], "");
	begin(s, 0, 0, "one too many");
	begin(s, 1, 1, "another's");
	hold_bus(s);
	private_bus_resume(s->private_bus);
	assert_error(s, 0, ERROR "QueueFull");
	assert_false(sd_bus_message_is_method_error(client_end(s->apps[1], &s->calls[1]), NULL));
	assert_string_equal(s->handled, "another's");
	assert_int_equal(s->n_handled, SB_DEFERRED_MAX + 1);
	assert_true(call_once(s, 0));
}

/* Together too large. The bus has all of them for the service before that reads the first. */
static void test_too_large_calls_of_all(void **state)
{
	struct service *s = *state;
	size_t len = SB_DEFERRED_BYTES_MAX / 2;
	char *text = calloc(1, len);

	assert_non_null(text);
	memset(text, 'x', len - 1);
	begin(s, 0, 0, text);
	client_flush(s->apps[0]);
	begin(s, 1, 1, text);
	begin(s, 2, 1, "small");
	client_flush(s->apps[1]);
	free(text);
	assert_error(s, 1, ERROR "QueueFull");
	assert_false(sd_bus_message_is_method_error(client_end(s->apps[0], &s->calls[0]), NULL));
	assert_false(sd_bus_message_is_method_error(client_end(s->apps[1], &s->calls[2]), NULL));
	assert_int_equal(s->n_handled, 2);
	assert_int_equal(s->identities.deferred_bytes, 0);
}

/* Many texts that are empty take a lot as well. */
static void test_large_calls_of_little_parts(void **state)
{
	struct service *s = *state;
	sd_bus_message *call = NULL;
	size_t i;

	assert_true(sd_bus_message_new_method_call(s->apps[0]->bus, &call, SB_BUS_NAME, PATH,
						   SB_BUS_LINK_INTERFACE, "PublishWith") >= 0);
	assert_true(sd_bus_message_append(call, "s", "") >= 0);
	assert_true(sd_bus_message_open_container(call, 'a', "{ss}") >= 0);
	for (i = 0; i < SB_DEFERRED_BYTES_MAX / 16; i++)
		assert_true(sd_bus_message_append(call, "{ss}", "", "") >= 0);
	assert_true(sd_bus_message_close_container(call) >= 0);
	client_begin_message(s->apps[0], &s->calls[0], call);
	(void)sd_bus_message_unref(call);
	assert_error(s, 0, ERROR "QueueFull");
	assert_int_equal(s->n_handled, 0);
}

static void test_what_it_is_about_goes(void **state)
{
	struct service *s = *state;
	struct sb_error why;

	(void)sb_error_set(&why, SB_ERROR_NO_SUCH_LINK, "it has gone");
	begin(s, 0, 0, "a");
	begin(s, 1, 0, "b");
	hold_bus(s);
	sb_identities_forget(&s->identities, s->apps, &why);
	assert_int_equal(s->n_handled, 0);
	sb_identities_forget(&s->identities, s, &why);
	private_bus_resume(s->private_bus);
	assert_error(s, 0, ERROR "NoSuchLink");
	assert_error(s, 1, ERROR "NoSuchLink");
	assert_true(call_once(s, 0) || s->n_handled == 1);
	assert_string_equal(s->handled, "x");
}

static void test_end(void **state)
{
	struct service *s = *state;

	assert_false(call_once(s, 1));
	begin(s, 0, 0, "a");
	hold_bus(s);
	sb_identities_done(&s->identities);
	assert_int_equal(s->identities.n, 0);
	private_bus_resume(s->private_bus);
	assert_error(s, 0, ERROR "Failed");
	assert_int_equal(s->n_handled, 1);
}

/* Nobody can be told any more; but what has come was good, and is not lost. */
static void test_bus_dies_while_it_is_asked_for(void **state)
{
	struct service *s = *state;

	begin(s, 0, 0, "a");
	begin(s, 1, 0, "b");
	hold_bus(s);
	assert_int_equal(s->n_handled, 0);
	private_bus_kill(s->private_bus);
	loop_settle_down(s->loop);
	assert_string_equal(s->handled, "ab");
	assert_int_equal(s->uid, SB_NO_OWNER);
}

static void test_bus_does_not_tell(void **state)
{
	struct service *s = *state;

	assert_false(call_once(s, 0));
	assert_int_equal(s->uid, SB_NO_OWNER);
	assert_true(call_once(s, 0));
	assert_int_equal(s->uid, SB_NO_OWNER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_asked_once),
		TEST(test_groups),
		TEST(test_order),
		TEST(test_handler_fails),
		TEST(test_forgotten_when_it_goes),
		TEST(test_goes_while_it_is_asked_for),
		TEST(test_has_gone_when_it_is_asked_for),
		TEST(test_least_recently_used_goes),
		TEST(test_too_many_are_asked_for),
		TEST(test_too_many_calls_of_one),
		TEST(test_too_large_calls_of_all),
		TEST(test_large_calls_of_little_parts),
		TEST(test_what_it_is_about_goes),
		TEST(test_end),
		TEST(test_bus_dies_while_it_is_asked_for),
#undef TEST
		cmocka_unit_test_setup_teardown(test_bus_does_not_tell, setup_secretive, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
