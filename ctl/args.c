/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "ctl/args.h"

const struct ctl_option ctl_general_options[] = {
	{ .name = "help", .letter = 'h', .help = "say how to use it" },
	{ .name = "version", .help = "say which version this is" },
	{ .name = "json", .help = "for programs: JSON instead of text" },
	{ .name = "color",
	  .value = "WHEN",
	  .choices = "auto|always|never",
	  .help = "auto is the default: on a terminal, unless NO_COLOR is set" },
	{ .name = "no-pager", .help = "do not show what is long through a pager" },
	{ .name = "instance",
	  .value = "NAME",
	  .letter = 'i',
	  .help = "the daemon of this name instead of the one without" },
	{ .name = "session", .help = "the session bus instead of the system bus" },
	{ .name = "address", .value = "ADDRESS", .help = "this bus instead of the system bus" },
	{ .name = NULL },
};

/* getopt_long() gives back an index, from here on for the two tables. */
#define GENERAL 0x100
#define OWN 0x200

struct getopt_tables {
	struct option longs[2 * CTL_OPTIONS_MAX + 1];
	char shorts[3 * 2 * CTL_OPTIONS_MAX + 3];
	size_t n_longs;
};

static void add_letter(struct getopt_tables *tables, const struct ctl_option *option)
{
	size_t len = strlen(tables->shorts);

	if (!option->letter)
		return;
	tables->shorts[len++] = option->letter;
	for (int i = 0; option->value && i < (option->may_stand_alone ? 2 : 1); i++)
		tables->shorts[len++] = ':';
	tables->shorts[len] = '\0';
}

static void add_options(struct getopt_tables *tables, const struct ctl_option *options, int base)
{
	for (int i = 0; options && options[i].name; i++) {
		const struct ctl_option *option = &options[i];
		int takes = !option->value	      ? no_argument
			    : option->may_stand_alone ? optional_argument
						      : required_argument;

		assert(i < CTL_OPTIONS_MAX);
		tables->longs[tables->n_longs++] = (struct option){
			.name = option->name,
			.has_arg = takes,
			.val = base + i,
		};
		add_letter(tables, option);
	}
}

static int place_of_letter(const struct ctl_option *options, int letter)
{
	for (int i = 0; options && options[i].name; i++)
		if (options[i].letter && options[i].letter == letter)
			return i;

	return -1;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value);

	if (strchr(value, '|'))
		return false;
	for (const char *at = choices; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, value, len) == 0 && (at[len] == '|' || at[len] == '\0'))
			return true;
	}

	return false;
}

static enum ctl_exit set(const struct ctl_option *option, const char *value, const char **slot)
{
	if (option->choices && !is_choice(option->choices, value)) {
		(void)fprintf(stderr, "skybusctl: --%s: \"%s\" is none of %s.\n", option->name,
			      value, option->choices);
		return CTL_EXIT_USAGE;
	}
	*slot = value;

	return CTL_EXIT_OK;
}

static enum ctl_exit take_option(struct ctl_args *args, int c)
{
	const struct ctl_option *own = args->command ? args->command->options : NULL;
	const char *value = optarg ? optarg : "";
	int i;

	if (c >= OWN)
		return set(&own[c - OWN], value, &args->values[c - OWN]);
	if (c >= GENERAL)
		/* cppcheck-suppress arrayIndexOutOfBoundsCond ; getopt_long() gives nothing else */
		return set(&ctl_general_options[c - GENERAL], value, &args->general[c - GENERAL]);

	i = place_of_letter(own, c);
	if (i >= 0)
		return set(&own[i], value, &args->values[i]);
	i = place_of_letter(ctl_general_options, c);
	if (i >= 0)
		return set(&ctl_general_options[i], value, &args->general[i]);

	/* getopt_long() has said what is wrong with it. */
	return CTL_EXIT_USAGE;
}

/* first: "+" to end at the first word that is no option, "" to let them stand anywhere. */
static enum ctl_exit parse_options(struct ctl_args *args, const char *first, int argc, char **argv)
{
	struct getopt_tables tables = { .n_longs = 0 };
	int c;

	(void)strcpy(tables.shorts, first);
	add_options(&tables, ctl_general_options, GENERAL);
	if (args->command)
		add_options(&tables, args->command->options, OWN);

	optind = 0; /* glibc: from the beginning, with other tables */
	while ((c = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) >= 0) {
		enum ctl_exit status = take_option(args, c);

		if (status != CTL_EXIT_OK)
			return status;
	}

	return CTL_EXIT_OK;
}

/* How many of the words are the command's name; 0 if it is another. */
static size_t words_of(const char *name, char **words, size_t n_words)
{
	size_t taken = 0;

	while (taken < n_words) {
		size_t len = strlen(words[taken]);

		if (strncmp(name, words[taken], len) != 0 ||
		    (name[len] != ' ' && name[len] != '\0'))
			return 0;
		taken++;
		if (name[len] == '\0')
			return taken;
		name += len + 1;
	}

	return 0;
}

/**
 * ctl_args_find() - the command that words begin with
 * @table: ends with a name of NULL
 * @words: without options
 * @n_words: how many
 * @ret_taken: how many of them are its name; the longest name wins
 *
 * Return: its row, or NULL if there is none.
 */
