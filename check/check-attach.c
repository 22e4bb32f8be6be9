/* SPDX-License-Identifier: Apache-2.0 */
/* Links that come and go, with the settings that are given and with others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/checks.h"
#include "check/scripted-lent.h"
#include "check/trial.h"
#include "check/values.h"
#include "daemon/cleanup.h"
#include "daemon/kind.h"
#include "daemon/utf8.h"

#define CYCLES 10000

/* What attach() said of the settings. */
struct said {
	bool done;
	int32_t result;
	char reason[sizeof(((struct skybus_verdict *)0)->reason)];
};

static struct said come_and_go(const struct skybus_plugin *plugin,
			       const struct scripted_setting *settings)
{
	struct skybus_link *link = scripted_new(plugin, settings);
	struct skybus_verdict why;
	struct said said = { .result = scripted_attach(link, &why), .done = true };

	if (said.result != 0)
		(void)snprintf(said.reason, sizeof(said.reason), "%s", why.reason);
	if (said.result == 0 && plugin->device)
		(void)scripted_device(link);
	scripted_detach(link);
	check_link_fault(link);
	(void)scripted_free(link);

	return said;
}

static void come_and_go_again(void *arg)
{
	struct check_plugin *plugin = arg;

	(void)come_and_go(plugin->descriptor, plugin->values->list);
}

static void run_first(void *arg, size_t i)
{
	struct check_plugin *plugin = arg;
	struct said *said = check_board();

	(void)i;
	scripted_lend_guarded(true);
	*said = come_and_go(plugin->descriptor, plugin->values->list);
}

static void run_many(void *arg, size_t i)
{
	size_t growth = check_growth(come_and_go_again, arg, CYCLES);

	(void)i;
	if (growth > 0)
		check_fault(
			"detach()",
			"%zu bytes stay on the heap each time that a link comes and goes: free in "
			"detach() what attach() has allocated",
			growth);
}

/* ---- other settings ---- */

/* The settings that are given, and one of another value in front, which counts. */
struct variant {
	struct check_plugin *plugin;
	struct scripted_setting *settings;
};

static void run_variant_again(void *arg)
{
	struct variant *variant = arg;

	(void)come_and_go(variant->plugin->descriptor, variant->settings);
}

static void try_value(struct check_plugin *plugin, const struct skybus_setting *row,
		      const char *value)
{
	struct scripted_setting settings[CHECK_SETTINGS_MAX + 2] = {
		{ .key = row->key, .value = value },
	};
	struct variant variant = { plugin, settings };

	for (size_t i = 0; i < CHECK_SETTINGS_MAX && plugin->values->list[i].key; i++)
		settings[i + 1] = plugin->values->list[i];
	check_when("with %s: %.40s", row->key, value);
	check_case(run_variant_again, &variant);
}

static void try_choices(struct check_plugin *plugin, const struct skybus_setting *row)
{
	struct sb_choices choices;

	if (sb_choices_split(row->choices, &choices) < 0)
		return;
	for (size_t i = 0; i < choices.n; i++)
		try_value(plugin, row, choices.words[i]);
}

static void try_bound(struct check_plugin *plugin, const struct skybus_setting *row, int64_t bound)
{
	const struct sb_kind *kind = sb_kind_of(row);
	char number[48];
	char *text;

	if (kind->is_text || kind->is_bytes) {
		if (bound < 0 || bound > 64 * 1024)
			bound = 64 * 1024;
		text = calloc(1, (size_t)bound + 1);
		if (!text)
			abort();
		memset(text, '7', (size_t)bound);
		if (bound > 0)
			try_value(plugin, row, text);
		free(text);
		return;
	}
	kind->print(bound, number, sizeof(number));
	try_value(plugin, row, number);
}

static void run_variants(void *arg, size_t i)
{
	struct check_plugin *plugin = arg;
	const struct skybus_setting *row = &plugin->descriptor->settings[i];
	int64_t least, most;

	sb_kind_bounds(row, &least, &most);
	if (row->kind == SKYBUS_CHOICE) {
		try_choices(plugin, row);
	} else if (row->kind == SKYBUS_BOOLEAN) {
		try_value(plugin, row, "yes");
		try_value(plugin, row, "no");
	} else if (row->kind != SKYBUS_HOST && row->kind != SKYBUS_NETWORKS) {
		try_bound(plugin, row, least);
		try_bound(plugin, row, most);
	}
}

/* ---- the check ---- */

/**
 * check_attach() - links come and go
 * @plugin: loaded; without values afterwards if it refuses those it has
 * @outcome: of this check
 */
void check_attach(struct check_plugin *plugin, struct check_outcome *outcome)
{
	const struct said *said;

	check_run(plugin, &outcome->findings, run_first, plugin, 1);
	said = check_board();
	if (!check_calls_watched())
		check_gap(
			outcome,
			"system calls that wait, or that are not a plugin's: this kernel does not "
			"tell of them (seccomp)");
	if (!said->done)
		return;
	if (said->result != 0) {
		(void)snprintf(plugin->refused, sizeof(plugin->refused), "%s",
			       said->reason[0] ? said->reason : "it gives no reason");
		sb_utf8_make_printable(plugin->refused);
		outcome->result = CHECK_SKIPPED;
		(void)snprintf(outcome->text, sizeof(outcome->text),
			       "attach() refuses the settings: %s", plugin->refused);
		return;
	}
	check_run(plugin, &outcome->findings, run_variants, plugin, plugin->descriptor->n_settings);
	check_run(plugin, &outcome->findings, run_many, plugin, 1);
	(void)snprintf(outcome->text, sizeof(outcome->text), "%d links came and went", CYCLES);
}
