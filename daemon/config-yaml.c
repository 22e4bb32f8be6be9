/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cleanup.h"
#include "daemon/config-yaml.h"
#include "daemon/file.h"

/* The largest file, in bytes: thousands of links fit. */
#define FILE_MAX (1024 * 1024)

/*
 * Four levels have a meaning. libyaml's time grows with the square of the depth, and of the
 * anchors.
 */
#define DEPTH_MAX 16
#define ANCHORS_MAX 256

/* ---- from a file to a document ---- */

static struct sb_place mark_place(const struct sb_yaml *yaml, const yaml_mark_t *mark)
{
	return (struct sb_place){ yaml->file, mark->line + 1, mark->column + 1 };
}

static struct sb_place node_place(const struct sb_yaml *yaml, const yaml_node_t *node)
{
	return mark_place(yaml, &node->start_mark);
}

/* For what is found before there are lines: an offset in bytes. */
static struct sb_place offset_place(const struct sb_yaml *yaml, const char *text, size_t offset)
{
	struct sb_place place = { yaml->file, 1, 1 };

	for (size_t i = 0; i < offset; i++) {
		place.column++;
		if (text[i] == '\n') {
			place.line++;
			place.column = 1;
		}
	}

	return place;
}

/*
 * What libyaml says speaks of the file's form, never of its content. Its mark is where it gave up;
 * where the thing began (a quotation, a mapping) is told beside it.
 */
static int refuse_syntax(const struct sb_yaml *yaml, const yaml_parser_t *parser, const char *text,
			 struct sb_problems *problems)
{
	bool early = parser->error == YAML_READER_ERROR;
	struct sb_place place = early ? offset_place(yaml, text, parser->problem_offset)
				      : mark_place(yaml, &parser->problem_mark);
	char context[128] = "";

	/* Without memory libyaml does not always say so; it has no other failure without words. */
	if (parser->error == YAML_MEMORY_ERROR || !parser->problem)
		return -ENOMEM;

	if (!early && parser->context)
		(void)snprintf(context, sizeof(context), "%s from line %zu on, ", parser->context,
			       parser->context_mark.line + 1);
	sb_problems_error(problems, &place,
			  "this is not YAML: %s%s: look at the indentation, colons and quotes here "
			  "and in the line before",
			  context, parser->problem);

	return -EINVAL;
}

/* What was counted in a file before it is loaded. */
struct shape {
	size_t depth;
	size_t n_anchors;
	size_t n_documents;
};

static bool has_anchor(const yaml_event_t *event)
{
	return (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor) ||
	       (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor) ||
	       (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor);
}

static int count_event(struct shape *shape, const yaml_event_t *event, const struct sb_place *place,
		       struct sb_problems *problems)
{
	if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT)
		shape->depth++;
	if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
		shape->depth--;
	shape->n_anchors += has_anchor(event);
	shape->n_documents += event->type == YAML_DOCUMENT_START_EVENT;

	if (shape->depth > DEPTH_MAX)
		sb_problems_error(problems, place,
				  "this is nested deeper than %d levels: no setting is", DEPTH_MAX);
	else if (shape->n_anchors > ANCHORS_MAX)
		sb_problems_error(problems, place,
				  "this is anchor %d: write the values out instead",
				  ANCHORS_MAX + 1);
	else if (shape->n_documents > 1)
		sb_problems_error(problems, place,
				  "a second document begins here: remove the line \"---\", or put "
				  "it into a file of its own in conf.d");
	else
		return 0;

	return -EINVAL;
}

/* Whether it is YAML, one document, and neither deep nor knotted. */
static int check_shape(const struct sb_yaml *yaml, const char *text, size_t len,
		       struct sb_problems *problems)
{
	__attribute__((cleanup(yaml_parser_delete))) yaml_parser_t parser = { 0 };
	struct shape shape = { 0 };
	bool ended = false;
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);

	while (r == 0 && !ended) {
		struct sb_place place;
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event))
			return refuse_syntax(yaml, &parser, text, problems);
		ended = event.type == YAML_STREAM_END_EVENT;
		place = mark_place(yaml, &event.start_mark);
		r = count_event(&shape, &event, &place, problems);
		yaml_event_delete(&event);
	}

	return r;
}

