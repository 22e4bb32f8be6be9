/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/values.h"
#include "daemon/cleanup.h"
#include "daemon/config-setting.h"
#include "daemon/config.h"
#include "daemon/kind.h"

SB_DEFINE_CLEANUP(struct sb_settings *, sb_settings_free)

/* A certificate of nobody's, for a setting that is a file: roots that are trusted, most likely. */
static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
			  "MIIBLTCB06ADAgECAgEBMAoGCCqGSM49BAMCMBAxDjAMBgNVBAMMBWNoZWNrMCAX\n"
			  "-----END CERTIFICATE-----\n";

/**
 * check_values_free() - free them, and wipe what they hold
 * @values: may be NULL
 *
 * Return: NULL.
 */
struct check_values *check_values_free(struct check_values *values)
{
	if (!values)
		return NULL;
	for (struct scripted_setting *one = values->list; one && one->key; one++) {
		explicit_bzero((char *)one->value, one->len);
		free((char *)one->value);
	}
	free(values->list);
	free(values);

	return NULL;
}

SB_DEFINE_CLEANUP(struct check_values *, check_values_free)

static struct check_values *values_new(size_t n)
{
	struct check_values *values = calloc(1, sizeof(*values));

	if (values)
		values->list = calloc(n + 1, sizeof(*values->list));

	return values && values->list ? values : check_values_free(values);
}

static int add(struct check_values *values, const char *key, const void *data, size_t len)
{
	struct scripted_setting *last = values->list;
	char *copy = calloc(1, len + 1);

	if (!copy)
		return -ENOMEM;
	while (last->key)
		last++;
	memcpy(copy, data, len);
	*last = (struct scripted_setting){ .key = key, .value = copy, .len = (uint32_t)len };

	return 0;
}

static int take_one(struct check_values *values, const struct sb_settings *settings,
		    const char *key)
{
	SB_CLEANUP(sb_free) char *text = NULL;
	size_t len = 0;
	const uint8_t *secret = sb_settings_secret(settings, key, &len);
	int r;

	if (secret)
		return add(values, key, secret, len);
	if (sb_kind_of(sb_settings_row(settings, key))->is_bytes)
		return 0;
	r = sb_settings_print(settings, key, &text);
	if (r == -ENOENT)
		return 0;

	return r < 0 ? r : add(values, key, text, strlen(text));
}

static int take_all(const struct skybus_plugin *plugin, const struct sb_settings *settings,
		    bool given, struct check_values **ret)
{
	SB_CLEANUP(check_values_free)
	struct check_values *values = values_new(plugin->n_settings);
	int r = values ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < plugin->n_settings; i++)
		r = take_one(values, settings, plugin->settings[i].key);
	if (r < 0)
		return r;
	values->given = given;
	*ret = SB_STEAL(values);

	return 0;
}

/* ---- from a file ---- */

/* What every link has may stand there too, as it does in skybus.yaml. */
static int read_all(struct sb_yaml *yaml, struct sb_yaml_walk *walk, struct sb_settings *own,
		    struct sb_settings *common, struct sb_problems *problems)
{
	struct sb_yaml_pair pair;
	int r;

	while ((r = sb_yaml_next(walk, &pair)) > 0) {
		struct sb_settings *owner = sb_settings_row(own, pair.key) ? own : common;

		if (!sb_settings_row(owner, pair.key))
			sb_settings_unknown_key(own, common, pair.key, &pair.key_place, problems);
		else if (sb_config_setting(yaml, owner, &pair, problems) == -ENOMEM)
			return -ENOMEM;
	}

	return r;
}

static int read_file(const char *file, struct sb_settings *own, struct sb_settings *common,
		     struct sb_problems *problems)
{
	const struct sb_place place = { .file = file };
	struct sb_yaml_walk walk = { 0 };
	struct sb_yaml yaml = { 0 };
	struct sb_yaml_pair root;
	int r;

	r = sb_yaml_read(&yaml, file, problems);
	if (r == 0) {
		root = sb_yaml_root(&yaml);
		r = sb_yaml_enter(&walk, &yaml, &root, "the plugin's settings, \"key: value\"",
				  problems);
	}
	if (r == 0)
		r = read_all(&yaml, &walk, own, common, problems);
	if (r == 0)
		r = sb_settings_finish(own, &place, problems);
	sb_yaml_leave(&walk);
	sb_yaml_done(&yaml);

	return r;
}

/**
 * check_values_read() - read them from a file
 * @plugin: whose table they are for
 * @file: YAML, the settings of one link as below its name in skybus.yaml; secrets may stand there
 * @problems: gets what is wrong
 * @ret: the values, the caller's
 *
 * Return: 0; -EINVAL or another negative errno: @problems says why; -ENOMEM.
 */
