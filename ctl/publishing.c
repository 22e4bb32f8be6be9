/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/links.h"
#include "ctl/number.h"
#include "ctl/outcome.h"
#include "ctl/output.h"
#include "ctl/publishing.h"

/* Calls that wait for their answers. */
#define AHEAD 128

/* Until what was refused for now is called again. */
#define PAUSE_USEC (CTL_USEC_PER_SEC / 4)

/* The daemon answers when it is on disk, however slow that is. */
#define CALL_USEC (120 * CTL_USEC_PER_SEC)

static void pump(struct ctl_publishing *publishing);

static struct ctl_line *line_free(struct ctl_line *line)
{
	free(line->payload);
	free(line);

	return NULL;
}

CTL_DEFINE_CLEANUP(struct ctl_line *, line_free)

static void remember(struct ctl_publishing *publishing, enum ctl_exit status)
{
	if (publishing->first == CTL_EXIT_OK)
		publishing->first = status;
}

static void draw(struct ctl_publishing *publishing)
{
	char text[120];

	char delivered[48] = "";

	if (!publishing->source.lines && !publishing->wait)
		return;
	if (publishing->wait)
		(void)snprintf(delivered, sizeof(delivered), ", %" PRIu64 " delivered",
			       publishing->delivered);
	(void)snprintf(text, sizeof(text), "%" PRIu64 " taken%s%s", publishing->taken, delivered,
		       publishing->paused ? ", waits for room in the queue" : "");
	ctl_progress_draw(&publishing->progress, publishing->source.read, publishing->source.size,
			  text);
}

/* ---- the end ----------------------------------------------------------------------------------- */

static uint64_t open_tickets(const struct ctl_publishing *publishing)
{
	return publishing->taken - publishing->delivered - publishing->undelivered;
}

static bool all_taken(const struct ctl_publishing *publishing)
{
	return publishing->source.ended && publishing->unanswered == 0 &&
	       TAILQ_EMPTY(&publishing->refused);
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct ctl_publishing *publishing = userdata;
	const char *rest = all_taken(publishing) ? ""
			   : publishing->unanswered > 0
				   ? ", and skybusd has not answered for the rest"
				   : ", and the rest was not taken";

	(void)source;
	(void)usec;
	/* While there may be more lines, their time has not begun. */
	if (publishing->hungry && TAILQ_EMPTY(&publishing->refused))
		return 0;
	ctl_progress_clear(&publishing->progress);
	ctl_listen_end(&publishing->listen,
		       ctl_fail(CTL_EXIT_TIMEOUT,
				"%" PRIu64 " of %" PRIu64
				" have not ended yet; they go on waiting%s.",
				open_tickets(publishing), publishing->taken, rest));

	return 0;
}

/* From now on, and no more from before. */
static void arm(struct ctl_publishing *publishing, sd_event_source **timer, uint64_t usec,
		sd_event_time_handler_t handler)
{
	*timer = sd_event_source_unref(*timer);
	if (sd_event_add_time_relative(publishing->listen.event, timer, CLOCK_BOOTTIME, usec, 1,
				       handler, publishing) < 0)
		ctl_listen_end(&publishing->listen, ctl_no_memory());
}

static void renew_patience(struct ctl_publishing *publishing)
{
	if (publishing->wait && publishing->wait_usec != UINT64_MAX)
		arm(publishing, &publishing->patience, publishing->wait_usec, on_patience_over);
}

static void finish(struct ctl_publishing *publishing)
{
	if (all_taken(publishing) && (!publishing->wait || open_tickets(publishing) == 0))
		ctl_listen_end(&publishing->listen, publishing->first);
}

/* ---- ends of messages -------------------------------------------------------------------------- */