static int load(struct sb_yaml *yaml, const char *text, size_t len, struct sb_problems *problems)
{
	__attribute__((cleanup(yaml_parser_delete))) yaml_parser_t parser = { 0 };
	size_t n_nodes;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &yaml->document))
		return refuse_syntax(yaml, &parser, text, problems);

	n_nodes = (size_t)(yaml->document.nodes.top - yaml->document.nodes.start);
	yaml->entered = calloc(n_nodes + 1, 1);

	return yaml->entered ? 0 : -ENOMEM;
}

static int refuse_file(const char *file, int error, struct sb_problems *problems)
{
	const struct sb_place place = { .file = file };

	sb_problems_error(problems, &place,
			  "cannot read it: %s: check that it is there and that skybusd may read it",
			  strerror(error));

	return -error;
}

static int read_file(const char *file, struct sb_problems *problems, char **ret, size_t *ret_len)
{
	SB_CLEANUP(sb_close) int fd = -1;
	const struct sb_place place = { .file = file };
	struct stat status;
	int r;

	fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0)
		return refuse_file(file, errno, problems);
	if (!S_ISREG(status.st_mode)) {
		sb_problems_error(problems, &place, "it is not a regular file: name one that is");
		return -EINVAL;
	}

	r = sb_file_read(fd, FILE_MAX, ret, ret_len);
	if (r == -EFBIG)
		sb_problems_error(problems, &place,
				  "it has more than %d bytes: share it out among files in conf.d",
				  FILE_MAX);
	else if (r < 0 && r != -ENOMEM)
		return refuse_file(file, -r, problems);

	return r;
}

/**
 * sb_yaml_read() - read a file
 * @yaml: zeroed; the caller calls sb_yaml_done(), also after a failure
 * @file: its path, lent as long as @yaml and the places from it live
 * @problems: gets a sentence if it cannot be read or parsed
 *
 * Return: 0; -EINVAL: not one YAML document; -EFBIG; -ENOMEM; or why it cannot be read.
 */
int sb_yaml_read(struct sb_yaml *yaml, const char *file, struct sb_problems *problems)
{
	char *text;
	size_t len;
	int r;

	yaml->file = file;
	r = read_file(file, problems, &text, &len);
	if (r < 0)
		return r;

	r = check_shape(yaml, text, len, problems);
	if (r == 0)
		r = load(yaml, text, len, problems);
	explicit_bzero(text, len); /* secrets may be written in it */
	free(text);

	return r;
}

/**
 * sb_yaml_done() - forget a document, and wipe its values: secrets may be among them
 * @yaml: is empty afterwards
 */
void sb_yaml_done(struct sb_yaml *yaml)
{
	for (yaml_node_t *node = yaml->document.nodes.start; node < yaml->document.nodes.top;
	     node++)
		if (node->type == YAML_SCALAR_NODE)
			explicit_bzero(node->data.scalar.value, node->data.scalar.length);

	yaml_document_delete(&yaml->document);
	free(yaml->entered);
	*yaml = (struct sb_yaml){ 0 };
}

/**
 * sb_yaml_root() - the whole file as a value
 * @yaml: what was read
 *
 * Return: a pair without key; its value is NULL if the file is empty.
 */
struct sb_yaml_pair sb_yaml_root(struct sb_yaml *yaml)
{
	yaml_node_t *root = yaml_document_get_root_node(&yaml->document);
	struct sb_yaml_pair pair = { .value = root, .place = { .file = yaml->file } };

	if (root)
		pair.place = node_place(yaml, root);
	pair.key_place = pair.place;

	return pair;
}

/* ---- through a document ---- */

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
			.key_place = node_place(walk->yaml, key),
			.value = value,
			.place = node_place(walk->yaml, value),
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
		*ret_place = node_place(walk->yaml, value);
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
		.key_place = node_place(list->yaml, item),
		.value = item,
		.place = node_place(list->yaml, item),
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
