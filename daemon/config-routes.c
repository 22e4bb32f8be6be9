/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section "routes:". The links of a route may come later, in this file or another: so routes are kept as
 * they were written until all files have been read, and are made then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/config-reader.h"
#include "daemon/config-setting.h"
#include "daemon/filter.h"
#include "daemon/route-template.h"

/** struct target_draft - one of "to:" */
struct target_draft {
	struct sb_settings *settings;
	struct sb_place link_place;
	struct sb_place topic_place;
};

/** struct sb_route_draft - one of "routes:"; places lend their file */
struct sb_route_draft {
	struct sb_settings *settings;
	struct sb_place place; /* of its filter */
	struct target_draft *targets;
	size_t n_targets;
};

/**
 * sb_route_drafts_done() - forget what was written
 * @drafts: empty afterwards
 */
void sb_route_drafts_done(struct sb_route_drafts *drafts)
{
	for (size_t i = 0; i < drafts->n; i++) {
		struct sb_route_draft *draft = &drafts->items[i];

		for (size_t j = 0; j < draft->n_targets; j++)
			(void)sb_settings_free(draft->targets[j].settings);
		free(draft->targets);
		(void)sb_settings_free(draft->settings);
	}
	free(drafts->items);
	*drafts = (struct sb_route_drafts){ 0 };
}

/* ---- what was written ---- */

static int add_target(struct sb_route_draft *draft, struct target_draft **ret)
{
	struct target_draft *targets =
		reallocarray(draft->targets, draft->n_targets + 1, sizeof(*targets));
	int r;

	if (!targets)
		return -ENOMEM;
	draft->targets = targets;
	*ret = &targets[draft->n_targets];
	**ret = (struct target_draft){ 0 };
	r = sb_settings_new(sb_route_target_table, sb_route_target_table_rows, &(*ret)->settings);
	if (r < 0)
		return r;
	draft->n_targets++;

	return 0;
}

static int read_target(struct sb_config_reader *reader, struct sb_yaml *yaml,
		       struct sb_route_draft *draft, const struct sb_yaml_pair *item)
{
	struct sb_yaml_walk walk = { 0 };
	struct target_draft *target;
	struct sb_yaml_pair pair;
	int r;

	r = add_target(draft, &target);
	if (r < 0)
		return r;
	target->link_place = item->place;
	target->topic_place = item->place;
	r = sb_yaml_enter(&walk, yaml, item, "{link: NAME} or {link: NAME, topic: TOPIC}",
			  reader->problems);
	if (r < 0) {
		sb_yaml_leave(&walk);
		return r;
	}
	while ((r = sb_yaml_next(&walk, &pair)) > 0) {
		if (strcmp(pair.key, "topic") == 0)
			target->topic_place = pair.place;
		else if (strcmp(pair.key, "link") == 0)
			target->link_place = pair.place;
		if (sb_settings_row(target->settings, pair.key))
			r = sb_config_setting(yaml, target->settings, &pair, reader->problems);
		else
			sb_settings_unknown_key(target->settings, NULL, pair.key, &pair.key_place,
						reader->problems);
		if (r == -ENOMEM)
			break;
	}
	sb_yaml_leave(&walk);
	if (r < 0)
		return r;

	return sb_settings_finish(target->settings, &item->place, reader->problems);
}

static int read_targets(struct sb_config_reader *reader, struct sb_yaml *yaml,
			struct sb_route_draft *draft, const struct sb_yaml_pair *to)
{
	struct sb_yaml_list list;
	struct sb_yaml_pair item;
	int r;

	sb_settings_mention(draft->settings, to->key);
	r = sb_yaml_enter_list(&list, yaml, to, reader->problems);
	if (r < 0)
		return r;
	while (sb_yaml_next_item(&list, &item)) {
		r = read_target(reader, yaml, draft, &item);
		if (r == -ENOMEM)
			return r;
	}
	if (draft->n_targets == 0)
		sb_problems_error(reader->problems, &to->key_place,
				  "to has no links: write [{link: NAME}] with a link's name");
	else if (draft->n_targets > SB_ROUTE_TARGETS_MAX)
		sb_problems_error(reader->problems, &to->key_place,
				  "to has %zu links, and may have %d: leave some out",
				  draft->n_targets, SB_ROUTE_TARGETS_MAX);

	return 0;
}

static int read_route_setting(struct sb_config_reader *reader, struct sb_yaml *yaml,
			      struct sb_route_draft *draft, const struct sb_yaml_pair *pair)
{
	if (strcmp(pair->key, "to") == 0)
		return read_targets(reader, yaml, draft, pair);
	if (strcmp(pair->key, "match") == 0)
		draft->place = pair->place;
	if (sb_settings_row(draft->settings, pair->key))
		return sb_config_setting(yaml, draft->settings, pair, reader->problems);

	sb_settings_unknown_key(draft->settings, NULL, pair->key, &pair->key_place,
				reader->problems);

	return -ENOENT;
}

