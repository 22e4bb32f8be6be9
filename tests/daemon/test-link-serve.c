/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/calls.h"
#include "daemon/inboxes.h"
#include "tests/daemon/link-fixture.h"

#define TOPIC "cmd/go"

/* The user that answers. */
#define OWNER 1234

/* Beside the link's fixture: an app that hears commands, one that answers them, and one that keeps them. */
static struct {
	struct sb_subscription *listener;
	struct sb_subscription *answerer;
	struct sb_subscription *keeper;
	struct sb_landing *landing; /* that the last one holds */
	struct sb_inboxes *inboxes;
	char kept[256]; /* what an inbox has on disk, and what had been settled by then */
	uint64_t message; /* the last that was delivered */
	int64_t answer_by_ms; /* and until when an answer to it is awaited */
	char answered[256]; /* tickets, or errors */
} apps;

/* In the place of the C library's: what the link's interface is at present. */
static unsigned int interface_index;

unsigned int if_nametoindex(const char *name)
{
	assert_string_equal(name, "wwan7");

	return interface_index;
}

static int setup(void **state)
{
	struct link_fixture *f;

	(void)link_fixture_setup(state);
	f = *state;
	memset(&apps, 0, sizeof(apps));
	link_make(f, NULL);
	sb_link_start(f->link);
	script.login = SCRIPT_HANGS;
	link_run(f);

	return 0;
}

static int teardown(void **state)
{
	(void)sb_subscription_free(apps.listener);
	(void)sb_subscription_free(apps.answerer);
	(void)sb_subscription_free(apps.keeper);
	(void)sb_inboxes_free(apps.inboxes);

	return link_fixture_teardown(state);
}

static void on_delivery(void *userdata, struct sb_subscription *subscription,
			const struct sb_delivery *delivery)
{
	(void)userdata;
	(void)subscription;
	apps.message = delivery->message;
	apps.answer_by_ms = delivery->answer_by_ms;
}

static void subscribe(struct link_fixture *f, bool answers)
{
	const struct sb_interest interest = {
		.link = "plant",
		.filter = "cmd/#",
		.answers = answers,
		.origins = SB_FROM_CLOUD,
	};

	assert_int_equal(sb_hub_subscribe(f->parts.hub, &interest, on_delivery, NULL,
					  answers ? &apps.answerer : &apps.listener, NULL),
			 0);
}

static void on_answered(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	size_t len = strlen(apps.answered);

	(void)userdata;
	if (error)
		(void)snprintf(apps.answered + len, sizeof(apps.answered) - len, "%s ",
			       sb_error_name(error->code));
	else
		(void)snprintf(apps.answered + len, sizeof(apps.answered) - len, "%u ",
			       (unsigned int)ticket);
}

static int answer(struct link_fixture *f, uint64_t message, const char *code, const char *text)
{
	const struct sb_answer answer = {
		.message = message,
		.code = code,
		.payload = (const uint8_t *)text,
		.payload_len = strlen(text),
		.sender = ":1.9",
		.owner = OWNER,
	};

	return sb_link_answer(f->link, &answer, on_answered, NULL, &f->error);
}

/* What has been answered to the cloud since this was asked last. */
static void expect_answers(const char *answers)
{
	assert_string_equal(fake_listening.answers, answers);
	fake_listening.answers[0] = '\0';
}

/* ---- what the plugin does ---- */

static void serve_at_once(const struct skybus_incoming *incoming, struct skybus_response *response)
{
	assert_string_equal(incoming->path, "/at/once");
	assert_int_equal(script_listen(5684, NULL), -EBUSY);
	script.host->response_code(response, SKYBUS_CODE(2, 5));
	script.host->response_payload(response, SKYBUS_NO_FORMAT, "done", 4);
}

static void serve_badly(const struct skybus_incoming *incoming, struct skybus_response *response)
{
	(void)incoming;
	script.host->response_payload(response, SKYBUS_NO_FORMAT, "half", 4);
	script.host->response_code(response, 77777);
}

static void serve_command(const struct skybus_incoming *incoming, struct skybus_response *response)
{
	(void)incoming;
	assert_true(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0) >= 0);
	script.host->response_code(response, SKYBUS_CODE(5, 3));
	script.host->response_payload(response, SKYBUS_NO_FORMAT, "nobody", 6);
}

