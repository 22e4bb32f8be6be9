/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/daemon/config-fixture.h"

/* The plugin is loaded once for all tests: the linker would take it for the same anyway. */
int config_fixture_group_setup(void **state)
{
	static struct config_fixture fixture;

	*state = &fixture;
	scratch_init(&fixture.scratch);
	scratch_mkdir(&fixture.scratch, "plugins");
	scratch_plugin(&fixture.scratch, "good.so", "plugins/good.so");
	scratch_plugin(&fixture.scratch, "small.so", "plugins/small.so");
	scratch_text(&fixture.scratch, "key", "hush\n");
	if (sb_plugins_new(scratch_path(&fixture.scratch, "plugins"), &fixture.plugins) < 0)
		return -1;

	return setenv("CREDENTIALS_DIRECTORY", fixture.scratch.path, 1);
}

int config_fixture_group_teardown(void **state)
{
	struct config_fixture *fixture = *state;

	fixture->plugins = sb_plugins_free(fixture->plugins);
	scratch_done(&fixture->scratch);

	return unsetenv("CREDENTIALS_DIRECTORY");
}

int config_fixture_setup(void **state)
{
	struct config_fixture *fixture = *state;

	scratch_mkdir(&fixture->scratch, "etc");
	(void)snprintf(fixture->main_path, sizeof(fixture->main_path), "%s/etc/skybus.yaml",
		       fixture->scratch.path);

	return 0;
}

static void forget(struct config_fixture *fixture)
{
	fixture->config = sb_config_free(fixture->config);
	sb_problems_done(&fixture->problems);
}

int config_fixture_teardown(void **state)
{
	struct config_fixture *fixture = *state;

	forget(fixture);
	(void)nftw(scratch_path(&fixture->scratch, "etc"), scratch_remove_one, 16,
		   FTW_DEPTH | FTW_PHYS);

	return 0;
}

void config_fixture_put(struct config_fixture *fixture, const char *file, const char *text)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "etc/%s", file);
	scratch_text(&fixture->scratch, name, text);
}

int config_fixture_read_again(struct config_fixture *fixture)
{
	forget(fixture);

	return sb_config_read(fixture->main_path, fixture->plugins, &fixture->problems,
			      &fixture->config);
}

int config_fixture_read(struct config_fixture *fixture, const char *text)
{
	config_fixture_put(fixture, "skybus.yaml", text);

	return config_fixture_read_again(fixture);
}

void config_fixture_assert_problem(const struct config_fixture *fixture, size_t i,
				   const char *sentence)
{
	const char *text;

	if (i >= fixture->problems.n)
		fail_msg("nobody says \"%s\"", sentence);
	text = fixture->problems.all[i].text;
	assert_memory_equal(text, fixture->main_path, strlen(fixture->main_path) - 11);
	text += strlen(fixture->main_path) - 11;
	if (strncmp(text, sentence, strlen(sentence)) != 0)
		fail_msg("\"%s\" is not \"%s\"", text, sentence);
}

void config_fixture_assert_clean(const struct config_fixture *fixture)
{
	if (fixture->problems.n > 0)
		fail_msg("%s", fixture->problems.all[0].text);
}

void config_fixture_assert_wrong_link(const struct config_fixture *fixture, const char *sentence)
{
	assert_int_equal(fixture->config->n_links, 1);
	assert_non_null(fixture->config->links[0]->wrong);
	assert_non_null(strstr(fixture->config->links[0]->wrong, sentence));
}
