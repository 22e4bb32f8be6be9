/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cleanup.h"
#include "daemon/config-files.h"

/**
 * sb_config_files_done() - forget the files
 * @files: is empty afterwards
 */
void sb_config_files_done(struct sb_config_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->paths[i]);
	free(files->paths);
	*files = (struct sb_config_files){ 0 };
}

/* Adds @directory/@name, or @name alone if @directory is NULL. */
static int add_file(struct sb_config_files *files, const char *directory, const char *name)
{
	SB_CLEANUP(sb_free) char *path = NULL;
	struct stat status;
	char **paths;

	if (asprintf(&path, "%s%s%s", directory ? directory : "", directory ? "/" : "", name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	/* What cannot be looked at is added, so that reading it tells why. */
	if (directory && stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return 0;

	paths = reallocarray(files->paths, files->n + 1, sizeof(*paths));
	if (!paths)
		return -ENOMEM;
	files->paths = paths;
	files->paths[files->n++] = SB_STEAL(path);

	return 0;
}

static int is_yaml(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0;
}

/* Not alphasort(), whose order changes with the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_directory(struct sb_config_files *files, const char *directory,
			 struct sb_problems *problems)
{
	const struct sb_place place = { .file = directory };
	struct dirent **entries;
	int n, r = 0;

	n = scandir(directory, &entries, is_yaml, by_name);
	if (n < 0 && errno == ENOMEM)
		return -ENOMEM;
	if (n < 0 && errno != ENOENT)
		sb_problems_error(problems, &place,
				  "cannot list it: %s: check that skybusd may read it",
				  strerror(errno));

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add_file(files, directory, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);

	return r;
}

/**
 * sb_config_files_list() - the main file, then conf.d/<*>.yaml beside it, sorted by name
 * @files: empty; the caller calls sb_config_files_done(), also after a failure
 * @path: of the main file, which is not looked at
 * @problems: gets a sentence if conf.d is there but cannot be read
 *
 * Return: 0; -ENOMEM.
 */
int sb_config_files_list(struct sb_config_files *files, const char *path,
			 struct sb_problems *problems)
{
	SB_CLEANUP(sb_free) char *main_path = strdup(path);
	SB_CLEANUP(sb_free) char *directory = NULL;
	int r;

	if (!main_path)
		return -ENOMEM;
	if (asprintf(&directory, "%s/conf.d", dirname(main_path)) < 0) {
		directory = NULL;
		return -ENOMEM;
	}

	r = add_file(files, NULL, path);
	if (r < 0)
		return r;

	return add_directory(files, directory, problems);
}
