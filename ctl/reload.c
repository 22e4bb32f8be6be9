/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "reload": the configuration read again, and what that changes.
 */
#include "ctl/reload.h"
#include "ctl/list.h"
#include "ctl/run.h"

static const struct ctl_list list = {
	.member = "PreviewReload",
	.columns = {
		{ "what", "WHAT", CTL_TEXT, false },
		{ "name", "NAME", CTL_TEXT, false },
		{ "change", "CHANGE", CTL_TEXT, false },
		{ "sentence", "WHAT IS NEW", CTL_TEXT, true },
	},
};

/**
 * ctl_changes() - what a reload would change now
 * @ret: on success an array of objects, a new reference
 *
 * Return: CTL_EXIT_OK, or what to end with when it was said what is wrong.
 */
enum ctl_exit ctl_changes(struct ctl *ctl, json_t **ret)
{
	return ctl_list_get(ctl, &list, NULL, ret);
}

/* As a table, or as JSON; @nothing is said when there are none. */
static enum ctl_exit print_changes(struct ctl *ctl, json_t *changes, const char *nothing)
{
	struct ctl_list shown = list;

	shown.nothing = nothing;

	return ctl_list_print(ctl, &shown, changes);
}

/** ctl_run_reload() - "reload [--dry-run]" */
enum ctl_exit ctl_run_reload(struct ctl *ctl)
{
	bool dry = ctl_option(ctl, "dry-run") != NULL;
	CTL_CLEANUP(json_decref) json_t *changes = NULL;
	enum ctl_exit status;

	status = ctl_changes(ctl, &changes);
	if (status == CTL_EXIT_OK && !dry)
		status = ctl_manager(ctl, "Reload", NULL, NULL);
	if (status != CTL_EXIT_OK)
		return status;

	return print_changes(ctl, changes,
			     dry ? "A reload would change nothing."
				 : "Nothing has changed: it was in force already.");
}