const struct ctl_command *ctl_args_find(const struct ctl_command *table, char **words,
					size_t n_words, size_t *ret_taken)
{
	const struct ctl_command *found = NULL;
	size_t best = 0;

	for (const struct ctl_command *command = table; command->name; command++) {
		size_t taken = words_of(command->name, words, n_words);

		if (taken <= best)
			continue;
		best = taken;
		found = command;
	}
	if (found)
		*ret_taken = best;

	return found;
}

static enum ctl_exit complain_of_command(const struct ctl_command *table, const char *word)
{
	size_t len = strlen(word);
	bool group = false;

	for (const struct ctl_command *command = table; command->name; command++)
		group |= strncmp(command->name, word, len) == 0 && command->name[len] == ' ';
	(void)fprintf(stderr,
		      group ? "skybusctl: %s what? \"skybusctl help %s\" has its commands.\n"
			    : "skybusctl: there is no command \"%s\"; \"skybusctl %s\" has all.\n",
		      word, group ? word : "--help");

	return CTL_EXIT_USAGE;
}

/* It may have been meant for an option that takes its value only behind "=". */
static enum ctl_exit complain_of_word(const struct ctl_args *args, const char *word)
{
	const struct ctl_option *own = args->command->options;

	for (size_t i = 0; own && own[i].name; i++) {
		if (!own[i].may_stand_alone || !args->values[i] || *args->values[i])
			continue;
		(void)fprintf(
			stderr,
			"skybusctl: %s: \"%s\" is too much; for the %s of --%s write --%s=%s.\n",
			args->command->name, word, own[i].value, own[i].name, own[i].name, word);
		return CTL_EXIT_USAGE;
	}
	(void)fprintf(stderr, "skybusctl: %s: \"%s\" is too much; quote what has spaces.\n",
		      args->command->name, word);

	return CTL_EXIT_USAGE;
}

static enum ctl_exit check_words(const struct ctl_args *args)
{
	const struct ctl_word *words = args->command->words;
	size_t i;

	for (i = 0; words && words[i].name; i++) {
		if (i >= args->n_words && !words[i].optional) {
			(void)fprintf(
				stderr,
				"skybusctl: %s: %s is missing; see \"skybusctl %s --help\".\n",
				args->command->name, words[i].name, args->command->name);
			return CTL_EXIT_USAGE;
		}
		if (i < args->n_words && words[i].choices &&
		    !is_choice(words[i].choices, args->words[i])) {
			(void)fprintf(stderr, "skybusctl: %s: \"%s\" is none of %s.\n",
				      args->command->name, args->words[i], words[i].choices);
			return CTL_EXIT_USAGE;
		}
		if (words[i].repeated)
			return CTL_EXIT_OK;
	}
	return args->n_words > i ? complain_of_word(args, args->words[i]) : CTL_EXIT_OK;
}

/**
 * ctl_args_parse() - read the command line
 * @argc: as main() got it
 * @argv: as main() got it; its order may change
 * @table: the commands
 * @ret: on success the parsed command line, which points into @argv
 *
 * Return: CTL_EXIT_OK, or CTL_EXIT_USAGE when that was said on standard error. With --help and --version
 * neither the command nor its words need be there.
 */
enum ctl_exit ctl_args_parse(int argc, char **argv, const struct ctl_command *table,
			     struct ctl_args *ret)
{
	struct ctl_args args = { .command = NULL };
	enum ctl_exit status;
	size_t taken = 0;
	int first;

	status = parse_options(&args, "+", argc, argv);
	if (status != CTL_EXIT_OK)
		return status;
	first = optind;
	if (first < argc) {
		args.command = ctl_args_find(table, argv + first, (size_t)(argc - first), &taken);
		if (!args.command)
			return complain_of_command(table, argv[first]);

		/* What stands before is passed over; in its messages getopt_long() calls us by argv[0]. */
		first += (int)taken - 1;
		argv[first] = argv[0];
		status = parse_options(&args, "", argc - first, argv + first);
		if (status != CTL_EXIT_OK)
			return status;
		args.words = argv + first + optind;
		args.n_words = (size_t)(argc - first - optind);
	}
	if (args.command && !ctl_args_option(&args, "help") && !ctl_args_option(&args, "version"))
		status = check_words(&args);
	if (status == CTL_EXIT_OK)
		*ret = args;

	return status;
}

/**
 * ctl_args_option() - the value of an option
 * @args: a parsed command line
 * @name: without the hyphens
 *
 * Return: its value, "" for a switch; NULL if it was not given, or the command has no such option.
 */
const char *ctl_args_option(const struct ctl_args *args, const char *name)
{
	const struct ctl_option *own = args->command ? args->command->options : NULL;

	for (size_t i = 0; own && own[i].name; i++)
		if (strcmp(own[i].name, name) == 0)
			return args->values[i];
	for (size_t i = 0; ctl_general_options[i].name; i++)
		if (strcmp(ctl_general_options[i].name, name) == 0)
			return args->general[i];

	return NULL;
}
