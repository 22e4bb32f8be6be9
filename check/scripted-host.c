/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"

/* A login that waits for nothing never ends. */
static void check_login(struct skybus_link *link)
{
	if (link->logging_in && !link->opening && TAILQ_EMPTY(&link->sent) &&
	    TAILQ_EMPTY(&link->observed) && TAILQ_EMPTY(&link->timers) &&
	    TAILQ_EMPTY(&link->writes) && TAILQ_EMPTY(&link->fetches))
		scripted_fault(link,
			       "login() ended neither with online() nor with failed(), and "
			       "nothing is under way any more: call one of them on every way out");
}

/* ---- coming and going ---- */

/**
 * scripted_new() - a link that is not yet attached
 * @plugin: the descriptor
 * @settings: what the configuration would say, up to a NULL key; read at each scripted_attach()
 *
 * Return: the link, the caller's.
 */
struct skybus_link *scripted_new(const struct skybus_plugin *plugin,
				 const struct scripted_setting *settings)
{
	struct skybus_link *link = scripted_need(calloc(1, sizeof(*link)));

	link->plugin = plugin;
	link->settings = settings;
	TAILQ_INIT(&link->filling);
	TAILQ_INIT(&link->sent);
	TAILQ_INIT(&link->observed);
	TAILQ_INIT(&link->timers);
	TAILQ_INIT(&link->store);
	TAILQ_INIT(&link->writes);
	TAILQ_INIT(&link->fetches);
	link->n_subscribers = 1;
	link->time_ms = 1700000000000;
	link->serve_format = SKYBUS_NO_FORMAT;

	return link;
}

/**
 * scripted_free() - free a link
 * @link: detached if it was attached; may be NULL
 *
 * Return: NULL.
 */
struct skybus_link *scripted_free(struct skybus_link *link)
{
	if (!link)
		return NULL;

	scripted_detach(link);
	scripted_forget_command(&link->command);
	scripted_forget_session(&link->session);
	scripted_forget_fetch(&link->fetch);
	scripted_response_free(link->response);
	while (!TAILQ_EMPTY(&link->store))
		scripted_remove_entry(link, TAILQ_FIRST(&link->store));
	free(link);

	return NULL;
}

/* What the plugin has not given back, and what is under way. */
static void clean_up(struct skybus_link *link)
{
	struct scripted_write *write;
	struct skybus_request *request;

	TAILQ_FOREACH(request, &link->filling, entry) {
		if (request->kind == SCRIPTED_OWN)
			scripted_fault(link,
				       "a request (path \"%s\") was neither sent nor freed: give "
				       "each to send_request() or to free_request()",
				       request->path);
	}
	scripted_drop_requests(&link->filling);
	scripted_drop_session(link);
	scripted_drop_fetches(link);
	while (!TAILQ_EMPTY(&link->timers))
		scripted_remove_timer(link, TAILQ_FIRST(&link->timers));
	while ((write = TAILQ_FIRST(&link->writes))) {
		TAILQ_REMOVE(&link->writes, write, entry);
		free(write);
	}
	scripted_take_back(link->kept);
	link->kept = NULL;
	scripted_return_settings(link);
}

/**
 * scripted_lend_verdict() - lend a verdict to the call that is under way
 * @link: the link
 * @kind: as it begins
 *
 * Return: the verdict, until the call returns.
 */
struct skybus_verdict *scripted_lend_verdict(struct skybus_link *link, uint32_t kind)
{
	struct skybus_verdict verdict = { .size = sizeof(verdict), .kind = kind };

	return scripted_lend(link, SCRIPTED_TO_FILL, "the verdict", &verdict, sizeof(verdict));
}

static int32_t attach(struct skybus_link *link, struct skybus_verdict *ret_why)
{
	const char *outer = scripted_enter(link, "attach()");
	struct skybus_verdict *why = scripted_lend_verdict(link, SKYBUS_REJECTED);
	int32_t r;

	scripted_lend_settings(link);
	r = link->plugin->attach(&scripted_calls, link, &link->state, why);
	if (r > 0)
		scripted_fault(link, "attach() returned %d: return 0 or a negative errno", r);
	if (r != 0)
		scripted_check_verdict(link, why);
	*ret_why = *why;
	scripted_leave(link, outer);

	return r;
}

/**
 * scripted_attach() - attach the plugin
 * @link: not attached; what it stored before is still there
 * @ret_why: what the plugin said, when it refuses
 *
 * Return: what attach() returned.
 */
int32_t scripted_attach(struct skybus_link *link, struct skybus_verdict *ret_why)
{
	int32_t r;

	link->attached = true;
	r = attach(link, ret_why);
	if (r == 0)
		return 0;
	if (link->opening || !TAILQ_EMPTY(&link->timers) || !TAILQ_EMPTY(&link->writes) ||
	    !TAILQ_EMPTY(&link->fetches))
		scripted_fault(link, "attach() failed and left something under way: stop what it "
				     "started before it returns");
	link->attached = false;
	clean_up(link);

	return r;
}

