/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "ctl/cleanup.h"
#include "ctl/yaml-json.h"

/* The configuration is four deep; what is deeper is none. */
#define DEPTH_MAX 16

static int convert(yaml_document_t *document, int index, int depth, json_t **ret);

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* Words that are no text where no quotes are around them. */
static json_t *word_value(const char *word)
{
	static const char *const trues[] = { "yes", "true", "on" };
	static const char *const falses[] = { "no", "false", "off" };

	for (size_t i = 0; i < CTL_ELEMENTS(trues); i++) {
		if (strcasecmp(word, trues[i]) == 0)
			return json_true();
		if (strcasecmp(word, falses[i]) == 0)
			return json_false();
	}

	return NULL;
}

static json_t *number_value(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	char *end;
	long long number;

	if (digits == 0 || digits > 18 || text[digits] != '\0')
		return NULL;
	number = strtoll(text, &end, 10);

	return json_integer(number);
}

static json_t *scalar(const yaml_node_t *node)
{
	json_t *value = NULL;

	if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		value = word_value(text_of(node));
		if (!value)
			value = number_value(text_of(node));
	}

	return value ? value : json_string(text_of(node));
}

static int convert_map(yaml_document_t *document, const yaml_node_t *node, int depth, json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *map = json_object();

	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(document, pair->key);
		json_t *value;
		int r;

		if (key->type != YAML_SCALAR_NODE)
			return -EBADMSG;
		r = convert(document, pair->value, depth + 1, &value);
		if (r < 0)
			return r;
		if (json_object_set_new(map, text_of(key), value) < 0)
			return -ENOMEM;
	}
	*ret = json_incref(map);

	return 0;
}

static int convert_list(yaml_document_t *document, const yaml_node_t *node, int depth, json_t **ret)
{
	CTL_CLEANUP(json_decref) json_t *list = json_array();

	for (const yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		json_t *value;
		int r = convert(document, *item, depth + 1, &value);

		if (r < 0)
			return r;
		if (json_array_append_new(list, value) < 0)
			return -ENOMEM;
	}
	*ret = json_incref(list);

	return 0;
}

static int convert(yaml_document_t *document, int index, int depth, json_t **ret)
{
	const yaml_node_t *node = yaml_document_get_node(document, index);

	if (!node || depth > DEPTH_MAX)
		return -EBADMSG;
	if (node->type == YAML_MAPPING_NODE)
		return convert_map(document, node, depth, ret);
	if (node->type == YAML_SEQUENCE_NODE)
		return convert_list(document, node, depth, ret);
	*ret = scalar(node);

	return *ret ? 0 : -ENOMEM;
}

/**
 * ctl_yaml_to_json() - a document as JSON
 * @yaml: the document; plain scalars that are numbers, or yes and no, become numbers and booleans
 * @ret: on success the value, a new reference
 *
 * Return: 0; -EBADMSG: it is none; -ENOMEM.
 */
int ctl_yaml_to_json(const char *yaml, json_t **ret)
{
	yaml_document_t document;
	yaml_parser_t parser;
	int r = -EBADMSG;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, strlen(yaml));
	if (yaml_parser_load(&parser, &document)) {
		r = convert(&document, 1, 0, ret);
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);

	return r;
}

/* What no reader of YAML takes for anything but a text: a word, or a path. */
static bool is_plain(const char *text)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/";
	static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_./-";
	CTL_CLEANUP(json_decref) json_t *word = word_value(text);

	/* One letter may be y or n, which some take for yes and no. */
	return !word && strlen(text) > 1 && strchr(first, *text) &&
	       text[strspn(text, others)] == '\0' && strcasecmp(text, "null") != 0;
}

/**
 * ctl_yaml_scalar() - a value as one writes it behind its key
 * @value: UTF-8
 * @is_text: not a number, a duration and the like, which need no quotes
 *
 * Return: what the caller frees; NULL without memory.
 */
char *ctl_yaml_scalar(const char *value, bool is_text)
{
	CTL_CLEANUP(json_decref) json_t *text = NULL;

	if (!is_text || is_plain(value))
		return strdup(value);

	/* A string of JSON is one of YAML (1.2, section 1.3). */
	text = json_string(value);

	return json_dumps(text, JSON_ENCODE_ANY);
}
