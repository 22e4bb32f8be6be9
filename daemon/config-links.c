/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section "links:". What is wrong with a link spoils that link: it is told, and the others are used.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/budget.h"
#include "daemon/cleanup.h"
#include "daemon/config-reader.h"
#include "daemon/config-setting.h"

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

/**
 * sb_link_config_equal() - would a link be the same with another configuration
 * @config: of a link
 * @other: of a link
 *
 * Return: whether it would; never where something is wrong, since that may have been mended elsewhere.
 */
bool sb_link_config_equal(const struct sb_link_config *config, const struct sb_link_config *other)
{
	return !config->wrong && !other->wrong && strcmp(config->name, other->name) == 0 &&
	       config->loaded == other->loaded &&
	       sb_settings_equal(config->common, other->common) &&
	       sb_settings_equal(config->own, other->own);
}

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

/**
 * sb_config_is_link_name() - can this be the name of a link?
 * @name: what was written
 *
 * Return: whether it can.
 */
bool sb_config_is_link_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strlen(name);

	return len > 0 && len <= 63 && name[0] != '_' && name[0] != '-' &&
	       strspn(name, allowed) == len;
}

/* Without its plugin a link keeps what all links have; nobody knows what its other keys mean. */
static int load_plugin(struct sb_config_reader *reader, struct sb_yaml_walk *walk,
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
	if (plugin->quarantined) {
		/* What is wrong elsewhere can be mended, and reloaded, all the same. */
		link->quarantined = true;
		link->wrong = strdup(plugin->why);
		return link->wrong ? 0 : -ENOMEM;
	}
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

/* Of the settings that all links have, the only one whose text has a form of its own. */
static void check_budget(const struct sb_config_reader *reader, const struct sb_settings *common,
			 const struct sb_yaml_pair *pair)
{
	const char *text = sb_settings_text(common, pair->key);
	struct sb_budget_plan plan;
	int r;

	if (strcmp(pair->key, "budget") != 0 || !text)
		return;
	r = sb_budget_parse(text, &plan);
	if (r == -ERANGE)
		sb_problems_error(reader->problems, &pair->place,
				  "a budget of %.64s: it must be 10 kB at least, and 1000 TB at "
				  "most",
				  text);
	else if (r < 0)
		sb_problems_error(
			reader->problems, &pair->place,
			"\"%.64s\" is no budget: write a whole number of kB, MB or GB, and "
			"/day or /month behind it, as in 5 MB/month",
			text);
}

static int read_link_setting(struct sb_config_reader *reader, struct sb_yaml *yaml,
			     struct sb_link_config *link, const struct sb_yaml_pair *pair)
{
	int r;

	if (sb_settings_row(link->common, pair->key)) {
		r = sb_config_setting(yaml, link->common, pair, reader->problems);
		if (r == 0)
			check_budget(reader, link->common, pair);
		return r;
	}
	if (!link->own)
		return 0;
	if (sb_settings_row(link->own, pair->key))
		return sb_config_setting(yaml, link->own, pair, reader->problems);

	sb_settings_unknown_key(link->common, link->own, pair->key, &pair->key_place,
				reader->problems);

	return -ENOENT;
}

static int read_link_settings(struct sb_config_reader *reader, struct sb_yaml *yaml,
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
	while (n < problems->n && problems->all[n].event != SB_EVENT_CONFIG_WRONG)
		n++;
	if (n < problems->n) {
		free(*ret);
		*ret = strdup(problems->all[n].text);
	}

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
static int check_link_name(struct sb_config_reader *reader, const struct sb_yaml_pair *entry)
{
	struct sb_place first;
	int r;

	if (!sb_config_is_link_name(entry->key)) {
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

static int read_link(struct sb_config_reader *reader, struct sb_yaml *yaml,
		     const struct sb_yaml_pair *entry)
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
	if (sb_config_only_enomem(r) < 0)
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

/**
 * sb_config_read_links() - read the section
 * @reader: gets the links
 * @yaml: the file
 * @section: the section in it
 *
 * Return: 0 with whatever is wrong below; -ENOMEM.
 */
int sb_config_read_links(struct sb_config_reader *reader, struct sb_yaml *yaml,
			 const struct sb_yaml_pair *section)
{
	struct sb_yaml_walk walk = { 0 };
	struct sb_yaml_pair entry;
	int r;

	r = sb_yaml_enter(&walk, yaml, section,
			  "each link's name below it, and the link's settings below the name",
			  reader->problems);
	while (r == 0 && (r = sb_yaml_next(&walk, &entry)) > 0)
		r = read_link(reader, yaml, &entry);
	sb_yaml_leave(&walk);

	return sb_config_only_enomem(r);
}
