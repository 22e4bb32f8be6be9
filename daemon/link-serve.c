/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cloud begins: its requests, its commands, and what apps answer to these.
 *
 * A request is answered when serve() returns, unless an app wants to answer the command that the plugin
 * found in it, or the command is to be on disk first: then it waits as a call (daemon/calls.h).
 *
 * A command that came in a reply has nobody who waits with a response. Where the cloud learns that the
 * command was taken by the end of a message, the order of the store's jobs sees to it that the command is on
 * disk before (daemon/inbox-intake.c).
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/link-private.h"
#include "daemon/log.h"
#include "daemon/plugin-call.h"
#include "daemon/transport-listener.h"

/* How long an answer is awaited when the plugin does not say, and at most; seconds. */
#define ANSWER_S 60
#define ANSWER_MAX_S 3600

/* How long a response is held back at most, until what the request brought is on disk; seconds. */
#define LANDING_S 30

/* A response goes out in one datagram, RFC 7252 section 4.6. */
#define RESPONSE_MAX 1024

/**
 * struct sb_serving - a request while serve() has it in hand
 * @call: once its command waits
 * @landing: of what it brought, owned; NULL for nothing
 * @matched: whom that has reached: subscriptions
 */
struct sb_serving {
	struct sb_call *call;
	struct sb_landing *landing;
	size_t matched;
};

static void link_on_unanswered(void *userdata, const struct sb_call *call);

/**
 * sb_serve_init() - a link that listens nowhere and awaits nothing
 * @link: its sb_serve is embedded in it
 */
void sb_serve_init(struct sb_link *link)
{
	link->serve = (struct sb_serve){ 0 };
	sb_calls_init(&link->serve.calls, link->parts.loop, link_on_unanswered, link);
}

/* ---- requests ---- */

/* The cloud gets an answer, also when the plugin could not make one. */
static void mend_response(const struct sb_link *link, struct sb_response *response)
{
	if (response->error == 0)
		return;

	sb_log_link(sb_link_name(link), LOG_DEBUG,
		    "the plugin's response to a request of the cloud could not be made: %s",
		    strerror(-response->error));
	sb_response_payload(response, SKYBUS_NO_FORMAT, NULL, 0);
	response->code = SKYBUS_CODE(5, 0);
	response->error = 0;
}

/* NULL when nothing is in the way of the response, or there is no memory to wait. */
static struct sb_call *call_for_landing(struct sb_link *link, const struct sb_landing *landing)
{
	struct sb_landed landed;

	if (!landing)
		return NULL;
	landed = sb_landing_state(landing);

	return landed.held > 0 ? sb_call_hold(&link->serve.calls, LANDING_S * SB_USEC_PER_SEC)
			       : NULL;
}

static void respond(struct sb_link *link, const struct sb_serving *served,
		    struct sb_incoming *incoming, struct sb_response *made)
{
	SB_CLEANUP(sb_landing_free) struct sb_landing *landing = served->landing;
	SB_CLEANUP(sb_response_free) struct sb_response *response = made;
	struct sb_call *call = served->call ? served->call : call_for_landing(link, landing);

	if (!call) {
		sb_incoming_answer(incoming, response);
		return;
	}
	sb_call_await(call, incoming, SB_STEAL(response));
	if (landing)
		sb_call_land(call, SB_STEAL(landing), served->matched);
}

static void link_on_incoming(void *userdata, struct sb_incoming *incoming)
{
	struct sb_link *link = userdata;
	struct sb_response *response = sb_response_new(SKYBUS_CODE(5, 1));
	struct sb_serving serving = { 0 };

	if (!response) {
		sb_incoming_drop(incoming);
		return;
	}
	link->serve.serving = &serving;
	sb_plugin_serve(link, sb_incoming_view(incoming), (struct skybus_response *)response);
	link->serve.serving = NULL;
	mend_response(link, response);
	respond(link, &serving, incoming, response);
}

/* One that has gone and come again has another, and what was bound to it is deaf. */
static unsigned int interface_index(const struct sb_link *link)
{
	const char *interface = sb_link_interface(link);

	return interface ? if_nametoindex(interface) : 0;
}