static int on_signal(void *userdata, const char *member, sd_bus_message *signal)
{
	struct ctl_publishing *publishing = userdata;
	struct ctl_outcome outcome;
	int r;

	if (strcmp(member, "Settled") != 0 || !publishing->wait)
		return 0;
	r = sd_bus_message_read(signal, "tsss", &outcome.ticket, &outcome.outcome, &outcome.code,
				&outcome.reason);
	if (r < 0)
		return r;
	if (ctl_outcome_exit(outcome.outcome) == CTL_EXIT_OK)
		publishing->delivered++;
	else
		publishing->undelivered++;
	remember(publishing, ctl_outcome_exit(outcome.outcome));

	/* Of many lines those that went well need no words. */
	if (!publishing->source.lines || publishing->ctl->json ||
	    strcmp(outcome.outcome, "delivered") != 0) {
		ctl_progress_clear(&publishing->progress);
		(void)ctl_outcome_print(publishing->ctl, &outcome);
	}
	draw(publishing);
	finish(publishing);

	return 0;
}

/* ---- calls and their answers ------------------------------------------------------------------- */

static void print_ticket(const struct ctl_publishing *publishing, uint64_t ticket)
{
	if (publishing->ctl->json)
		(void)printf("{\"ticket\":%" PRIu64 "}\n", ticket);
	else
		(void)printf("%" PRIu64 "\n", ticket);
}

static int take_tickets(struct ctl_publishing *publishing, const struct ctl_line *line,
			sd_bus_message *reply)
{
	uint64_t one;
	const uint64_t *tickets = &one;
	size_t size = sizeof(one);
	int r;

	if (line->by_routes)
		r = sd_bus_message_read_array(reply, SD_BUS_TYPE_UINT64, (const void **)&tickets,
					      &size);
	else
		r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_UINT64, &one);
	if (r < 0)
		return r;

	publishing->taken += size / sizeof(*tickets);
	ctl_progress_clear(&publishing->progress);
	for (size_t i = 0; i < size / sizeof(*tickets) && !publishing->wait; i++)
		print_ticket(publishing, tickets[i]);
	(void)fflush(stdout);

	return 0;
}

static int on_pause_over(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct ctl_publishing *publishing = userdata;

	(void)source;
	(void)usec;
	publishing->paused = false;
	pump(publishing);

	return 0;
}

/* Back to its place, for when there is room again. */
static void put_back(struct ctl_publishing *publishing, struct ctl_line *line)
{
	struct ctl_line *other;

	TAILQ_FOREACH(other, &publishing->refused, link)
		if (other->number > line->number)
			break;
	if (other)
		TAILQ_INSERT_BEFORE(other, line, link);
	else
		TAILQ_INSERT_TAIL(&publishing->refused, line, link);
}

static void pause_for_room(struct ctl_publishing *publishing)
{
	if (publishing->paused)
		return;
	arm(publishing, &publishing->pause, PAUSE_USEC, on_pause_over);
	publishing->paused = true;
}

/* Without a route that matches, the only link is meant. */
static bool go_to_the_only_link(struct ctl_publishing *publishing)
{
	CTL_CLEANUP(json_decref) json_t *links = NULL;
	const char *name;

	if (ctl_links(publishing->ctl, &links) != CTL_EXIT_OK || json_array_size(links) != 1)
		return false;
	name = json_string_value(json_object_get(json_array_get(links, 0), "Name"));

	return name && ctl_link_path(name, &publishing->path) == CTL_EXIT_OK;
}

/* Whether the line is to be called again. */
static bool is_for_now(struct ctl_publishing *publishing, const struct ctl_line *line,
		       const sd_bus_error *error)
{
	if (sd_bus_error_has_name(error, CTL_ERROR "QueueFull") && publishing->source.lines) {
		pause_for_room(publishing);
		return true;
	}

	return sd_bus_error_has_name(error, CTL_ERROR "NoRoute") && line->by_routes &&
	       (publishing->path || go_to_the_only_link(publishing));
}