/**
 * scripted_detach() - detach the plugin, whatever is under way
 * @link: nothing happens if it is not attached
 */
void scripted_detach(struct skybus_link *link)
{
	const char *outer;

	if (!link->attached)
		return;

	link->attached = false;
	link->logging_in = false;
	outer = scripted_enter(link, "detach()");
	link->plugin->detach(link->state);
	scripted_leave(link, outer);
	link->state = NULL;
	clean_up(link);
}

/* ---- what happens to a link ---- */

/**
 * scripted_login() - ask for a login
 * @link: attached; requests and fetches that are under way get no completion
 */
void scripted_login(struct skybus_link *link)
{
	const char *outer;

	scripted_drop_requests(&link->sent);
	scripted_drop_observations(link);
	scripted_drop_fetches(link);
	link->logging_in = true;
	outer = scripted_enter(link, "login()");
	link->plugin->login(link->state);
	check_login(link);
	scripted_leave(link, outer);
}

/**
 * scripted_opened() - the session was opened, or was not
 * @link: opening
 * @outcome: 0 or a negative errno
 * @reason: a sentence, "" on success
 */
void scripted_opened(struct skybus_link *link, int32_t outcome, const char *reason)
{
	const char *outer = scripted_enter(link, "the completion of open_session()");

	link->opening = false;
	link->open = outcome == 0;
	link->opened(link->state, link->opened_tag, outcome,
		     scripted_lend_text(link, "the reason", reason));
	check_login(link);
	scripted_leave(link, outer);
}

/* ---- replies ---- */

static const struct skybus_reply *lend_reply(struct skybus_request *request,
					     const struct skybus_reply *reply)
{
	struct skybus_link *link = request->link;
	struct skybus_option *options = (struct skybus_option *)scripted_bytes(
		reply->options, reply->n_options * sizeof(*options));
	struct skybus_reply lent = *reply;

	for (uint32_t i = 0; i < lent.n_options; i++)
		options[i].value = scripted_lend(link, SCRIPTED_TO_READ, "an option of the reply",
						 options[i].value, options[i].len);
	lent.size = sizeof(lent);
	lent.payload = scripted_lend(link, SCRIPTED_TO_READ, "the reply's payload", reply->payload,
				     reply->payload_len);
	lent.options = scripted_lend(link, SCRIPTED_TO_READ, "the reply's options", options,
				     lent.n_options * sizeof(*options));
	lent.note = request->note;
	free(options);

	return scripted_lend(link, SCRIPTED_TO_READ, "the reply", &lent, sizeof(lent));
}

/**
 * scripted_complete() - tell the plugin what came of a request of its own
 * @request: may be gone afterwards, if the plugin sees to that
 * @reply: copied, and lent to the plugin with the request's note in it
 * @call: what that is
 */
void scripted_complete(struct skybus_request *request, const struct skybus_reply *reply,
		       const char *call)
{
	struct skybus_link *link = request->link;
	const char *outer = scripted_enter(link, call);

	link->unanswered = reply->outcome != SKYBUS_ANSWERED;
	request->done(link->state, request->tag, lend_reply(request, reply));
	check_login(link);
	scripted_leave(link, outer);
}

static struct skybus_verdict judge(struct skybus_request *request, const struct skybus_reply *reply)
{
	struct skybus_link *link = request->link;
	const char *outer = scripted_enter(link, "decide()");
	bool is_message = request->kind == SCRIPTED_MESSAGE;
	struct skybus_verdict *verdict = scripted_lend_verdict(link, SKYBUS_RETRY);
	struct skybus_verdict said;

	link->plugin->decide(link->state,
			     is_message ? scripted_lend_messages(link, &request->message, 1) : NULL,
			     lend_reply(request, reply), verdict);
	scripted_check_verdict(link, verdict);
	check_login(link);
	said = *verdict;
	scripted_leave(link, outer);

	return said;
}

/**
 * scripted_answer() - a request ended
 * @request: out of link->sent; gone afterwards
 * @reply: copied, and lent to the plugin with the request's note in it
 *
 * Return: the plugin's verdict over a message or a keepalive. Those must be SKYBUS_ANSWERED; how
 * the plugin's own requests end is free.
 */
struct skybus_verdict scripted_answer(struct skybus_request *request,
				      const struct skybus_reply *reply)
{
	struct skybus_verdict verdict = { .size = sizeof(verdict), .kind = SKYBUS_RETRY };

	TAILQ_REMOVE(&request->link->sent, request, entry);
	if (request->kind == SCRIPTED_OWN)
		scripted_complete(request, reply, "the completion of send_request()");
	else
		verdict = judge(request, reply);
	scripted_request_free(request);

	return verdict;
}

