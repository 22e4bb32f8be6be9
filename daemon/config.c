/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors are kept apart by what they spoil. One below "links:" spoils its link, and one in the form
 * of a file in conf.d spoils that file: both are told, and the rest is used. Every other one spoils
 * the whole: the daemon would run in another way than it was told to.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/config-files.h"
#include "daemon/config-reader.h"
#include "daemon/config-setting.h"

SB_DEFINE_CLEANUP(struct sb_config *, sb_config_free)

/* ---- sections that are tables ---- */

static int read_settings(struct sb_config_reader *reader, struct sb_yaml *yaml,
			 const struct sb_yaml_pair *section, const char *expected,
			 struct sb_settings *settings)
{
	struct sb_yaml_walk walk = { 0 };
	struct sb_yaml_pair pair;
	int r;

	r = sb_yaml_enter(&walk, yaml, section, expected, reader->problems);
	while (r == 0 && (r = sb_yaml_next(&walk, &pair)) > 0) {
		r = 0;
		if (sb_settings_row(settings, pair.key))
			r = sb_config_only_enomem(
				sb_config_setting(yaml, settings, &pair, reader->problems));
		else
			sb_settings_unknown_key(settings, NULL, pair.key, &pair.key_place,
						reader->problems);
	}
	sb_yaml_leave(&walk);

	return sb_config_only_enomem(r);
}

static int read_store(struct sb_config_reader *reader, struct sb_yaml *yaml,
		      const struct sb_yaml_pair *section)
{
	return read_settings(reader, yaml, section, "its settings below it, such as \"sync: full\"",
			     reader->config->store);
}

static int read_callers(struct sb_config_reader *reader, struct sb_yaml *yaml,
			const struct sb_yaml_pair *section)
{
	return read_settings(reader, yaml, section,
			     "its settings below it, such as \"messages_per_second: 1000\"",
			     reader->config->callers);
}

static int read_inboxes(struct sb_config_reader *reader, struct sb_yaml *yaml,
			const struct sb_yaml_pair *section)
{
	return read_settings(reader, yaml, section,
			     "its settings below it, such as \"messages: 10000\"",
			     reader->config->inboxes);
}

/* ---- files ---- */

/* The sections. @once: in one of the files only. @tolerant: its errors do not spoil the whole. */
static const struct section {
	const char *name;
	bool once;
	bool tolerant;
	int (*read)(struct sb_config_reader *reader, struct sb_yaml *yaml,
		    const struct sb_yaml_pair *section);
} sections[] = {
	{ "access", true, false, sb_config_read_access },
	{ "callers", true, false, read_callers },
	{ "store", true, false, read_store },
	{ "inboxes", true, false, read_inboxes },
	{ "links", false, true, sb_config_read_links },
	{ "routes", false, false, sb_config_read_routes },
};

/**
 * sb_config_unknown_word() - there is no such key
 * @reader: gets the sentence, with the word that was probably meant, or all that there are
 * @noun: what the key should have been
 * @pair: has the key
 * @words: what could have been
 * @n: how many
 */
void sb_config_unknown_word(struct sb_config_reader *reader, const char *noun,
			    const struct sb_yaml_pair *pair, const char *const *words, size_t n)
{
	const char *nearest = sb_nearest_word(pair->key, words, n);
	char list[256] = "";
	size_t used = 0;

	if (nearest) {
		sb_problems_error(reader->problems, &pair->key_place,
				  "unknown %s \"%.64s\": did you mean \"%s\"?", noun, pair->key,
				  nearest);
		return;
	}

	for (size_t i = 0; i < n && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 i == 0	      ? ""
					 : i + 1 == n ? " or "
						      : ", ",
					 words[i]);
	sb_problems_error(reader->problems, &pair->key_place, "unknown %s \"%.64s\": write %s",
			  noun, pair->key, list);
}

static const struct section *find_section(struct sb_config_reader *reader,
					  const struct sb_yaml_pair *pair)
{
	const char *names[SB_ELEMENTS(sections)];

	for (size_t i = 0; i < SB_ELEMENTS(sections); i++) {
		if (strcmp(sections[i].name, pair->key) == 0)
			return &sections[i];
		names[i] = sections[i].name;
	}
	sb_config_unknown_word(reader, "section", pair, names, SB_ELEMENTS(names));

	return NULL;
}

static int check_once(struct sb_config_reader *reader, const struct sb_yaml_pair *pair)
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

static int read_section(struct sb_config_reader *reader, struct sb_yaml *yaml,
			const struct sb_yaml_pair *pair)
{
	const struct section *section = find_section(reader, pair);
	size_t n_errors = reader->problems->n_errors;
	int r;

	if (!section)
		return 0;
	r = section->once ? check_once(reader, pair) : 0;
	if (r < 0)
		return sb_config_only_enomem(r);

	r = section->read(reader, yaml, pair);
	if (section->tolerant)
		reader->n_tolerated += reader->problems->n_errors - n_errors;

	return sb_config_only_enomem(r);
}

/*
 * Returns 0 with whatever is wrong below; a negative errno if the file has no sections to look at.
 */
static int read_file(struct sb_config_reader *reader, const char *path)
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

static int read_files(struct sb_config_reader *reader, const struct sb_config_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		size_t n_errors = reader->problems->n_errors;
		int r;

		reader->in_main = i == 0;
		r = read_file(reader, files->paths[i]);
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
	config->routes = calloc(1, sizeof(*config->routes));
	if (!config->routes)
		return -ENOMEM;
	r = sb_settings_new(sb_store_table, sb_store_table_rows, &config->store);
	if (r == 0)
		r = sb_settings_new(sb_inboxes_table, sb_inboxes_table_rows, &config->inboxes);
	if (r < 0)
		return r;
	r = sb_settings_new(sb_caller_table, sb_caller_table_rows, &config->callers);
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
	struct sb_config_reader reader = { .plugins = plugins, .problems = problems };
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
	if (r == 0)
		r = sb_config_finish_routes(&reader);
	sb_route_drafts_done(&reader.drafts);
	sb_seen_done(&reader.links);
	sb_seen_done(&reader.sections);
	sb_config_files_done(&files);
	if (r < 0)
		return r;
	if (problems->n_errors - n_errors > reader.n_tolerated)
		return -EINVAL;
	if (!config->access) {
		r = sb_rules_new_built_in(&config->access);
		if (r < 0)
			return r;
	}

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
	(void)sb_rules_unref(config->access);
	(void)sb_settings_free(config->callers);
	(void)sb_routes_free(config->routes);
	(void)sb_settings_free(config->store);
	(void)sb_settings_free(config->inboxes);
	free(config);

	return NULL;
}
