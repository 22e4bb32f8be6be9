/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml gets the whole document as nodes, and writes it. A node that cannot be made is 0, and a failure is
 * remembered, so that only the end has to look.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "daemon/cleanup.h"
#include "daemon/config-print.h"
#include "daemon/config.h"
#include "daemon/kind.h"

/** struct printing - a document that is being made */
struct printing {
	yaml_document_t document;
	bool failed;
};

/* ---- nodes ---- */

static int remember(struct printing *printing, int node)
{
	if (node == 0)
		printing->failed = true;

	return node;
}

static int new_map(struct printing *printing)
{
	return remember(printing, yaml_document_add_mapping(&printing->document, NULL,
							    YAML_BLOCK_MAPPING_STYLE));
}

/* On one line, {link: plant}. */
static int new_short_map(struct printing *printing)
{
	return remember(printing, yaml_document_add_mapping(&printing->document, NULL,
							    YAML_FLOW_MAPPING_STYLE));
}

static int new_list(struct printing *printing)
{
	return remember(printing, yaml_document_add_sequence(&printing->document, NULL,
							     YAML_BLOCK_SEQUENCE_STYLE));
}

static int new_scalar(struct printing *printing, const char *text, yaml_scalar_style_t style)
{
	return remember(printing, yaml_document_add_scalar(&printing->document, NULL,
							   (const yaml_char_t *)text, -1, style));
}

