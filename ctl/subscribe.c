/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages from the clouds and from the programs of this box. They are dealt with one after the other: printed,
 * or given to a command; then answered, if the cloud awaits that, and acknowledged, if they wait in an inbox.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/arrival.h"
#include "ctl/links.h"
#include "ctl/listen.h"
#include "ctl/number.h"
#include "ctl/output.h"
#include "ctl/run.h"
#include "ctl/runner.h"

/* So many wait for a command that is slow; what an inbox keeps has the daemon's own bound. */
#define WAITING_MAX 1000

/** struct subscriber - one run of "subscribe" */
struct subscriber {
	struct ctl *ctl;
	struct ctl_listen listen;
	struct ctl_runner runner;
	struct ctl_arrivals waiting; /* the first is the one that the command runs for */
	size_t n_waiting;
	const char *answer; /* NULL to answer nothing */
	uint64_t left; /* of --count */
	uint64_t unanswered; /* calls of ours */
	uint64_t dropped;
	enum ctl_exit first; /* of our calls that went wrong */
	bool several; /* links */
};

static void next(struct subscriber *subscriber);

static void end_when_done(struct subscriber *subscriber)
{
	if (subscriber->left == 0 && subscriber->unanswered == 0)
		ctl_listen_end(&subscriber->listen, subscriber->first);
}

static void remember(struct subscriber *subscriber, enum ctl_exit status)
{
	if (subscriber->first == CTL_EXIT_OK)
		subscriber->first = status;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	struct subscriber *subscriber = userdata;
	const sd_bus_error *error = sd_bus_message_get_error(reply);

	(void)ret_error;
	subscriber->unanswered--;
	if (error)
		remember(subscriber,
			 ctl_bus_fail(subscriber->ctl, error, -sd_bus_error_get_errno(error)));
	end_when_done(subscriber);

	return 0;
}

static void send_call(struct subscriber *subscriber, sd_bus_message *call)
{
	if (sd_bus_call_async(subscriber->ctl->bus, NULL, call, on_reply, subscriber, 0) >= 0)
		subscriber->unanswered++;
	else
		remember(subscriber, ctl_no_memory());
}

static sd_bus_message *new_call(const struct subscriber *subscriber,
				const struct ctl_arrival *arrival, const char *member)
{
	sd_bus_message *call = NULL;
	int r;

	r = ctl_new_call(subscriber->ctl, arrival->path, CTL_LINK, member, &call);
	if (r >= 0)
		r = sd_bus_message_append_basic(call, SD_BUS_TYPE_UINT64, &arrival->number);

	return r >= 0 ? call : sd_bus_message_unref(call);
}

static void answer(struct subscriber *subscriber, const struct ctl_arrival *arrival,
		   const char *code, const void *text, size_t size)
{
	CTL_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = new_call(subscriber, arrival, "AnswerBytes");

	if (!call || sd_bus_message_append(call, "s", code) < 0 ||
	    sd_bus_message_append_array(call, 'y', text, size) < 0)
		remember(subscriber, ctl_no_memory());
	else
		send_call(subscriber, call);
}

static void acknowledge(struct subscriber *subscriber, const struct ctl_arrival *arrival)
{
	CTL_CLEANUP(sd_bus_message_unref)
	sd_bus_message *call = new_call(subscriber, arrival, "Acknowledge");

	if (call)
		send_call(subscriber, call);
	else
		remember(subscriber, ctl_no_memory());
}

/* The first of those that wait is dealt with. */
static void finish(struct subscriber *subscriber, bool well, const void *output, size_t size)
{
	CTL_CLEANUP(ctl_arrival_free)
	struct ctl_arrival *arrival = TAILQ_FIRST(&subscriber->waiting);
	/* Without the cloud's own word for what went wrong, nobody answers, and skybusd tells the cloud so. */
	const char *code = well ? "" : ctl_option(subscriber->ctl, "failure");

	TAILQ_REMOVE(&subscriber->waiting, arrival, link);
	subscriber->n_waiting--;
	if (subscriber->answer && ctl_arrival_wants_answer(arrival) && code)
		answer(subscriber, arrival, code, output, size);
	if (ctl_arrival_is_kept(arrival) && well)
		acknowledge(subscriber, arrival);
	if (subscriber->left != UINT64_MAX)
		subscriber->left--;
}

static void on_command_end(void *userdata, bool well, const void *output, size_t size)
{
	struct subscriber *subscriber = userdata;

	finish(subscriber, well, output, size);
	next(subscriber);
}

static void print_first(struct subscriber *subscriber)
{
	const struct ctl_arrival *arrival = TAILQ_FIRST(&subscriber->waiting);
	bool well =
		ctl_arrival_print(subscriber->ctl, arrival, subscriber->several) == CTL_EXIT_OK &&
		fflush(stdout) == 0;
	const char *text = subscriber->answer ? subscriber->answer : "";

	finish(subscriber, well, text, strlen(text));
	if (!well)
		ctl_listen_end(&subscriber->listen, CTL_EXIT_FAILED);
}

/* Deals with what waits, unless a command runs. */
static void next(struct subscriber *subscriber)
{
	struct ctl_arrival *arrival;

	while (!subscriber->runner.child && subscriber->left > 0 &&
	       (arrival = TAILQ_FIRST(&subscriber->waiting))) {
		bool keep = subscriber->answer && ctl_arrival_wants_answer(arrival);

		if (!subscriber->runner.command) {
			print_first(subscriber);
		} else if (ctl_runner_run(&subscriber->runner, arrival, keep) < 0) {
			(void)ctl_fail(CTL_EXIT_FAILED, "\"%s\" cannot be run.",
				       subscriber->runner.command);
			finish(subscriber, false, NULL, 0);
		}
	}
	end_when_done(subscriber);
}

