/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors are kept apart by what they spoil. One below "links:" spoils its link, and one in the form
 * of a file in conf.d spoils that file: both are told, and the rest is used. Every other one spoils
 * the whole: the daemon would run in another way than it was told to.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/config-files.h"
#include "daemon/config-setting.h"
#include "daemon/config-yaml.h"
#include "daemon/config.h"

/* Reading: what is lent, what was made, and what was seen on the way. */
struct reader {
	struct sb_plugins *plugins;
	struct sb_problems *problems;
	struct sb_config *config;
	struct sb_seen links;
	struct sb_seen sections;
	size_t n_tolerated; /* errors that spoil a link, or a file in conf.d, but not the whole */
};

/**
 * sb_link_config_free() - free one link's configuration, and wipe the secrets in it
 * @link: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sb_link_config *sb_link_config_free(struct sb_link_config *link)
{
	if (!link)
		return NULL;

	free(link->name);
	free(link->plugin);
	(void)sb_settings_free(link->common);
	(void)sb_settings_free(link->own);
	free(link->wrong);
	free(link);

	return NULL;
}

SB_DEFINE_CLEANUP(struct sb_link_config *, sb_link_config_free)
SB_DEFINE_CLEANUP(struct sb_config *, sb_config_free)

static int link_new(const char *name, struct sb_link_config **ret)
{
	SB_CLEANUP(sb_link_config_free) struct sb_link_config *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return -ENOMEM;
	link->name = strdup(name);
	if (!link->name)
		return -ENOMEM;
	r = sb_settings_new(sb_link_table, sb_link_table_rows, &link->common);
	if (r < 0)
		return r;

	*ret = SB_STEAL(link);

	return 0;
}

/* What is in the list of problems needs no second telling. */
static int only_enomem(int r)
{
	return r == -ENOMEM ? r : 0;
}

/* ---- store: ---- */

static int read_store(struct reader *reader, struct sb_yaml *yaml, struct sb_yaml_walk *walk)
{
	struct sb_settings *store = reader->config->store;
	struct sb_yaml_pair pair;
	int r;

	while ((r = sb_yaml_next(walk, &pair)) > 0) {
		if (sb_settings_row(store, pair.key))
			r = sb_config_setting(yaml, store, &pair, reader->problems);
		else
			sb_settings_unknown_key(store, NULL, pair.key, &pair.key_place,
						reader->problems);
		if (r == -ENOMEM)
			return r;
	}

	return r;
}

/* ---- links: ---- */

static bool is_link_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strlen(name);

	return len > 0 && len <= 63 && name[0] != '_' && name[0] != '-' &&
	       strspn(name, allowed) == len;
}

/* Without its plugin a link keeps what all links have; nobody knows what its other keys mean. */
static int load_plugin(struct reader *reader, struct sb_yaml_walk *walk,
		       struct sb_link_config *link)
{
	const struct sb_plugin *plugin;
	struct sb_place place;
	const char *name;

	name = sb_yaml_find(walk, "plugin", &place);
	if (!name)
		return 0;

	link->plugin = strdup(name);
	plugin = sb_plugins_load(reader->plugins, name);
	if (!link->plugin || !plugin)
		return -ENOMEM;
	if (!plugin->descriptor) {
		sb_problems_error(reader->problems, &place, "%s", plugin->why);
		return 0;
	}

	/* The loader has checked the table: only memory can fail. */
	link->loaded = plugin;
	if (sb_settings_new(plugin->descriptor->settings, plugin->descriptor->n_settings,
			    &link->own) < 0)
		return -ENOMEM;

	return 0;
}

static int read_link_setting(struct reader *reader, struct sb_yaml *yaml,
			     struct sb_link_config *link, const struct sb_yaml_pair *pair)
{
	if (sb_settings_row(link->common, pair->key))
		return sb_config_setting(yaml, link->common, pair, reader->problems);
	if (!link->own)
		return 0;
	if (sb_settings_row(link->own, pair->key))
		return sb_config_setting(yaml, link->own, pair, reader->problems);

	sb_settings_unknown_key(link->common, link->own, pair->key, &pair->key_place,
				reader->problems);

	return -ENOENT;
}

static int read_link_settings(struct reader *reader, struct sb_yaml *yaml,
			      struct sb_yaml_walk *walk, const struct sb_yaml_pair *entry,
			      struct sb_link_config *link)
{
	struct sb_yaml_pair pair;
	int r;

	r = load_plugin(reader, walk, link);
	if (r < 0)
		return r;

	while ((r = sb_yaml_next(walk, &pair)) > 0) {
		r = read_link_setting(reader, yaml, link, &pair);
		if (r == -ENOMEM)
			return r;
	}
	if (r < 0)
		return r;