/* We read every scalar as a text, but other readers of YAML take some for numbers, or for true and false. */
static int new_text(struct printing *printing, const char *text)
{
	static const char *const words[] = { "yes",   "no",   "on", "off", "true",
					     "false", "null", "y",  "n" };
	bool plain = strspn(text, "0123456789+-.~=<") == 0 && *text;

	for (size_t i = 0; i < SB_ELEMENTS(words); i++)
		if (strcasecmp(words[i], text) == 0)
			plain = false;

	return new_scalar(printing, text,
			  plain ? YAML_ANY_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static void put(struct printing *printing, int map, const char *key, int value)
{
	int name = new_scalar(printing, key, YAML_ANY_SCALAR_STYLE);

	if (!printing->failed &&
	    !yaml_document_append_mapping_pair(&printing->document, map, name, value))
		printing->failed = true;
}

static void add(struct printing *printing, int list, int item)
{
	if (!printing->failed &&
	    !yaml_document_append_sequence_item(&printing->document, list, item))
		printing->failed = true;
}

/* ---- settings ---- */

static int new_bytes(struct printing *printing, const struct sb_settings *settings,
		     const struct skybus_setting *row)
{
	const char *name;
	enum sb_setting_source source = sb_settings_source(settings, row->key, &name);
	int map;

	if (source == SB_SOURCE_NONE)
		return new_text(printing, "(not shown)");
	if (row->kind == SKYBUS_FILE)
		return new_text(printing, name);
	map = new_short_map(printing);
	put(printing, map, source == SB_SOURCE_FILE ? "file" : "credential",
	    new_text(printing, name));

	return map;
}

static void put_setting(struct printing *printing, int map, const struct sb_settings *settings,
			const struct skybus_setting *row)
{
	SB_CLEANUP(sb_free) char *text = NULL;
	size_t len;
	int r;

	if (sb_kind_of(row)->is_bytes) {
		if (sb_settings_secret(settings, row->key, &len))
			put(printing, map, row->key, new_bytes(printing, settings, row));
		return;
	}
	r = sb_settings_print(settings, row->key, &text);
	if (r == 0)
		put(printing, map, row->key,
		    sb_kind_of(row)->is_text ? new_text(printing, text)
					     : new_scalar(printing, text, YAML_ANY_SCALAR_STYLE));
	else if (r == -ENOMEM)
		printing->failed = true;
}

static void put_settings(struct printing *printing, int map, const struct sb_settings *settings)
{
	const struct skybus_setting *rows;
	size_t n;

	rows = sb_settings_rows(settings, &n);
	for (size_t i = 0; i < n; i++)
		put_setting(printing, map, settings, &rows[i]);
}

static void put_section(struct printing *printing, int root, const char *name,
			const struct sb_settings *settings)
{
	int map = new_map(printing);

	put_settings(printing, map, settings);
	put(printing, root, name, map);
}

/* ---- rules ---- */

static void put_account(struct printing *printing, int map, const struct sb_rule *rule)
{
	const struct passwd *user = rule->subject == SB_SUBJECT_USER ? getpwuid(rule->id) : NULL;
	const struct group *group = rule->subject == SB_SUBJECT_GROUP ? getgrgid(rule->id) : NULL;
	const char *key = rule->subject == SB_SUBJECT_USER ? "user" : "group";
	char number[16];

	(void)snprintf(number, sizeof(number), "%" PRIu32, rule->id);
	if (user || group)
		put(printing, map, key, new_text(printing, user ? user->pw_name : group->gr_name));
	else
		put(printing, map, key, new_scalar(printing, number, YAML_ANY_SCALAR_STYLE));
}

static void put_texts(struct printing *printing, int map, const char *key,
		      const struct sb_texts *texts)
{
	int list;

	if (texts->n == 0)
		return;
	list = new_list(printing);
	for (size_t i = 0; i < texts->n; i++)
		add(printing, list, new_text(printing, texts->all[i]));
	put(printing, map, key, list);
}

static int new_rule(struct printing *printing, const struct sb_rule *rule)
{
	int map = new_map(printing);

	switch (rule->subject) {
	case SB_SUBJECT_USER:
	case SB_SUBJECT_GROUP:
		put_account(printing, map, rule);
		break;
	case SB_SUBJECT_UNIT:
		put(printing, map, "unit", new_text(printing, rule->unit));
		break;
	case SB_SUBJECT_UNIDENTIFIED:
		put(printing, map, "unidentified",
		    new_scalar(printing, "yes", YAML_ANY_SCALAR_STYLE));
		break;
	}
	put_texts(printing, map, "links", &rule->links);
	put_texts(printing, map, "publish", &rule->filters[SB_PUBLISH]);
	put_texts(printing, map, "subscribe", &rule->filters[SB_SUBSCRIBE]);
	if (rule->administers)
		put(printing, map, "administer",
		    new_scalar(printing, "yes", YAML_ANY_SCALAR_STYLE));

	return map;
}

/* What is built in cannot be written down: it is what holds without the section. */
static void put_access(struct printing *printing, int root, const struct sb_rules *rules)
{
	int list;

	if (rules->built_in)
		return;
	list = new_list(printing);
	for (size_t i = 0; i < rules->n; i++)
		add(printing, list, new_rule(printing, &rules->all[i]));
	put(printing, root, "access", list);
}

/* ---- links and routes ---- */

static void put_links(struct printing *printing, int root, const struct sb_config_view *view)
{
	int links = new_map(printing);

	for (size_t i = 0; i < view->n_links; i++) {
		const struct sb_link_config *link = view->links[i];
		int map = new_map(printing);

		put_settings(printing, map, link->common);
		if (link->own)
			put_settings(printing, map, link->own);
		put(printing, links, link->name, map);
	}
	put(printing, root, "links", links);
}

/* The template that means the same: the link's settings are filled in already. */
static void put_topic(struct printing *printing, int map, const char *pattern)
{
	/* A byte becomes {topic} at most. */
	SB_CLEANUP(sb_free) char *template = calloc(strlen(pattern) + 1, strlen("{topic}"));
	char *end = template;

	if (!template) {
		printing->failed = true;
		return;
	}
	for (const char *c = pattern; *c; c++) {
		if (*c == SB_ROUTE_TOPIC)
			end = stpcpy(end, "{topic}");
		else if (*c == '{')
			end = stpcpy(end, "{{");
		else
			*end++ = *c;
	}
	put(printing, map, "topic", new_text(printing, template));
}

static int new_route(struct printing *printing, const struct sb_route *route)
{
	int map = new_map(printing), targets = new_list(printing);

	put(printing, map, "match", new_text(printing, route->match));
	put(printing, map, "send",
	    new_text(printing, route->first_online ? "first-online" : "all"));
	for (size_t i = 0; i < route->n_targets; i++) {
		int target = new_short_map(printing);

		put(printing, target, "link", new_text(printing, route->targets[i].link));
		if (route->targets[i].pattern)
			put_topic(printing, target, route->targets[i].pattern);
		add(printing, targets, target);
	}
	put(printing, map, "to", targets);

	return map;
}

static void put_routes(struct printing *printing, int root, const struct sb_routes *routes)
{
	int list = new_list(printing);

	for (size_t i = 0; routes && i < routes->n; i++)
		add(printing, list, new_route(printing, &routes->items[i]));
	put(printing, root, "routes", list);
}

/* ---- the whole ---- */

static int write_out(void *file, unsigned char *buffer, size_t size)
{
	return fwrite(buffer, 1, size, file) == size;
}

/* The document is gone afterwards in any case. */
static bool dump(yaml_document_t *document, FILE *file)
{
	yaml_emitter_t emitter;
	bool good;

	if (!yaml_emitter_initialize(&emitter)) {
		yaml_document_delete(document);
		return false;
	}
	yaml_emitter_set_output(&emitter, write_out, file);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	good = yaml_emitter_dump(&emitter, document) && yaml_emitter_flush(&emitter);
	yaml_emitter_delete(&emitter);

	return good;
}

static void fill(struct printing *printing, const struct sb_config_view *view)
{
	int root = new_map(printing);

	put_access(printing, root, view->access);
	put_section(printing, root, "callers", view->callers);
	put_section(printing, root, "store", view->store);
	put_section(printing, root, "inboxes", view->inboxes);
	put_links(printing, root, view);
	put_routes(printing, root, view->routes);
}

/**
 * sb_config_print() - a configuration as YAML
 * @view: what it consists of
 * @ret: the text, which skybusd reads again; the caller's
 *
 * A secret that is written down in the configuration is "(not shown)".
 *
 * Return: 0, or -ENOMEM.
 */
int sb_config_print(const struct sb_config_view *view, char **ret)
{
	struct printing printing = { 0 };
	char *text = NULL;
	bool good = false;
	size_t len;
	FILE *file;

	file = open_memstream(&text, &len);
	if (!file)
		return -ENOMEM;
	if (yaml_document_initialize(&printing.document, NULL, NULL, NULL, 1, 1)) {
		fill(&printing, view);
		if (printing.failed)
			yaml_document_delete(&printing.document);
		else
			good = dump(&printing.document, file);
	}
	if (fclose(file) != 0 || !good) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;

	return 0;
}
