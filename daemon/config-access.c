/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section "access:". Whatever is wrong with it spoils the whole configuration: the daemon never runs
 * with fewer rules, or others, than it was told. For the same reason the section is in the main file: a file
 * in conf.d that is broken is left out, and nobody would know whether rules were in it.
 */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/config-reader.h"
#include "daemon/filter.h"
#include "daemon/kind.h"
#include "daemon/message.h"
#include "daemon/rule.h"

/* systemd.unit(5): the most bytes of a unit's name. */
#define UNIT_MAX 255

/** struct reading - one rule while it is read */
struct reading {
	struct sb_config_reader *reader;
	struct sb_yaml *yaml;
	struct sb_rule rule;
	size_t n_subjects;
};

/* ---- users, groups, units ---- */

typedef int look_up_fn(const char *name, uint32_t *ret);

static int look_up_user(const char *name, uint32_t *ret)
{
	const struct passwd *user;

	errno = 0;
	user = getpwnam(name);
	if (!user)
		return -errno;
	*ret = user->pw_uid;

	return 1;
}

static int look_up_group(const char *name, uint32_t *ret)
{
	const struct group *group;

	errno = 0;
	group = getgrnam(name);
	if (!group)
		return -errno;
	*ret = group->gr_gid;

	return 1;
}

/* getpwnam(3): there are many ways to say that there is nobody of that name. */
static bool is_nobody(int r)
{
	return r == 0 || r == -ENOENT || r == -ESRCH || r == -EBADF || r == -EPERM;
}

/* All digits: the number itself; the last one means nobody. */
static bool read_number(const char *text, uint32_t *ret)
{
	const struct skybus_setting row = {
		.key = "number", .kind = SKYBUS_INTEGER, .min = 0, .max = SB_NO_OWNER - INT64_C(1)
	};
	int64_t number;

	if (strspn(text, "0123456789") != strlen(text) || sb_kind_parse(&row, text, &number) < 0)
		return false;
	*ret = (uint32_t)number;

	return true;
}

static int read_account(struct reading *reading, const struct sb_yaml_pair *pair,
			enum sb_subject subject, look_up_fn *look_up)
{
	struct sb_problems *problems = reading->reader->problems;
	const char *text = sb_yaml_text(pair, "its name or its number", problems);
	int r;

	reading->rule.subject = subject;
	reading->n_subjects++;
	if (!text || read_number(text, &reading->rule.id))
		return 0;

	r = look_up(text, &reading->rule.id);
	if (r == -ENOMEM)
		return r;
	if (is_nobody(r))
		sb_problems_error(
			problems, &pair->place,
			"this box has no %s \"%.64s\": write the name or the number of one "
			"that it has",
			pair->key, text);
	else if (r < 0)
		sb_problems_error(problems, &pair->place,
				  "the %s \"%.64s\" cannot be looked up: %s: write its number",
				  pair->key, text, strerror(-r));

	return 0;
}

static int read_user(struct reading *reading, const struct sb_yaml_pair *pair)
{
	return read_account(reading, pair, SB_SUBJECT_USER, look_up_user);
}

static int read_group(struct reading *reading, const struct sb_yaml_pair *pair)
{
	return read_account(reading, pair, SB_SUBJECT_GROUP, look_up_group);
}

/* An instance is a unit, its template is none. */
static bool is_service(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:-_.\\@";
	static const char suffix[] = ".service";
	size_t len = strlen(name);

	return len > strlen(suffix) && len <= UNIT_MAX && strspn(name, allowed) == len &&
	       strcmp(name + len - strlen(suffix), suffix) == 0 && name[0] != '@' &&
	       name[len - strlen(suffix) - 1] != '@';
}

