/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On a bus that tells of nobody who it is, so that even root may only do what the rules grant to callers
 * that are not identified.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/message.h"
#include "tests/dbus/fixture.h"

#define ERROR SB_BUS_NAME ".Error."

#define POLICY_SECRETIVE                                  \
	PRIVATE_BUS_OPEN                                  \
	"<policy context=\"mandatory\">"                  \
	"<deny send_destination=\"org.freedesktop.DBus\"" \
	" send_interface=\"org.freedesktop.DBus\""        \
	" send_member=\"GetConnectionCredentials\"/>"     \
	"</policy>"

static int group_setup(void **state)
{
	static struct fixture fixture;

	fixture.private_bus = private_bus_start(POLICY_SECRETIVE);
	*state = &fixture;

	return fixture.private_bus ? 0 : -1;
}

/* Nothing is granted but this; NULL for nothing. */
static void grant(struct fixture *f, enum sb_verb verb, const char *filter)
{
	struct sb_rule rule = { .subject = SB_SUBJECT_UNIDENTIFIED };

	if (filter) {
		assert_int_equal(sb_texts_add(&rule.links, "plant"), 0);
		assert_int_equal(sb_texts_add(&rule.filters[verb], filter), 0);
	}
	fixture_rules(f, &rule, 1);
}

static void grant_administering(struct fixture *f)
{
	struct sb_rule rule = { .subject = SB_SUBJECT_UNIDENTIFIED, .administers = true };

	fixture_rules(f, &rule, 1);
}

#define assert_denied(f, sentence, ...)                                                      \
	fixture_assert_error(fixture_call((f), (f)->app, __VA_ARGS__), ERROR "NotPermitted", \
			     sentence)

static bool is_denied(struct fixture *f)
{
	return sd_bus_message_is_method_error(client_end(f->app, &f->call), ERROR "NotPermitted");
}

static void assert_idle(const struct fixture *f)
{
	assert_int_equal(f->plant->n_jobs, 0);
	assert_int_equal(f->gateway->outbox.n_jobs, 0);
	assert_int_equal(f->plant->connects, 0);
	assert_int_equal(f->plant->disconnects, 0);
}

static void test_nothing_is_granted(void **state)
{
	struct fixture *f = *state;

	grant(f, SB_PUBLISH, NULL);
	assert_denied(f, "may not publish \"t\" on link plant", PLANT_PATH, "Publish", "ss", "t",
		      "x");
	assert_denied(f, "publish: ['t']", PLANT_PATH, "PublishBytes", "say", "t", 0);
	assert_denied(f, "may not publish", PLANT_PATH, "PublishWith", "ssa{ss}", "t", "x", 0);
	assert_denied(f, "may not publish", PLANT_PATH, "PublishBytesWith", "saya{ss}", "t", 0, 0);
	assert_denied(f, "may not publish \"t\" on link plant", SB_BUS_ROOT, "Publish", "ss", "t",
		      "x");
	assert_denied(f, "may not publish", PLANT_PATH, "Request", "ssu", "t", "x", 1);
	assert_denied(f, "may not subscribe to \"#\"", PLANT_PATH, "Subscribe", "s", "#");
	assert_denied(f, "may not subscribe to \"a\"", PLANT_PATH, "SubscribeWith", "sa{ss}", "a",
		      0);
	assert_denied(f, "may not subscribe to \"a\"", PLANT_PATH, "SubscribeDurable", "ss", "box",
		      "a");
	assert_denied(f, "may not subscribe to \"a\"", PLANT_PATH, "SubscribeDurableWith",
		      "ssa{ss}", "box", "a", 0);
	assert_denied(f, "may not subscribe to \"a\"", PLANT_PATH, "OpenStream", "sa{ss}", "a", 0);
	assert_denied(f, "may not call Reauthenticate", PLANT_PATH, "Reauthenticate", "");
	assert_denied(f, "may not call Reload", SB_BUS_ROOT, "Reload", "");
	assert_denied(f, "may not call PreviewReload", SB_BUS_ROOT, "PreviewReload", "");
	assert_denied(f, "may not call LiftQuarantine", SB_BUS_ROOT, "LiftQuarantine", "s", "enos");
	assert_denied(f, "may not call Configuration", SB_BUS_ROOT, "Configuration", "");
	assert_denied(f, "may not call Connect", PLANT_PATH, "Connect", "");
	assert_denied(f, "may not call Disconnect", PLANT_PATH, "Disconnect", "");
	assert_denied(f, "may not call CancelTicket", SB_BUS_ROOT, "CancelTicket", "t",
		      UINT64_C(7));
	assert_denied(f, "may not call ListDeadLetters", SB_BUS_ROOT, "ListDeadLetters", "st", "",
		      UINT64_C(0));
	assert_denied(f, "may not call DeadLetter", SB_BUS_ROOT, "DeadLetter", "t", UINT64_C(7));
	assert_denied(f, "may not call Requeue", SB_BUS_ROOT, "Requeue", "t", UINT64_C(7));
	assert_denied(f, "\"administer: yes\"", SB_BUS_ROOT, "Discard", "t", UINT64_C(7));
	assert_idle(f);
	assert_int_equal(f->rates.n, 0);
}