	(void)sb_settings_finish(link->common, &entry->key_place, reader->problems);
	if (link->own)
		(void)sb_settings_finish(link->own, &entry->key_place, reader->problems);

	return 0;
}

/* The first error since there were @n problems, of which @n_errors were errors. */
static int keep_first_error(const struct sb_problems *problems, size_t n, size_t n_errors,
			    char **ret)
{
	while (n < problems->n && problems->all[n].warning)
		n++;
	if (n < problems->n)
		*ret = strdup(problems->all[n].text);

	/* Its text may have been lost for want of memory; the link must not start all the same. */
	return problems->n_errors > n_errors && !*ret ? -ENOMEM : 0;
}

static int add_link(struct sb_config *config, struct sb_link_config *link)
{
	struct sb_link_config **links;

	links = reallocarray(config->links, config->n_links + 1, sizeof(*links));
	if (!links)
		return -ENOMEM;

	config->links = links;
	config->links[config->n_links++] = link;

	return 0;
}

/* Whether the entry's name can be taken: 1, 0 if a sentence says why not, or -ENOMEM. */
static int check_link_name(struct reader *reader, const struct sb_yaml_pair *entry)
{
	struct sb_place first;
	int r;

	if (!is_link_name(entry->key)) {
		sb_problems_error(reader->problems, &entry->key_place,
				  "\"%.64s\" cannot be the name of a link: write 1 to 63 of a-z, "
				  "0-9, - and _, beginning with a letter or a digit",
				  entry->key);
		return 0;
	}

	r = sb_seen_add(&reader->links, entry->key, &entry->key_place, &first);
	if (r == -EEXIST)
		sb_problems_error(reader->problems, &entry->key_place,
				  "link %s is there twice, first at %s:%zu:%zu: give one of them "
				  "another name",
				  entry->key, first.file, first.line, first.column);

	return r == -EEXIST ? 0 : r < 0 ? r : 1;
}

static int read_link(struct reader *reader, struct sb_yaml *yaml, const struct sb_yaml_pair *entry)
{
	SB_CLEANUP(sb_link_config_free) struct sb_link_config *link = NULL;
	size_t n = reader->problems->n, n_errors = reader->problems->n_errors;
	struct sb_yaml_walk walk = { 0 };
	int named, r;

	named = check_link_name(reader, entry);
	if (named < 0)
		return named;
	r = link_new(entry->key, &link);
	if (r < 0)
		return r;

	r = sb_yaml_enter(&walk, yaml, entry, "the link's settings below its name, \"plugin: …\"",
			  reader->problems);
	if (r == 0)
		r = read_link_settings(reader, yaml, &walk, entry, link);
	sb_yaml_leave(&walk);
	if (only_enomem(r) < 0)
		return r;

	r = keep_first_error(reader->problems, n, n_errors, &link->wrong);
	if (r < 0 || !named)
		return r;
	r = add_link(reader->config, link);
	if (r < 0)
		return r;
	(void)SB_STEAL(link);

	return 0;
}

static int read_links(struct reader *reader, struct sb_yaml *yaml, struct sb_yaml_walk *walk)
{
	struct sb_yaml_pair entry;
	int r;

	while ((r = sb_yaml_next(walk, &entry)) > 0) {
		r = read_link(reader, yaml, &entry);
		if (r < 0)
			return r;
	}

	return r;
}

/* ---- files ---- */

/* The sections. @once: in one of the files only. @tolerant: its errors do not spoil the whole. */
static const struct section {
	const char *name;
	const char *expected;
	bool once;
	bool tolerant;
	int (*read)(struct reader *reader, struct sb_yaml *yaml, struct sb_yaml_walk *walk);
} sections[] = {
	{ "store", "its settings below it, such as \"sync: full\"", true, false, read_store },
	{ "links", "each link's name below it, and the link's settings below the name", false, true,
	  read_links },
};

static const struct section *find_section(struct reader *reader, const struct sb_yaml_pair *pair)
{
	const char *names[SB_ELEMENTS(sections)];
	const char *nearest;

	for (size_t i = 0; i < SB_ELEMENTS(sections); i++) {
		if (strcmp(sections[i].name, pair->key) == 0)
			return &sections[i];
		names[i] = sections[i].name;
	}

	nearest = sb_nearest_word(pair->key, names, SB_ELEMENTS(names));
	if (nearest)
		sb_problems_error(reader->problems, &pair->key_place,
				  "unknown section \"%.64s\": did you mean \"%s\"?", pair->key,
				  nearest);
	else
		sb_problems_error(reader->problems, &pair->key_place,
				  "unknown section \"%.64s\": write store or links", pair->key);

	return NULL;
}

