/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new plugin: the files of a template, each with its ".in" taken off and with the plugin's name where "@name@"
 * stood; "plugin.c.in" becomes NAME.c. What was begun and does not become whole is removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/cleanup.h"
#include "ctl/output.h"
#include "ctl/run.h"
#include "daemon/plugin-name.h"

#define PLACE "@name@"
#define SUFFIX ".in"

/** The largest file of a template, in bytes. */
#define FILE_MAX (64 * 1024)

CTL_DEFINE_CLEANUP(DIR *, closedir)

/**
 * struct plant - a plugin that is being made
 * @template: the folder it is made from
 * @name: of the plugin
 * @directory: its folder, made
 */
struct plant {
	const char *template;
	const char *name;
	const char *directory;
};

static enum ctl_exit cannot_write(const char *path)
{
	return ctl_fail(CTL_EXIT_FAILED, "%s cannot be written: %s.", path, strerror(errno));
}

static enum ctl_exit cannot_read(const char *path)
{
	return ctl_fail(CTL_EXIT_FAILED, "%s cannot be read: %s.", path, strerror(errno));
}

static bool is_template(const char *file)
{
	size_t len = strlen(file);

	return file[0] != '.' && len > strlen(SUFFIX) &&
	       strcmp(file + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* What "plugin.c.in" is called in the folder of the plugin; the caller's, NULL without memory. */
static char *path_of(const struct plant *plant, const char *file)
{
	bool is_plugin = strncmp(file, "plugin.", strlen("plugin.")) == 0;
	const char *rest = is_plugin ? file + strlen("plugin") : file;
	char *path;

	return asprintf(&path, "%s/%s%.*s", plant->directory, is_plugin ? plant->name : "",
			(int)(strlen(rest) - strlen(SUFFIX)), rest) < 0
		       ? NULL
		       : path;
}

static int write_filled(FILE *out, const char *text, const char *name)
{
	const char *place;

	for (; (place = strstr(text, PLACE)); text = place + strlen(PLACE))
		(void)fprintf(out, "%.*s%s", (int)(place - text), text, name);
	(void)fputs(text, out);

	return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}

/* The whole of a template's file, as text; the caller's. NULL: errno says why. */
static char *read_file(FILE *in)
{
	char *text = calloc(1, FILE_MAX + 1);
	size_t len = text ? fread(text, 1, FILE_MAX, in) : 0;

	if (text && len < FILE_MAX && !ferror(in))
		return text;
	if (text && len == FILE_MAX)
		errno = EFBIG;
	free(text);

	return NULL;
}

static enum ctl_exit make_file(const struct plant *plant, FILE *in, const char *path)
{
	CTL_CLEANUP(free) char *text = read_file(in);
	CTL_CLEANUP(fclose) FILE *out = NULL;
	struct stat status;

	if (!text || fstat(fileno(in), &status) < 0)
		return cannot_read(plant->template);
	out = fopen(path, "wxe");
	if (!out || write_filled(out, text, plant->name) < 0)
		return cannot_write(path);
	if ((status.st_mode & S_IXUSR) && fchmod(fileno(out), 0755) < 0)
		return cannot_write(path);

	return CTL_EXIT_OK;
}

static enum ctl_exit plant_file(const struct plant *plant, const char *file)
{
	CTL_CLEANUP(free) char *from = NULL, *to = path_of(plant, file);
	CTL_CLEANUP(fclose) FILE *in = NULL;

	if (!to || asprintf(&from, "%s/%s", plant->template, file) < 0) {
		from = NULL;
		return ctl_no_memory();
	}
	in = fopen(from, "re");

	return in ? make_file(plant, in, to) : cannot_read(from);
}

static enum ctl_exit plant_all(const struct plant *plant, DIR *template)
{
	enum ctl_exit status = CTL_EXIT_OK;
	const struct dirent *entry;

	while (status == CTL_EXIT_OK && (entry = readdir(template)))
		if (is_template(entry->d_name))
			status = plant_file(plant, entry->d_name);

	return status;
}

/* Only what plant_all() may have made is in there. */
static void uproot(const struct plant *plant, DIR *template)
{
	const struct dirent *entry;

	rewinddir(template);
	while ((entry = readdir(template))) {
		CTL_CLEANUP(free) char *path = NULL;

		if (is_template(entry->d_name))
			path = path_of(plant, entry->d_name);
		if (path)
			(void)unlink(path);
	}
	(void)rmdir(plant->directory);
}

static enum ctl_exit make_directory(const char *path)
{
	if (mkdir(path, 0777) == 0)
		return CTL_EXIT_OK;
	if (errno == EEXIST)
		return ctl_fail(CTL_EXIT_FAILED,
				"%s is there already: give the plugin another name, or say with "
				"--directory where else it goes.",
				path);

	return cannot_write(path);
}

static enum ctl_exit tell(const struct ctl *ctl, const struct plant *plant)
{
	CTL_CLEANUP(json_decref) json_t *made = NULL;

	if (ctl->json) {
		made = json_pack("{s:s, s:s}", "name", plant->name, "directory", plant->directory);
		return made ? ctl_print_json(made, true) : ctl_no_memory();
	}
	(void)printf(
		"%s is made. What to do next:\n\n"
		"  cd %s\n"
		"  make check      builds %s.so, and has skybus-plugin-check look at it\n"
		"  make try        loads it into a skybusd of its own, and publishes to the cloud\n"
		"                  that cloud.yaml describes\n\n"
		"Then put your cloud's rules where %s.c says TODO, and into cloud.yaml what it\n"
		"answers.\n",
		plant->directory, plant->directory, plant->name, plant->name);

	return CTL_EXIT_OK;
}

/** ctl_run_plugins_new() - "plugins new NAME" */
enum ctl_exit ctl_run_plugins_new(struct ctl *ctl)
{
	const char *template = getenv("SKYBUS_TEMPLATE"), *where = ctl_option(ctl, "directory");
	CTL_CLEANUP(free) char *directory = NULL;
	CTL_CLEANUP(closedir) DIR *files = NULL;
	struct plant plant = { .template = template ? template : SKYBUS_TEMPLATE,
			       .name = ctl_word(ctl, 0) };
	enum ctl_exit status;

	if (!sb_plugin_name_is_good(plant.name))
		return ctl_fail(CTL_EXIT_USAGE,
				"\"%s\" cannot be the name of a plugin: write " SB_PLUGIN_NAME_FORM
				".",
				plant.name);
	files = opendir(plant.template);
	if (!files)
		return ctl_fail(CTL_EXIT_FAILED,
				"What plugins are made from is not in %s: %s. The package "
				"skybus-dev has it: apt install skybus-dev.",
				plant.template, strerror(errno));
	if (asprintf(&directory, "%s%s%s", where ? where : "", where ? "/" : "", plant.name) < 0) {
		directory = NULL;
		return ctl_no_memory();
	}
	plant.directory = directory;

	status = make_directory(directory);
	if (status != CTL_EXIT_OK)
		return status;
	status = plant_all(&plant, files);
	if (status != CTL_EXIT_OK) {
		uproot(&plant, files);
		return status;
	}

	return tell(ctl, &plant);
}
