/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of commands keeps its own rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/args.h"
#include "ctl/commands.h"

static size_t count(const struct ctl_option *options)
{
	size_t n = 0;

	while (options && options[n].name)
		n++;

	return n;
}

static void test_rows_are_whole(void **state)
{
	(void)state;
	for (const struct ctl_command *command = ctl_commands; command->name; command++) {
		assert_non_null(command->run);
		assert_true(count(command->options) <= CTL_OPTIONS_MAX);
		if (command->summary) /* a sentence without its full stop */
			assert_true(command->summary[strlen(command->summary) - 1] != '.');
		if (command->details)
			assert_int_equal(command->details[strlen(command->details) - 1], '\n');
	}
	assert_true(count(ctl_general_options) <= CTL_OPTIONS_MAX);
}

static void test_names_are_there_once(void **state)
{
	(void)state;
	for (const struct ctl_command *command = ctl_commands; command->name; command++)
		for (const struct ctl_command *other = command + 1; other->name; other++)
			assert_string_not_equal(command->name, other->name);
}

static bool clash(const struct ctl_option *a, const struct ctl_option *b)
{
	return strcmp(a->name, b->name) == 0 || (a->letter && a->letter == b->letter);
}

static void test_options_do_not_clash(void **state)
{
	(void)state;
	for (const struct ctl_command *command = ctl_commands; command->name; command++)
		for (size_t i = 0; i < count(command->options); i++) {
			for (size_t k = i + 1; k < count(command->options); k++)
				assert_false(clash(&command->options[i], &command->options[k]));
			for (size_t k = 0; k < count(ctl_general_options); k++)
				assert_false(clash(&command->options[i], &ctl_general_options[k]));
		}
}

/* What is optional comes last, and only the last may be repeated; else parsing would have to guess. */
static void test_words_are_clear(void **state)
{
	(void)state;
	for (const struct ctl_command *command = ctl_commands; command->name; command++)
		for (const struct ctl_word *word = command->words; word && word->name; word++) {
			if (!word[1].name)
				break;
			assert_false(word->repeated);
			assert_true(!word->optional || word[1].optional);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_whole),
		cmocka_unit_test(test_names_are_there_once),
		cmocka_unit_test(test_options_do_not_clash),
		cmocka_unit_test(test_words_are_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
