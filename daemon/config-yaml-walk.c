/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/config-yaml.h"

static const char *node_noun(const yaml_node_t *node)
{
	static const char *const nouns[] = {
		[YAML_NO_NODE] = "nothing",
		[YAML_SCALAR_NODE] = "a single value",
		[YAML_SEQUENCE_NODE] = "a list",
		[YAML_MAPPING_NODE] = "a mapping",
	};

	return nouns[node->type];
}

static bool is_empty(const yaml_node_t *node)
{
	return !node || (node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0 &&
			 node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
}

/* NULL if there is none, or if it has a zero byte in it, which "\0" in quotes makes. */
static const char *node_text(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->type != YAML_SCALAR_NODE || strlen(text) != node->data.scalar.length)
		return NULL;

	return text;
}

/* Enters a value once: an alias would lead into a circle, or the same thing twice. */
static int enter(struct sb_yaml *yaml, const struct sb_yaml_pair *pair, const char *noun,
		 struct sb_problems *problems)
{
	unsigned char *entered = &yaml->entered[pair->value - yaml->document.nodes.start];

	if (*entered) {
		sb_problems_error(problems, &pair->key_place,
				  "%.64s is an alias of a %s that is in use: write it out",
				  pair->key ? pair->key : "the file", noun);
		return -EINVAL;
	}
	*entered = 1;

	return 0;
}

/**
 * sb_yaml_enter() - begin to walk a mapping
 * @walk: zeroed; the caller calls sb_yaml_leave(), also after a failure
 * @yaml: what was read
 * @pair: whose value is the mapping; an empty value is an empty mapping
 * @expected: what should be there, for the sentence
 * @problems: gets a sentence if it is no mapping, and later those of sb_yaml_next()
 *
 * Return: 0; -EINVAL: no mapping, or one that was entered before, by way of an alias.
 */
int sb_yaml_enter(struct sb_yaml_walk *walk, struct sb_yaml *yaml, const struct sb_yaml_pair *pair,
		  const char *expected, struct sb_problems *problems)
{
	int r;

	walk->yaml = yaml;
	walk->problems = problems;
	if (is_empty(pair->value))
		return 0;
	if (pair->value->type != YAML_MAPPING_NODE) {
		sb_problems_error(problems, &pair->place, "%.64s is %s: write %s",
				  pair->key ? pair->key : "the file", node_noun(pair->value),
				  expected);
		return -EINVAL;
	}
	r = enter(yaml, pair, "mapping", problems);
	if (r < 0)
		return r;

	walk->mapping = pair->value;
	walk->next = pair->value->data.mapping.pairs.start;

	return 0;
}

/*
 * A key must be text, and be there once. Returns 1 if it is so, 0 if a sentence says that it is
 * not.
 */
static int check_key(struct sb_yaml_walk *walk, const struct sb_yaml_pair *pair)
{
	struct sb_place first;
	int r;

	if (!pair->key) {
		sb_problems_error(walk->problems, &pair->key_place,
				  "a key must be a plain word: write \"word: value\"");
		return 0;
	}

	r = sb_seen_add(&walk->seen, pair->key, &pair->key_place, &first);
	if (r == -EEXIST)
		sb_problems_error(walk->problems, &pair->key_place,
				  "%.64s is there twice, first at %s:%zu:%zu: keep one of them",
				  pair->key, first.file, first.line, first.column);

	return r == -EEXIST ? 0 : r < 0 ? r : 1;
}

/**
 * sb_yaml_next() - the next pair of a mapping; what is not usable is told and passed over
 * @walk: was entered
 * @ret: the pair
 *
 * Return: 1; 0 at the end; -ENOMEM.
 */
int sb_yaml_next(struct sb_yaml_walk *walk, struct sb_yaml_pair *ret)
{
	yaml_document_t *document = &walk->yaml->document;
	int r = 0;

	while (r == 0 && walk->mapping && walk->next < walk->mapping->data.mapping.pairs.top) {
		yaml_node_t *key = yaml_document_get_node(document, walk->next->key);
		yaml_node_t *value = yaml_document_get_node(document, walk->next->value);

		walk->next++;
		*ret = (struct sb_yaml_pair){
			.key = node_text(key),
			.key_place = sb_yaml_place(walk->yaml, key),
			.value = value,
			.place = sb_yaml_place(walk->yaml, value),
		};
		r = check_key(walk, ret);
	}

	return r;
}