static void test_what_needs_no_grant(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	grant(f, SB_PUBLISH, NULL);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, SB_BUS_ROOT, "ListPlugins", ""), NULL));
	client_begin(f->app, &f->call, SB_BUS_ROOT, "Ticket", "t", UINT64_C(7));
	job = fixture_wait_outbox(f);
	assert_int_equal(job.ticket, 7);
	job.looked_up(job.userdata, -ENOENT, NULL);
	fixture_assert_error(client_end(f->app, &f->call), ERROR "NoSuchTicket", "7");
}

static void test_publishing(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	grant(f, SB_PUBLISH, "a/+");
	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "a/b", "x");
	job = fixture_wait_job(f, f->plant);
	assert_string_equal(job.message->topic, "a/b");
	assert_int_equal(job.message->owner, SB_NO_OWNER);
	job.published(job.userdata, 1, NULL);
	assert_false(is_denied(f));
	client_begin(f->app, &f->call, PLANT_PATH, "Request", "ssu", "a/b", "x", 1);
	job = fixture_wait_job(f, f->plant);
	assert_denied(f, "may not publish \"a\"", PLANT_PATH, "Publish", "ss", "a", "x");
	assert_denied(f, "may not subscribe", PLANT_PATH, "Subscribe", "s", "a/b");
	assert_int_equal(f->plant->n_jobs, 0);
}

static void test_what_is_granted_no_more_ends(void **state)
{
	struct fixture *f = *state;
	sd_bus_message *signal;
	const char *reason;
	uint32_t id;

	grant(f, SB_SUBSCRIBE, "#");
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "a/b"), NULL));
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Subscribe", "s", "c"), NULL));
	grant(f, SB_SUBSCRIBE, "a/#");
	signal = client_wait_signal(f->app, "SubscriptionEnded");
	assert_non_null(signal);
	assert_string_equal(sd_bus_message_get_path(signal), PLANT_PATH);
	assert_true(sd_bus_message_read(signal, "us", &id, &reason) > 0);
	assert_int_equal(id, 2);
	assert_non_null(strstr(reason, "section access has changed"));
	client_settle_down(f->app);
	assert_null(client_signal(f->app, "SubscriptionEnded", 1));
}

/* What the inbox went on to gather while its user was away, or could not have it any more. */
static void test_what_an_inbox_has_gathered(void **state)
{
	struct fixture *f = *state;
	struct fake_inbox_job job;

	grant(f, SB_SUBSCRIBE, "#");
	client_begin(f->app, &f->call, PLANT_PATH, "SubscribeDurable", "ss", "box", "#");
	job = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	job.opened(job.userdata, job.inbox, NULL);
	assert_false(is_denied(f));
	grant(f, SB_SUBSCRIBE, "a/#");
	assert_denied(f, "has gathered \"#\"", PLANT_PATH, "SubscribeDurable", "ss", "box", "a/b");
	assert_denied(f, "ForgetDurable first", PLANT_PATH, "SubscribeDurableWith", "ssa{ss}",
		      "box", "a/b", 0);
	assert_int_equal(f->gateway->inboxes.n_jobs, 0);
	client_call_done(&f->call);
	client_begin(f->app, &f->call, PLANT_PATH, "SubscribeDurable", "ss", "other", "a/b");
	job = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	job.opened(job.userdata, job.inbox, NULL);
	assert_false(is_denied(f));
}

static void test_granted_no_more_when_the_inbox_is_there(void **state)
{
	struct fixture *f = *state;
	struct fake_inbox_job job;

	grant(f, SB_SUBSCRIBE, "#");
	client_begin(f->app, &f->call, PLANT_PATH, "SubscribeDurable", "ss", "box", "b");
	job = fake_inboxes_wait_job(f->loop, &f->gateway->inboxes);
	grant(f, SB_SUBSCRIBE, "a/#");
	job.opened(job.userdata, job.inbox, NULL);
	assert_true(is_denied(f));
}