static void say_refusal(struct ctl_publishing *publishing, const struct ctl_line *line,
			const sd_bus_error *error)
{
	int r = -sd_bus_error_get_errno(error);
	char where[200] = "";

	ctl_progress_clear(&publishing->progress);
	if (publishing->source.lines)
		(void)snprintf(where, sizeof(where), "line %" PRIu64 " of %s: ", line->number,
			       publishing->source.name);
	remember(publishing, ctl_bus_fail_at(publishing->ctl, where, error, r));
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	CTL_CLEANUP(line_free) struct ctl_line *line = userdata;
	struct ctl_publishing *publishing = line->owner;
	const sd_bus_error *error = sd_bus_message_get_error(reply);

	(void)ret_error;
	TAILQ_REMOVE(&publishing->called, line, link);
	publishing->unanswered--;
	if (error && is_for_now(publishing, line, error)) {
		put_back(publishing, line);
		line = NULL;
	} else if (error) {
		say_refusal(publishing, line, error);
	} else if (take_tickets(publishing, line, reply) < 0) {
		remember(publishing, ctl_no_reply(-EBADMSG));
	}
	draw(publishing);
	pump(publishing);

	return 0;
}

static int append_options(const struct ctl *ctl, sd_bus_message *call)
{
	static const char *const names[] = { "ttl", "priority", "durability", "replace",
					     "content-format" };
	int r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{ss}");

	for (size_t i = 0; i < CTL_ELEMENTS(names) && r >= 0; i++) {
		const char *value = ctl_option(ctl, names[i]);

		if (value)
			r = sd_bus_message_append(call, "{ss}", names[i], *value ? value : "yes");
	}

	return r < 0 ? r : sd_bus_message_close_container(call);
}

static int call(struct ctl_publishing *publishing, struct ctl_line *line)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *message = NULL;
	const char *path = publishing->path;
	int r;

	line->by_routes = !path;
	r = ctl_new_call(publishing->ctl, path ? path : CTL_ROOT, path ? CTL_LINK : CTL_MANAGER,
			 "PublishBytesWith", &message);
	if (r >= 0)
		r = sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, publishing->topic);
	if (r >= 0)
		r = sd_bus_message_append_array(message, 'y', line->payload, line->size);
	if (r >= 0)
		r = append_options(publishing->ctl, message);
	if (r >= 0)
		r = sd_bus_call_async(publishing->ctl->bus, NULL, message, on_reply, line,
				      CALL_USEC);

	return r;
}

/* ---- lines ------------------------------------------------------------------------------------- */

/* Sets *ret to NULL if the source has none now. */
static enum ctl_exit next_line(struct ctl_publishing *publishing, struct ctl_line **ret)
{
	CTL_CLEANUP(line_free) struct ctl_line *line = TAILQ_FIRST(&publishing->refused);
	enum ctl_exit status;

	if (line) {
		TAILQ_REMOVE(&publishing->refused, line, link);
		*ret = line;
		line = NULL;
		return CTL_EXIT_OK;
	}

	line = calloc(1, sizeof(*line));
	if (!line)
		return ctl_no_memory();
	line->owner = publishing;
	status = ctl_source_next(&publishing->source, &line->payload, &line->size);
	if (status != CTL_EXIT_OK || !line->payload)
		return status;
	line->number = ++publishing->lines;
	renew_patience(publishing);
	*ret = line;
	line = NULL;

	return CTL_EXIT_OK;
}

static enum ctl_exit fill(struct ctl_publishing *publishing)
{
	enum ctl_exit status = ctl_source_fill(&publishing->source);

	publishing->hungry = false;
	if (publishing->source.drained)
		renew_patience(publishing);

	return status;
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct ctl_publishing *publishing = userdata;
	enum ctl_exit status = fill(publishing);

	(void)source;
	(void)fd;
	(void)events;
	if (status != CTL_EXIT_OK)
		ctl_listen_end(&publishing->listen, status);
	else
		pump(publishing);

