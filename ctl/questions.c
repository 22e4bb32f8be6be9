/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/questions.h"
#include "ctl/settings.h"
#include "ctl/text.h"
#include "ctl/yaml-json.h"

/** struct questions - what is asked, and where the answers go; settings that were asked for have the key "asked" */
struct questions {
	struct ctl *ctl;
	struct ctl_draft *draft;
	const char *plugin;
	json_t *common; /* settings of every link, and of the plugin */
	json_t *own;
};

/* ---- one setting ---- */

/* What the daemon would say of it is said. @ret: whether it takes it */
static enum ctl_exit check_value(const struct questions *questions, const char *plugin,
				 const json_t *row, const char *value, bool *ret)
{
	enum ctl_exit status;

	if (strcmp(ctl_text_at(row, "kind"), "file") == 0) {
		*ret = *value == '/' && access(value, R_OK) == 0;
		if (!*ret)
			ctl_say("Write the whole path of a file that is there.\n");
		return CTL_EXIT_OK;
	}
	status = ctl_manager(questions->ctl, "CheckSetting", NULL, "sss", plugin,
			     ctl_text_at(row, "key"), value);
	*ret = status == CTL_EXIT_OK;

	/* The sentence is for whoever answers, who may try again. */
	return status == CTL_EXIT_FINDING ? CTL_EXIT_OK : status;
}

static enum ctl_exit take_value(struct questions *questions, const json_t *row, const char *value)
{
	static const char *const texts[] = { "text", "host", "choice", "file", "networks" };
	CTL_CLEANUP(free) char *scalar = NULL;
	bool is_text = false;

	for (size_t i = 0; i < CTL_ELEMENTS(texts); i++)
		is_text = is_text || strcmp(ctl_text_at(row, "kind"), texts[i]) == 0;
	scalar = ctl_yaml_scalar(value, is_text);
	if (!scalar)
		return ctl_no_memory();

	return ctl_draft_set(questions->draft, ctl_text_at(row, "help"), ctl_text_at(row, "key"),
			     scalar);
}

static void describe(const json_t *row)
{
	const char *values = ctl_text_at(row, "values");

	ctl_say("\n%s\n  %s%s%s\n", ctl_text_at(row, "help"), ctl_text_at(row, "kind"),
		*values ? ", " : "", values);
}

/* "port [5683]: " */
static char *question_of(const json_t *row)
{
	const char *fallback = ctl_text_at(row, "default"), *hint = "";
	char *question;

	if (!*fallback && !json_is_true(json_object_get(row, "required")))
		hint = " (may be empty)";
	if (asprintf(&question, "%s%s%s%s%s: ", ctl_text_at(row, "key"), hint,
		     *fallback ? " [" : "", fallback, *fallback ? "]" : "") < 0)
		return NULL;

	return question;
}

/* One answer. @ret: whether the setting is done with */
static enum ctl_exit ask_once(struct questions *questions, const char *plugin, const json_t *row,
			      bool *ret)
{
	bool secret = strcmp(ctl_text_at(row, "kind"), "secret") == 0;
	CTL_CLEANUP(free) char *question = question_of(row);
	CTL_CLEANUP(free) char *value = NULL;
	enum ctl_exit status;

	if (!question)
		return ctl_no_memory();
	status = secret ? ctl_ask_secret(question, &value) : ctl_ask(question, &value);
	if (status != CTL_EXIT_OK)
		return status;
	if (*value == '\0') {
		*ret = !json_is_true(json_object_get(row, "required"));
		if (!*ret)
			ctl_say("%s is needed.\n", ctl_text_at(row, "key"));
		return CTL_EXIT_OK;
	}
	if (secret) {
		status = ctl_draft_secret(questions->draft, ctl_text_at(row, "help"),
					  ctl_text_at(row, "key"), value);
		explicit_bzero(value, strlen(value));
		*ret = true;
		return status;
	}
	status = check_value(questions, plugin, row, value, ret);

	return status == CTL_EXIT_OK && *ret ? take_value(questions, row, value) : status;
}