static void serve_twice(const struct skybus_incoming *incoming, struct skybus_response *response)
{
	serve_command(incoming, response);
	assert_true(apps.answer_by_ms > 0);
	assert_true(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0) > 0);
	assert_int_equal(apps.answer_by_ms, 0);
}

static int32_t answer_served(const struct skybus_answer *answer, struct skybus_response *response,
			     struct skybus_verdict *why)
{
	char text[64];

	(void)why;
	assert_int_equal(answer->served, 1);
	assert_string_equal(answer->topic, TOPIC);
	assert_int_equal(answer->context_len, 3);
	assert_memory_equal(answer->context, "ctx", 3);
	(void)snprintf(text, sizeof(text), "[%s]%.*s", answer->code, (int)answer->payload_len,
		       (const char *)answer->payload);
	script.host->response_payload(response, SKYBUS_NO_FORMAT, text, (uint32_t)strlen(text));

	return 0;
}

static int32_t answer_elsewhere(const struct skybus_answer *answer,
				struct skybus_response *response, struct skybus_verdict *why)
{
	assert_int_equal(script_listen(5684, NULL), -EBUSY);

	return answer_served(answer, response, why);
}

static int32_t answer_by_message(const struct skybus_answer *answer,
				 struct skybus_response *response, struct skybus_verdict *why)
{
	(void)why;
	assert_int_equal(answer->served, 0);
	script.host->response_topic(response, "reply/topic");
	script.host->response_payload(response, SKYBUS_FORMAT_JSON, answer->payload,
				      answer->payload_len);

	return 0;
}

static int32_t answer_without_topic(const struct skybus_answer *answer,
				    struct skybus_response *response, struct skybus_verdict *why)
{
	(void)answer;
	(void)response;
	(void)why;

	return 0;
}

static int32_t answer_too_long(const struct skybus_answer *answer, struct skybus_response *response,
			       struct skybus_verdict *why)
{
	static const uint8_t long_payload[SB_PAYLOAD_MAX + 1];

	(void)answer;
	(void)why;
	script.host->response_payload(response, SKYBUS_NO_FORMAT, long_payload,
				      sizeof(long_payload));

	return 0;
}

static int32_t answer_refused(const struct skybus_answer *answer, struct skybus_response *response,
			      struct skybus_verdict *why)
{
	(void)response;
	if (answer->payload_len > 0)
		(void)snprintf(why->reason, sizeof(why->reason), "the answer must be JSON");

	return -EINVAL;
}

/* ---- listening ---- */

static void it_listens_once_on_the_same_terms(void **state)
{
	(void)state;
	assert_int_equal(script_listen(5683, "10.0.0.0/8 fd00::/8"), 0);
	assert_int_equal(fake_listening.port, 5683);
	assert_int_equal(fake_listening.n_networks, 2);
	assert_string_equal(fake_listening.interface, "");
	assert_int_equal(script_listen(5683, "10.0.0.0/8 fd00::/8"), 0);
	assert_int_equal(fake_listening.n_listeners, 1);
	assert_int_equal(script_listen(5683, "10.0.0.0/9 fd00::/8"), 0);
	assert_int_equal(fake_listening.n_listeners, 2);
	assert_int_equal(script_listen(5683, NULL), 0);
	assert_int_equal(fake_listening.n_listeners, 3);
	assert_int_equal(fake_listening.n_networks, 0);
	assert_int_equal(script_listen(5684, NULL), 0);
	assert_int_equal(fake_listening.n_listeners, 4);
	assert_int_equal(fake_listening.port, 5684);
}

/* A modem that was away: what was bound to its interface hears nothing any more. */
static void it_listens_anew_on_an_interface_that_came_again(void **state)
{
	static const char *const settings[] = { "interface", "wwan7", NULL };
	struct link_fixture *f = *state;

	link_unmake(f);
	link_make(f, settings);
	sb_link_start(f->link);
	interface_index = 5;
	assert_int_equal(script_listen(5683, NULL), 0);
	assert_string_equal(fake_listening.interface, "wwan7");
	assert_int_equal(script_listen(5683, NULL), 0);
	assert_int_equal(fake_listening.n_listeners, 1);
	interface_index = 6;
	assert_int_equal(script_listen(5683, NULL), 0);
	assert_int_equal(fake_listening.n_listeners, 2);
	assert_int_equal(script_listen(5683, NULL), 0);
	assert_int_equal(fake_listening.n_listeners, 2);
}

