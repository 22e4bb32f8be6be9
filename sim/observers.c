/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/observers.h"
#include "sim/outgoing.h"

/**
 * struct sim_observer - one of them
 * @session: whose; referenced
 * @token: of the request, and of all notifications
 * @path: what is observed, owned
 */
struct sim_observer {
	LIST_ENTRY(sim_observer) entry;
	coap_session_t *session;
	struct sim_token token;
	char *path;
};

static void drop(struct sim_observers *observers, struct sim_observer *observer)
{
	LIST_REMOVE(observer, entry);
	observers->n--;
	coap_session_release(observer->session);
	free(observer->path);
	free(observer);
}

/**
 * sim_observers_init() - nobody observes anything
 * @observers: where
 */
void sim_observers_init(struct sim_observers *observers)
{
	*observers = (struct sim_observers){ 0 };
	LIST_INIT(&observers->all);
}

/**
 * sim_observers_done() - forget all of them
 * @observers: their sessions still exist
 */
void sim_observers_done(struct sim_observers *observers)
{
	while (!LIST_EMPTY(&observers->all))
		drop(observers, LIST_FIRST(&observers->all));
}

/* The value of Observe in a request; -1 without. */
static int observe_of(const coap_pdu_t *request)
{
	coap_opt_iterator_t iterator;
	const coap_opt_t *option = coap_check_option(request, COAP_OPTION_OBSERVE, &iterator);

	return option ? (int)coap_decode_var_bytes(coap_opt_value(option), coap_opt_length(option))
		      : -1;
}

/**
 * sim_observers_forget() - somebody observes no more
 * @observers: where
 * @session: whose
 * @sent: a message with the token
 */
void sim_observers_forget(struct sim_observers *observers, const coap_session_t *session,
			  const coap_pdu_t *sent)
{
	struct sim_observer *observer = LIST_FIRST(&observers->all), *next;
	struct sim_token token;

	if (!sim_token_read(sent, &token))
		return;
	for (; observer; observer = next) {
		next = LIST_NEXT(observer, entry);
		if (observer->session == session && sim_token_same(&observer->token, &token))
			drop(observers, observer);
	}
}

static void add(struct sim_observers *observers, coap_session_t *session, const coap_pdu_t *request,
		const char *path)
{
	struct sim_observer *observer = calloc(1, sizeof(*observer));

	if (!observer)
		return;
	observer->path = strdup(path);
	if (!observer->path || !sim_token_read(request, &observer->token)) {
		free(observer->path);
		free(observer);
		return;
	}
	observer->session = coap_session_reference(session);
	LIST_INSERT_HEAD(&observers->all, observer, entry);
	observers->n++;
}

/**
 * sim_observers_note() - a request was answered
 * @observers: gets the sender, or has it no more
 * @session: the sender's
 * @request: as it came
 * @path: its path
 * @reply: has Observe if the sender is an observer from now on
 */
void sim_observers_note(struct sim_observers *observers, coap_session_t *session,
			const coap_pdu_t *request, const char *path, const struct sim_reply *reply)
{
	size_t len;

	if (observe_of(request) < 0)
		return;
	sim_observers_forget(observers, session, request);
	if (sim_reply_find(reply, COAP_OPTION_OBSERVE, &len) && observers->n < SIM_OBSERVERS_MAX)
		add(observers, session, request, path);
}

/**
 * sim_observers_notify() - tell those who observe something
 * @observers: where
 * @path: what has changed
 * @reply: what it is now, with Observe
 *
 * Return: how many are told.
 */
size_t sim_observers_notify(struct sim_observers *observers, const char *path,
			    const struct sim_reply *reply)
{
	const struct sim_observer *observer;
	size_t n = 0;

	LIST_FOREACH(observer, &observers->all, entry)
	if (strcmp(observer->path, path) == 0) {
		sim_outgoing_tell(observer->session, &observer->token, reply);
		n++;
	}

	return n;
}