static int add_draft(struct sb_route_drafts *drafts, struct sb_route_draft **ret)
{
	struct sb_route_draft *items =
		reallocarray(drafts->items, drafts->n + 1, sizeof(*drafts->items));
	int r;

	if (!items)
		return -ENOMEM;
	drafts->items = items;
	*ret = &items[drafts->n];
	**ret = (struct sb_route_draft){ 0 };
	r = sb_settings_new(sb_route_table, sb_route_table_rows, &(*ret)->settings);
	if (r < 0)
		return r;
	drafts->n++;

	return 0;
}

static int read_route(struct sb_config_reader *reader, struct sb_yaml *yaml,
		      const struct sb_yaml_pair *item)
{
	struct sb_yaml_walk walk = { 0 };
	struct sb_route_draft *draft;
	struct sb_yaml_pair pair;
	int r;

	r = add_draft(&reader->drafts, &draft);
	if (r < 0)
		return r;
	draft->place = item->place;
	r = sb_yaml_enter(&walk, yaml, item,
			  "a route, \"match: FILTER\" and \"to: [{link: NAME}]\"",
			  reader->problems);
	if (r == 0) {
		while ((r = sb_yaml_next(&walk, &pair)) > 0) {
			r = read_route_setting(reader, yaml, draft, &pair);
			if (r == -ENOMEM)
				break;
		}
		if (r == 0)
			(void)sb_settings_finish(draft->settings, &item->place, reader->problems);
	}
	sb_yaml_leave(&walk);

	return r;
}

/**
 * sb_config_read_routes() - read the section
 * @reader: gets the routes as they were written, behind those of the files before
 * @yaml: the file
 * @section: the section in it
 *
 * Return: 0 with whatever is wrong below; -ENOMEM.
 */
int sb_config_read_routes(struct sb_config_reader *reader, struct sb_yaml *yaml,
			  const struct sb_yaml_pair *section)
{
	struct sb_yaml_list list;
	struct sb_yaml_pair item;
	int r;

	r = sb_yaml_enter_list(&list, yaml, section, reader->problems);
	while (r == 0 && sb_yaml_next_item(&list, &item))
		r = sb_config_only_enomem(read_route(reader, yaml, &item));

	return sb_config_only_enomem(r);
}

/* ---- what is made of it ---- */

static const struct sb_link_config *find_link(const struct sb_config *config, const char *name)
{
	for (size_t i = 0; i < config->n_links; i++)
		if (strcmp(config->links[i]->name, name) == 0)
			return config->links[i];

	return NULL;
}

static void refuse_link(struct sb_config_reader *reader, const char *name,
			const struct sb_place *place)
{
	const char *nearest = NULL;

	/* Two at a time: the search takes words. */
	for (size_t i = 0; i < reader->config->n_links; i++)
		nearest = sb_nearest_word(
			name, (const char *const[]){ nearest, reader->config->links[i]->name }, 2);
	if (nearest)
		sb_problems_error(reader->problems, place,
				  "there is no link \"%.64s\": did you mean \"%s\"?", name,
				  nearest);
	else
		sb_problems_error(
			reader->problems, place,
			"there is no link \"%.64s\": write the name of one below \"links:\"", name);
}

static int make_target(struct sb_config_reader *reader, struct sb_route *route,
		       const struct target_draft *draft)
{
	SB_CLEANUP(sb_free) char *pattern = NULL;
	const char *name = sb_settings_text(draft->settings, "link");
	const char *template = sb_settings_text(draft->settings, "topic");
	const struct sb_link_config *link;
	int r;

	if (!name || !template)
		return 0; /* said why */
	link = find_link(reader->config, name);
	if (!link) {
		refuse_link(reader, name, &draft->link_place);
		return 0;
	}
	if (sb_route_find(route, name)) {
		sb_problems_error(reader->problems, &draft->link_place,
				  "the link %s is in this route twice: leave one of them out",
				  name);
		return 0;
	}
	r = sb_route_template_fill(template, link, &draft->topic_place, reader->problems, &pattern);
	if (r < 0)
		return sb_config_only_enomem(r);

	return sb_route_add_target(route, name, pattern);
}

static int make_route(struct sb_config_reader *reader, const struct sb_route_draft *draft)
{
	const char *match = sb_settings_text(draft->settings, "match");
	const char *send = sb_settings_text(draft->settings, "send");
	struct sb_route *route;
	struct sb_error why;
	int r;

	if (match && sb_filter_check(match, &why) < 0)
		sb_problems_error(reader->problems, &draft->place, "%s", why.text);
	r = sb_routes_add(reader->config->routes, match ? match : "",
			  strcmp(send, "first-online") == 0, &route);
	for (size_t i = 0; i < draft->n_targets && r == 0; i++)
		r = make_target(reader, route, &draft->targets[i]);

	return r;
}

/**
 * sb_config_finish_routes() - make the routes, when all links are known
 * @reader: gets whatever is wrong with them
 *
 * Return: 0 with whatever is wrong; -ENOMEM.
 */
int sb_config_finish_routes(struct sb_config_reader *reader)
{
	int r = 0;

	for (size_t i = 0; i < reader->drafts.n && r == 0; i++)
		r = make_route(reader, &reader->drafts.items[i]);

	return r;
}