static void terms_without_sense_change_nothing(void **state)
{
	(void)state;
	assert_int_equal(script_listen(5683, NULL), 0);
	assert_int_equal(script_listen(0, NULL), -EINVAL);
	assert_int_equal(script_listen(65536, NULL), -EINVAL);
	assert_int_equal(script_listen(5683, "everywhere"), -EINVAL);
	assert_int_equal(fake_listening.n_listeners, 1);
	assert_non_null(fake_listening.listener);
}

static void a_port_that_is_taken_is_told_and_asked_for_again(void **state)
{
	(void)state;
	fake_listening.error = -EADDRINUSE;
	assert_int_equal(script_listen(5683, NULL), -EADDRINUSE);
	fake_listening.error = 0;
	assert_int_equal(script_listen(5683, NULL), 0);
	assert_int_equal(fake_listening.n_listeners, 1);
}

static void a_plugin_that_cannot_serve_does_not_listen(void **state)
{
	struct link_fixture *f = *state;
	struct sb_link_config *config = link_config("plant", NULL);

	link_unmake(f);
	config->loaded = &script_deaf_plugin;
	link_make_of(f, config);
	sb_link_start(f->link);
	link_run(f);
	assert_int_equal(script_listen(5683, NULL), -ENOTSUP);
	subscribe(f, true);
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 1);
	assert_int_equal(apps.answer_by_ms, 0);
}

static void it_listens_while_it_is_down_but_not_when_disconnected(void **state)
{
	struct link_fixture *f = *state;

	script.serve = serve_at_once;
	assert_int_equal(script_listen(5683, NULL), 0);
	script.host->failed(script.link, SKYBUS_CONFIGURATION, "wrong", 0);
	link_expect_state(f, SB_LINK_FAILED);
	fake_incoming("/at/once");
	expect_answers("/at/once 2.05 done|");
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	assert_null(fake_listening.listener);
	assert_int_equal(script_listen(5683, NULL), -EBUSY);
	assert_int_equal(sb_link_connect(f->link, &f->error), 0);
	link_run(f);
	assert_int_equal(script_listen(5683, NULL), 0);
}

/* ---- requests ---- */

static void what_is_not_served_is_not_implemented(void **state)
{
	(void)state;
	assert_int_equal(script_listen(5683, NULL), 0);
	fake_incoming("/x");
	expect_answers("/x 5.01 |");
}

static void a_response_that_could_not_be_made_is_an_error(void **state)
{
	(void)state;
	script.serve = serve_badly;
	assert_int_equal(script_listen(5683, NULL), 0);
	fake_incoming("/x");
	expect_answers("/x 5.00 |");
}

static void without_an_app_that_answers_it_goes_out_at_once(void **state)
{
	struct link_fixture *f = *state;

	script.serve = serve_command;
	assert_int_equal(script_listen(5683, NULL), 0);
	fake_incoming("/x");
	expect_answers("/x 5.03 nobody|");
	subscribe(f, false);
	fake_incoming("/x");
	expect_answers("/x 5.03 nobody|");
	assert_int_equal(answer(f, apps.message, "", ""), -ENOMSG);
	assert_int_equal(f->error.code, SB_ERROR_NO_SUCH_MESSAGE);
}

static void serve_and_wait(struct link_fixture *f, const char *path)
{
	script.serve = serve_command;
	script.answer = answer_served;
	if (!apps.answerer)
		subscribe(f, true);
	assert_int_equal(script_listen(5683, NULL), 0);
	fake_incoming(path);
	expect_answers("");
}

