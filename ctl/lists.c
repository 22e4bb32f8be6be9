/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that print a list as the daemon has it.
 */
#include "ctl/list.h"
#include "ctl/run.h"

static const struct ctl_list losses = {
	.member = "ListLosses",
	.columns = {
		{ "link", "LINK", CTL_TEXT, false },
		{ "user", "USER", CTL_USER, false },
		{ "outcome", "OUTCOME", CTL_STATE, false },
		{ "cause", "CAUSE", CTL_TEXT, false },
		{ "messages", "MESSAGES", CTL_NUMBER, false },
	},
	.nothing = "Nothing was lost.",
};

static const struct ctl_list inboxes = {
	.member = "ListInboxes",
	.columns = {
		{ "link", "LINK", CTL_TEXT, false },
		{ "user", "USER", CTL_USER, false },
		{ "name", "NAME", CTL_TEXT, false },
		{ "filter", "FILTER", CTL_TEXT, true },
		{ "messages", "MESSAGES", CTL_NUMBER, false },
		{ "bytes", "SIZE", CTL_BYTES, false },
		{ "lost", "LOST", CTL_NUMBER, false },
		{ "connected", "CONNECTED", CTL_YES, false },
	},
	.nothing = "There are no inboxes.",
};

/** ctl_run_losses() - "losses" */
enum ctl_exit ctl_run_losses(struct ctl *ctl)
{
	return ctl_list_run(ctl, &losses);
}

/** ctl_run_inboxes() - "inboxes" */
enum ctl_exit ctl_run_inboxes(struct ctl *ctl)
{
	return ctl_list_run(ctl, &inboxes);
}
