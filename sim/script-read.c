/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file to a script. It is read as the configuration of skybusd is, by the same rows and with the same
 * sentences.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/config-setting.h"
#include "sim/reply.h"
#include "sim/script-private.h"

SB_DEFINE_CLEANUP(struct sb_settings *, sb_settings_free)

/** The most rules, and the most keys. */
#define RULES_MAX 256

#define KEY_MAX 64
#define METHODS "any|GET|POST|PUT|DELETE|FETCH|PATCH|iPATCH"

/* RFC 7252 section 5.10: what a rule has words of its own for, and what a reply's form is made of. */
#define OPTION_CONTENT_FORMAT 12
#define OPTION_MAX_AGE 14
#define OPTION_BLOCK2 23
#define OPTION_BLOCK1 27

static const struct skybus_setting sections[] = {
	{ .key = "answers", .kind = SKYBUS_TEXT },
	{ .key = "keys", .kind = SKYBUS_TEXT },
};

static const struct skybus_setting rule_table[] = {
	{ .key = "method", .kind = SKYBUS_CHOICE, .choices = METHODS, .fallback = "any" },
	{ .key = "path",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .min = 1,
	  .max = 511,
	  .help = "of the requests, such as /login; + stands for a segment, # for the rest" },
	{ .key = "query", .kind = SKYBUS_TEXT, .min = 1, .max = 1024 },
	{ .key = "contains", .kind = SKYBUS_TEXT, .min = 1, .max = SIM_SCRIPT_PAYLOAD_MAX },
	{ .key = "times", .kind = SKYBUS_INTEGER, .min = 1, .max = 1000000 },
	{ .key = "silent", .kind = SKYBUS_BOOLEAN, .fallback = "no" },
	{ .key = "observe", .kind = SKYBUS_BOOLEAN, .fallback = "no" },
	{ .key = "code", .kind = SKYBUS_TEXT },
	{ .key = "format", .kind = SKYBUS_TEXT },
	{ .key = "max_age", .kind = SKYBUS_DURATION, .min = 0, .max = UINT32_MAX - 1 },
	{ .key = "payload", .kind = SKYBUS_TEXT, .min = 0, .max = SIM_SCRIPT_PAYLOAD_MAX },
	{ .key = "payload_hex", .kind = SKYBUS_TEXT },
	{ .key = "options", .kind = SKYBUS_TEXT },
};

static const struct skybus_setting option_table[] = {
	{ .key = "number",
	  .kind = SKYBUS_INTEGER,
	  .flags = SKYBUS_REQUIRED,
	  .min = 1,
	  .max = UINT16_MAX,
	  .help = "of the option" },
	{ .key = "value", .kind = SKYBUS_TEXT, .max = 255 },
	{ .key = "value_hex", .kind = SKYBUS_TEXT },
};

static const struct skybus_setting key_table[] = {
	{ .key = "identity",
	  .kind = SKYBUS_TEXT,
	  .flags = SKYBUS_REQUIRED,
	  .min = 1,
	  .max = 1023,
	  .help = "as whom a device comes" },
	{ .key = "key", .kind = SKYBUS_TEXT, .min = 1, .max = KEY_MAX },
	{ .key = "key_hex", .kind = SKYBUS_TEXT },
};

/**
 * struct reader - a file that is being read
 * @problems: gets whatever is wrong
 * @script: so far
 */
struct reader {
	struct sb_yaml yaml;
	struct sb_problems *problems;
	struct sim_script *script;
};

/* Whatever is in the list of problems needs no second telling. */
static int only_enomem(int r)
{
	return r == -ENOMEM ? r : 0;
}

/* ---- A mapping by its table ------------------------------------------------------------------ */

/** What takes a pair that needs more than its row says: 0, or an error of which @reader knows. */
typedef int take_fn(struct reader *reader, void *object, const struct sb_yaml_pair *pair);

/**
 * struct shape - what a mapping may have
 * @expected: what should be there, for sentences
 */
struct shape {
	const struct skybus_setting *rows;
	size_t n_rows;
	const char *expected;
	take_fn *take;
};