/**
 * sb_yaml_leave() - end a walk
 * @walk: is empty afterwards
 */
void sb_yaml_leave(struct sb_yaml_walk *walk)
{
	sb_seen_done(&walk->seen);
	*walk = (struct sb_yaml_walk){ 0 };
}

/**
 * sb_yaml_find() - the text of one key, before the mapping is walked
 * @walk: was entered
 * @key: which
 * @ret_place: where its value is
 *
 * Return: the text, lent; NULL if there is no such key, or no text. The walk will tell.
 */
const char *sb_yaml_find(struct sb_yaml_walk *walk, const char *key, struct sb_place *ret_place)
{
	yaml_document_t *document = &walk->yaml->document;
	yaml_node_pair_t *pair;

	if (!walk->mapping)
		return NULL;

	for (pair = walk->mapping->data.mapping.pairs.start;
	     pair < walk->mapping->data.mapping.pairs.top; pair++) {
		const char *text = node_text(yaml_document_get_node(document, pair->key));
		const yaml_node_t *value = yaml_document_get_node(document, pair->value);

		if (!text || strcmp(text, key) != 0)
			continue;
		*ret_place = sb_yaml_place(walk->yaml, value);
		return is_empty(value) ? NULL : node_text(value);
	}

	return NULL;
}

/**
 * sb_yaml_enter_list() - begin to walk a list
 * @list: zeroed
 * @yaml: what was read; outlives @list
 * @pair: whose value is the list; one value alone is a list of one, and an empty value is an empty list
 * @problems: gets a sentence if the list was entered before
 *
 * Return: 0; -EINVAL: it was entered before, by way of an alias.
 */
int sb_yaml_enter_list(struct sb_yaml_list *list, struct sb_yaml *yaml,
		       const struct sb_yaml_pair *pair, struct sb_problems *problems)
{
	*list = (struct sb_yaml_list){ .yaml = yaml, .pair = *pair };
	if (is_empty(pair->value)) {
		list->single_done = true;
		return 0;
	}
	if (pair->value->type != YAML_SEQUENCE_NODE)
		return 0;
	list->sequence = pair->value;
	list->next = pair->value->data.sequence.items.start;

	return enter(yaml, pair, "list", problems);
}

/**
 * sb_yaml_next_item() - the next item of a list
 * @list: was entered
 * @ret: the item; its key is the list's, for sentences, and its place is that of both
 *
 * Return: whether there was one more.
 */
bool sb_yaml_next_item(struct sb_yaml_list *list, struct sb_yaml_pair *ret)
{
	yaml_node_t *item;

	if (!list->sequence) {
		if (list->single_done)
			return false;
		*ret = list->pair;
		list->single_done = true;
		return true;
	}
	if (list->next >= list->sequence->data.sequence.items.top)
		return false;

	item = yaml_document_get_node(&list->yaml->document, *list->next++);
	*ret = (struct sb_yaml_pair){
		.key = list->pair.key,
		.key_place = sb_yaml_place(list->yaml, item),
		.value = item,
		.place = sb_yaml_place(list->yaml, item),
	};

	return true;
}

/**
 * sb_yaml_text() - the value of a pair as a text
 * @pair: which
 * @expected: what should be there, for the sentence
 * @problems: gets a sentence if it is not a text
 *
 * Return: the text, lent; NULL if there is none.
 */
const char *sb_yaml_text(const struct sb_yaml_pair *pair, const char *expected,
			 struct sb_problems *problems)
{
	const char *text = node_text(pair->value);

	if (!text && pair->value->type == YAML_SCALAR_NODE)
		sb_problems_error(problems, &pair->place, "%.64s has a zero byte in it: write %s",
				  pair->key, expected);
	else if (!text)
		sb_problems_error(problems, &pair->place, "%.64s is %s: write %s", pair->key,
				  node_noun(pair->value), expected);
	else if (is_empty(pair->value))
		sb_problems_error(problems, &pair->key_place, "%.64s has no value: write %s",
				  pair->key, expected);

	return is_empty(pair->value) ? NULL : text;
}
