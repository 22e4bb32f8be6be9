/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"
#include "daemon/kind.h"

/* A shorter secret may stand in a sentence by chance. */
#define SECRET_LEN_TELLING 6

/* ---- memory, of which a test has enough ---- */

/**
 * scripted_need() - end the test without memory
 * @memory: what was allocated
 *
 * Return: @memory, never NULL.
 */
void *scripted_need(void *memory)
{
	if (!memory)
		abort();

	return memory;
}

/**
 * scripted_bytes() - copy bytes, and not one more, so that reading beyond the end shows
 * @data: @len bytes
 * @len: how many
 *
 * Return: the copy, the caller's; NULL when there are none.
 */
uint8_t *scripted_bytes(const void *data, size_t len)
{
	if (len == 0)
		return NULL;

	return memcpy(scripted_need(malloc(len)), data, len);
}

/**
 * scripted_text() - copy a text
 * @text: may be NULL
 *
 * Return: the copy, the caller's; NULL for NULL.
 */
char *scripted_text(const char *text)
{
	return text ? scripted_need(strdup(text)) : NULL;
}

/* ---- the rules ---- */

/**
 * scripted_fault() - a rule was broken; the first one counts
 * @link: whose plugin did it
 * @format: what was broken, and behind a colon what to do instead
 */
void scripted_fault(struct skybus_link *link, const char *format, ...)
{
	va_list args;

	if (link->fault[0])
		return;
	link->fault_call = link->call;
	va_start(args, format);
	(void)vsnprintf(link->fault, sizeof(link->fault), format, args);
	va_end(args);
}

/* What a plugin that is only asked something may call all the same. */
static bool is_a_look(const char *call)
{
	return strcmp(call, "log") == 0 || strncmp(call, "setting_", 8) == 0 ||
	       strcmp(call, "store_get") == 0;
}

/**
 * scripted_check_attached() - nothing may be called once detach() began, and little while a plugin is
 *	only asked something
 * @link: the link
 * @call: what was called
 */
void scripted_check_attached(struct skybus_link *link, const char *call)
{
	if (!link->attached)
		scripted_fault(
			link,
			"%s() was called after detach() began: detach() may only free what is "
			"the plugin's own",
			call);
	if (link->only_asked && !is_a_look(call))
		scripted_fault(
			link,
			"%s called %s(): it is only asked, and changes nothing: move that to "
			"another call",
			link->call, call);
}

/**
 * scripted_check_size() - a struct must say at least version 1's size
 * @link: the link
 * @what: the struct
 * @size: what it says
 * @expected: version 1's
 */
void scripted_check_size(struct skybus_link *link, const char *what, uint32_t size, size_t expected)
{
	if (size < expected)
		scripted_fault(
			link,
			"%s has the size %u, which is less than version 1's %zu: set .size to "
			"sizeof of the struct",
			what, size, expected);
}

/**
 * scripted_check_text() - a text for people is there, and tells no secret
 * @link: the link
 * @what: the text's name
 * @text: the text
 */
void scripted_check_text(struct skybus_link *link, const char *what, const char *text)
{
	if (!text) {
		scripted_fault(link, "%s is NULL: give a sentence for people", what);
		return;
	}
	for (uint32_t i = 0; link->values && i < link->plugin->n_settings; i++) {
		const struct scripted_value *value = &link->values[i];

		if (link->plugin->settings[i].kind == SKYBUS_SECRET &&
		    value->secret_len >= SECRET_LEN_TELLING &&
		    memmem(text, strlen(text), value->secret, value->secret_len))
			scripted_fault(link,
				       "%s tells the secret %s: secrets must never reach a log",
				       what, link->plugin->settings[i].key);
	}
}

/**
 * scripted_check_verdict() - a verdict is one, and says why where it must
 * @link: the link, in the call that gave it
 * @verdict: its reason has an end afterwards
 */
void scripted_check_verdict(struct skybus_link *link, struct skybus_verdict *verdict)
{
	if (verdict->kind < SKYBUS_DELIVERED || verdict->kind > SKYBUS_REJECTED)
		scripted_fault(link,
			       "%s gave a verdict of the kind %u: set .kind to SKYBUS_DELIVERED, "
			       "SKYBUS_RETRY, SKYBUS_RELOGIN or SKYBUS_REJECTED",
			       link->call, verdict->kind);
	if (!memchr(verdict->reason, '\0', sizeof(verdict->reason)))
		scripted_fault(link,
			       "%s gave a reason without end: write it by snprintf(), with "
			       "sizeof(verdict->reason)",
			       link->call);
	else if (verdict->kind != SKYBUS_DELIVERED && verdict->reason[0] == '\0')
		scripted_fault(
			link,
			"%s gave the verdict %u without a reason: write a sentence for people "
			"into verdict->reason",
			link->call, verdict->kind);
	verdict->reason[sizeof(verdict->reason) - 1] = '\0';
	scripted_check_text(link, "a verdict's reason", verdict->reason);
}