/* Reads @item as @shape says. The settings are the caller's, also after an error, if there are any. */
static int read_mapping(struct reader *reader, const struct sb_yaml_pair *item,
			const struct shape *shape, struct sb_settings **ret_settings, void *object)
{
	struct sb_yaml_walk walk = { 0 };
	struct sb_yaml_pair pair;
	int r;

	r = sb_settings_new(shape->rows, shape->n_rows, ret_settings);
	if (r < 0)
		return r;
	r = sb_yaml_enter(&walk, &reader->yaml, item, shape->expected, reader->problems);
	while (r == 0 && (r = sb_yaml_next(&walk, &pair)) > 0) {
		if (sb_settings_row(*ret_settings, pair.key)) {
			sb_settings_mention(*ret_settings, pair.key);
			r = shape->take(reader, object, &pair);
		} else {
			sb_settings_unknown_key(*ret_settings, NULL, pair.key, &pair.key_place,
						reader->problems);
		}
		r = only_enomem(r < 0 ? r : 0);
	}
	sb_yaml_leave(&walk);

	return r < 0 ? r : sb_settings_finish(*ret_settings, &item->place, reader->problems);
}

/** Reads each item of a list. */
static int read_list(struct reader *reader, const struct sb_yaml_pair *pair, take_fn *take,
		     void *object)
{
	struct sb_yaml_list list;
	struct sb_yaml_pair item;
	int r = sb_yaml_enter_list(&list, &reader->yaml, pair, reader->problems);

	while (r == 0 && sb_yaml_next_item(&list, &item))
		r = only_enomem(take(reader, object, &item));

	return r;
}

/* ---- Options --------------------------------------------------------------------------------- */

/** struct option_draft - one of "options:" */
struct option_draft {
	struct sb_settings *settings;
	struct sim_script_bytes value;
};

static int take_option_pair(struct reader *reader, void *object, const struct sb_yaml_pair *pair)
{
	struct option_draft *draft = object;

	if (strcmp(pair->key, "number") != 0)
		return sim_script_take_bytes(&reader->yaml, draft->settings, pair, UINT8_MAX,
					     &draft->value, reader->problems);

	return sb_config_setting(&reader->yaml, draft->settings, pair, reader->problems);
}

/* By their numbers, and of one number in the order of the file. */
static void insert_option(struct sim_script_rule *rule, const struct sim_script_option *option)
{
	size_t at = rule->reply.n_options++;

	for (; at > 0 && rule->options[at - 1].number > option->number; at--)
		rule->options[at] = rule->options[at - 1];
	rule->options[at] = *option;
}

static int add_option(struct reader *reader, struct sim_script_rule *rule,
		      struct option_draft *draft, const struct sb_place *place)
{
	struct sim_script_option option = {
		.number = (uint16_t)sb_settings_integer(draft->settings, "number"),
		.len = draft->value.len,
		.value = draft->value.data,
	};

	if (option.number == OPTION_CONTENT_FORMAT || option.number == OPTION_MAX_AGE) {
		sb_problems_error(reader->problems, place,
				  "option %u has a word of its own: write format: or max_age: in "
				  "the rule",
				  option.number);
		return -EINVAL;
	}
	if (option.number == OPTION_BLOCK1 || option.number == OPTION_BLOCK2) {
		sb_problems_error(
			reader->problems, place,
			"option %u says how a payload is cut up: leave that to the server",
			option.number);
		return -EINVAL;
	}
	if (rule->reply.n_options == SIM_SCRIPT_OPTIONS) {
		sb_problems_error(reader->problems, place, "this is option %d: write at most %d",
				  SIM_SCRIPT_OPTIONS + 1, SIM_SCRIPT_OPTIONS);
		return -EINVAL;
	}
	insert_option(rule, &option);
	draft->value.data = NULL;

	return 0;
}

static int take_option(struct reader *reader, void *object, const struct sb_yaml_pair *item)
{
	static const struct shape shape = {
		.rows = option_table,
		.n_rows = SB_ELEMENTS(option_table),
		.expected = "{number: 2048, value: TEXT}",
		.take = take_option_pair,
	};
	struct option_draft draft = { 0 };
	int r = read_mapping(reader, item, &shape, &draft.settings, &draft);

	if (r == 0)
		r = add_option(reader, object, &draft, &item->place);
	free(draft.value.data);
	(void)sb_settings_free(draft.settings);

	return r;
}