static struct scripted_timer *next_timer(const struct skybus_link *link)
{
	struct scripted_timer *next = TAILQ_FIRST(&link->timers);
	struct scripted_timer *timer;

	TAILQ_FOREACH(timer, &link->timers, entry) {
		if (timer->due_ms < next->due_ms)
			next = timer;
	}

	return next;
}

/**
 * scripted_pass_to_timer() - let time pass until the next timer runs out
 * @link: attached, with a timer
 */
void scripted_pass_to_timer(struct skybus_link *link)
{
	struct scripted_timer *timer = next_timer(link);
	skybus_timer_fn *done = timer->done;
	const char *outer;
	void *tag = timer->tag;

	link->now_ms = timer->due_ms;
	scripted_remove_timer(link, timer);
	outer = scripted_enter(link, "the completion of timer_start()");
	done(link->state, tag);
	check_login(link);
	scripted_leave(link, outer);
}

/**
 * scripted_pass() - let time pass
 * @link: attached
 * @ms: so much; timers that run out meanwhile do so in their order
 */
void scripted_pass(struct skybus_link *link, uint64_t ms)
{
	uint64_t until = link->now_ms + ms;
	struct scripted_timer *next;

	while ((next = next_timer(link)) && next->due_ms <= until)
		scripted_pass_to_timer(link);
	link->now_ms = until;
}

/**
 * scripted_stored() - the oldest write is on disk, or could not be written
 * @link: with a write under way
 * @error: 0 or a negative errno
 */
void scripted_stored(struct skybus_link *link, int32_t error)
{
	struct scripted_write *write = TAILQ_FIRST(&link->writes);
	const char *outer;

	TAILQ_REMOVE(&link->writes, write, entry);
	outer = scripted_enter(link, "the completion of store_put()");
	if (write->done)
		write->done(link->state, write->tag, error);
	check_login(link);
	scripted_leave(link, outer);
	free(write);
}

/**
 * scripted_fetched() - the oldest fetch that is under way ended
 * @link: with a fetch under way
 * @status: HTTP's; 0 without an answer
 * @content_type: "" for none
 * @content_range: "" for none
 * @body: a text; what is longer than the plugin allowed ends the fetch without an answer
 * @reason: a sentence without an answer, else ""
 */
void scripted_fetched(struct skybus_link *link, uint32_t status, const char *content_type,
		      const char *content_range, const char *body, const char *reason)
{
	struct scripted_fetching *fetching = TAILQ_FIRST(&link->fetches);
	const char *outer = scripted_enter(link, "the completion of fetch()");
	bool fits = strlen(body) <= fetching->max_len;
	struct skybus_fetched fetched = {
		.size = sizeof(fetched),
		.status = fits ? status : 0,
		.content_type = scripted_lend_text(link, "the content type", content_type),
		.content_range = scripted_lend_text(link, "the content range", content_range),
		.body = (uint8_t *)scripted_lend_text(link, "the fetched body", fits ? body : ""),
		.reason = scripted_lend_text(link, "the reason",
					     fits ? reason : "the answer is too long"),
		.body_len = fits ? (uint32_t)strlen(body) : 0,
	};

	TAILQ_REMOVE(&link->fetches, fetching, entry);
	link->n_fetching--;
	fetching->done(link->state, fetching->tag,
		       scripted_lend(link, SCRIPTED_TO_READ, "what was fetched", &fetched,
				     sizeof(fetched)));
	free(fetching);
	check_login(link);
	scripted_leave(link, outer);
}

/* ---- small helpers ---- */

/**
 * scripted_option() - the first option of a number
 * @request: the request
 * @number: which
 *
 * Return: lent with the request; NULL if it has none.
 */
const struct scripted_option *scripted_option(const struct skybus_request *request, uint32_t number)
{
	for (uint32_t i = 0; i < request->n_options; i++) {
		if (request->options[i].number == number)
			return &request->options[i];
	}

	return NULL;
}

/**
 * scripted_reply() - an answer without options
 * @code: SKYBUS_CODE(class, detail)
 * @payload: @payload_len bytes, lent
 * @payload_len: bytes
 *
 * Return: the reply, to be given to scripted_answer().
 */
struct skybus_reply scripted_reply(uint32_t code, const void *payload, uint32_t payload_len)
{
	return (struct skybus_reply){
		.size = sizeof(struct skybus_reply),
		.outcome = SKYBUS_ANSWERED,
		.code = code,
		.content_format = SKYBUS_NO_FORMAT,
		.max_age = UINT32_MAX,
		.payload_len = payload_len,
		.payload = payload,
	};
}
