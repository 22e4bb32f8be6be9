/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin runs with all that the daemon may do, so its file is looked at before it is opened: who
 * owns it and its directory, and who else could write them. It is then loaded by its path. Between
 * the look and the loading only those can change it who passed the look: root and the daemon's own
 * user. (Loading it as /proc/self/fd/N would close even that gap, but the dynamic linker knows
 * libraries by name, and a number that is used twice would yield the wrong one.)
 *
 * What was loaded stays: sessions, timers and tables of links point into it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cleanup.h"
#include "daemon/config.h"
#include "daemon/descriptor.h"
#include "daemon/plugin-file.h"
#include "daemon/plugin-name.h"

/* Bounds on what a descriptor may say of itself: beyond, it is no descriptor. */
#define DESCRIPTOR_MAX (64 * 1024)
#define SETTINGS_MAX 256

/* One attempt to load a plugin. */
struct attempt {
	const char *directory;
	const char *path;
	struct sb_plugin *plugin;
	void *handle;
	const struct skybus_plugin *descriptor;
};

/* Keeps the sentence; always returns an error, so that a check can end with it. */
__attribute__((format(printf, 2, 3))) static int refuse(struct attempt *attempt, const char *format,
							...)
{
	char *why = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&why, format, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM;

	attempt->plugin->why = why;

	return -EINVAL;
}

/* ---- the checks, in their order ---- */

static int check_name(struct attempt *attempt)
{
	if (sb_plugin_name_is_good(attempt->plugin->name))
		return 0;

	return refuse(attempt,
		      "\"%.64s\" cannot be the name of a plugin: write " SB_PLUGIN_NAME_FORM,
		      attempt->plugin->name);
}

static int check_owner(struct attempt *attempt, const char *path, const struct stat *status)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return refuse(attempt,
			      "cannot trust %s: it belongs to user %u: give it to root (chown "
			      "root)",
			      path, status->st_uid);
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return refuse(attempt,
			      "cannot trust %s: others than its owner can write to it (mode %04o): "
			      "run chmod go-w on it",
			      path, status->st_mode & 07777);

	return 0;
}

