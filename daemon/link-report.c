/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the log has of a link: each change, with its reason, as long as there are few. A link may come and go, or
 * be refused, for days, and nobody's log is to be full of that:
 *
 * - The same once more is said again after an hour. Reasons that differ in their numbers only are the same.
 * - No more than CHANGES_MAX changes are said within an hour. When that is over, one line says how it is by then,
 *   and how many were left out; so what the log has of a link is never older than an hour.
 * - That a link needs a person is said at once in any case.
 *
 * What is not said has a line at LOG_DEBUG all the same, and is in StateReason and LastError.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/link-private.h"
#include "daemon/log.h"

#define CHANGES_MAX 8
#define PLUGIN_LINES_MAX 8

static bool same_but_for_numbers(const char *a, const char *b)
{
	while (*a || *b) {
		size_t n_a = strspn(a, "0123456789");
		size_t n_b = strspn(b, "0123456789");

		if ((n_a > 0) != (n_b > 0) || (n_a == 0 && *a != *b))
			return false;
		a += n_a > 0 ? n_a : 1;
		b += n_b > 0 ? n_b : 1;
	}

	return true;
}

static bool is_news(const struct sb_report *report, enum sb_event event, const char *reason,
		    uint32_t code)
{
	return !report->any || report->event != event || report->code != code ||
	       !same_but_for_numbers(report->reason, reason);
}

/* What it begins with. */
static const char *prefix(enum sb_event event)
{
	if (event == SB_EVENT_LINK_DISABLED)
		return "disabled: ";

	return event == SB_EVENT_LINK_WAITS ? "messages wait: " : "";
}

/* The whole sentence, with the time of the next attempt, if the link is still as it was reported. */
static const char *sentence(const struct sb_link *link)
{
	const struct sb_report *report = &link->report;

	if (report->event == SB_EVENT_LINK_ONLINE)
		return "online";

	return link->state == report->state && report->event != SB_EVENT_LINK_WAITS
		       ? link->state_reason
		       : report->reason;
}

/* How it is by now. */
static void say(struct sb_link *link)
{
	struct sb_report *report = &link->report;
	char left_out[96] = "";
	char code[8];
	const struct sb_fields fields = {
		.link = sb_link_name(link),
		.plugin = link->config->plugin,
		.state = sb_link_state_word(report->state),
		.code = report->code ? sb_code_text(report->code, code) : NULL,
	};

	if (report->left_out > 0)
		(void)snprintf(left_out, sizeof(left_out),
			       " (%u changes before that are not in the log: they were too many)",
			       report->left_out);
	sb_log_event(report->event, &fields, "%s%s%s", prefix(report->event), sentence(link),
		     left_out);
	report->said_at = sb_loop_now(link->parts.loop);
	report->left_out = 0;
	sb_timer_disarm(&report->later);
}

static void say_to_debuggers(const struct sb_link *link)
{
	sb_log_link(sb_link_name(link), LOG_DEBUG, "%s%s", prefix(link->report.event),
		    sentence(link));
}

static void leave_out(struct sb_link *link)
{
	struct sb_report *report = &link->report;
	uint64_t over = report->changes.began + SB_HOUR_USEC;

	report->left_out++;
	if (!sb_timer_armed(&report->later))
		sb_timer_arm(&report->later, over - sb_loop_now(link->parts.loop));
	say_to_debuggers(link);
}

/**
 * sb_report() - something has changed with a link, or is the same once more
 * @link: in the state in which it is by now
 * @event: one of those of links
 * @reason: a sentence, without the time of the next attempt; "" where there is none
 * @code: what the cloud answered; 0 if it is not about an answer
 */
void sb_report(struct sb_link *link, enum sb_event event, const char *reason, uint32_t code)
{
	struct sb_report *report = &link->report;
	uint64_t now = sb_loop_now(link->parts.loop);

	if (!is_news(report, event, reason, code) && now - report->said_at < SB_HOUR_USEC) {
		say_to_debuggers(link);
		return;
	}
	report->any = true;
	report->event = event;
	report->state = link->state;
	report->code = code;
	(void)snprintf(report->reason, sizeof(report->reason), "%s", reason);
	if (sb_hourly_take(&report->changes, now, CHANGES_MAX) || event == SB_EVENT_LINK_FAILED)
		say(link);
	else
		leave_out(link);
}

static void report_on_later(struct sb_timer *timer)
{
	struct sb_report *report = sb_container_of(timer, struct sb_report, later);
	struct sb_link *link = sb_container_of(report, struct sb_link, report);

	report->left_out--; /* the last one is said now */
	(void)sb_hourly_take(&report->changes, sb_loop_now(link->parts.loop), CHANGES_MAX);
	say(link);
}

/**
 * sb_report_of_plugin() - a line of a plugin's own
 * @link: whose
 * @level: LOG_ERR … LOG_DEBUG; if there are too many within an hour, the others are for LOG_DEBUG
 * @text: the line
 */
void sb_report_of_plugin(struct sb_link *link, int level, const char *text)
{
	uint64_t now = sb_loop_now(link->parts.loop);

	if (level < LOG_DEBUG && !sb_hourly_take(&link->report.lines, now, PLUGIN_LINES_MAX))
		level = LOG_DEBUG;
	sb_log_link(sb_link_name(link), level, "%s", text);
}

/**
 * sb_report_init() - nothing has been said of a link
 * @link: its report is embedded in it
 */
void sb_report_init(struct sb_link *link)
{
	link->report = (struct sb_report){ 0 };
	sb_timer_init(&link->report.later, link->parts.loop, report_on_later);
}

/**
 * sb_report_done() - nothing more is said of a link
 * @link: its report was initialised
 */
void sb_report_done(struct sb_link *link)
{
	sb_timer_disarm(&link->report.later);
}