/* ---- Rules ----------------------------------------------------------------------------------- */

typedef int check_fn(struct sim_script_rule *rule, const char *text, const struct sb_place *place,
		     struct sb_problems *problems);

static int take_payload(struct reader *reader, struct sim_script_rule *rule,
			const struct sb_yaml_pair *pair)
{
	struct sim_script_bytes payload = { rule->payload, rule->reply.payload_len };
	int r = sim_script_take_bytes(&reader->yaml, rule->settings, pair, SIM_SCRIPT_PAYLOAD_MAX,
				      &payload, reader->problems);

	rule->payload = payload.data;
	rule->reply.payload_len = payload.len;

	return r;
}

static int take_rule_pair(struct reader *reader, void *object, const struct sb_yaml_pair *pair)
{
	static const struct {
		const char *key;
		check_fn *check;
	} checks[] = { { "code", sim_script_take_code },
		       { "format", sim_script_take_format },
		       { "path", sim_script_take_path } };
	struct sim_script_rule *rule = object;
	int r;

	if (strcmp(pair->key, "options") == 0)
		return read_list(reader, pair, take_option, rule);
	if (strcmp(pair->key, "payload") == 0 || strcmp(pair->key, "payload_hex") == 0)
		return take_payload(reader, rule, pair);

	r = sb_config_setting(&reader->yaml, rule->settings, pair, reader->problems);
	for (size_t i = 0; i < SB_ELEMENTS(checks) && r == 0; i++)
		if (strcmp(pair->key, checks[i].key) == 0)
			r = checks[i].check(rule, sb_settings_text(rule->settings, pair->key),
					    &pair->place, reader->problems);
	if (r == 0 && strcmp(pair->key, "max_age") == 0)
		rule->reply.max_age = (uint32_t)sb_settings_integer(rule->settings, "max_age");

	return r;
}

/* The number of a method's word is its code, and 0 is any. */
static uint32_t method_of(const struct sb_settings *settings)
{
	const char *method = sb_settings_text(settings, "method");
	const char *at = strstr(METHODS, method);
	uint32_t n = 0;

	for (const char *c = METHODS; c < at; c++)
		n += *c == '|';

	return n;
}

static void finish_rule(struct sim_script_rule *rule)
{
	const struct sb_settings *settings = rule->settings;

	rule->method = method_of(settings);
	rule->path = sb_settings_text(settings, "path");
	rule->query = sb_settings_text(settings, "query");
	rule->contains = sb_settings_text(settings, "contains");
	rule->times = (uint64_t)sb_settings_integer(settings, "times");
	rule->reply.observable = sb_settings_integer(settings, "observe") != 0;
	rule->reply.silent = sb_settings_integer(settings, "silent") != 0;
	rule->reply.payload = rule->payload;
	if (!sb_settings_text(settings, "code"))
		rule->reply.code = rule->payload ? SIM_CODE(2, 5) : SIM_CODE(2, 4);
	rule->reply.options = rule->options;
}

static int add_rule(struct sim_script *script, struct sim_script_rule **ret)
{
	struct sim_script_rule **rules =
		reallocarray(script->rules, script->n_rules + 1, sizeof(struct sim_script_rule *));
	struct sim_script_rule *rule = calloc(1, sizeof(*rule));

	if (rules)
		script->rules = rules;
	if (!rules || !rule) {
		free(rule);
		return -ENOMEM;
	}
	rule->reply = (struct sim_script_reply){
		.content_format = SIM_SCRIPT_NONE,
		.max_age = SIM_SCRIPT_NONE,
	};
	rules[script->n_rules++] = rule;
	*ret = rule;

	return 0;
}

