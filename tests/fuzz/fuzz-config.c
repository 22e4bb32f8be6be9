/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration: whatever is in the file, it is refused with a sentence that begins with its place, or it can be
 * used, and printed.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/config-print.h"
#include "daemon/config.h"
#include "tests/fuzz/input.h"

#define TEXT_MAX 16384

/* Once: to load plugins takes long. */
static struct sb_plugins *load_plugins(void)
{
	static struct sb_plugins *plugins;
	const char *directory = getenv("SKYBUS_PLUGIN_DIR");

	if (!plugins) {
		fuzz_require(directory && sb_plugins_new(directory, &plugins) == 0,
			     "SKYBUS_PLUGIN_DIR has no plugins");
		sb_plugins_load_all(plugins);
		sb_plugins_seal(plugins);
	}

	return plugins;
}

static void print(const struct sb_config *config)
{
	const struct sb_config_view view = {
		.access = config->access,
		.callers = config->callers,
		.store = config->store,
		.inboxes = config->inboxes,
		.links = (const struct sb_link_config *const *)config->links,
		.n_links = config->n_links,
		.routes = config->routes,
	};
	char *text = NULL;

	fuzz_require(sb_config_print(&view, &text) == 0 && text, "it cannot be printed");
	free(text);
}

static void check_problems(const struct sb_problems *problems, const char *path)
{
	for (size_t i = 0; i < problems->n; i++)
		fuzz_require(strncmp(problems->all[i].text, path, strlen(path)) == 0,
			     "a sentence does not begin with its place");
}

void fuzz_target(struct fuzz_input *in)
{
	struct sb_problems problems = { 0 };
	struct sb_config *config = NULL;
	const char *path;
	int fd;

	if (in->left > TEXT_MAX)
		return;
	fd = fuzz_file(in, &path);
	if (sb_config_read(path, load_plugins(), &problems, &config) == 0)
		print(config);
	else
		fuzz_require(!config && problems.n_errors > 0, "it is refused without a word");
	check_problems(&problems, path);
	(void)sb_config_free(config);
	sb_problems_done(&problems);
	(void)close(fd);
}