static bool same_networks(const struct sb_networks *a, const struct sb_networks *b)
{
	return a->n == b->n && memcmp(a->all, b->all, a->n * sizeof(a->all[0])) == 0;
}

/**
 * sb_serve_listen() - take requests from the cloud
 * @link: its plugin has serve()
 * @listen: where, and from whom; what was before ends, unless it is the same
 *
 * Return: 0; -ENOTSUP without serve(); -EBUSY while the link is disabled, or from within serve() or
 * answer(); -EINVAL for terms that make no sense; or what sb_listener_new() says, and then the link listens
 * nowhere.
 */
int sb_serve_listen(struct sb_link *link, const struct skybus_listen *listen)
{
	const struct skybus_plugin *plugin = link->config->loaded->descriptor;
	struct sb_serve *serve = &link->serve;
	unsigned int interface = interface_index(link);
	struct sb_networks from = { 0 };
	struct sb_listener_plan plan = {
		.port = (uint16_t)listen->port,
		.interface = sb_link_interface(link),
		.from = listen->from ? &from : NULL,
		.wire = link->wire,
	};

	if (!sb_plugin_serves(plugin))
		return -ENOTSUP;
	if (link->state == SB_LINK_DISABLED || serve->serving || serve->answering)
		return -EBUSY;
	if (listen->port == 0 || listen->port > UINT16_MAX)
		return -EINVAL;
	if (listen->from && sb_networks_parse(listen->from, &from) < 0)
		return -EINVAL;
	if (serve->listener && serve->port == plan.port && serve->interface == interface &&
	    serve->from_all == !listen->from && same_networks(&serve->from, &from))
		return 0;

	/* First, since the new one may be at the same port. */
	sb_serve_stop(link);
	serve->port = plan.port;
	serve->interface = interface;
	serve->from = from;
	serve->from_all = !listen->from;

	return sb_listener_new(link->parts.transport, &plan, link_on_incoming, link,
			       &serve->listener);
}

/**
 * sb_serve_stop() - take no requests any more; who waits for the answer to one gets another
 * @link: not from within serve() or answer()
 */
void sb_serve_stop(struct sb_link *link)
{
	sb_calls_end(&link->serve.calls);
	link->serve.listener = sb_listener_free(link->serve.listener);
}

/**
 * sb_serve_done() - the link goes
 * @link: as with sb_serve_stop(); apps are told nothing any more
 */
void sb_serve_done(struct sb_link *link)
{
	sb_serve_stop(link);
	sb_calls_done(&link->serve.calls);
}

/* ---- commands ---- */