int check_values_read(const struct skybus_plugin *plugin, const char *file,
		      struct sb_problems *problems, struct check_values **ret)
{
	SB_CLEANUP(sb_settings_free) struct sb_settings *own = NULL;
	SB_CLEANUP(sb_settings_free) struct sb_settings *common = NULL;
	int r;

	r = sb_settings_new(plugin->settings, plugin->n_settings, &own);
	if (r == 0)
		r = sb_settings_new(sb_link_table, sb_link_table_rows, &common);
	if (r == 0)
		r = read_file(file, own, common, problems);
	if (r == 0 && problems->n_errors > 0)
		r = -EINVAL;

	return r < 0 ? r : take_all(plugin, own, true, ret);
}

/* ---- made up ---- */

/* As long as the row wants it, and no longer than it lets it be. */
static void fit(const struct skybus_setting *row, const char *text, char *ret, size_t size)
{
	int64_t least, most;
	size_t len = strlen(text);

	sb_kind_bounds(row, &least, &most);
	(void)snprintf(ret, size, "%s", text);
	while ((int64_t)len < least && len + 1 < size)
		ret[len++] = '0';
	ret[len] = '\0';
	if (most > 0 && most < (int64_t)len)
		ret[most] = '\0';
}

static void make_number(const struct skybus_setting *row, char *ret, size_t size)
{
	int64_t least, most;

	sb_kind_bounds(row, &least, &most);
	sb_kind_of(row)->print(least > 1 || most < 1 ? least : 1, ret, size);
}

static void make_one(const struct skybus_setting *row, char *ret, size_t size)
{
	struct sb_choices choices;

	if (row->kind == SKYBUS_CHOICE && sb_choices_split(row->choices, &choices) == 0)
		(void)snprintf(ret, size, "%s", choices.words[0]);
	else if (row->kind == SKYBUS_HOST)
		(void)snprintf(ret, size, "192.0.2.1"); /* RFC 5737: nobody's */
	else if (row->kind == SKYBUS_PORT)
		(void)snprintf(ret, size, "5683");
	else if (row->kind == SKYBUS_NETWORKS)
		(void)snprintf(ret, size, "192.0.2.0/24");
	else if (row->kind == SKYBUS_FILE)
		(void)snprintf(ret, size, "%s", pem);
	else if (row->kind == SKYBUS_SECRET)
		fit(row, "c2VjcmV0LW9mLXRoZS1jaGVja2Vy", ret, size);
	else if (row->kind == SKYBUS_TEXT)
		fit(row, "check1", ret, size);
	else if (row->kind == SKYBUS_BOOLEAN)
		(void)snprintf(ret, size, "no");
	else
		make_number(row, ret, size);
}

/**
 * check_values_make() - make them up: what is required and has no default
 * @plugin: whose table they are for
 * @ret: the values, the caller's
 *
 * Return: 0; -ENOMEM.
 */
int check_values_make(const struct skybus_plugin *plugin, struct check_values **ret)
{
	SB_CLEANUP(sb_settings_free) struct sb_settings *own = NULL;
	struct sb_problems problems = { 0 };
	char value[1024];
	int r;

	r = sb_settings_new(plugin->settings, plugin->n_settings, &own);
	for (size_t i = 0; r == 0 && i < plugin->n_settings; i++) {
		const struct skybus_setting *row = &plugin->settings[i];

		if (!(row->flags & SKYBUS_REQUIRED))
			continue;
		make_one(row, value, sizeof(value));
		if (sb_kind_of(row)->is_bytes)
			r = sb_settings_set_secret(own, row->key, value, strlen(value), NULL,
						   &problems);
		else
			r = sb_settings_set(own, row->key, value, NULL, &problems);
		r = r == -ENOMEM ? r : 0;
	}
	sb_problems_done(&problems);

	return r < 0 ? r : take_all(plugin, own, false, ret);
}

/**
 * check_values_other() - the same values, but one
 * @values: the values
 * @row: whose value is to be another, of the same length
 *
 * Return: the values, the caller's; NULL: @row has no value of which there could be another, or no memory.
 */
struct check_values *check_values_other(const struct check_values *values,
					const struct skybus_setting *row)
{
	SB_CLEANUP(check_values_free) struct check_values *other = NULL;
	bool changed = false;
	size_t n = 0;

	while (values->list[n].key)
		n++;
	other = values_new(n);
	for (size_t i = 0; other && i < n; i++) {
		const struct scripted_setting *one = &values->list[i];
		char *last;

		if (add(other, one->key, one->value, one->len) < 0)
			return NULL;
		if (strcmp(one->key, row->key) != 0 || one->len == 0)
			continue;
		last = (char *)other->list[i].value + one->len - 1;
		*last = *last == '7' ? '8' : '7';
		changed = true;
	}

	return changed ? SB_STEAL(other) : NULL;
}