static void an_app_answers_a_request(void **state)
{
	struct link_fixture *f = *state;

	serve_and_wait(f, "/x");
	assert_string_equal(sb_link_command_topic(f->link, apps.message), TOPIC);
	assert_null(sb_link_command_topic(f->link, apps.message + 1));
	assert_in_range(apps.answer_by_ms - sb_wall_clock_ms(), 55000, 60000);
	assert_int_equal(answer(f, apps.message, "4.04", "no valve"), 0);
	expect_answers("/x 2.04 [4.04]no valve|");
	assert_string_equal(apps.answered, "");
	link_run(f);
	assert_string_equal(apps.answered, "0 ");
	assert_int_equal(answer(f, apps.message, "", ""), -ENOMSG);
	assert_string_equal(f->error.text, "no command 1 waits for an answer: it was answered, or "
					   "its time is over");
	link_pass(f, 2 * 3600 * SB_USEC_PER_SEC);
	expect_answers("");
}

static void a_listener_does_not_move_while_an_app_answers(void **state)
{
	struct link_fixture *f = *state;

	serve_and_wait(f, "/x");
	script.answer = answer_elsewhere;
	assert_int_equal(answer(f, apps.message, "", "yes"), 0);
	expect_answers("/x 2.04 []yes|");
	assert_int_equal(fake_listening.port, 5683);
	assert_int_equal(script_listen(5684, NULL), 0);
}

static void nobody_waits_for_ever(void **state)
{
	struct link_fixture *f = *state;

	serve_and_wait(f, "/x");
	link_pass(f, 59 * SB_USEC_PER_SEC);
	expect_answers("");
	link_pass(f, 1 * SB_USEC_PER_SEC);
	expect_answers("/x 5.03 nobody|");
	assert_int_equal(answer(f, apps.message, "", "late"), -ENOMSG);
}

static void one_command_of_a_request_is_answered(void **state)
{
	struct link_fixture *f = *state;

	subscribe(f, true);
	script.serve = serve_twice;
	script.answer = answer_served;
	assert_int_equal(script_listen(5683, NULL), 0);
	fake_incoming("/x");
	expect_answers("");
	assert_int_equal(answer(f, 2, "", ""), -ENOMSG);
	assert_int_equal(answer(f, 1, "", "yes"), 0);
	expect_answers("/x 2.04 []yes|");
}

static void disconnecting_ends_what_waits(void **state)
{
	struct link_fixture *f = *state;

	serve_and_wait(f, "/x");
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	expect_answers("/x 5.03 nobody|");
	assert_int_equal(answer(f, apps.message, "", ""), -ENOMSG);
}

static void the_link_does_not_leave_anybody_waiting(void **state)
{
	struct link_fixture *f = *state;

	serve_and_wait(f, "/x");
	serve_and_wait(f, "/y");
	assert_int_equal(answer(f, apps.message, "", "yes"), 0);
	expect_answers("/y 2.04 []yes|");
	link_unmake(f);
	expect_answers("/x 5.03 nobody|");
	assert_string_equal(apps.answered, "0 ");
}

static void only_so_many_wait(void **state)
{
	struct link_fixture *f = *state;

	for (unsigned int i = 0; i < SB_CALLS_MAX; i++)
		serve_and_wait(f, "/x");
	fake_incoming("/y");
	expect_answers("/y 5.03 nobody|");
	assert_int_equal(apps.answer_by_ms, 0);
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
}

/* ---- commands in replies ---- */

static void commands_have_rules(void **state)
{
	char topic[SB_TOPIC_MAX + 2] = "";
	struct skybus_command command = {
		.size = sizeof(command),
		.topic = topic,
		.context_len = SB_CALL_CONTEXT_MAX + 1,
		.context = (const uint8_t *)topic,
	};

	(void)state;
	assert_int_equal(script_deliver(NULL, 0, 0), -EINVAL);
	assert_int_equal(script_deliver("", 0, 0), -EINVAL);
	assert_int_equal(script_deliver("a\nb", 0, 0), -EINVAL);
	assert_int_equal(script_deliver("a\x7f", 0, 0), -EINVAL);
	memset(topic, 'x', SB_TOPIC_MAX);
	assert_int_equal(script_deliver(topic, 0, 0), 0);
	assert_int_equal(script.host->deliver(script.link, &command), -EINVAL);
	command.context_len = 3;
	command.context = NULL;
	assert_int_equal(script.host->deliver(script.link, &command), -EINVAL);
	command.context_len = 0;
	assert_int_equal(script.host->deliver(script.link, &command), 0);
	command.payload_len = 1;
	assert_int_equal(script.host->deliver(script.link, &command), -EINVAL);
	topic[SB_TOPIC_MAX] = 'x';
	assert_int_equal(script_deliver(topic, 0, 0), -EINVAL);
}

