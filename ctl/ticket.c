/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of messages.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/bus.h"
#include "ctl/number.h"
#include "ctl/outcome.h"
#include "ctl/output.h"
#include "ctl/run.h"

/* One call waits this long at most; then the next one does. */
#define SLICE_S 600

/** ctl_outcome_exit() - what a message's outcome means to a script */
enum ctl_exit ctl_outcome_exit(const char *outcome)
{
	static const char *const ends[] = { "rejected", "expired", "cancelled" };

	for (size_t i = 0; i < CTL_ELEMENTS(ends); i++)
		if (strcmp(outcome, ends[i]) == 0)
			return CTL_EXIT_NOT_DELIVERED;

	return CTL_EXIT_OK;
}

/**
 * ctl_outcome_print() - a line: ticket, outcome, code, reason; or JSON on a line
 *
 * Return: ctl_outcome_exit(), or what else to end with.
 */
enum ctl_exit ctl_outcome_print(const struct ctl *ctl, const struct ctl_outcome *outcome)
{
	if (ctl->json) {
		CTL_CLEANUP(json_decref)
		json_t *row = json_pack("{s:I, s:s, s:s, s:s}", "ticket",
					(json_int_t)outcome->ticket, "outcome", outcome->outcome,
					"code", outcome->code, "reason", outcome->reason);

		if (!row || ctl_print_json(row, false) != CTL_EXIT_OK)
			return ctl_no_memory();
	} else {
		(void)printf("%" PRIu64 " %s%s%s%s%s%s", outcome->ticket,
			     ctl_colour(ctl, ctl_colour_of_state(outcome->outcome)),
			     outcome->outcome, ctl_colour(ctl, CTL_PLAIN),
			     *outcome->code ? " " : "", outcome->code, *outcome->reason ? " " : "");
		ctl_print_line(outcome->reason);
	}
	(void)fflush(stdout);

	return ctl_outcome_exit(outcome->outcome);
}

static enum ctl_exit print_reply(const struct ctl *ctl, sd_bus_message *reply, uint64_t ticket)
{
	struct ctl_outcome outcome = { .ticket = ticket };
	int r;

	r = sd_bus_message_read(reply, "sss", &outcome.outcome, &outcome.code, &outcome.reason);

	return r < 0 ? ctl_no_reply(r) : ctl_outcome_print(ctl, &outcome);
}

/* One call. The Timeout of the daemon is no failure that is worth a sentence yet. */
static enum ctl_exit ask(struct ctl *ctl, uint64_t ticket, uint64_t seconds, sd_bus_message **ret)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	enum ctl_exit status;
	int r;

	r = ctl_try(ctl, CTL_MANAGER, "WaitTicket", &error, ret, "tu", ticket, (uint32_t)seconds);
	if (r >= 0)
		status = CTL_EXIT_OK;
	else if (sd_bus_error_has_name(&error, CTL_ERROR "Timeout"))
		status = CTL_EXIT_TIMEOUT;
	else
		status = ctl_bus_fail(ctl, &error, r);
	sd_bus_error_free(&error);

	return status;
}

/* What is left until the end, in whole seconds; UINT64_MAX is no end. */
static uint64_t seconds_until(uint64_t end)
{
	uint64_t now = ctl_clock();

	return end <= now ? 0 : (end - now - 1) / CTL_USEC_PER_SEC + 1;
}

/* By as many calls as it takes. */
static enum ctl_exit wait_for(struct ctl *ctl, uint64_t ticket, uint64_t end)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	enum ctl_exit status = ctl_bus_open(ctl);
	uint64_t seconds;

	if (status != CTL_EXIT_OK)
		return status;
	do {
		uint64_t slice;

		seconds = seconds_until(end);
		slice = seconds < SLICE_S ? seconds : SLICE_S;
		ctl_patience(ctl, (slice + 25) * CTL_USEC_PER_SEC);
		status = ask(ctl, ticket, slice, &reply);
	} while (status == CTL_EXIT_TIMEOUT && seconds > SLICE_S);
	if (status == CTL_EXIT_TIMEOUT)
		return ctl_fail(status, "%" PRIu64 " has not ended yet; it goes on waiting.",
				ticket);

	return status == CTL_EXIT_OK ? print_reply(ctl, reply, ticket) : status;
}

static enum ctl_exit look_at(struct ctl *ctl, uint64_t ticket)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	enum ctl_exit status = ctl_manager(ctl, "Ticket", &reply, "t", ticket);

	return status == CTL_EXIT_OK ? print_reply(ctl, reply, ticket) : status;
}

/** ctl_run_ticket() - "ticket TICKET..."; the first that is bad says what it ends with */
enum ctl_exit ctl_run_ticket(struct ctl *ctl)
{
	enum ctl_exit first = CTL_EXIT_OK, status;
	uint64_t ticket, usec = UINT64_MAX, end;

	status = ctl_span_option(ctl, "wait", &usec);
	if (status != CTL_EXIT_OK)
		return status;
	end = usec == UINT64_MAX ? UINT64_MAX : ctl_clock() + usec;
	for (size_t i = 0; i < ctl->args.n_words; i++) {
		status = ctl_number(ctl_word(ctl, i), "TICKET", &ticket);
		if (status == CTL_EXIT_OK)
			status = ctl_option(ctl, "wait") ? wait_for(ctl, ticket, end)
							 : look_at(ctl, ticket);
		if (first == CTL_EXIT_OK)
			first = status;
	}

	return first;
}

/** ctl_run_cancel() - "cancel TICKET..."; goes on with the others when one cannot be called back */
enum ctl_exit ctl_run_cancel(struct ctl *ctl)
{
	enum ctl_exit first = CTL_EXIT_OK, status;
	uint64_t ticket;

	for (size_t i = 0; i < ctl->args.n_words; i++) {
		status = ctl_number(ctl_word(ctl, i), "TICKET", &ticket);
		if (status == CTL_EXIT_OK)
			status = ctl_manager(ctl, "CancelTicket", NULL, "t", ticket);
		if (first == CTL_EXIT_OK)
			first = status;
	}

	return first;
}
