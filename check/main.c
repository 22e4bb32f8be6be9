/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skybus-plugin-check: does a plugin keep the rules of skybus/plugin.h?
 */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/checks.h"
#include "check/cloud.h"
#include "check/report.h"
#include "check/values.h"
#include "daemon/cleanup.h"
#include "daemon/utf8.h"

/* What it ends with. */
enum {
	PASSED = 0,
	BROKEN = 1,
	NOT_CHECKED = 2, /* wrong use, or something cannot be read */
};

static const char help[] =
	"skybus-plugin-check FILE.so: does a plugin keep the rules of skybus/plugin.h?\n"
	"\n"
	"  --settings FILE  the link's settings, as below its name in skybus.yaml; without it they are made up\n"
	"  --cloud FILE     what the cloud answers, as for skybus-sim(1), so that the login comes online\n"
	"  --json           one JSON object\n"
	"  --tap            TAP, for programs that run tests\n"
	"  --version, --help\n"
	"\n"
	"It ends with 0 when no rule was broken, with 1 when one was, with 2 when it could not check.\n";

/* The file is looked at alone; without it there is nothing else, and without settings that it takes. */
const struct check_row check_rows[] = {
	{ "file", check_file },		{ "symbols", check_symbols },
	{ "attach", check_attach },	{ "login", check_login },
	{ "answers", check_answers },	{ "refusals", check_refusals },
	{ "detach", check_detach },	{ "messages", check_messages },
	{ "verdicts", check_verdicts }, { "commands", check_commands },
	{ "links", check_links },
};
const size_t check_n_rows = SB_ELEMENTS(check_rows);

struct options {
	const char *file;
	const char *settings;
	const char *cloud;
	enum check_form form;
};

/* Returns -1 to go on, else what to end with. */
static int parse(int argc, char *argv[], struct options *ret)
{
	enum {
		SETTINGS = 256,
		CLOUD,
		JSON,
		TAP,
		VERSION,
		HELP
	};
	static const struct option known[] = {
		{ "settings", required_argument, NULL, SETTINGS },
		{ "cloud", required_argument, NULL, CLOUD },
		{ "json", no_argument, NULL, JSON },
		{ "tap", no_argument, NULL, TAP },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == SETTINGS)
			ret->settings = optarg;
		else if (option == CLOUD)
			ret->cloud = optarg;
		else if (option == JSON)
			ret->form = CHECK_JSON;
		else if (option == TAP)
			ret->form = CHECK_TAP;
		else if (option == VERSION)
			return puts("skybus-plugin-check " SKYBUS_VERSION) < 0 ? NOT_CHECKED
									       : PASSED;
		else if (option == HELP)
			return fputs(help, stdout) < 0 ? NOT_CHECKED : PASSED;
		else
			return NOT_CHECKED;
	}
	if (optind + 1 != argc) {
		(void)fprintf(stderr,
			      "%s: name one file, the plugin: %s FILE.so; --help says more\n",
			      argv[0], argv[0]);
		return NOT_CHECKED;
	}
	ret->file = argv[optind];

	return -1;
}

static int tell_problems(struct sb_problems *problems, int r)
{
	for (size_t i = 0; i < problems->n; i++)
		if (problems->all[i].event == SB_EVENT_CONFIG_WRONG)
			(void)fprintf(stderr, "%s\n", problems->all[i].text);
	sb_problems_done(problems);

	return r;
}

static int read_files(const struct options *options, struct check_plugin *plugin)
{
	struct sb_problems problems = { 0 };
	int r = 0;

	if (!plugin->cloud)
		r = check_cloud_new(options->cloud, &problems, &plugin->cloud);
	if (r == 0 && plugin->descriptor && options->settings)
		r = check_values_read(plugin->descriptor, options->settings, &problems,
				      &plugin->values);
	else if (r == 0 && plugin->descriptor)
		r = check_values_make(plugin->descriptor, &plugin->values);

	return tell_problems(&problems, r);
}

static void skip(struct check_outcome *outcome, const char *why)
{
	if (outcome->text[0])
		return;
	outcome->result = CHECK_SKIPPED;
	(void)snprintf(outcome->text, sizeof(outcome->text), "%s", why);
}

static void run_one(struct check_plugin *plugin, size_t i, struct check_outcome *outcome)
{
	check_rows[i].run(plugin, outcome);
	sb_utf8_make_printable(outcome->text);
	if (outcome->findings.n > 0)
		outcome->result = CHECK_FAILED;
}

/* Returns what to end with, unless a rule was broken. */
static int run_all(const struct options *options, struct check_plugin *plugin,
		   struct check_outcome *outcomes)
{
	run_one(plugin, 0, &outcomes[0]);
	if (read_files(options, plugin) < 0)
		return NOT_CHECKED;
	for (size_t i = 1; i < check_n_rows; i++) {
		if (!plugin->descriptor)
			skip(&outcomes[i], "the daemon would not load the file");
		else if (plugin->refused[0])
			skip(&outcomes[i], "attach() refuses the settings");
		else if (i > 2 && outcomes[2].result == CHECK_FAILED && outcomes[2].text[0] == '\0')
			skip(&outcomes[i], "attach() does not work");
		else
			run_one(plugin, i, &outcomes[i]);
	}

	return PASSED;
}

static void tell_refused(const struct check_plugin *plugin)
{
	if (plugin->values->given)
		(void)fprintf(stderr, "attach() refuses the settings that were given: %s\n",
			      plugin->refused);
	else
		(void)fprintf(
			stderr,
			"attach() refuses settings that were made up from the plugin's table: %s: give "
			"--settings FILE, with settings that it takes\n",
			plugin->refused);
}

static bool broken(const struct check_outcome *outcomes)
{
	for (size_t i = 0; i < check_n_rows; i++)
		if (outcomes[i].result == CHECK_FAILED)
			return true;

	return false;
}

static int check(const struct options *options)
{
	struct check_outcome *outcomes = calloc(check_n_rows, sizeof(*outcomes));
	struct check_plugin plugin = { .path = options->file };
	const struct check_report report = { .plugin = &plugin, .outcomes = outcomes };
	int r = NOT_CHECKED;

	if (outcomes && access(plugin.path, R_OK) < 0)
		(void)fprintf(stderr, "cannot read %s: %m\n", plugin.path);
	else if (outcomes)
		r = run_all(options, &plugin, outcomes);
	if (r == PASSED && check_report_write(&report, options->form, stdout) < 0)
		r = NOT_CHECKED;
	if (r == PASSED && !check_report_passed(&report))
		r = broken(outcomes) ? BROKEN : NOT_CHECKED;
	if (r == NOT_CHECKED && plugin.refused[0])
		tell_refused(&plugin);
	check_image_done(&plugin.image);
	(void)check_values_free(plugin.values);
	(void)check_cloud_free(plugin.cloud);
	free(outcomes);

	return r;
}

int main(int argc, char *argv[])
{
	struct options options = { .form = CHECK_PEOPLE };
	int r = parse(argc, argv, &options);

	if (r >= 0)
		return r;
	/* Otherwise libjansson opens a file for its first object, within a call of the plugin. */
	json_object_seed(1);

	return check(&options);
}