static void a_plugin_of_an_older_make_delivers_too(void **state)
{
	struct link_fixture *f = *state;
	const struct skybus_command command = {
		.size = offsetof(struct skybus_command, context),
		.topic = TOPIC,
		.flags = SKYBUS_ANSWERABLE,
		.context_len = SB_CALL_CONTEXT_MAX + 1,
	};

	subscribe(f, true);
	assert_int_equal(script.host->deliver(script.link, &command), 1);
	assert_true(apps.answer_by_ms > 0);
}

static void the_cloud_says_how_long_it_waits(void **state)
{
	struct link_fixture *f = *state;

	subscribe(f, true);
	assert_int_equal(script_deliver(TOPIC, 0, 10), 1);
	assert_int_equal(apps.answer_by_ms, 0);
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 10), 1);
	assert_in_range(apps.answer_by_ms - sb_wall_clock_ms(), 5000, 10000);
	link_pass(f, 10 * SB_USEC_PER_SEC);
	assert_int_equal(answer(f, apps.message, "", ""), -ENOMSG);
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, UINT32_MAX), 1);
	assert_in_range(apps.answer_by_ms - sb_wall_clock_ms(), 3595000, 3600000);
}

static void an_answer_becomes_a_message(void **state)
{
	struct link_fixture *f = *state;

	subscribe(f, true);
	script.answer = answer_by_message;
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 1);
	assert_int_equal(answer(f, apps.message, "", "yes"), 0);
	assert_string_equal(apps.answered, "");
	assert_int_equal(answer(f, apps.message, "", "again"), -ENOMSG);
	link_run(f);
	assert_string_equal(apps.answered, "1 ");
	assert_int_equal(link_status(f)->queue.queued, 1);
}

static void on_losses(void *userdata, int error, const struct sb_loss *losses, size_t n)
{
	uint32_t *owner = userdata;

	assert_int_equal(error, 0);
	assert_int_equal(n, 1);
	*owner = losses[0].owner;
}

static void on_cancelled(void *userdata, const struct sb_error *error)
{
	(void)userdata;
	assert_null(error);
}

static void the_message_of_an_answer_is_its_givers(void **state)
{
	struct link_fixture *f = *state;
	uint32_t owner = 0;

	subscribe(f, true);
	script.answer = answer_by_message;
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 1);
	assert_int_equal(answer(f, apps.message, "", "yes"), 0);
	link_run(f);
	assert_int_equal(sb_outbox_cancel(f->parts.outbox, 1, NULL, on_cancelled, NULL), 0);
	link_run(f);
	assert_int_equal(sb_store_losses(f->parts.store, on_losses, &owner), 0);
	link_run(f);
	assert_int_equal(owner, OWNER);
}

static void an_answer_passes_the_door_like_every_message(void **state)
{
	struct link_fixture *f = *state;

	subscribe(f, true);
	script.answer = answer_by_message;
	script.accept_error = -EINVAL;
	script.accept_reason = "no such topic";
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 1);
	assert_int_equal(answer(f, apps.message, "", "yes"), -EINVAL);
	assert_int_equal(f->error.code, SB_ERROR_INVALID_TOPIC);
	assert_string_equal(f->error.text, "no such topic");
	/* It may be answered again. */
	script.accept_error = 0;
	assert_int_equal(answer(f, apps.message, "", "yes"), 0);
}

static void what_the_plugin_refuses_may_be_answered_again(void **state)
{
	struct link_fixture *f = *state;

	serve_and_wait(f, "/x");
	script.answer = answer_refused;
	assert_int_equal(answer(f, apps.message, "", "yes"), -EBADMSG);
	assert_int_equal(f->error.code, SB_ERROR_INVALID_ANSWER);
	assert_string_equal(sb_error_name(f->error.code), "InvalidAnswer");
	assert_string_equal(f->error.text, "the answer must be JSON");
	assert_int_equal(answer(f, apps.message, "", ""), -EBADMSG);
	assert_string_equal(f->error.text, "the cloud does not take such an answer");
	expect_answers("");
	script.answer = answer_served;
	assert_int_equal(answer(f, apps.message, "", "{}"), 0);
	expect_answers("/x 2.04 []{}|");
}