static int check_directory(struct attempt *attempt)
{
	const char *directory = attempt->directory;
	struct stat status;

	if (stat(directory, &status) < 0)
		return refuse(attempt,
			      "cannot look into the directory of plugins, %s: %s: check that it is "
			      "there",
			      directory, strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return refuse(attempt, "%s is not a directory: name the one that holds plugins",
			      directory);

	return check_owner(attempt, directory, &status);
}

static int check_file(struct attempt *attempt)
{
	struct stat status;

	if (lstat(attempt->path, &status) < 0) {
		if (errno == ENOENT)
			return -ENOENT;
		return refuse(attempt, "cannot look at %s: %s: check its permissions",
			      attempt->path, strerror(errno));
	}
	if (S_ISLNK(status.st_mode))
		return refuse(attempt,
			      "cannot trust %s: it is a symbolic link: put the file itself there",
			      attempt->path);
	if (!S_ISREG(status.st_mode))
		return refuse(attempt, "%s is not a regular file: put the plugin itself there",
			      attempt->path);

	return check_owner(attempt, attempt->path, &status);
}

/* RTLD_NODELETE: also sanitizers, who report at the very end, shall find its names. */
static int open_file(struct attempt *attempt)
{
	attempt->handle = dlopen(attempt->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (attempt->handle)
		return 0;

	/* The linker's words begin with the path. */
	return refuse(attempt, "cannot load a plugin: %s: build it again, for this machine",
		      dlerror());
}

/* Processes of its own load what was loaded here, whatever has the name by then. */
static int hold_file(struct attempt *attempt)
{
	int fd = open(attempt->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return refuse(attempt, "cannot open %s: %s: check its permissions", attempt->path,
			      strerror(errno));
	attempt->plugin->file = sb_descriptor_move_up(fd);

	return check_owner(attempt, attempt->path, &status);
}

static int find_descriptor(struct attempt *attempt)
{
	char symbol[] = "skybus_plugin_v?";
	char *version = strchr(symbol, '?');

	attempt->descriptor = dlsym(attempt->handle, "skybus_plugin_v1");
	if (attempt->descriptor)
		return 0;

	for (*version = '0'; *version <= '9'; (*version)++)
		if (dlsym(attempt->handle, symbol))
			return refuse(
				attempt,
				"%s is for another version of skybusd: it exports %s, not "
				"skybus_plugin_v1: build it with this version's skybus/plugin.h",
				attempt->path, symbol);

	return refuse(attempt,
		      "%s is no plugin: it does not export skybus_plugin_v1: put SKYBUS_EXPORT "
		      "before its descriptor",
		      attempt->path);
}

/* Nothing of the descriptor but its size may be read before. */
static int check_size(struct attempt *attempt)
{
	const struct skybus_plugin *descriptor = attempt->descriptor;

	if (SKYBUS_HAS(descriptor, decide) && descriptor->size <= DESCRIPTOR_MAX)
		return 0;

	return refuse(attempt,
		      "the descriptor of %s says a size of %u bytes, which cannot be: set .size = "
		      "sizeof(struct skybus_plugin)",
		      attempt->path, descriptor->size);
}

static int check_texts(struct attempt *attempt)
{
	const struct skybus_plugin *descriptor = attempt->descriptor;

	if (!descriptor->name || !descriptor->version || !descriptor->summary)
		return refuse(attempt,
			      "%s does not say its name, version or summary: set all three in the "
			      "descriptor",
			      attempt->path);
	if (strcmp(descriptor->name, attempt->plugin->name) != 0)
		return refuse(attempt, "%s says that its name is \"%.64s\": name the file %.64s.so",
			      attempt->path, descriptor->name, descriptor->name);

	return 0;
}

static int check_calls(struct attempt *attempt)
{
	const struct skybus_plugin *descriptor = attempt->descriptor;
	const struct {
		bool there;
		const char *name;
	} calls[] = {
		{ descriptor->attach, "attach" }, { descriptor->detach, "detach" },
		{ descriptor->login, "login" },	  { descriptor->encode, "encode" },
		{ descriptor->decide, "decide" },
	};

	for (size_t i = 0; i < SB_ELEMENTS(calls); i++)
		if (!calls[i].there)
			return refuse(attempt, "%s lacks %s(): no plugin can do without",
				      attempt->path, calls[i].name);

	return 0;
}

static int check_settings(struct attempt *attempt)
{
	const struct skybus_plugin *descriptor = attempt->descriptor;
	char why[256];

	if (descriptor->n_settings > SETTINGS_MAX ||
	    (descriptor->n_settings > 0 && !descriptor->settings))
		return refuse(attempt,
			      "%s says that it has %u settings, which cannot be: give it a table "
			      "of at most %d",
			      attempt->path, descriptor->n_settings, SETTINGS_MAX);
	if (sb_settings_check_table(descriptor->settings, descriptor->n_settings, why,
				    sizeof(why)) < 0)
		return refuse(attempt, "%s has a wrong table of settings: %s: mend it there",
			      attempt->path, why);

	return 0;
}

/* A plugin's settings stand beside those that every link has. */
static int check_reserved(struct attempt *attempt)
{
	const struct skybus_plugin *descriptor = attempt->descriptor;

	for (size_t i = 0; i < descriptor->n_settings; i++)
		for (size_t j = 0; j < sb_link_table_rows; j++)
			if (strcmp(descriptor->settings[i].key, sb_link_table[j].key) == 0)
				return refuse(attempt,
					      "%s has a setting \"%s\", as every link has: give it "
					      "another name",
					      attempt->path, sb_link_table[j].key);

	return 0;
}

static int (*const checks[])(struct attempt *attempt) = {
	check_name, check_directory, check_file,  hold_file,	  open_file,	  find_descriptor,
	check_size, check_texts,     check_calls, check_settings, check_reserved,
};

/**
 * sb_plugin_file_load() - load a plugin, if its file and its descriptor pass all checks
 * @directory: where it is, absolute
 * @plugin: has its name; gets its descriptor, or the sentence that says why it was refused
 *
 * Return: 0: the descriptor is there; -EINVAL: the sentence is there; -ENOENT: there is no such
 * file, and no sentence yet; -ENOMEM.
 */
int sb_plugin_file_load(const char *directory, struct sb_plugin *plugin)
{
	SB_CLEANUP(sb_free) char *path = NULL;
	struct attempt attempt = { .directory = directory, .plugin = plugin };
	int r = 0;

	if (asprintf(&path, "%s/%s.so", directory, plugin->name) < 0) {
		path = NULL;
		return -ENOMEM;
	}

	attempt.path = path;
	for (size_t i = 0; r == 0 && i < SB_ELEMENTS(checks); i++)
		r = checks[i](&attempt);
	if (r == 0)
		plugin->descriptor = attempt.descriptor;

	return r;
}