static int read_unit(struct reading *reading, const struct sb_yaml_pair *pair)
{
	static const char expected[] = "the whole name of one, \"app.service\"";
	struct sb_problems *problems = reading->reader->problems;
	const char *text = sb_yaml_text(pair, expected, problems);

	reading->rule.subject = SB_SUBJECT_UNIT;
	reading->n_subjects++;
	if (!text)
		return 0;
	if (!is_service(text)) {
		sb_problems_error(problems, &pair->place,
				  "unit \"%.64s\" is no service of systemd: write %s", text,
				  expected);
		return 0;
	}
	reading->rule.unit = strdup(text);

	return reading->rule.unit ? 0 : -ENOMEM;
}

/* ---- yes or no ---- */

static bool read_boolean(struct reading *reading, const struct sb_yaml_pair *pair)
{
	static const struct skybus_setting row = { .key = "boolean", .kind = SKYBUS_BOOLEAN };
	const char *text = sb_yaml_text(pair, "yes or no", reading->reader->problems);
	int64_t value = 0;

	if (text && sb_kind_parse(&row, text, &value) < 0)
		sb_problems_error(reading->reader->problems, &pair->place,
				  "%s \"%.64s\" is not a boolean: write yes or no", pair->key,
				  text);

	return value != 0;
}

static int read_unidentified(struct reading *reading, const struct sb_yaml_pair *pair)
{
	if (read_boolean(reading, pair)) {
		reading->rule.subject = SB_SUBJECT_UNIDENTIFIED;
		reading->n_subjects++;
	}

	return 0;
}

static int read_administer(struct reading *reading, const struct sb_yaml_pair *pair)
{
	reading->rule.administers = read_boolean(reading, pair);

	return 0;
}

/* ---- lists ---- */

/* Whether it is one; else a sentence says so. */
typedef bool check_item_fn(struct sb_problems *problems, const struct sb_yaml_pair *item,
			   const char *text);

static bool check_link(struct sb_problems *problems, const struct sb_yaml_pair *item,
		       const char *text)
{
	if (strcmp(text, SB_ALL_LINKS) == 0 || sb_config_is_link_name(text))
		return true;
	sb_problems_error(
		problems, &item->place,
		"\"%.64s\" cannot be the name of a link: write one that is below links, or "
		"\"*\" for all",
		text);

	return false;
}

static bool check_filter(struct sb_problems *problems, const struct sb_yaml_pair *item,
			 const char *text)
{
	struct sb_error why;

	if (sb_filter_check(text, &why) == 0)
		return true;
	sb_problems_error(problems, &item->place, "%s: %s", item->key, why.text);

	return false;
}

static int read_list(struct reading *reading, const struct sb_yaml_pair *pair, const char *expected,
		     check_item_fn *check, struct sb_texts *texts)
{
	struct sb_problems *problems = reading->reader->problems;
	struct sb_yaml_list list;
	struct sb_yaml_pair item;
	int r;

	r = sb_yaml_enter_list(&list, reading->yaml, pair, problems);
	while (r == 0 && sb_yaml_next_item(&list, &item)) {
		const char *text = sb_yaml_text(&item, expected, problems);

		if (text && check(problems, &item, text))
			r = sb_texts_add(texts, text);
	}

	return sb_config_only_enomem(r);
}

static int read_links(struct reading *reading, const struct sb_yaml_pair *pair)
{
	return read_list(reading, pair, "names of links, [plant, \"…\"], or \"*\" for all",
			 check_link, &reading->rule.links);
}

static const char filters_expected[] = "filters of topics, [\"/sys/+/thing/#\", \"…\"]";

static int read_publish(struct reading *reading, const struct sb_yaml_pair *pair)
{
	return read_list(reading, pair, filters_expected, check_filter,
			 &reading->rule.filters[SB_PUBLISH]);
}

static int read_subscribe(struct reading *reading, const struct sb_yaml_pair *pair)
{
	return read_list(reading, pair, filters_expected, check_filter,
			 &reading->rule.filters[SB_SUBSCRIBE]);
}

/* ---- rules ---- */

