/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file to a document. The way through it is in daemon/config-yaml-walk.c.
 */
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

static struct sb_place mark_place(const struct sb_yaml *yaml, const yaml_mark_t *mark)
{
	return (struct sb_place){ yaml->file, mark->line + 1, mark->column + 1 };
}

/**
 * sb_yaml_place() - where something is
 * @yaml: what was read
 * @node: of its document
 *
 * Return: the place; its file is lent.
 */
struct sb_place sb_yaml_place(const struct sb_yaml *yaml, const yaml_node_t *node)
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

static void wipe(unsigned char *begin, const unsigned char *end)
{
	if (begin)
		explicit_bzero(begin, (size_t)(end - begin));
}

/* Secrets may be written in the file, and the parser has all of it in its buffers. */
static void parser_done_cleanup(yaml_parser_t *parser)
{
	wipe(parser->raw_buffer.start, parser->raw_buffer.end);
	wipe(parser->buffer.start, parser->buffer.end);
	yaml_parser_delete(parser);
}

static void event_done(yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		explicit_bzero(event->data.scalar.value, event->data.scalar.length);
	yaml_event_delete(event);
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
	SB_CLEANUP(parser_done) yaml_parser_t parser = { 0 };
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
		event_done(&event);
	}

	return r;
}

static int load(struct sb_yaml *yaml, const char *text, size_t len, struct sb_problems *problems)
{
	SB_CLEANUP(parser_done) yaml_parser_t parser = { 0 };
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
		pair.place = sb_yaml_place(yaml, root);
	pair.key_place = pair.place;

	return pair;
}
