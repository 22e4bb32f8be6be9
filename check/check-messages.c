/* SPDX-License-Identifier: Apache-2.0 */
/* Messages up: which the plugin takes, what it makes of them, and what it makes of the replies. */
#include <stdio.h>
#include <string.h>

#include "check/checks.h"
#include "check/cloud.h"
#include "check/replies.h"
#include "check/topics.h"
#include "check/trial.h"
#include "check/walk.h"
#include "daemon/cleanup.h"

/* On the board: what was learned of messages. */
struct learned {
	size_t n_encoded;
	size_t n_refused;
	struct check_taken taken[CHECK_TAKEN_MAX]; /* messages that became requests */
	size_t n_taken;
};

/**
 * struct errand - one message, and what is done with it
 * @message: its number
 * @reply: the number of what is answered to it
 * @keepalive: it is not a message, but a keepalive
 */
struct errand {
	const struct check_plugin *plugin;
	size_t message;
	size_t reply;
	bool keepalive;
	struct learned *learned; /* NULL: nothing is to be learned any more */
};

/* A link that is online, and has done all that it wanted then. */
static struct skybus_link *come_online(const struct check_plugin *plugin)
{
	struct skybus_link *link = check_walk_begin(plugin);

	if (!link)
		return NULL;
	(void)check_walk_login(plugin, link, CHECK_STEPS_MAX);
	for (size_t n = 0; n < CHECK_STEPS_MAX; n++) {
		enum check_step next = check_walk_next(link);

		if (next == CHECK_NOTHING || next == CHECK_TIMER)
			break;
		check_walk_well(plugin, link);
	}

	return link;
}

/* ---- what becomes of a message ---- */

/* What is another in the second; NULL: nothing. Options apart: a cloud may want a number of a sequence in one. */
static const char *differs(const struct skybus_request *one, const struct skybus_request *other)
{
	if (one->result != other->result || one->error != other->error)
		return "what it returns";
	if (one->result != 0)
		return NULL;
	if (one->method != other->method)
		return "the method";
	if (strcmp(one->segments, other->segments) != 0)
		return "the path";
	if (strcmp(one->query, other->query) != 0)
		return "the query";
	if (one->payload_len != other->payload_len ||
	    (one->payload_len > 0 && memcmp(one->payload, other->payload, one->payload_len) != 0))
		return "the payload";

	return NULL;
}

static void compare(const struct skybus_request *one, const struct skybus_request *other,
		    bool asked)
{
	const char *what = differs(one, other);

	if (what && asked)
		check_fault("accept()",
			    "changed something: %s of the next message is another after it: only "
			    "look at the message there",
			    what);
	else if (what)
		check_fault("encode()",
			    "is not pure: %s is another when the same message is encoded again, as "
			    "after a crash: make the request of the message and the settings alone",
			    what);
}

static void ask(const struct check_plugin *plugin, struct skybus_link *link, size_t i)
{
	struct check_message message = check_message_make(i);
	struct skybus_verdict why;

	if (plugin->descriptor->accept)
		(void)scripted_accept_payload(link, message.topic, message.payload,
					      message.payload_len, &why);
}

static void learn(const struct errand *errand, const struct skybus_request *request)
{
	struct learned *learned = errand->learned;
	size_t i = errand->message;
	struct skybus_reply good;

	if (request->result != 0 || request->error != 0) {
		learned->n_refused++;
		return;
	}
	learned->n_encoded++;
	/* Topics differ in every second message. */
	if (learned->n_taken < CHECK_TAKEN_MAX && i % 2 == 0) {
		check_cloud_reply(errand->plugin->cloud, request, &good);
		learned->taken[learned->n_taken++] = (struct check_taken){ i, good.payload_len };
	}
}

static void encode(void *arg)
{
	struct errand *errand = arg;
	const struct check_plugin *plugin = errand->plugin;
	struct check_message message = check_message_make(errand->message);
	struct skybus_link *link = come_online(plugin);
	struct skybus_request *first, *second, *third;

	if (!link)
		return;
	check_when("with the topic \"%.60s\" and %u bytes of payload", message.topic,
		   message.payload_len);
	ask(plugin, link, errand->message);
	message = check_message_make(errand->message);
	first = scripted_encode(link, message.topic, message.payload, message.payload_len);
	second = scripted_encode(link, message.topic, message.payload, message.payload_len);
	compare(first, second, false);
	ask(plugin, link, errand->message + 1);
	message = check_message_make(errand->message);
	third = scripted_encode(link, message.topic, message.payload, message.payload_len);
	if (!differs(first, second))
		compare(first, third, true);
	if (errand->learned)
		learn(errand, first);
	errand->learned = NULL;
	check_walk_end(link);
}

static void run_encode(void *arg, size_t i)
{
	struct errand errand = { .plugin = arg, .message = i, .learned = check_board() };

	check_case(encode, &errand);
}

/* ---- several in one request ---- */

static void batch(void *arg)
{
	static const struct scripted_message messages[] = {
		{ "telemetry/engine", "{\"temp\":21.5}" }, { "telemetry/engine", "{\"temp\":22}" },
		{ "telemetry/engine", "{\"speed\":3}" },   { "telemetry/engine", "no JSON" },
		{ "/other/topic", "{\"temp\":1}" },	   { "telemetry/engine", "" },
	};
	const struct check_plugin *plugin = arg;
	struct skybus_link *link = come_online(plugin);
	const uint32_t n = SB_ELEMENTS(messages);
	uint32_t together;

	if (!link)
		return;
	check_when("with %u messages that wait", n);
	together = scripted_gather(link, messages, n);
	if (scripted_gather(link, messages, n) != together)
		check_fault("gather()",
			    "changed something: asked the same again, it says another number: only "
			    "look at the messages there");
	for (uint32_t i = 2; i <= together && i <= n; i++)
		(void)scripted_encode_batch(link, messages, i);
	check_walk_end(link);
}

