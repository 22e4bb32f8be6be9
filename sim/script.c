/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/filter.h"
#include "sim/reply.h"
#include "sim/script-private.h"

/* ---- Does a rule match? ---------------------------------------------------------------------- */

/* Whether @part, of @len bytes, is one of the parts of a query. */
static bool has_part(const char *query, const char *part, size_t len)
{
	while (*query) {
		size_t n = strcspn(query, "&");

		if (n == len && memcmp(query, part, len) == 0)
			return true;
		query += n + (query[n] == '&');
	}

	return false;
}

static bool matches_query(const char *wanted, const char *query)
{
	while (*wanted) {
		size_t n = strcspn(wanted, "&");

		if (!has_part(query, wanted, n))
			return false;
		wanted += n + (wanted[n] == '&');
	}

	return true;
}

static bool matches(const struct sim_script_rule *rule, const struct sim_script_request *request)
{
	if (rule->method != 0 && rule->method != request->method)
		return false;
	if (!sb_filter_matches(rule->path, request->path))
		return false;
	if (rule->query && !matches_query(rule->query, request->query))
		return false;

	return !rule->contains ||
	       (request->payload_len > 0 && memmem(request->payload, request->payload_len,
						   rule->contains, strlen(rule->contains)));
}

static bool is_worn_out(const struct sim_script_rule *rule)
{
	return rule->times > 0 && rule->answered >= rule->times;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static struct sim_script_waiting *waiting_free(struct sim_script_waiting *waiting)
{
	if (waiting)
		free(waiting->path);
	free(waiting);

	return NULL;
}

/* The command that this request fetches, which then waits no more; NULL when it fetches none. */
static const struct sim_script_waiting *fetch(struct sim_script *script,
					      const struct sim_script_request *request)
{
	struct sim_script_waiting *waiting;

	STAILQ_FOREACH(waiting, &script->waiting, entry)
	if (strcmp(waiting->path, request->path) == 0 && matches(waiting->rule, request))
		break;
	if (!waiting)
		return NULL;

	STAILQ_REMOVE(&script->waiting, waiting, sim_script_waiting, entry);
	script->n_waiting--;
	(void)waiting_free(script->fetched);
	script->fetched = waiting;

	return waiting;
}

/**
 * sim_script_command() - have a command wait
 * @script: where
 * @path: of the request that fetches it; a rule must match it. The answer is that rule's, with 2.05 and
 *	with the command as its payload.
 * @payload: text, copied
 *
 * Return: 0; -ENOENT when no rule matches the path, -ENOBUFS when too many commands wait, -EMSGSIZE when it
 * is too long; -ENOMEM.
 */
int sim_script_command(struct sim_script *script, const char *path, const char *payload)
{
	const struct sim_script_rule *rule = NULL;
	struct sim_script_waiting *waiting;
	size_t path_size = strlen(path) + 1;

	for (size_t i = 0; i < script->n_rules && !rule; i++)
		if (sb_filter_matches(script->rules[i]->path, path))
			rule = script->rules[i];
	if (!rule)
		return -ENOENT;
	if (script->n_waiting == SIM_SCRIPT_COMMANDS)
		return -ENOBUFS;
	if (strlen(payload) > SIM_SCRIPT_PAYLOAD_MAX)
		return -EMSGSIZE;

	waiting = calloc(1, sizeof(*waiting));
	if (!waiting)
		return -ENOMEM;
	waiting->path = malloc(path_size + strlen(payload) + 1);
	if (!waiting->path) {
		(void)waiting_free(waiting);
		return -ENOMEM;
	}
	(void)stpcpy(waiting->path, path);
	(void)strcpy(waiting->path + path_size, payload);
	waiting->payload = waiting->path + path_size;
	waiting->rule = rule;
	STAILQ_INSERT_TAIL(&script->waiting, waiting, entry);
	script->n_waiting++;

	return 0;
}

/* ---- Answers --------------------------------------------------------------------------------- */

/**
 * sim_script_answer() - what this cloud answers
 * @script: counts what it answers, for "times:"
 * @request: lent
 * @ret: the answer; lent until the script is asked again
 *
 * Return: whether a rule matched; if not, the answer is 4.04.
 */
bool sim_script_answer(struct sim_script *script, const struct sim_script_request *request,
		       struct sim_script_reply *ret)
{
	const struct sim_script_waiting *waiting = fetch(script, request);

	if (waiting) {
		*ret = waiting->rule->reply;
		ret->silent = false;
		ret->code = SIM_CODE(2, 5);
		ret->payload = (const uint8_t *)waiting->payload;
		ret->payload_len = strlen(waiting->payload);
		return true;
	}

	for (size_t i = 0; i < script->n_rules; i++) {
		struct sim_script_rule *rule = script->rules[i];

		if (is_worn_out(rule) || !matches(rule, request))
			continue;
		rule->answered++;
		*ret = rule->reply;
		return true;
	}

	*ret = (struct sim_script_reply){
		.code = SIM_CODE(4, 4),
		.content_format = SIM_SCRIPT_NONE,
		.max_age = SIM_SCRIPT_NONE,
	};

	return false;
}

/**
 * sim_script_changed() - what an observer is told
 * @script: where
 * @path: what has changed
 * @payload: what it is now, lent by @ret
 * @ret: as the answer of the first rule for that path that lets it be observed, with 2.05
 *
 * Return: whether there is such a rule.
 */
bool sim_script_changed(const struct sim_script *script, const char *path, const char *payload,
			struct sim_script_reply *ret)
{
	for (size_t i = 0; i < script->n_rules; i++) {
		const struct sim_script_rule *rule = script->rules[i];

		if (!rule->reply.observable || !sb_filter_matches(rule->path, path))
			continue;
		*ret = rule->reply;
		ret->silent = false;
		ret->code = SIM_CODE(2, 5);
		ret->payload = (const uint8_t *)payload;
		ret->payload_len = strlen(payload);
		return true;
	}

	return false;
}

/**
 * sim_script_key() - the pre-shared key of an identity
 * @script: where
 * @identity: whose
 * @ret_len: bytes
 *
 * Return: the key, lent; NULL when it is nobody's.
 */
const uint8_t *sim_script_key(const struct sim_script *script, const char *identity,
			      size_t *ret_len)
{
	for (size_t i = 0; i < script->n_keys; i++) {
		if (strcmp(script->keys[i].identity, identity) != 0)
			continue;
		*ret_len = script->keys[i].len;
		return script->keys[i].key;
	}

	return NULL;
}

/**
 * sim_script_rewind() - forget what was answered, and what waits
 * @script: begins anew
 */
void sim_script_rewind(struct sim_script *script)
{
	struct sim_script_waiting *waiting;

	for (size_t i = 0; i < script->n_rules; i++)
		script->rules[i]->answered = 0;
	while ((waiting = STAILQ_FIRST(&script->waiting))) {
		STAILQ_REMOVE_HEAD(&script->waiting, entry);
		(void)waiting_free(waiting);
	}
	script->n_waiting = 0;
	script->fetched = waiting_free(script->fetched);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void free_rule(struct sim_script_rule *rule)
{
	for (size_t i = 0; i < rule->reply.n_options; i++)
		free(rule->options[i].value);
	free(rule->payload);
	(void)sb_settings_free(rule->settings);
	free(rule);
}

/**
 * sim_script_free() - free a script
 * @script: may be NULL or half-read
 *
 * Return: NULL.
 */
struct sim_script *sim_script_free(struct sim_script *script)
{
	if (!script)
		return NULL;

	sim_script_rewind(script);
	for (size_t i = 0; i < script->n_rules; i++)
		free_rule(script->rules[i]);
	for (size_t i = 0; i < script->n_keys; i++) {
		free(script->keys[i].key);
		(void)sb_settings_free(script->keys[i].settings);
	}
	free(script->rules);
	free(script->keys);
	free(script);

	return NULL;
}
