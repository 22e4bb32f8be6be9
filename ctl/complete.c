/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may come next, for the completion of shells. "skybusctl complete -- WORDS" prints a candidate on each
 * line: WORDS is the command line so far, without skybusctl itself, and its last word is the one that is being
 * typed, which may be empty. Each candidate stands for the whole of it, as in "--link=plant". For files it prints
 * "\f" (or "\d" for directories), which the shell does itself; what ends with the first "=" is theirs to keep.
 * Candidates come out of the table of commands, and links, plugins and dead letters from the daemon, if it
 * answers.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/commands.h"
#include "ctl/links.h"
#include "ctl/run.h"

/* The daemon has this long; a shell must not hang. */
#define PATIENCE_USEC 1000000

/** struct line - the command line so far, as far as it is understood */
struct line {
	struct ctl *ctl;
	const struct ctl_command *command; /* NULL while it is not known */
	const struct ctl_option *awaited; /* the option whose value is being typed; NULL for none */
	const char *typed; /* what is being typed: a word, or the value behind "--option=" */
	const char *option; /* "--option=" in front of it, and how long that is */
	size_t option_len;
	char *before[64]; /* the words before it that are no options */
	size_t n_before;
	size_t taken; /* of them are the command */
	bool ended; /* "--" was there */
};

static void offer_part(const struct line *line, const char *candidate, size_t len)
{
	size_t typed = strlen(line->typed);

	if (len >= typed && strncmp(candidate, line->typed, typed) == 0)
		(void)printf("%.*s%.*s\n", (int)line->option_len, line->option, (int)len,
			     candidate);
}

static void offer(const struct line *line, const char *candidate)
{
	offer_part(line, candidate, strlen(candidate));
}

static const struct ctl_option *find_in(const struct ctl_option *options, const char *word,
					size_t len)
{
	for (; options && options->name; options++)
		if (word[1] == '-' ? strlen(options->name) == len - 2 &&
					     strncmp(options->name, word + 2, len - 2) == 0
				   : len == 2 && options->letter == word[1])
			return options;

	return NULL;
}

static const struct ctl_option *find_option(const struct line *line, const char *word)
{
	const struct ctl_option *option = find_in(ctl_general_options, word, strcspn(word, "="));

	if (!option && line->command)
		option = find_in(line->command->options, word, strcspn(word, "="));

	return option;
}

/* The general options that say which daemon is asked hold while its links are completed, too. */
static void remember(struct line *line, const struct ctl_option *option, const char *value)
{
	for (size_t i = 0; ctl_general_options[i].name; i++)
		if (option == &ctl_general_options[i])
			line->ctl->args.general[i] = value;
}

static void take_word(struct line *line, char *word)
{
	if (line->n_before == CTL_ELEMENTS(line->before))
		return;
	line->before[line->n_before++] = word;
	line->command = ctl_args_find(ctl_commands, line->before, line->n_before, &line->taken);
}

static void take(struct line *line, char *word)
{
	const struct ctl_option *option;
	const char *value = strchr(word, '=');

	if (line->awaited) {
		remember(line, line->awaited, word);
		line->awaited = NULL;
	} else if (line->ended || word[0] != '-' || word[1] == '\0') {
		take_word(line, word);
	} else if (strcmp(word, "--") == 0) {
		line->ended = true;
	} else {
		option = find_option(line, word);
		if (option && option->value && !value && !option->may_stand_alone)
			line->awaited = option;
		else if (option)
			remember(line, option, value ? value + 1 : "");
	}
}

static void offer_choices(const struct line *line, const char *choices)
{
	size_t len;

	for (const char *at = choices; *at; at += len, at += *at == '|') {
		len = strcspn(at, "|");
		offer_part(line, at, len);
	}
}

/* The next word of each command that begins with those that are there. */
static void offer_commands(const struct line *line, size_t from)
{
	char prefix[160] = "", candidate[80], last[80] = "";

	for (size_t i = from; i < line->n_before; i++) {
		(void)strncat(prefix, line->before[i], sizeof(prefix) - strlen(prefix) - 1);
		(void)strncat(prefix, " ", sizeof(prefix) - strlen(prefix) - 1);
	}
	for (const struct ctl_command *command = ctl_commands; command->name; command++) {
		const char *next;

		if (!command->summary || strncmp(command->name, prefix, strlen(prefix)) != 0)
			continue;
		next = command->name + strlen(prefix);
		(void)snprintf(candidate, sizeof(candidate), "%.*s", (int)strcspn(next, " "), next);
		if (strcmp(candidate, last) != 0)
			offer(line, candidate);
		(void)strcpy(last, candidate);
	}
}

static void offer_links(const struct line *line)
{
	CTL_CLEANUP(json_decref) json_t *links = NULL;
	const json_t *link;
	size_t i;

	if (ctl_links(line->ctl, &links) != CTL_EXIT_OK)
		return;
	json_array_foreach(links, i, link)
		offer(line, json_string_value(json_object_get(link, "Name")));
}