static void run_batch(void *arg, size_t i)
{
	(void)i;
	check_case(batch, arg);
}

/**
 * check_messages() - accept(), encode(), gather() and encode_batch()
 * @plugin: whose login is known
 * @outcome: of this check
 */
void check_messages(struct check_plugin *plugin, struct check_outcome *outcome)
{
	const struct learned *learned;

	if (!plugin->login.online) {
		outcome->result = CHECK_SKIPPED;
		(void)snprintf(outcome->text, sizeof(outcome->text),
			       "encode() after a login: the login did not come online");
		return;
	}
	check_run(plugin, &outcome->findings, run_encode, plugin, check_messages_count());
	learned = check_board();
	for (size_t i = 0; i < learned->n_taken; i++)
		plugin->taken[i] = learned->taken[i];
	plugin->n_taken = learned->n_taken;
	(void)snprintf(outcome->text, sizeof(outcome->text),
		       "%zu messages became requests, %zu were refused", learned->n_encoded,
		       learned->n_refused);
	if (plugin->n_taken == 0)
		check_gap(
			outcome,
			"no message became a request: the checker knows no topic that the plugin takes");
	if (plugin->descriptor->gather && plugin->descriptor->encode_batch &&
	    plugin->login.terms.batch_s > 0)
		check_run(plugin, &outcome->findings, run_batch, plugin, 1);
	else if (plugin->descriptor->gather)
		check_gap(
			outcome,
			"gather() and encode_batch(): online() was given no batch_s: give settings "
			"with which it is");
}

/* ---- replies ---- */

static void answer_command(struct skybus_link *link)
{
	static const char *const codes[] = { "", "4.04", "1202" };
	struct skybus_verdict why;

	if (!(link->command.flags & SKYBUS_ANSWERABLE) || !link->plugin->answer)
		return;
	for (size_t i = 0; i < SB_ELEMENTS(codes); i++)
		(void)scripted_answer_command(link, codes[i], "{\"a\":1}", i == 0 ? 7 : 0, false,
					      &why);
}

static struct skybus_request *ask_for_reply(const struct errand *errand, struct skybus_link *link)
{
	struct check_message message = check_message_make(errand->message);

	return errand->keepalive
		       ? scripted_keepalive(link)
		       : scripted_encode(link, message.topic, message.payload, message.payload_len);
}

static void decide(void *arg)
{
	struct errand *errand = arg;
	const struct check_plugin *plugin = errand->plugin;
	struct skybus_link *link = come_online(plugin);
	struct skybus_request *request;
	struct skybus_reply good, reply;
	char name[120];

	if (!link)
		return;
	request = ask_for_reply(errand, link);
	if (request->result == 0 && request->error == 0) {
		check_cloud_reply(plugin->cloud, request, &good);
		if (check_replies_make(errand->reply, &good, &reply, name, sizeof(name)) &&
		    reply.outcome == SKYBUS_ANSWERED) {
			check_when("when the answer to %s on %.80s %s",
				   errand->keepalive ? "a keepalive" : "a message",
				   request->segments, name);
			(void)scripted_answer(request, &reply);
			answer_command(link);
		}
	}
	check_walk_end(link);
}

/* How many answers there are to the @i-th of those messages, or behind them to a keepalive. */
static size_t count_replies(const struct check_plugin *plugin, size_t i)
{
	return check_replies_count(i < plugin->n_taken ? plugin->taken[i].len
						       : plugin->login.keepalive_len);
}

static void run_decide(void *arg, size_t i)
{
	struct check_plugin *plugin = arg;
	struct errand errand = { .plugin = plugin, .reply = i };
	size_t which = 0;

	while (errand.reply >= count_replies(plugin, which))
		errand.reply -= count_replies(plugin, which++);
	errand.keepalive = which == plugin->n_taken;
	if (!errand.keepalive)
		errand.message = plugin->taken[which].message;
	check_case(decide, &errand);
}

/**
 * check_verdicts() - decide(), over messages and keepalives
 * @plugin: of which some messages became requests
 * @outcome: of this check
 */
void check_verdicts(struct check_plugin *plugin, struct check_outcome *outcome)
{
	bool keepalive = plugin->descriptor->keepalive && plugin->login.terms.keepalive_s > 0;
	size_t n = 0;

	for (size_t i = 0; i < plugin->n_taken + keepalive; i++)
		n += count_replies(plugin, i);
	if (n == 0) {
		outcome->result = CHECK_SKIPPED;
		(void)snprintf(outcome->text, sizeof(outcome->text),
			       "decide(): no message became a request");
		return;
	}
	check_run(plugin, &outcome->findings, run_decide, plugin, n);
	(void)snprintf(outcome->text, sizeof(outcome->text), "%zu answers to messages%s", n,
		       keepalive ? " and keepalives" : "");
	if (plugin->descriptor->keepalive && !keepalive)
		check_gap(outcome, "keepalive(): online() was given no keepalive_s");
}