static void faults_of_a_plugin_are_named(void **state)
{
	struct link_fixture *f = *state;

	subscribe(f, true);
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 1);
	script.answer = answer_without_topic;
	assert_int_equal(answer(f, apps.message, "", "yes"), -EIO);
	assert_non_null(strstr(f->error.text, "the plugin script made no message of the answer"));
	script.answer = answer_too_long;
	assert_int_equal(answer(f, apps.message, "", "yes"), -EMSGSIZE);
	assert_int_equal(f->error.code, SB_ERROR_TOO_LARGE);
}

static int32_t answer_as_it_is(const struct skybus_answer *answer, struct skybus_response *response,
			       struct skybus_verdict *why)
{
	(void)why;
	script.host->response_payload(response, SKYBUS_NO_FORMAT, answer->payload,
				      answer->payload_len);

	return 0;
}

static void a_response_fits_into_a_datagram(void **state)
{
	struct link_fixture *f = *state;
	char text[1026] = "";

	serve_and_wait(f, "/x");
	script.answer = answer_as_it_is;
	memset(text, 'x', 1025);
	assert_int_equal(answer(f, apps.message, "", text), -EMSGSIZE);
	assert_non_null(strstr(f->error.text, "does not fit into the 1024 bytes"));
	text[1024] = '\0';
	assert_int_equal(answer(f, apps.message, "", text), 0);
	fake_listening.answers[0] = '\0';
}

static void answers_are_bounded(void **state)
{
	struct link_fixture *f = *state;
	char *text = calloc(1, SB_PAYLOAD_MAX + 2);

	assert_non_null(text);
	memset(text, 'x', SB_PAYLOAD_MAX + 1);
	serve_and_wait(f, "/x");
	assert_int_equal(answer(f, apps.message, "", text), -EMSGSIZE);
	assert_string_equal(f->error.text, "the answer has 65537 bytes, and it may have 65536");
	free(text);
}

/* ---- commands that are to be on disk first ---- */

static void on_keeping(void *userdata, struct sb_subscription *subscription,
		       const struct sb_delivery *delivery)
{
	(void)userdata;
	(void)subscription;
	apps.landing = delivery->landing;
	sb_landing_hold(apps.landing);
}

static void keep_commands(struct link_fixture *f)
{
	const struct sb_interest interest = {
		.link = "plant",
		.filter = "cmd/#",
		.origins = SB_FROM_CLOUD,
	};

	assert_int_equal(
		sb_hub_subscribe(f->parts.hub, &interest, on_keeping, NULL, &apps.keeper, NULL), 0);
	script.serve = serve_command;
	assert_int_equal(script_listen(5683, NULL), 0);
}

static void a_response_waits_for_the_disk(void **state)
{
	struct link_fixture *f = *state;

	keep_commands(f);
	fake_incoming("/x");
	expect_answers("");
	link_run(f);
	expect_answers("");
	sb_landing_let_go(apps.landing, 0);
	expect_answers("/x 5.03 nobody|");
}

static void what_could_not_be_kept_is_refused(void **state)
{
	struct link_fixture *f = *state;

	keep_commands(f);
	fake_incoming("/x");
	sb_landing_let_go(apps.landing, -ENOBUFS);
	expect_answers("/x 5.03 the inbox that it is for is full|");
	/* Another app has it: were the cloud to ask again, that one would act on it twice. */
	subscribe(f, false);
	fake_incoming("/y");
	sb_landing_let_go(apps.landing, -ENOBUFS);
	expect_answers("/y 5.03 nobody|");
}

static void an_answer_waits_for_the_disk(void **state)
{
	struct link_fixture *f = *state;

	keep_commands(f);
	serve_and_wait(f, "/x");
	assert_int_equal(answer(f, apps.message, "", "yes"), 0);
	link_run(f);
	expect_answers("");
	assert_string_equal(apps.answered, "");
	sb_landing_let_go(apps.landing, 0);
	expect_answers("/x 2.04 []yes|");
	link_run(f);
	assert_string_equal(apps.answered, "0 ");
}