/* ---- settings ---- */

static bool is_text(uint32_t kind)
{
	return kind == SKYBUS_TEXT || kind == SKYBUS_CHOICE || kind == SKYBUS_HOST ||
	       kind == SKYBUS_NETWORKS;
}

/* What setting_secret() lends. */
static bool is_secret(uint32_t kind)
{
	return kind == SKYBUS_SECRET || kind == SKYBUS_FILE;
}

static const struct scripted_setting *find_setting(const struct skybus_link *link, const char *key)
{
	const struct scripted_setting *given = link->settings;

	while (given->key && strcmp(given->key, key) != 0)
		given++;

	return given->key ? given : NULL;
}

static struct scripted_value lend_setting(struct skybus_link *link,
					  const struct skybus_setting *row)
{
	const struct scripted_setting *given = find_setting(link, row->key);
	const char *text = given ? given->value : row->fallback;
	struct scripted_value value = { 0 };
	char what[80];

	if (!text && (row->flags & SKYBUS_REQUIRED))
		scripted_fault(link, "the test gives no %s, which is required", row->key);
	if (!text)
		return value;
	(void)snprintf(what, sizeof(what), "the setting \"%s\"", row->key);
	if (is_secret(row->kind)) {
		value.secret_len = given->len > 0 ? given->len : (uint32_t)strlen(text);
		value.secret = scripted_lend(link, SCRIPTED_TO_KEEP, what, text, value.secret_len);
	} else if (is_text(row->kind)) {
		value.text = scripted_lend(link, SCRIPTED_TO_KEEP, what, text, strlen(text) + 1);
	} else if (sb_kind_parse(row, text, &value.number) < 0) {
		scripted_fault(link, "the test gives %s as %s, which it cannot be", text, row->key);
	}

	return value;
}

/**
 * scripted_lend_settings() - copy what the configuration would say
 * @link: about to be attached
 */
void scripted_lend_settings(struct skybus_link *link)
{
	const struct skybus_plugin *plugin = link->plugin;

	link->values = scripted_need(calloc(plugin->n_settings + 1, sizeof(*link->values)));
	for (uint32_t i = 0; i < plugin->n_settings; i++)
		link->values[i] = lend_setting(link, &plugin->settings[i]);
}

/**
 * scripted_return_settings() - take back what was lent; who still reads it shows
 * @link: detached
 */
void scripted_return_settings(struct skybus_link *link)
{
	for (uint32_t i = 0; i < link->plugin->n_settings; i++) {
		scripted_take_back(link->values[i].text);
		scripted_take_back(link->values[i].secret);
	}
	free(link->values);
	link->values = NULL;
}

/* Asking for what the table does not have, or has as another kind, is a mistake of the plugin's. */
static const struct scripted_value *find_value(struct skybus_link *link, const char *call,
					       const char *key, bool (*fits)(uint32_t kind))
{
	static const struct scripted_value nothing;
	const struct skybus_plugin *plugin = link->plugin;

	scripted_check_attached(link, call);
	for (uint32_t i = 0; link->values && i < plugin->n_settings; i++) {
		if (strcmp(plugin->settings[i].key, key) != 0)
			continue;
		if (fits(plugin->settings[i].kind))
			return &link->values[i];
		scripted_fault(
			link,
			"%s(\"%s\"): the setting is of another kind: ask by the call that is for "
			"its kind",
			call, key);
	}
	scripted_fault(link,
		       "%s(\"%s\"): the plugin's table has no such setting: add a row, or mend the "
		       "key",
		       call, key);

	return &nothing;
}

static bool is_number(uint32_t kind)
{
	return !is_text(kind) && !is_secret(kind);
}

/** scripted_setting_text() - host->setting_text() */
const char *scripted_setting_text(struct skybus_link *link, const char *key)
{
	return find_value(link, "setting_text", key, is_text)->text;
}

/** scripted_setting_integer() - host->setting_integer() */
int64_t scripted_setting_integer(struct skybus_link *link, const char *key)
{
	return find_value(link, "setting_integer", key, is_number)->number;
}

/** scripted_setting_secret() - host->setting_secret() */
const uint8_t *scripted_setting_secret(struct skybus_link *link, const char *key, uint32_t *ret_len)
{
	const struct scripted_value *value = find_value(link, "setting_secret", key, is_secret);

	*ret_len = value->secret_len;

	return value->secret;
}