static int check_once(struct reader *reader, const struct sb_yaml_pair *pair)
{
	struct sb_place first;
	int r;

	r = sb_seen_add(&reader->sections, pair->key, &pair->key_place, &first);
	if (r == -EEXIST)
		sb_problems_error(reader->problems, &pair->key_place,
				  "%s is there twice, first at %s:%zu:%zu: keep one of them",
				  pair->key, first.file, first.line, first.column);

	return r;
}

static int read_section(struct reader *reader, struct sb_yaml *yaml,
			const struct sb_yaml_pair *pair)
{
	const struct section *section = find_section(reader, pair);
	size_t n_errors = reader->problems->n_errors;
	struct sb_yaml_walk walk = { 0 };
	int r;

	if (!section)
		return 0;
	r = section->once ? check_once(reader, pair) : 0;
	if (r < 0)
		return only_enomem(r);

	r = sb_yaml_enter(&walk, yaml, pair, section->expected, reader->problems);
	if (r == 0)
		r = section->read(reader, yaml, &walk);
	sb_yaml_leave(&walk);
	if (section->tolerant)
		reader->n_tolerated += reader->problems->n_errors - n_errors;

	return only_enomem(r);
}

/*
 * Returns 0 with whatever is wrong below; a negative errno if the file has no sections to look at.
 */
static int read_file(struct reader *reader, const char *path)
{
	struct sb_yaml_walk walk = { 0 };
	struct sb_yaml yaml = { 0 };
	struct sb_yaml_pair pair;
	int r;

	r = sb_yaml_read(&yaml, path, reader->problems);
	if (r == 0) {
		pair = sb_yaml_root(&yaml);
		r = sb_yaml_enter(&walk, &yaml, &pair, "sections, such as \"links:\"",
				  reader->problems);
	}
	while (r == 0 && (r = sb_yaml_next(&walk, &pair)) > 0)
		r = read_section(reader, &yaml, &pair);
	sb_yaml_leave(&walk);
	sb_yaml_done(&yaml);

	return r;
}

static int read_files(struct reader *reader, const struct sb_config_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		size_t n_errors = reader->problems->n_errors;
		int r = read_file(reader, files->paths[i]);

		if (r < 0 && (i == 0 || r == -ENOMEM))
			return r;
		if (r < 0)
			reader->n_tolerated += reader->problems->n_errors - n_errors;
	}

	return 0;
}

static int config_new(struct sb_config **ret)
{
	SB_CLEANUP(sb_config_free) struct sb_config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return -ENOMEM;
	r = sb_settings_new(sb_store_table, sb_store_table_rows, &config->store);
	if (r < 0)
		return r;

	*ret = SB_STEAL(config);

	return 0;
}

/**
 * sb_config_read() - read the configuration
 * @path: of the main file; those in the directory conf.d beside it follow
 * @plugins: where the links' plugins come from; lent as long as the configuration lives
 * @problems: gets everything that is wrong
 * @ret: the configuration, the caller's; on success it can be used, though links in it may be wrong
 *
 * Return: 0; -EINVAL: what is wrong concerns more than single links; -ENOMEM; or why the main file
 * cannot be read.
 */
int sb_config_read(const char *path, struct sb_plugins *plugins, struct sb_problems *problems,
		   struct sb_config **ret)
{
	SB_CLEANUP(sb_config_free) struct sb_config *config = NULL;
	struct reader reader = { .plugins = plugins, .problems = problems };
	size_t n_errors = problems->n_errors;
	struct sb_config_files files = { 0 };
	int r;

	r = config_new(&config);
	if (r < 0)
		return r;

	reader.config = config;
	r = sb_config_files_list(&files, path, problems);
	reader.n_tolerated = problems->n_errors - n_errors;
	if (r == 0)
		r = read_files(&reader, &files);
	sb_seen_done(&reader.links);
	sb_seen_done(&reader.sections);
	sb_config_files_done(&files);
	if (r < 0)
		return r;
	if (problems->n_errors - n_errors > reader.n_tolerated)
		return -EINVAL;

	*ret = SB_STEAL(config);

	return 0;
}

/**
 * sb_config_free() - free a configuration, and wipe the secrets in it
 * @config: may be NULL or half-built
 *
 * Return: NULL.
 */
struct sb_config *sb_config_free(struct sb_config *config)
{
	if (!config)
		return NULL;

	for (size_t i = 0; i < config->n_links; i++)
		(void)sb_link_config_free(config->links[i]);
	free(config->links);
	(void)sb_settings_free(config->store);
	free(config);

	return NULL;
}
