/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/help.h"
#include "ctl/output.h"
#include "ctl/run.h"

/* Where what explains begins. */
#define COLUMN 28

static void explain(const char *what, const char *help)
{
	if (strlen(what) + 4 > COLUMN)
		(void)printf("  %s\n%*s%s\n", what, COLUMN, "", help);
	else
		(void)printf("  %-*s%s\n", COLUMN - 2, what, help);
}

static void print_options(const struct ctl_option *options)
{
	for (; options && options->name; options++) {
		char what[80], help[200];
		const char *value = options->value ? options->value : "";
		const char *before = !options->value ? "" : options->may_stand_alone ? "[=" : " ";

		(void)snprintf(what, sizeof(what), "%s%c%s--%s%s%s%s", options->letter ? "-" : "",
			       options->letter ? options->letter : ' ',
			       options->letter ? ", " : "   ", options->name, before, value,
			       options->may_stand_alone ? "]" : "");
		(void)snprintf(help, sizeof(help), "%s%s%s%s", options->help,
			       options->choices ? " (" : "",
			       options->choices ? options->choices : "",
			       options->choices ? ")" : "");
		explain(what, help);
	}
}

static void usage_of(const struct ctl_command *command, char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "%s", command->name);

	for (const struct ctl_word *word = command->words; word && word->name && len < size; word++)
		len += (size_t)snprintf(text + len, size - len,
					word->optional ? " [%s%s]" : " %s%s", word->name,
					word->repeated ? "..." : "");
}

static void print_commands(const char *group)
{
	size_t len = group ? strlen(group) : 0;
	char usage[160];

	for (const struct ctl_command *command = ctl_commands; command->name; command++) {
		if (!command->summary ||
		    (group && (strncmp(command->name, group, len) != 0 ||
			       (command->name[len] != ' ' && command->name[len] != '\0'))))
			continue;
		usage_of(command, usage, sizeof(usage));
		explain(usage, command->summary);
	}
}

static void print_exits(void)
{
	(void)puts("\nIt ends with");
#define ROW(name, number, meaning) explain(#number, meaning);
	CTL_EXIT_TABLE(ROW)
#undef ROW
}

/** ctl_help_all() - what there is */
void ctl_help_all(void)
{
	(void)puts("skybusctl [OPTIONS] COMMAND [ARGUMENTS]\n\n"
		   "Looks at skybusd and has it do things, over D-Bus.\n\n"
		   "Commands (\"skybusctl COMMAND --help\" has the options of one)");
	print_commands(NULL);
	(void)puts("\nOptions of all commands");
	print_options(ctl_general_options);
	print_exits();
}

/** ctl_help_command() - one command */
void ctl_help_command(const struct ctl_command *command)
{
	char usage[160];

	usage_of(command, usage, sizeof(usage));
	(void)printf("skybusctl %s\n\n%s.\n", usage, command->summary ? command->summary : "");
	if (command->details)
		(void)printf("\n%s", command->details);
	if (command->options && command->options->name)
		(void)puts("\nOptions");
	print_options(command->options);
	(void)puts("\nOptions of all commands");
	print_options(ctl_general_options);
}

/* The commands whose names begin with a word, if there are any. */
static bool help_group(const char *group)
{
	size_t len = strlen(group);

	for (const struct ctl_command *command = ctl_commands; command->name; command++) {
		if (strncmp(command->name, group, len) != 0 || command->name[len] != ' ')
			continue;
		(void)printf("skybusctl %s COMMAND\n\n", group);
		print_commands(group);
		return true;
	}

	return false;
}

/** ctl_run_help() - "help [COMMAND...]" */
enum ctl_exit ctl_run_help(struct ctl *ctl)
{
	const struct ctl_command *command;
	size_t taken;

	ctl_output_pager(ctl);
	if (ctl->args.n_words == 0) {
		ctl_help_all();
		return CTL_EXIT_OK;
	}
	command = ctl_args_find(ctl_commands, ctl->args.words, ctl->args.n_words, &taken);
	if (command && taken == ctl->args.n_words) {
		ctl_help_command(command);
		return CTL_EXIT_OK;
	}
	if (ctl->args.n_words == 1 && help_group(ctl_word(ctl, 0)))
		return CTL_EXIT_OK;

	return ctl_fail(CTL_EXIT_USAGE, "there is no such command; \"skybusctl --help\" has all.");
}