static int take_rule(struct reader *reader, void *object, const struct sb_yaml_pair *item)
{
	static const struct shape shape = {
		.rows = rule_table,
		.n_rows = SB_ELEMENTS(rule_table),
		.expected = "a rule, \"path: /PATH\" and what is answered",
		.take = take_rule_pair,
	};
	struct sim_script_rule *rule;
	int r;

	(void)object;
	if (reader->script->n_rules == RULES_MAX) {
		sb_problems_error(reader->problems, &item->place,
				  "this is rule %d: write at most %d", RULES_MAX + 1, RULES_MAX);
		return -EINVAL;
	}
	r = add_rule(reader->script, &rule);
	if (r < 0)
		return r;
	rule->reply.line = item->place.line;
	r = read_mapping(reader, item, &shape, &rule->settings, rule);
	if (r == 0)
		finish_rule(rule);

	return r;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static int take_key_pair(struct reader *reader, void *object, const struct sb_yaml_pair *pair)
{
	struct sim_script_key *key = object;
	struct sim_script_bytes bytes = { key->key, key->len };
	int r;

	if (strcmp(pair->key, "identity") == 0)
		return sb_config_setting(&reader->yaml, key->settings, pair, reader->problems);
	r = sim_script_take_bytes(&reader->yaml, key->settings, pair, KEY_MAX, &bytes,
				  reader->problems);
	key->key = bytes.data;
	key->len = bytes.len;

	return r;
}

static int take_key(struct reader *reader, void *object, const struct sb_yaml_pair *item)
{
	static const struct shape shape = {
		.rows = key_table,
		.n_rows = SB_ELEMENTS(key_table),
		.expected = "{identity: NAME, key: KEY}",
		.take = take_key_pair,
	};
	struct sim_script *script = reader->script;
	struct sim_script_key *keys, *key;
	int r;

	(void)object;
	keys = script->n_keys < RULES_MAX
		       ? reallocarray(script->keys, script->n_keys + 1, sizeof(*keys))
		       : NULL;
	if (!keys)
		return -ENOMEM;
	script->keys = keys;
	key = &keys[script->n_keys++];
	*key = (struct sim_script_key){ 0 };
	r = read_mapping(reader, item, &shape, &key->settings, key);
	if (r < 0)
		return r;
	if (key->len == 0) {
		sb_problems_error(reader->problems, &item->place,
				  "key is missing: add \"key:\", or \"key_hex:\" with the bytes as "
				  "hexadecimal digits");
		return -EINVAL;
	}
	key->identity = sb_settings_text(key->settings, "identity");

	return 0;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static int take_section(struct reader *reader, void *object, const struct sb_yaml_pair *pair)
{
	(void)object;

	return read_list(reader, pair, strcmp(pair->key, "keys") == 0 ? take_key : take_rule, NULL);
}

static int read_file(struct reader *reader, const char *file)
{
	static const struct shape shape = {
		.rows = sections,
		.n_rows = SB_ELEMENTS(sections),
		.expected = "\"answers:\" and a list of rules",
		.take = take_section,
	};
	SB_CLEANUP(sb_settings_free) struct sb_settings *settings = NULL;
	struct sb_yaml_pair root;
	int r;

	r = sb_yaml_read(&reader->yaml, file, reader->problems);
	if (r < 0)
		return r;
	root = sb_yaml_root(&reader->yaml);
	r = read_mapping(reader, &root, &shape, &settings, NULL);
	if (r == 0 && reader->problems->n_errors == 0 && reader->script->n_rules == 0) {
		sb_problems_error(reader->problems, &root.place,
				  "there is no rule: write \"answers:\" and below it a list of "
				  "rules, such as \"- path: /up\"");
		r = -EINVAL;
	}

	return r;
}

/**
 * sim_script_read() - read a script
 * @file: its path
 * @problems: gets all that is wrong, each with its place and what to write instead
 * @ret: the script, the caller's
 *
 * Return: 0; -EINVAL, or why the file cannot be read: see @problems; -ENOMEM.
 */
int sim_script_read(const char *file, struct sb_problems *problems, struct sim_script **ret)
{
	struct reader reader = { .problems = problems };
	size_t n_errors = problems->n_errors;
	int r;

	reader.script = calloc(1, sizeof(*reader.script));
	if (!reader.script)
		return -ENOMEM;
	STAILQ_INIT(&reader.script->waiting);
	r = read_file(&reader, file);
	sb_yaml_done(&reader.yaml);
	if (r == 0 && problems->n_errors > n_errors)
		r = -EINVAL;
	if (r < 0) {
		(void)sim_script_free(reader.script);
		return r;
	}
	*ret = reader.script;

	return 0;
}