static bool is_topic(const char *topic)
{
	if (!topic || *topic == '\0' || strlen(topic) > SB_TOPIC_MAX)
		return false;
	for (const char *c = topic; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;

	return true;
}

static bool makes_sense(const struct skybus_command *command)
{
	if (!is_topic(command->topic) || (command->payload_len > 0 && !command->payload))
		return false;

	return command->context_len == 0 ||
	       (command->context && command->context_len <= SB_CALL_CONTEXT_MAX);
}

/* NULL when nobody can answer: the command does not ask for it, or there is no room to wait. */
static struct sb_call *make_call(struct sb_link *link, const struct skybus_command *command)
{
	const struct skybus_plugin *plugin = link->plugin;
	const struct sb_serving *serving = link->serve.serving;

	if (!(command->flags & SKYBUS_ANSWERABLE) || !plugin || !sb_plugin_answers(plugin) ||
	    (serving && serving->call))
		return NULL;

	return sb_call_new(&link->serve.calls, command->topic, command->context,
			   command->context_len);
}

static uint32_t patience_of(const struct skybus_command *command)
{
	uint32_t s = command->answer_s;

	if (s == 0)
		return ANSWER_S;

	return s < ANSWER_MAX_S ? s : ANSWER_MAX_S;
}

/* The code of an answer that is given when no app gives one; to what came in a reply only. */
static int prepare_otherwise(struct sb_link *link, const struct skybus_command *command,
			     struct sb_call *call)
{
	if (link->serve.serving || !command->otherwise)
		return 0;

	return sb_call_say_otherwise(call, command->otherwise);
}

/* Who keeps the command tells by it when it is on disk. */
static int prepare_landing(struct sb_link *link, struct sb_delivery *delivery)
{
	struct sb_serving *serving = link->serve.serving;

	if (!serving)
		return 0;
	if (!serving->landing)
		serving->landing = sb_landing_new();
	delivery->landing = serving->landing;

	return serving->landing ? 0 : -ENOMEM;
}

static void begin_call(struct sb_link *link, struct sb_call *call, uint64_t message,
		       uint32_t patience_s)
{
	if (link->serve.serving)
		link->serve.serving->call = call;
	sb_call_begin(call, message, patience_s * SB_USEC_PER_SEC);
}

/**
 * sb_serve_deliver() - hand a command to the apps
 * @link: in any state
 * @command: lent
 *
 * Return: how many subscriptions match; -EINVAL for a command that makes no sense, -ENOMEM.
 */
int sb_serve_deliver(struct sb_link *link, const struct skybus_command *command)
{
	SB_CLEANUP(sb_call_free) struct sb_call *call = NULL;
	uint32_t patience_s = patience_of(command);
	struct sb_delivery delivery = {
		.origin = SB_ORIGIN_CLOUD,
		.link = sb_link_name(link),
		.topic = command->topic,
		.payload = command->payload,
		.payload_len = command->payload_len,
		.content_format = command->content_format,
	};
	struct sb_reach reach;

	if (!makes_sense(command))
		return -EINVAL;
	call = make_call(link, command);
	if (call)
		delivery.answer_by_ms = sb_wall_clock_ms() + patience_s * INT64_C(1000);
	if (prepare_landing(link, &delivery) < 0 ||
	    (call && prepare_otherwise(link, command, call) < 0))
		return -ENOMEM;
	reach = sb_hub_deliver(link->parts.hub, &delivery);
	if (reach.matched == 0)
		sb_log_link(sb_link_name(link), LOG_DEBUG,
			    "a command for %s came, and no app has subscribed to that topic",
			    command->topic);
	if (link->serve.serving)
		link->serve.serving->matched += reach.matched;
	if (call && reach.answering > 0)
		begin_call(link, SB_STEAL(call), delivery.message, patience_s);
	else if (call && call->code)
		begin_call(link, SB_STEAL(call), delivery.message, 0);

	return (int)reach.matched;
}

/* ---- answers ---- */

/* What the plugin made of an answer may not fit, though the answer did. */
static int check_response(const struct sb_response *response, size_t max,
			  struct sb_error *ret_error)
{
	if (response->error == -EMSGSIZE || response->payload_len > max)
		return sb_error_set(ret_error, SB_ERROR_TOO_LARGE,
				    "the answer does not fit into the %zu bytes that the cloud can "
				    "be sent for it: shorten it",
				    max);
	if (response->error < 0)
		return sb_error_set(ret_error, SB_ERROR_FAILED, "the answer could not be made: %s",
				    strerror(-response->error));

	return 0;
}

/* Lets the plugin put the app's answer into the cloud's terms. */
static int make_response(struct sb_link *link, const struct sb_call *call,
			 const struct sb_answer *answer, struct sb_response *response,
			 struct sb_error *ret_error)
{
	struct skybus_verdict why = { .size = sizeof(why) };
	struct skybus_answer view = {
		.size = sizeof(view),
		.payload_len = (uint32_t)answer->payload_len,
		.topic = call->topic,
		.code = answer->code,
		.payload = answer->payload,
		.context = call->context,
		.context_len = call->context_len,
		.served = call->incoming != NULL,
	};
	int r;

	link->serve.answering = true;
	r = sb_plugin_answer(link, &view, (struct skybus_response *)response, &why);
	link->serve.answering = false;
	if (r < 0)
		return sb_error_set(ret_error, SB_ERROR_INVALID_ANSWER, "%s",
				    why.reason[0] ? why.reason
						  : "the cloud does not take such an answer");

	return check_response(response, view.served ? RESPONSE_MAX : SB_PAYLOAD_MAX, ret_error);
}

/* The answer to what came in a reply is a message, stored and sent as every other. */
static int publish_response(struct sb_link *link, const struct sb_response *response,
			    const struct sb_answer *answer, sb_published_fn *done, void *userdata,
			    struct sb_error *ret_error)
{
	struct sb_message *message;
	int r;

	if (!response->topic)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "the plugin %s made no message of the answer: this is a fault "
				    "of the plugin",
				    link->plugin->name);
	message = sb_message_new(response->topic, response->payload, response->payload_len,
				 answer->sender);
	if (!message)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: answer again in a while");
	message->content_format = response->content_format;
	message->owner = answer->owner;
	/* The cloud waits for it, whatever the budget. */
	if (sb_link_budget_holds(link))
		message->priority = SB_URGENT;
	r = sb_link_publish(link, message, done, userdata, ret_error);
	if (r < 0)
		(void)sb_message_free(message);

	return r;
}