static void disconnecting_does_not_wait_for_the_disk(void **state)
{
	struct link_fixture *f = *state;

	keep_commands(f);
	fake_incoming("/x");
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	expect_answers("/x 5.03 it was not stored in time|");
	sb_landing_let_go(apps.landing, 0);
}

static void no_response_waits_for_ever(void **state)
{
	struct link_fixture *f = *state;

	keep_commands(f);
	fake_incoming("/x");
	link_pass(f, 30 * SB_USEC_PER_SEC);
	expect_answers("/x 5.03 it was not stored in time|");
	sb_landing_let_go(apps.landing, 0);
}

static int consumer_deliver(void *userdata, const struct sb_delivery *delivery, bool redelivered)
{
	const struct link_fixture *f = userdata;
	size_t len = strlen(apps.kept);

	(void)redelivered;
	(void)snprintf(apps.kept + len, sizeof(apps.kept) - len, "%s/%s ", delivery->topic,
		       f->settled);

	return 0;
}

static void consumer_ended(void *userdata, enum sb_inbox_end why)
{
	(void)userdata;
	(void)why;
}

static const struct sb_inbox_consumer consumer = { consumer_deliver, consumer_ended };

static void on_opened(void *userdata, struct sb_inbox *inbox, const struct sb_error *error)
{
	assert_null(error);
	sb_inbox_attach(inbox, &consumer, userdata);
}

static void open_inbox(struct link_fixture *f)
{
	const struct sb_inbox_limits limits = {
		.messages = 10,
		.bytes = 1000,
		.per_user = 1,
		.ack_timeout_usec = SB_USEC_PER_SEC,
	};
	const struct sb_inbox_wish wish = {
		.interest = { .link = "plant", .filter = "#", .origins = SB_FROM_CLOUD },
		.owner = OWNER,
		.name = "app",
	};

	assert_int_equal(sb_inboxes_new(f->parts.store, f->parts.hub, &limits, &apps.inboxes), 0);
	assert_int_equal(sb_inboxes_open(apps.inboxes, &wish, on_opened, f, NULL), 0);
	link_run(f);
}

static void deliver_command(void)
{
	assert_int_equal(script_deliver(TOPIC, 0, 0), 1);
}

static void a_command_is_on_disk_before_the_message_that_brought_it_ends(void **state)
{
	struct link_fixture *f = *state;

	open_inbox(f);
	link_unmake(f);
	link_make(f, NULL);
	script.login = SCRIPT_OPENS;
	link_bring_up(f);
	script.decide = deliver_command;
	link_publish(f, "m1");
	link_answer(f, "m1", SKYBUS_CODE(2, 4));
	link_run(f);
	assert_string_equal(apps.kept, TOPIC "/ ");
	assert_string_equal(f->settled, "1:delivered:2.04: ");
}

/* ---- commands that no app answers ---- */

static int32_t answer_with_code(const struct skybus_answer *answer,
				struct skybus_response *response, struct skybus_verdict *why)
{
	(void)why;
	assert_int_equal(answer->served, 0);
	assert_int_equal(answer->payload_len, 0);
	script.host->response_topic(response, "reply/topic");
	script.host->response_payload(response, SKYBUS_FORMAT_JSON, answer->code,
				      (uint32_t)strlen(answer->code));

	return 0;
}

static uint64_t queued(struct link_fixture *f)
{
	link_run(f);

	return link_status(f)->queue.queued;
}

static void a_command_that_nobody_would_answer_is_answered_at_once(void **state)
{
	struct link_fixture *f = *state;

	script.answer = answer_with_code;
	script.otherwise = "404";
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 0);
	assert_int_equal(queued(f), 1);
	subscribe(f, false);
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 1);
	assert_int_equal(queued(f), 2);
	/* One that asks for no answer, and one for which the plugin has none. */
	assert_int_equal(script_deliver(TOPIC, 0, 0), 1);
	script.otherwise = NULL;
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 1);
	link_pass(f, 3600 * SB_USEC_PER_SEC);
	assert_int_equal(queued(f), 2);
}

