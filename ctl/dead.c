/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters: what a cloud or a plugin has refused.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/links.h"
#include "ctl/list.h"
#include "ctl/number.h"
#include "ctl/run.h"

static const struct ctl_list letters = {
	.member = "ListDeadLetters",
	.columns = {
		{ "ticket", "TICKET", CTL_NUMBER, false },
		{ "link", "LINK", CTL_TEXT, false },
		{ "topic", "TOPIC", CTL_TEXT, true },
		{ "size", "SIZE", CTL_BYTES, false },
		{ "published", "PUBLISHED", CTL_DATE, false },
		{ "code", "CODE", CTL_TEXT, false },
		{ "reason", "REASON", CTL_TEXT, true },
	},
	.nothing = "There are no dead letters.",
};

/* All pages. */
static enum ctl_exit read_letters(struct ctl *ctl, const char *link, json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *rows = json_array(), *found = NULL;
	uint64_t after = 0;
	size_t before;

	do {
		CTL_CLEANUP(json_decref) json_t *answer = NULL;
		enum ctl_exit status;
		const json_t *last;

		before = json_array_size(rows);
		status = ctl_value(ctl, CTL_ROOT, CTL_MANAGER, letters.member, &answer, "st", link,
				   after);
		if (status == CTL_EXIT_OK)
			status = ctl_list_rows(&letters, answer, rows);
		if (status != CTL_EXIT_OK)
			return status;
		last = json_array_get(rows, json_array_size(rows) - 1);
		after = (uint64_t)json_integer_value(json_object_get(last, "ticket"));
	} while (json_array_size(rows) > before);
	*ret = json_incref(rows);

	/* One that is in the configuration no more may have left some; without any, its name may be a mistake. */
	return *link && json_array_size(rows) == 0 ? ctl_link_get(ctl, link, &found) : CTL_EXIT_OK;
}

static const char *link_named(const struct ctl *ctl)
{
	const char *link = ctl_option(ctl, "link");

	return link ? link : "";
}

/** ctl_run_dead_list() - "dead list" */
enum ctl_exit ctl_run_dead_list(struct ctl *ctl)
{
	CTL_CLEANUP(json_decref) json_t *rows = NULL;
	enum ctl_exit status = read_letters(ctl, link_named(ctl), &rows);

	return status == CTL_EXIT_OK ? ctl_list_print(ctl, &letters, rows) : status;
}

/** ctl_run_dead_show() - "dead show TICKET": with its payload */
enum ctl_exit ctl_run_dead_show(struct ctl *ctl)
{
	static const struct ctl_column columns[] = {
		{ "ticket", "Ticket", CTL_NUMBER, false },
		{ "link", "Link", CTL_TEXT, false },
		{ "topic", "Topic", CTL_TEXT, false },
		{ "payload", "Payload", CTL_TEXT, false },
		{ "published", "Published", CTL_DATE, false },
		{ "code", "Code", CTL_TEXT, false },
		{ "reason", "Reason", CTL_TEXT, false },
	};
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	CTL_CLEANUP(json_decref) json_t *body = NULL, *row = json_object();
	enum ctl_exit status;
	uint64_t ticket;
	int r;

	status = ctl_number(ctl_word(ctl, 0), "TICKET", &ticket);
	if (status == CTL_EXIT_OK)
		status = ctl_manager(ctl, "DeadLetter", &reply, "t", ticket);
	if (status != CTL_EXIT_OK)
		return status;
	r = ctl_body(reply, &body);
	if (r < 0)
		return ctl_no_reply(r);
	(void)json_object_set_new(row, columns[0].key, json_integer((json_int_t)ticket));
	for (size_t i = 1; i < CTL_ELEMENTS(columns); i++)
		(void)json_object_set(row, columns[i].key, json_array_get(body, i - 1));

	return ctl_print_fields(ctl, columns, CTL_ELEMENTS(columns), row);
}

static enum ctl_exit requeue(struct ctl *ctl, uint64_t ticket)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	CTL_CLEANUP(json_decref) json_t *row = NULL;
	enum ctl_exit status;
	uint64_t new_ticket;
	int r;

	status = ctl_manager(ctl, "Requeue", &reply, "t", ticket);
	if (status != CTL_EXIT_OK)
		return status;
	r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_UINT64, &new_ticket);
	if (r < 0)
		return ctl_no_reply(r);
	if (!ctl->json) {
		(void)printf("%" PRIu64 "\n", new_ticket);
		return CTL_EXIT_OK;
	}
	row = json_pack("{s:I, s:I}", "ticket", (json_int_t)new_ticket, "was", (json_int_t)ticket);

	return row ? ctl_print_json(row, false) : ctl_no_memory();
}

static enum ctl_exit discard(struct ctl *ctl, uint64_t ticket)
{
	return ctl_manager(ctl, "Discard", NULL, "t", ticket);
}

/* Goes on with the others when one fails; the first failure is what skybusctl ends with. */
static enum ctl_exit with_all(struct ctl *ctl,
			      enum ctl_exit (*act)(struct ctl *ctl, uint64_t ticket))
{
	CTL_CLEANUP(json_decref) json_t *rows = NULL;
	enum ctl_exit first, status;
	const json_t *row;
	size_t i;

	first = read_letters(ctl, link_named(ctl), &rows);
	if (first != CTL_EXIT_OK)
		return first;
	json_array_foreach(rows, i, row) {
		status = act(ctl, (uint64_t)json_integer_value(json_object_get(row, "ticket")));
		if (first == CTL_EXIT_OK)
			first = status;
	}

	return first;
}

static enum ctl_exit with_each(struct ctl *ctl,
			       enum ctl_exit (*act)(struct ctl *ctl, uint64_t ticket))
{
	enum ctl_exit first = CTL_EXIT_OK, status;
	uint64_t ticket;

	if (ctl_option(ctl, "all") && ctl->args.n_words > 0)
		return ctl_fail(CTL_EXIT_USAGE, "either tickets, or --all.");
	if (ctl_option(ctl, "all"))
		return with_all(ctl, act);
	if (ctl->args.n_words == 0)
		return ctl_fail(
			CTL_EXIT_USAGE,
			"which? Give tickets (\"skybusctl dead list\" shows them), or --all.");
	if (ctl_option(ctl, "link"))
		return ctl_fail(
			CTL_EXIT_USAGE,
			"--link goes with --all; a ticket is one letter, whatever its link.");

	for (size_t i = 0; i < ctl->args.n_words; i++) {
		status = ctl_number(ctl_word(ctl, i), "TICKET", &ticket);
		if (status == CTL_EXIT_OK)
			status = act(ctl, ticket);
		if (first == CTL_EXIT_OK)
			first = status;
	}

	return first;
}

/** ctl_run_dead_requeue() - "dead requeue TICKET...": prints the new tickets */
enum ctl_exit ctl_run_dead_requeue(struct ctl *ctl)
{
	return with_each(ctl, requeue);
}

/** ctl_run_dead_discard() - "dead discard TICKET..." */
enum ctl_exit ctl_run_dead_discard(struct ctl *ctl)
{
	return with_each(ctl, discard);
}