static void link_on_otherwise_stored(void *userdata, uint64_t ticket, const struct sb_error *error)
{
	(void)userdata;
	(void)ticket;
	if (error)
		sb_log(LOG_DEBUG, "the answer to a command that no app answers was not stored: %s",
		       error->text);
}

/* What no app answers is answered all the same, so that the cloud does not wait until its own time is over. */
static void link_on_unanswered(void *userdata, const struct sb_call *call)
{
	struct sb_link *link = userdata;
	SB_CLEANUP(sb_response_free)
	struct sb_response *response = sb_response_new(SKYBUS_CODE(2, 4));
	const struct sb_answer answer = {
		.message = call->message,
		.code = call->code,
		.owner = SB_NO_OWNER,
	};
	struct sb_error why = { .text = "out of memory" };
	int r = response ? make_response(link, call, &answer, response, &why) : -ENOMEM;

	if (r == 0)
		r = publish_response(link, response, &answer, link_on_otherwise_stored, NULL, &why);
	if (r < 0)
		sb_log_link(sb_link_name(link), LOG_DEBUG,
			    "no app has answered a command for %s, and it could not be answered "
			    "otherwise: %s",
			    call->topic, why.text);
}

/**
 * sb_link_command_topic() - what a command is for that waits for an answer
 * @link: in any state
 * @message: the number under which the apps know it
 *
 * Return: its topic, lent until the loop runs again; NULL when no such command waits.
 */
const char *sb_link_command_topic(struct sb_link *link, uint64_t message)
{
	const struct sb_call *call = sb_calls_find(&link->serve.calls, message);

	return call ? call->topic : NULL;
}

/**
 * sb_link_answer() - give the cloud what an app answers to a command
 * @link: in any state
 * @answer: lent
 * @done: called once, never from within this call: with ticket 0 when the answer has gone to the cloud,
 *	which waited for it; otherwise with the ticket of the message that carries it; or with an error
 * @userdata: for @done
 * @ret_error: why not, on failure; the command can be answered again then
 *
 * Return: 0; -ENOMSG (no such command waits), -EBADMSG (the plugin refuses the answer), -EMSGSIZE, -EIO;
 * or what sb_link_publish() says.
 */
int sb_link_answer(struct sb_link *link, const struct sb_answer *answer, sb_published_fn *done,
		   void *userdata, struct sb_error *ret_error)
{
	SB_CLEANUP(sb_response_free) struct sb_response *response = NULL;
	struct sb_call *call = sb_calls_find(&link->serve.calls, answer->message);
	int r;

	if (!call)
		return sb_error_set(ret_error, SB_ERROR_NO_SUCH_MESSAGE,
				    "no command %llu waits for an answer: it was answered, or its "
				    "time is over",
				    (unsigned long long)answer->message);
	if (answer->payload_len > SB_PAYLOAD_MAX)
		return sb_error_set(ret_error, SB_ERROR_TOO_LARGE,
				    "the answer has %zu bytes, and it may have %d",
				    answer->payload_len, SB_PAYLOAD_MAX);
	response = sb_response_new(SKYBUS_CODE(2, 4));
	if (!response)
		return sb_error_set(ret_error, SB_ERROR_FAILED,
				    "out of memory: answer again in a while");
	r = make_response(link, call, answer, response, ret_error);
	if (r < 0)
		return r;
	if (call->incoming) {
		sb_call_answer(call, SB_STEAL(response), done, userdata);
		return 0;
	}
	r = publish_response(link, response, answer, done, userdata, ret_error);
	if (r == 0)
		(void)sb_call_free(call);

	return r;
}
