/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the links are.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/links.h"
#include "ctl/output.h"
#include "ctl/run.h"
#include "ctl/settings.h"

static const struct ctl_column brief[] = {
	{ "Name", "LINK", CTL_TEXT, false },
	{ "Plugin", "PLUGIN", CTL_TEXT, false },
	{ "State", "STATE", CTL_STATE, false },
	{ "Since", "FOR", CTL_AGO, false },
	{ "Queued", "QUEUED", CTL_NUMBER, false },
	{ "InFlight", "IN FLIGHT", CTL_NUMBER, false },
	{ "Delivered", "DELIVERED", CTL_NUMBER, false },
};

#define BUDGET_COLUMNS 3

static const struct ctl_column whole[] = {
	{ "Name", "Link", CTL_TEXT, false },
	{ "Plugin", "Plugin", CTL_TEXT, false },
	{ "Device", "Device", CTL_TEXT, false },
	{ "State", "State", CTL_STATE, false },
	{ "Since", "Since", CTL_DATE, false },
	{ "StateReason", "Why", CTL_TEXT, false },
	{ "LastError", "Last error", CTL_TEXT, false },
	{ "SessionExpires", "Session expires", CTL_DATE, false },
	{ "Queued", "Queued", CTL_NUMBER, false },
	{ "QueuedBytes", "Queued bytes", CTL_BYTES, false },
	{ "InFlight", "In flight", CTL_NUMBER, false },
	{ "Delivered", "Delivered", CTL_NUMBER, false },
	{ "Rejected", "Rejected", CTL_NUMBER, false },
	{ "Expired", "Expired", CTL_NUMBER, false },
	{ "Cancelled", "Cancelled", CTL_NUMBER, false },
	{ "BytesSent", "CoAP sent", CTL_BYTES, false },
	{ "BytesReceived", "CoAP received", CTL_BYTES, false },
	{ "WireSent", "Sent on the wire", CTL_BYTES, false },
	{ "WireReceived", "Received on the wire", CTL_BYTES, false },
	/* From here on for links that have one. */
	{ "Budget", "Budget", CTL_BYTES, false },
	{ "BudgetUsed", "Used of it", CTL_BYTES, false },
	{ "BudgetEnds", "Until", CTL_DATE, false },
};

/* What is wrong, below the table, where a sentence has room. */
static void print_reasons(const struct ctl *ctl, const json_t *links)
{
	const json_t *link;
	size_t i;

	json_array_foreach(links, i, link) {
		const char *reason = json_string_value(json_object_get(link, "StateReason"));
		const char *state = json_string_value(json_object_get(link, "State"));

		if (!reason || *reason == '\0')
			continue;
		(void)printf("\n%s%s%s: ", ctl_colour(ctl, ctl_colour_of_state(state)),
			     json_string_value(json_object_get(link, "Name")),
			     ctl_colour(ctl, CTL_PLAIN));
		ctl_print_line(reason);
	}
}

static enum ctl_exit print_all(struct ctl *ctl, const json_t *daemon, json_t *links)
{
	enum ctl_exit status;

	if (ctl->json) {
		CTL_CLEANUP(json_decref)
		json_t *all = json_pack("{s:O, s:O, s:O}", "version",
					json_object_get(daemon, "Version"), "failed_plugins",
					json_object_get(daemon, "FailedPlugins"), "links", links);

		return all ? ctl_print_json(all, true) : ctl_no_memory();
	}

	ctl_output_pager(ctl);
	if (json_array_size(links) == 0)
		(void)puts(
			"There are no links yet; \"skybusctl config init\" writes the configuration of one.");
	status = ctl_print_table(ctl, brief, CTL_ELEMENTS(brief), links);
	if (status != CTL_EXIT_OK)
		return status;
	print_reasons(ctl, links);

	ctl_print_failed_plugins(ctl, json_object_get(daemon, "FailedPlugins"));

	return CTL_EXIT_OK;
}

static enum ctl_exit show(struct ctl *ctl, const char *name)
{
	CTL_CLEANUP(json_decref) json_t *link = NULL;
	enum ctl_exit status = ctl_link_get(ctl, name, &link);
	size_t n = CTL_ELEMENTS(whole);

	if (status != CTL_EXIT_OK)
		return status;
	if (json_integer_value(json_object_get(link, "Budget")) == 0)
		n -= BUDGET_COLUMNS;

	return ctl_print_fields(ctl, whole, n, link);
}

/** ctl_run_status() - "status [LINK]" */
enum ctl_exit ctl_run_status(struct ctl *ctl)
{
	CTL_CLEANUP(json_decref) json_t *daemon = NULL, *links = NULL;
	enum ctl_exit status;

	if (ctl_word(ctl, 0))
		return show(ctl, ctl_word(ctl, 0));

	status = ctl_properties(ctl, CTL_ROOT, CTL_MANAGER, &daemon);
	if (status == CTL_EXIT_OK)
		status = ctl_links(ctl, &links);

	return status == CTL_EXIT_OK ? print_all(ctl, daemon, links) : status;
}

/** ctl_run_link_show() - "link show [LINK]" */
enum ctl_exit ctl_run_link_show(struct ctl *ctl)
{
	CTL_CLEANUP(free) char *name = NULL;
	enum ctl_exit status = ctl_link_only(ctl, ctl_word(ctl, 0), &name);

	return status == CTL_EXIT_OK ? show(ctl, name) : status;
}