static void a_command_that_nobody_answers_is_answered_in_the_end(void **state)
{
	struct link_fixture *f = *state;

	subscribe(f, true);
	script.answer = answer_with_code;
	script.otherwise = "404";
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 10), 1);
	link_pass(f, 9 * SB_USEC_PER_SEC);
	assert_int_equal(queued(f), 0);
	link_pass(f, 1 * SB_USEC_PER_SEC);
	assert_int_equal(queued(f), 1);
	assert_int_equal(answer(f, apps.message, "", ""), -ENOMSG);

	/* An app that answers in time is all that the cloud hears. */
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 10), 1);
	assert_int_equal(answer(f, apps.message, "", ""), 0);
	link_pass(f, 20 * SB_USEC_PER_SEC);
	assert_int_equal(queued(f), 2);
}

static void disconnecting_answers_what_waits(void **state)
{
	struct link_fixture *f = *state;

	subscribe(f, true);
	script.answer = answer_with_code;
	script.otherwise = "404";
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 10), 1);
	assert_int_equal(sb_link_disconnect(f->link, &f->error), 0);
	assert_int_equal(queued(f), 1);
}

static void an_answer_that_is_refused_costs_nothing(void **state)
{
	struct link_fixture *f = *state;

	script.answer = answer_refused;
	script.otherwise = "404";
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 0);
	assert_int_equal(queued(f), 0);
	script.answer = answer_with_code;
	script.accept_error = -EINVAL;
	assert_int_equal(script_deliver(TOPIC, SKYBUS_ANSWERABLE, 0), 0);
	assert_int_equal(queued(f), 0);
}

/* A request is answered with what serve() has made. */
static void a_request_is_not_answered_by_a_message(void **state)
{
	struct link_fixture *f = *state;

	script.otherwise = "404";
	serve_and_wait(f, "/x");
	link_pass(f, 60 * SB_USEC_PER_SEC);
	expect_answers("/x 5.03 nobody|");
	assert_int_equal(queued(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_listens_once_on_the_same_terms),
		TEST(it_listens_anew_on_an_interface_that_came_again),
		TEST(terms_without_sense_change_nothing),
		TEST(a_port_that_is_taken_is_told_and_asked_for_again),
		TEST(a_plugin_that_cannot_serve_does_not_listen),
		TEST(it_listens_while_it_is_down_but_not_when_disconnected),
		TEST(what_is_not_served_is_not_implemented),
		TEST(a_response_that_could_not_be_made_is_an_error),
		TEST(without_an_app_that_answers_it_goes_out_at_once),
		TEST(an_app_answers_a_request),
		TEST(a_listener_does_not_move_while_an_app_answers),
		TEST(nobody_waits_for_ever),
		TEST(one_command_of_a_request_is_answered),
		TEST(disconnecting_ends_what_waits),
		TEST(the_link_does_not_leave_anybody_waiting),
		TEST(only_so_many_wait),
		TEST(commands_have_rules),
		TEST(a_plugin_of_an_older_make_delivers_too),
		TEST(the_cloud_says_how_long_it_waits),
		TEST(an_answer_becomes_a_message),
		TEST(the_message_of_an_answer_is_its_givers),
		TEST(an_answer_passes_the_door_like_every_message),
		TEST(what_the_plugin_refuses_may_be_answered_again),
		TEST(faults_of_a_plugin_are_named),
		TEST(a_response_fits_into_a_datagram),
		TEST(answers_are_bounded),
		TEST(a_response_waits_for_the_disk),
		TEST(what_could_not_be_kept_is_refused),
		TEST(an_answer_waits_for_the_disk),
		TEST(disconnecting_does_not_wait_for_the_disk),
		TEST(no_response_waits_for_ever),
		TEST(a_command_is_on_disk_before_the_message_that_brought_it_ends),
		TEST(a_command_that_nobody_would_answer_is_answered_at_once),
		TEST(a_command_that_nobody_answers_is_answered_in_the_end),
		TEST(disconnecting_answers_what_waits),
		TEST(an_answer_that_is_refused_costs_nothing),
		TEST(a_request_is_not_answered_by_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