static enum ctl_exit ask_setting(struct questions *questions, const char *plugin, json_t *row)
{
	enum ctl_exit status = CTL_EXIT_OK;
	bool done = false;

	describe(row);
	while (!done && status == CTL_EXIT_OK)
		status = ask_once(questions, plugin, row, &done);
	(void)json_object_set_new(row, "asked", json_true());

	return status;
}

/* ---- all of them ---- */

/* Those that are needed, and secrets, of which one may be, according to the others; or all. */
static enum ctl_exit ask_settings(struct questions *questions, const char *plugin, json_t *rows)
{
	bool all = ctl_option(questions->ctl, "all") != NULL;
	enum ctl_exit status = CTL_EXIT_OK;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		if (status != CTL_EXIT_OK)
			break;
		if (json_object_get(row, "asked"))
			continue;
		if (all || json_is_true(json_object_get(row, "required")) ||
		    strcmp(ctl_text_at(row, "kind"), "secret") == 0)
			status = ask_setting(questions, plugin, row);
	}

	return status;
}

static void list_others(const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!json_object_get(row, "asked"))
			ctl_say("  %-18s %s\n", ctl_text_at(row, "key"), ctl_text_at(row, "help"));
}

static json_t *find_row(json_t *rows, const char *key)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(ctl_text_at(row, "key"), key) == 0)
			return row;

	return NULL;
}

static enum ctl_exit ask_named(struct questions *questions, const char *key)
{
	json_t *own = find_row(questions->own, key),
	       *row = own ? own : find_row(questions->common, key);

	if (!row)
		ctl_say("There is no setting \"%s\"; ? shows all.\n", key);
	else if (json_object_get(row, "asked"))
		ctl_say("%s has been asked for.\n", key);
	else
		return ask_setting(questions, own ? questions->plugin : "", row);

	return CTL_EXIT_OK;
}

/* Until an empty line comes. */
static enum ctl_exit ask_others(struct questions *questions)
{
	enum ctl_exit status = CTL_EXIT_OK;
	bool more = true;

	ctl_say("\n");
	while (status == CTL_EXIT_OK && more) {
		CTL_CLEANUP(free) char *key = NULL;

		status = ctl_ask("Another setting (? shows them, an empty line goes on): ", &key);
		if (status != CTL_EXIT_OK)
			return status;
		more = *key != '\0';
		if (strcmp(key, "?") == 0) {
			list_others(questions->own);
			list_others(questions->common);
		} else if (more) {
			status = ask_named(questions, key);
		}
	}

	return status;
}

static enum ctl_exit ask(struct questions *questions)
{
	bool all = ctl_option(questions->ctl, "all") != NULL;
	enum ctl_exit status = ctl_settings(questions->ctl, "", &questions->common);

	if (status == CTL_EXIT_OK)
		status = ctl_settings(questions->ctl, questions->plugin, &questions->own);
	if (status != CTL_EXIT_OK)
		return status;
	/* It is known. */
	(void)json_object_set_new(find_row(questions->common, "plugin"), "asked", json_true());
	status = ask_settings(questions, questions->plugin, questions->own);
	if (status == CTL_EXIT_OK)
		status = ask_settings(questions, "", questions->common);

	return status == CTL_EXIT_OK && !all ? ask_others(questions) : status;
}

/**
 * ctl_questions() - ask for the settings of a link
 * @draft: gets the answers
 * @plugin: of the link; the draft has it
 *
 * Those that are needed are asked for, and secrets; with the option --all every one; the daemon checks each answer.
 *
 * Return: CTL_EXIT_OK, or what to end with when it was said that it stops.
 */
enum ctl_exit ctl_questions(struct ctl *ctl, struct ctl_draft *draft, const char *plugin)
{
	struct questions questions = { .ctl = ctl, .draft = draft, .plugin = plugin };
	enum ctl_exit status = ask(&questions);

	json_decref(questions.common);
	json_decref(questions.own);

	return status;
}
