/* SPDX-License-Identifier: Apache-2.0 */
/* Two links of one plugin at a time: what one sends must not depend on the other. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/checks.h"
#include "check/cloud.h"
#include "check/scripted-lent.h"
#include "check/topics.h"
#include "check/trial.h"
#include "check/values.h"
#include "check/walk.h"
#include "daemon/cleanup.h"
#include "daemon/kind.h"

/* What a link has sent and asked for, as text; what is beyond its end is not compared. */
struct trace {
	char text[32 * 1024];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void note(struct trace *trace, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(trace->text + trace->len, sizeof(trace->text) - trace->len, format, args);
	va_end(args);
	if (n > 0 && trace->len + (size_t)n < sizeof(trace->text))
		trace->len += (size_t)n;
}

static void note_bytes(struct trace *trace, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		note(trace, "%02x", bytes[i]);
	note(trace, "\n");
}

static void note_request(struct trace *trace, const struct skybus_request *request)
{
	note(trace, "%u %s?%s %d %d\n", request->method, request->segments, request->query,
	     request->result, request->error);
	for (uint32_t i = 0; i < request->n_options; i++) {
		note(trace, "%u ", request->options[i].number);
		note_bytes(trace, request->options[i].value, request->options[i].len);
	}
	note_bytes(trace, request->payload, request->payload_len);
}

static void note_next(struct trace *trace, const struct skybus_link *link)
{
	switch (check_walk_next(link)) {
	case CHECK_OPENING:
		note(trace, "%s %u\n", link->session.host, link->session.port);
		note_bytes(trace, link->session.identity, link->session.identity_len);
		note_bytes(trace, link->session.key, link->session.key_len);
		break;
	case CHECK_FETCH:
		note(trace, "%s\n", link->fetch.url);
		break;
	case CHECK_REQUEST:
		note_request(trace, check_walk_request(link));
		break;
	case CHECK_NOTIFICATION:
		note_request(trace, check_walk_observed(link));
		break;
	case CHECK_WRITE:
	case CHECK_TIMER:
	case CHECK_NOTHING:
		break;
	}
}

/* ---- one link, step by step ---- */

/** struct traveller - one of the two */
struct traveller {
	const struct check_plugin *plugin;
	const struct check_values *values;
	struct skybus_link *link;
	struct trace trace;
	int phase;
};

static bool come(struct traveller *traveller)
{
	struct skybus_verdict why;

	traveller->link = scripted_new(traveller->plugin->descriptor, traveller->values->list);
	if (scripted_attach(traveller->link, &why) == 0)
		return true;
	traveller->link = scripted_free(traveller->link);

	return false;
}

static void publish(struct traveller *traveller)
{
	const struct check_plugin *plugin = traveller->plugin;
	struct skybus_link *link = traveller->link;

	for (size_t i = 0; i < plugin->n_taken && link->n_online > 0; i++) {
		struct check_message message = check_message_make(plugin->taken[i].message);
		struct skybus_request *request =
			scripted_encode(link, message.topic, message.payload, message.payload_len);
		struct skybus_reply reply;
		struct skybus_verdict verdict;

		note_request(&traveller->trace, request);
		if (request->result != 0 || request->error != 0)
			continue;
		check_cloud_reply(plugin->cloud, request, &reply);
		verdict = scripted_answer(request, &reply);
		note(&traveller->trace, "%u %s\n", verdict.kind, verdict.reason);
	}
	if (plugin->descriptor->device)
		note(&traveller->trace, "%s\n", scripted_device(link));
}

/* One step; whether there is another. */
static bool go(struct traveller *traveller)
{
	struct skybus_link *link = traveller->link;

	if (!link)
		return false;
	if (traveller->phase == 0) {
		scripted_login(link);
	} else if (traveller->phase < CHECK_STEPS_MAX && link->logging_in &&
		   check_walk_next(link) != CHECK_NOTHING) {
		note_next(&traveller->trace, link);
		check_walk_well(traveller->plugin, link);
	} else {
		publish(traveller);
		return false;
	}
	traveller->phase++;

	return true;
}

static void leave(struct traveller *traveller)
{
	if (traveller->link)
		check_walk_end(traveller->link);
	traveller->link = NULL;
}

static void travel_alone(struct traveller *traveller)
{
	check_cloud_begin(traveller->plugin->cloud);
	if (come(traveller))
		while (go(traveller))
			;
	leave(traveller);
}

/* The other comes later, goes first, and steps in between. */
static void travel_together(struct traveller *one, struct traveller *other)
{
	bool more = come(one), others = come(other);

	check_cloud_begin(one->plugin->cloud);
	while (more) {
		more = go(one);
		if (others)
			others = go(other);
	}
	while (others)
		others = go(other);
	leave(other);
	if (one->link)
		publish(one);
	leave(one);
}

/* ---- the other link's settings ---- */

static bool takes(const struct check_plugin *plugin, const struct check_values *values)
{
	struct traveller traveller = { .plugin = plugin, .values = values };
	bool taken = come(&traveller);

	leave(&traveller);

	return taken;
}

/* Every text and secret is another, as far as attach() takes it. */
static struct check_values *make_others(const struct check_plugin *plugin)
{
	struct check_values *values = NULL;

	for (uint32_t i = 0; i < plugin->descriptor->n_settings; i++) {
		const struct skybus_setting *row = &plugin->descriptor->settings[i];
		struct check_values *next;

		if (row->kind != SKYBUS_TEXT && row->kind != SKYBUS_SECRET &&
		    row->kind != SKYBUS_HOST)
			continue;
		next = check_values_other(values ? values : plugin->values, row);
		if (next && !takes(plugin, next))
			next = check_values_free(next);
		if (!next)
			continue;
		(void)check_values_free(values);
		values = next;
	}

	return values;
}

static struct traveller *traveller_new(const struct check_plugin *plugin,
				       const struct check_values *values)
{
	struct traveller *traveller = calloc(1, sizeof(*traveller));

	if (!traveller)
		abort();
	traveller->plugin = plugin;
	traveller->values = values;

	return traveller;
}

static void run_links(void *arg, size_t i)
{
	struct check_plugin *plugin = arg;
	struct check_values *others = make_others(plugin);
	const struct check_values *values = others ? others : plugin->values;
	struct traveller *alone = traveller_new(plugin, plugin->values);
	struct traveller *again = traveller_new(plugin, plugin->values);
	struct traveller *beside = traveller_new(plugin, plugin->values);
	struct traveller *other = traveller_new(plugin, values);
	bool *settled = check_board();

	(void)i;
	scripted_lend_guarded(true);
	check_when("when one link is alone");
	travel_alone(alone);
	travel_alone(again);
	check_when("when two links come and go at a time");
	travel_together(beside, other);
	if (strcmp(alone->trace.text, again->trace.text) != 0)
		*settled = true;
	else if (strncmp(alone->trace.text, beside->trace.text, alone->trace.len) != 0)
		check_fault(
			"",
			"two links mix: what one sends is another beside a second link: keep all state "
			"in what attach() returned");
	free(alone);
	free(again);
	free(beside);
	free(other);
	(void)check_values_free(others);
}

/**
 * check_links() - two links at a time
 * @plugin: whose login is known
 * @outcome: of this check
 */
void check_links(struct check_plugin *plugin, struct check_outcome *outcome)
{
	check_run(plugin, &outcome->findings, run_links, plugin, 1);
	(void)snprintf(outcome->text, sizeof(outcome->text), "two links at a time do not mix");
	if (*(bool *)check_board())
		check_gap(outcome,
			  "whether two links mix: what one link sends is another each time, so "
			  "there is nothing to compare");
}
