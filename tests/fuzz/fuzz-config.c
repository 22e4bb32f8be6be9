/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration: whatever is in the file, it is read to its end, and what is wrong is said with its place. */
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

void fuzz_target(struct fuzz_input *in)
{
	struct sb_problems problems = { 0 };
	struct sb_config *config = NULL;
	const char *path;
	int fd;

	if (in->left > TEXT_MAX)
		return;
	fd = fuzz_file(in, &path);
	(void)sb_config_read(path, load_plugins(), &problems, &config);
	(void)sb_config_free(config);
	sb_problems_done(&problems);
	(void)close(fd);
}