	return 0;
}

/* A file is always ready; what else there is, such as a pipe or a terminal, is read when it has something. */
static enum ctl_exit want_input(struct ctl_publishing *publishing)
{
	if (!publishing->input)
		return fill(publishing);
	publishing->hungry = true;

	return sd_event_source_set_enabled(publishing->input, SD_EVENT_ONESHOT) < 0
		       ? ctl_no_memory()
		       : CTL_EXIT_OK;
}

static enum ctl_exit add_input(struct ctl_publishing *publishing)
{
	int r;

	if (publishing->source.fd < 0)
		return CTL_EXIT_OK;
	r = sd_event_add_io(publishing->listen.event, &publishing->input, publishing->source.fd,
			    EPOLLIN, on_input, publishing);
	if (r >= 0)
		r = sd_event_source_set_enabled(publishing->input, SD_EVENT_OFF);

	return r >= 0 || r == -EPERM ? CTL_EXIT_OK : ctl_no_memory();
}

static enum ctl_exit send_line(struct ctl_publishing *publishing, struct ctl_line *line)
{
	int r = call(publishing, line);

	if (r >= 0) {
		TAILQ_INSERT_TAIL(&publishing->called, line, link);
		publishing->unanswered++;
		return CTL_EXIT_OK;
	}
	(void)line_free(line);

	return r == -EINVAL ? ctl_not_utf8() : ctl_no_memory();
}

static bool may_send(const struct ctl_publishing *publishing)
{
	return publishing->unanswered < AHEAD && !publishing->paused &&
	       (!TAILQ_EMPTY(&publishing->refused) ||
		!(publishing->hungry || publishing->source.ended));
}

static void pump(struct ctl_publishing *publishing)
{
	enum ctl_exit status = CTL_EXIT_OK;

	while (status == CTL_EXIT_OK && may_send(publishing)) {
		struct ctl_line *line = NULL;

		status = next_line(publishing, &line);
		if (line)
			status = send_line(publishing, line);
		else if (status == CTL_EXIT_OK && !publishing->source.ended)
			status = want_input(publishing);
	}
	if (status != CTL_EXIT_OK)
		ctl_listen_end(&publishing->listen, status);
	finish(publishing);
}

/**
 * ctl_publishing_run() - publish what the source has
 * @publishing: ctl, source, topic, path, wait and wait_usec are set, all else is zero
 *
 * Return: CTL_EXIT_OK if all was taken, and with wait delivered; or the first that went wrong, which was said.
 */
enum ctl_exit ctl_publishing_run(struct ctl_publishing *publishing)
{
	enum ctl_exit status;
	struct ctl_line *line;

	TAILQ_INIT(&publishing->called);
	TAILQ_INIT(&publishing->refused);
	ctl_progress_init(&publishing->progress);
	status = ctl_listen_init(&publishing->listen, publishing->ctl, on_signal, publishing);
	if (status == CTL_EXIT_OK)
		status = add_input(publishing);
	if (status == CTL_EXIT_OK) {
		pump(publishing);
		status = ctl_listen_run(&publishing->listen);
	}
	ctl_progress_clear(&publishing->progress);
	if (publishing->listen.stopped)
		status = ctl_fail(CTL_EXIT_FAILED, "stopped; %" PRIu64 " were taken, and go on.",
				  publishing->taken);

	/* What was called and not answered is not heard of any more. */
	TAILQ_CONCAT(&publishing->refused, &publishing->called, link);
	while ((line = TAILQ_FIRST(&publishing->refused))) {
		TAILQ_REMOVE(&publishing->refused, line, link);
		(void)line_free(line);
	}
	publishing->input = sd_event_source_unref(publishing->input);
	publishing->pause = sd_event_source_unref(publishing->pause);
	publishing->patience = sd_event_source_unref(publishing->patience);
	ctl_listen_done(&publishing->listen);

	return status;
}