static const struct key {
	const char *name;
	int (*read)(struct reading *reading, const struct sb_yaml_pair *pair);
} keys[] = {
	{ "user", read_user },		 { "group", read_group },
	{ "unit", read_unit },		 { "unidentified", read_unidentified },
	{ "links", read_links },	 { "publish", read_publish },
	{ "subscribe", read_subscribe }, { "administer", read_administer },
};

static int read_key(struct reading *reading, const struct sb_yaml_pair *pair)
{
	const char *names[SB_ELEMENTS(keys)];

	for (size_t i = 0; i < SB_ELEMENTS(keys); i++) {
		if (strcmp(keys[i].name, pair->key) == 0)
			return keys[i].read(reading, pair);
		names[i] = keys[i].name;
	}
	sb_config_unknown_word(reading->reader, "key", pair, names, SB_ELEMENTS(names));

	return 0;
}

/* What each key by itself cannot tell. */
static void check_rule(const struct reading *reading, const struct sb_place *place)
{
	struct sb_problems *problems = reading->reader->problems;
	const struct sb_rule *rule = &reading->rule;
	bool on_links = rule->filters[SB_PUBLISH].n + rule->filters[SB_SUBSCRIBE].n > 0;

	if (reading->n_subjects != 1)
		sb_problems_error(problems, place,
				  "this rule is for %s: write one of user, group, unit and "
				  "\"unidentified: yes\"",
				  reading->n_subjects == 0 ? "nobody" : "several at a time");
	if (on_links && rule->links.n == 0)
		sb_problems_error(
			problems, place,
			"this rule does not say on which links: add \"links: [NAME]\", or "
			"\"links: '*'\" for all");
	if (!on_links && rule->links.n > 0)
		sb_problems_error(
			problems, place,
			"this rule does not say what is granted on its links: add publish or "
			"subscribe, with filters of topics");
	if (!on_links && rule->links.n == 0 && !rule->administers)
		sb_problems_error(
			problems, place,
			"this rule grants nothing: add links with publish or subscribe, or "
			"\"administer: yes\"");
}

static int read_rule(struct sb_config_reader *reader, struct sb_yaml *yaml,
		     const struct sb_yaml_pair *item)
{
	struct reading reading = { .reader = reader, .yaml = yaml };
	size_t n_errors = reader->problems->n_errors;
	struct sb_yaml_walk walk = { 0 };
	struct sb_yaml_pair pair;
	int r;

	r = sb_yaml_enter(&walk, yaml, item, "a list of rules, each with keys such as \"group:\"",
			  reader->problems);
	while (r == 0 && (r = sb_yaml_next(&walk, &pair)) > 0)
		r = read_key(&reading, &pair);
	sb_yaml_leave(&walk);
	/* Where something is wrong already, what seems to be missing may be that. */
	if (r == 0 && reader->problems->n_errors == n_errors)
		check_rule(&reading, &item->place);
	if (r == 0)
		r = sb_rules_add(reader->config->access, &reading.rule);
	sb_rule_done(&reading.rule);

	return sb_config_only_enomem(r);
}

/**
 * sb_config_read_access() - read the section
 * @reader: gets the rules
 * @yaml: the file
 * @section: the section in it
 *
 * Return: 0 with whatever is wrong below; -ENOMEM.
 */
int sb_config_read_access(struct sb_config_reader *reader, struct sb_yaml *yaml,
			  const struct sb_yaml_pair *section)
{
	struct sb_yaml_list list;
	struct sb_yaml_pair item;
	int r;

	if (!reader->in_main) {
		sb_problems_error(
			reader->problems, &section->key_place,
			"%s belongs in the main file, since a broken file in conf.d is left "
			"out: move it there",
			section->key);
		return 0;
	}
	r = sb_rules_new(&reader->config->access);
	if (r < 0)
		return r;
	r = sb_yaml_enter_list(&list, yaml, section, reader->problems);
	while (r == 0 && sb_yaml_next_item(&list, &item))
		r = read_rule(reader, yaml, &item);

	return sb_config_only_enomem(r);
}
