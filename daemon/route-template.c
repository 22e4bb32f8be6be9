/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link whose settings are wrong is told as such, and does not spoil the whole configuration; so what a
 * template asks of it is not told again. Its pattern is not known then.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/kind.h"
#include "daemon/route-template.h"
#include "daemon/route.h"

/* The longest key of a setting that is looked for. */
#define KEY_MAX 63

/** struct filling - a pattern on its way */
struct filling {
	const char *template;
	const struct sb_link_config *link;
	const struct sb_place *place;
	struct sb_problems *problems;
	size_t n;
	char pattern[SB_TOPIC_MAX + 1];
};

static int append(struct filling *filling, const char *text, size_t len)
{
	if (len > SB_TOPIC_MAX - filling->n) {
		sb_problems_error(
			filling->problems, filling->place,
			"the topic \"%.64s\" has more than %d bytes at the link %s: write a "
			"shorter one",
			filling->template, SB_TOPIC_MAX, filling->link->name);
		return -EINVAL;
	}
	memcpy(filling->pattern + filling->n, text, len);
	filling->n += len;
	filling->pattern[filling->n] = '\0';

	return 0;
}

static bool is_secret(const struct skybus_setting *row)
{
	return sb_kind_of(row)->is_bytes;
}

static int append_setting(struct filling *filling, const struct sb_settings *settings,
			  const char *key)
{
	SB_CLEANUP(sb_free) char *text = NULL;
	int r;

	if (is_secret(sb_settings_row(settings, key))) {
		sb_problems_error(
			filling->problems, filling->place,
			"{%s} is a secret or a file of the link %s, and topics are for all "
			"to see: leave it out",
			key, filling->link->name);
		return -EINVAL;
	}
	r = sb_settings_print(settings, key, &text);
	if (r == -ENOENT && !filling->link->wrong)
		sb_problems_error(filling->problems, filling->place,
				  "the link %s has no %s for {%s}: set it, or leave {%s} out",
				  filling->link->name, key, key, key);

	return r < 0 ? r : append(filling, text, strlen(text));
}

/* The key between braces: the app's topic, or a setting of the link. */
static int append_key(struct filling *filling, const char *key)
{
	static const char topic[] = { SB_ROUTE_TOPIC };
	const struct sb_link_config *link = filling->link;

	if (strcmp(key, "topic") == 0)
		return append(filling, topic, sizeof(topic));
	if (sb_settings_row(link->common, key))
		return append_setting(filling, link->common, key);
	if (link->own && sb_settings_row(link->own, key))
		return append_setting(filling, link->own, key);
	/* Without its plugin nobody knows what a link's keys are. */
	if (link->own)
		sb_settings_unknown_key(link->common, link->own, key, filling->place,
					filling->problems);

	return -ENOENT;
}

/* "{key}": *@c is at the brace, and behind the other one afterwards. */
static int append_braces(struct filling *filling, const char **c)
{
	const char *begin = *c + 1;
	size_t len = strcspn(begin, "{}");
	char key[KEY_MAX + 1];

	if (begin[len] != '}' || len == 0 || len > KEY_MAX) {
		sb_problems_error(
			filling->problems, filling->place,
			"in the topic \"%.64s\" a { begins nothing: write {topic}, the key of a "
			"setting of the link in braces, or {{ for the brace itself",
			filling->template);
		return -EINVAL;
	}
	memcpy(key, begin, len);
	key[len] = '\0';
	*c = begin + len + 1;

	return append_key(filling, key);
}

static int fill(struct filling *filling)
{
	const char *c = filling->template;
	int r = 0;

	while (*c && r == 0) {
		size_t len = strcspn(c, "{");

		if (len > 0) {
			r = append(filling, c, len);
			c += len;
		} else if (c[1] == '{') {
			r = append(filling, c, 1);
			c += 2;
		} else {
			r = append_braces(filling, &c);
		}
	}

	return r;
}

/* Whatever the app's topic is, what is around it stays. */
static int check_pattern(const struct filling *filling)
{
	for (const char *c = filling->pattern; *c; c++) {
		if (*c == '+' || *c == '#')
			sb_problems_error(
				filling->problems, filling->place,
				"the topic \"%.64s\" holds the wildcard %c at the link %s: a "
				"message goes to one topic, so leave it out",
				filling->template, *c, filling->link->name);
		else if (*c != SB_ROUTE_TOPIC && ((unsigned char)*c < ' ' || *c == 0x7f))
			sb_problems_error(
				filling->problems, filling->place,
				"the topic \"%.64s\" holds a control character at the link %s: "
				"leave it out",
				filling->template, filling->link->name);
		else
			continue;
		return -EINVAL;
	}

	return 0;
}

/**
 * sb_route_template_fill() - fill the settings of a link into a template
 * @template: not empty
 * @link: the link
 * @place: of the template
 * @problems: gets a sentence if it will not do
 * @ret_pattern: the pattern, the caller's; NULL when the settings of @link are wrong, so that it is not known
 *
 * Return: 0; -EINVAL, and @problems says why; -ENOMEM.
 */
int sb_route_template_fill(const char *template, const struct sb_link_config *link,
			   const struct sb_place *place, struct sb_problems *problems,
			   char **ret_pattern)
{
	struct filling filling = {
		.template = template,
		.link = link,
		.place = place,
		.problems = problems,
	};
	size_t n_errors = problems->n_errors;
	char *pattern = NULL;
	int r;

	/* A byte of this kind stands for the app's topic later. */
	if (strchr(template, SB_ROUTE_TOPIC)) {
		sb_problems_error(problems, place,
				  "the topic holds a control character: leave it out");
		return -EINVAL;
	}
	r = fill(&filling);
	if (r == 0)
		r = check_pattern(&filling);
	if (r == -ENOMEM)
		return r;
	if (problems->n_errors > n_errors)
		return -EINVAL;
	if (r == 0) {
		pattern = strdup(filling.pattern);
		if (!pattern)
			return -ENOMEM;
	}
	*ret_pattern = pattern;

	return 0;
}