static void offer_first_members(const struct line *line, sd_bus_message *reply)
{
	CTL_CLEANUP(json_decref) json_t *body = NULL;
	const json_t *item;
	char number[24];
	size_t i;

	if (ctl_body(reply, &body) < 0)
		return;
	json_array_foreach(json_array_get(body, 0), i, item) {
		const json_t *first = json_array_get(item, 0);

		if (json_is_string(first))
			offer(line, json_string_value(first));
		(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
			       json_integer_value(first));
		if (json_is_integer(first))
			offer(line, number);
	}
}

static void offer_left_out(const struct line *line)
{
	CTL_CLEANUP(json_decref) json_t *manager = NULL;
	const json_t *pair;
	size_t i;

	if (ctl_properties(line->ctl, CTL_ROOT, CTL_MANAGER, &manager) != CTL_EXIT_OK)
		return;
	json_array_foreach(json_object_get(manager, "FailedPlugins"), i, pair)
		offer(line, json_string_value(json_array_get(pair, 0)));
}

static void offer_from_daemon(const struct line *line, enum ctl_what what)
{
	CTL_CLEANUP(sd_bus_message_unref) sd_bus_message *reply = NULL;
	enum ctl_exit status;

	/* What goes wrong is nothing to print into somebody's command line. */
	if (!freopen("/dev/null", "w", stderr) || ctl_bus_open(line->ctl) != CTL_EXIT_OK)
		return;
	ctl_patience(line->ctl, PATIENCE_USEC);
	if (what == CTL_WHAT_LINK) {
		offer_links(line);
		return;
	}
	if (what == CTL_WHAT_LEFT_OUT) {
		offer_left_out(line);
		return;
	}
	if (what == CTL_WHAT_PLUGIN)
		status = ctl_manager(line->ctl, "ListPlugins", &reply, NULL);
	else
		status = ctl_manager(line->ctl, "ListDeadLetters", &reply, "st", "", UINT64_C(0));
	if (status == CTL_EXIT_OK)
		offer_first_members(line, reply);
}

static void offer_values(const struct line *line, enum ctl_what what, const char *choices)
{
	if (choices) {
		offer_choices(line, choices);
		return;
	}
	switch (what) {
	case CTL_WHAT_LINK:
	case CTL_WHAT_PLUGIN:
	case CTL_WHAT_LEFT_OUT:
	case CTL_WHAT_DEAD_LETTER:
		offer_from_daemon(line, what);
		break;
	case CTL_WHAT_COMMAND:
		offer_commands(line, line->taken);
		break;
	case CTL_WHAT_FILE:
		(void)puts("\\f");
		break;
	case CTL_WHAT_DIRECTORY:
		(void)puts("\\d");
		break;
	case CTL_WHAT_ANY:
		break;
	}
}

static void offer_options(const struct line *line, const struct ctl_option *options)
{
	char candidate[80];

	for (; options && options->name; options++) {
		(void)snprintf(candidate, sizeof(candidate), "--%s", options->name);
		offer(line, candidate);
	}
}

/* The row of the word that is being typed; NULL if the command takes no more. */
static const struct ctl_word *awaited_word(const struct line *line)
{
	const struct ctl_word *word = line->command->words;
	size_t n = line->n_before - line->taken;

	for (; word && word->name; word++, n--)
		if (n == 0 || word->repeated)
			return word;

	return NULL;
}

static void offer_next(struct line *line)
{
	const struct ctl_option *option;
	const struct ctl_word *word;
	const char *value = strchr(line->typed, '=');

	if (line->awaited) {
		offer_values(line, line->awaited->what, line->awaited->choices);
	} else if (!line->ended && line->typed[0] == '-' && value) {
		option = find_option(line, line->typed);
		line->option = line->typed;
		line->option_len = (size_t)(value + 1 - line->typed);
		line->typed = value + 1;
		if (option)
			offer_values(line, option->what, option->choices);
	} else if (!line->ended && line->typed[0] == '-') {
		offer_options(line, ctl_general_options);
		offer_options(line, line->command ? line->command->options : NULL);
	} else {
		/* Also where what is there is a command: "plugins" goes on as "plugins show". */
		if (!line->command || line->n_before == line->taken)
			offer_commands(line, 0);
		word = line->command ? awaited_word(line) : NULL;
		if (word)
			offer_values(line, word->what, word->choices);
	}
}

/** ctl_run_complete() - "complete -- WORD..." */
enum ctl_exit ctl_run_complete(struct ctl *ctl)
{
	struct line line = { .ctl = ctl, .typed = "", .option = "" };

	for (size_t i = 0; i < ctl->args.n_words; i++) {
		line.typed = ctl_word(ctl, i);
		if (i + 1 < ctl->args.n_words)
			take(&line, ctl->args.words[i]);
	}
	offer_next(&line);

	return CTL_EXIT_OK;
}