static int on_message(struct subscriber *subscriber, sd_bus_message *signal)
{
	CTL_CLEANUP(ctl_arrival_free) struct ctl_arrival *arrival = NULL;
	int r = ctl_arrival_read(signal, &arrival);

	if (r < 0)
		return r;
	if (subscriber->n_waiting >= WAITING_MAX && !ctl_arrival_is_kept(arrival)) {
		if (subscriber->dropped++ == 0)
			(void)ctl_fail(
				CTL_EXIT_FAILED,
				"the command is too slow: %d messages wait, and what comes now is dropped; "
				"--inbox would keep it.",
				WAITING_MAX);
		return 0;
	}
	TAILQ_INSERT_TAIL(&subscriber->waiting, arrival, link);
	arrival = NULL;
	subscriber->n_waiting++;
	next(subscriber);

	return 0;
}

static int on_ended(struct subscriber *subscriber, sd_bus_message *signal)
{
	const char *reason;
	uint32_t number;
	int r = sd_bus_message_read(signal, "us", &number, &reason);

	if (r >= 0)
		ctl_listen_end(&subscriber->listen,
			       ctl_fail(CTL_EXIT_FAILED, "the subscription has ended: %s", reason));

	return r;
}

static int on_signal(void *userdata, const char *member, sd_bus_message *signal)
{
	if (strcmp(member, "Message") == 0)
		return on_message(userdata, signal);
	if (strcmp(member, "SubscriptionEnded") == 0)
		return on_ended(userdata, signal);

	return 0;
}

/* ---- the beginning ----------------------------------------------------------------------------- */

static enum ctl_exit subscribe_at(struct subscriber *subscriber, const char *link)
{
	struct ctl *ctl = subscriber->ctl;
	const char *inbox = ctl_option(ctl, "inbox"), *origin = ctl_option(ctl, "origin");
	const char *filter = ctl_word(ctl, 0), *wants = subscriber->answer ? "yes" : "no";
	CTL_CLEANUP(free) char *path = NULL;
	enum ctl_exit status = ctl_link_path(link, &path);

	if (status != CTL_EXIT_OK)
		return status;
	origin = origin ? origin : "cloud";
	if (inbox)
		return ctl_call(ctl, path, CTL_LINK, "SubscribeDurableWith", NULL, "ssa{ss}", inbox,
				filter, 2, "answer", wants, "origin", origin);

	return ctl_call(ctl, path, CTL_LINK, "SubscribeWith", NULL, "sa{ss}", filter, 2, "answer",
			wants, "origin", origin);
}

static enum ctl_exit subscribe_at_all(struct subscriber *subscriber)
{
	CTL_CLEANUP(json_decref) json_t *links = NULL;
	enum ctl_exit status = ctl_links(subscriber->ctl, &links);
	const json_t *link;
	size_t i;

	if (status == CTL_EXIT_OK && json_array_size(links) == 0)
		status = ctl_fail(CTL_EXIT_NOT_FOUND, "the configuration has no link yet.");
	subscriber->several = json_array_size(links) > 1;
	json_array_foreach(links, i, link)
		if (status == CTL_EXIT_OK)
			status = subscribe_at(subscriber,
					      json_string_value(json_object_get(link, "Name")));

	return status;
}

static enum ctl_exit begin(struct subscriber *subscriber)
{
	struct ctl *ctl = subscriber->ctl;
	const char *count = ctl_option(ctl, "count"), *link = ctl_option(ctl, "link");
	enum ctl_exit status = CTL_EXIT_OK;
	sigset_t set;

	if (count)
		status = ctl_number(count, "--count", &subscriber->left);
	if (status == CTL_EXIT_OK && subscriber->left == 0)
		status = ctl_fail(CTL_EXIT_USAGE, "--count: at least 1.");
	if (status == CTL_EXIT_OK)
		status = ctl_listen_init(&subscriber->listen, ctl, on_signal, subscriber);
	if (status != CTL_EXIT_OK)
		return status;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	subscriber->runner.event = subscriber->listen.event;

	return link ? subscribe_at(subscriber, link) : subscribe_at_all(subscriber);
}

/** ctl_run_subscribe() - "subscribe FILTER" */
enum ctl_exit ctl_run_subscribe(struct ctl *ctl)
{
	struct subscriber subscriber = {
		.ctl = ctl,
		.answer = ctl_option(ctl, "answer"),
		.left = UINT64_MAX,
		.runner = {
			.command = ctl_option(ctl, "exec"),
			.output = -1,
			.on_end = on_command_end,
			.userdata = &subscriber,
		},
	};
	struct ctl_arrival *arrival;
	enum ctl_exit status;

	TAILQ_INIT(&subscriber.waiting);
	status = begin(&subscriber);
	if (status == CTL_EXIT_OK)
		status = ctl_listen_run(&subscriber.listen);

	while ((arrival = TAILQ_FIRST(&subscriber.waiting))) {
		TAILQ_REMOVE(&subscriber.waiting, arrival, link);
		(void)ctl_arrival_free(arrival);
	}
	ctl_runner_done(&subscriber.runner);
	ctl_listen_done(&subscriber.listen);

	return status;
}