static void test_answering(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	grant(f, SB_SUBSCRIBE, "a/#");
	assert_denied(f, "may not subscribe to \"#\"", PLANT_PATH, "Subscribe", "s", "#");
	assert_false(
		sd_bus_message_is_method_error(fixture_call(f, f->app, PLANT_PATH, "SubscribeWith",
							    "sa{ss}", "a/b", 1, "answer", "yes"),
					       NULL));
	f->plant->command_topic = "a/b";
	client_begin(f->app, &f->call, PLANT_PATH, "Answer", "tss", UINT64_C(1), "", "x");
	job = fixture_wait_job(f, f->plant);
	job.published(job.userdata, 0, NULL);
	assert_false(is_denied(f));
	/* Numbers can be guessed, and another app's command may wait under one. */
	f->plant->command_topic = "b";
	assert_denied(f, "may not answer the command \"b\" on link plant", PLANT_PATH, "Answer",
		      "tss", UINT64_C(1), "", "x");
	assert_denied(f, "may not answer the command \"b\" on link plant", PLANT_PATH,
		      "AnswerBytes", "tsay", UINT64_C(1), "", 0);
	f->plant->command_topic = NULL;
	/* The subscription ends with what was granted, and who has none cannot answer. */
	grant(f, SB_PUBLISH, "#");
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Answer", "tss", UINT64_C(1), "",
					  "x"),
			     ERROR "NoSuchMessage", "answer=yes");
	assert_int_equal(f->plant->n_jobs, 0);
}

static void test_administering(void **state)
{
	struct fixture *f = *state;

	grant_administering(f);
	assert_false(sd_bus_message_is_method_error(
		fixture_call(f, f->app, PLANT_PATH, "Disconnect", ""), NULL));
	assert_int_equal(f->plant->disconnects, 1);
	client_begin(f->app, &f->call, SB_BUS_ROOT, "Discard", "t", UINT64_C(7));
	assert_int_equal(fixture_wait_outbox(f).ticket, 7);
	client_call_done(&f->call);
	client_begin(f->app, &f->call, SB_BUS_ROOT, "CancelTicket", "t", UINT64_C(8));
	assert_int_equal(fixture_wait_outbox(f).ticket, 8);
	client_call_done(&f->call);
	assert_denied(f, "may not publish", PLANT_PATH, "Publish", "ss", "t", "x");
}

static void test_rate(void **state)
{
	struct fixture *f = *state;
	struct fake_job job;

	grant(f, SB_PUBLISH, "#");
	f->rates.limits.messages_per_second = 1;
	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	job.published(job.userdata, 1, NULL);
	assert_non_null(client_end(f->app, &f->call));
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Publish", "ss", "t", "x"),
			     ERROR "QueueFull",
			     "more than messages_per_second, which is 1: send it "
			     "again in 1000 ms");
	fixture_assert_error(fixture_call(f, f->other, PLANT_PATH, "Request", "ssu", "t", "x", 1),
			     ERROR "QueueFull", "messages_per_second");
	assert_int_equal(f->plant->n_jobs, 0);
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	client_begin(f->app, &f->call, PLANT_PATH, "Publish", "ss", "t", "x");
	job = fixture_wait_job(f, f->plant);
	job.published(job.userdata, 2, NULL);

	/* Topic and payload count. */
	f->rates.limits.messages_per_second = 1000;
	f->rates.limits.bytes_per_second = 8;
	sb_loop_advance(f->loop, SB_USEC_PER_SEC);
	client_begin(f->other, &f->call2, PLANT_PATH, "Publish", "ss", "1234", "1234");
	job = fixture_wait_job(f, f->plant);
	job.published(job.userdata, 3, NULL);
	fixture_assert_error(fixture_call(f, f->app, PLANT_PATH, "Publish", "ss", "t", ""),
			     ERROR "QueueFull", "bytes_per_second");
}

/* It asks who it is, and nobody knows; then it goes. Nothing of it stays. */
static void test_a_subscriber_that_goes_while_it_is_asked_for(void **state)
{
	struct sb_delivery delivery = { .link = "plant", .topic = "a" };
	struct fixture *f = *state;

	grant(f, SB_SUBSCRIBE, "#");
	client_begin(f->app, &f->call, PLANT_PATH, "Subscribe", "s", "#");
	client_flush(f->app);
	client_call_done(&f->call);
	f->app = client_free(f->app);
	client_settle_down(f->other);
	client_settle_down(f->other);
	assert_int_equal(sb_hub_deliver(f->gateway->hub, &delivery).matched, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
		TEST(test_nothing_is_granted),
		TEST(test_what_needs_no_grant),
		TEST(test_publishing),
		TEST(test_what_is_granted_no_more_ends),
		TEST(test_what_an_inbox_has_gathered),
		TEST(test_granted_no_more_when_the_inbox_is_there),
		TEST(test_answering),
		TEST(test_administering),
		TEST(test_rate),
		TEST(test_a_subscriber_that_goes_while_it_is_asked_for),
#undef TEST
	};

	return cmocka_run_group_tests(tests, group_setup, fixture_group_teardown);
}
