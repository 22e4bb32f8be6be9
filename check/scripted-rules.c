/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"

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
 * @format: a sentence
 */
void scripted_fault(struct skybus_link *link, const char *format, ...)
{
	va_list args;

	if (link->fault[0])
		return;
	va_start(args, format);
	(void)vsnprintf(link->fault, sizeof(link->fault), format, args);
	va_end(args);
}

/**
 * scripted_check_attached() - nothing may be called once detach() began
 * @link: the link
 * @call: what was called
 */
void scripted_check_attached(struct skybus_link *link, const char *call)
{
	if (!link->attached)
		scripted_fault(link, "%s() was called after detach() began", call);
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
		scripted_fault(link, "%s has the size %u, which is less than version 1's %zu", what,
			       size, expected);
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
		scripted_fault(link, "%s is NULL", what);
		return;
	}
	for (uint32_t i = 0; link->values && i < link->plugin->n_settings; i++) {
		const struct scripted_value *value = &link->values[i];

		if (link->plugin->settings[i].kind == SKYBUS_SECRET &&
		    value->secret_len >= SECRET_LEN_TELLING &&
		    memmem(text, strlen(text), value->secret, value->secret_len))
			scripted_fault(link, "%s tells the secret %s", what,
				       link->plugin->settings[i].key);
	}
}

/**
 * scripted_check_verdict() - a verdict is one, and says why where it must
 * @link: the link
 * @call: who gave it
 * @verdict: its reason has an end afterwards
 */
void scripted_check_verdict(struct skybus_link *link, const char *call,
			    struct skybus_verdict *verdict)
{
	if (verdict->kind < SKYBUS_DELIVERED || verdict->kind > SKYBUS_REJECTED)
		scripted_fault(link, "%s() gave a verdict of the kind %u", call, verdict->kind);
	if (!memchr(verdict->reason, '\0', sizeof(verdict->reason)))
		scripted_fault(link, "%s() gave a reason without end", call);
	else if (verdict->kind != SKYBUS_DELIVERED && verdict->reason[0] == '\0')
		scripted_fault(link, "%s() gave the verdict %u without a reason", call,
			       verdict->kind);
	verdict->reason[sizeof(verdict->reason) - 1] = '\0';
	scripted_check_text(link, "a verdict's reason", verdict->reason);
}

/* ---- settings ---- */

/* Plain numbers, or with one unit, as the defaults in a table are written. */
static int64_t parse_number(uint32_t kind, const char *text)
{
	static const struct {
		uint32_t kind;
		char unit;
		int64_t factor;
	} units[] = {
		{ SKYBUS_DURATION, 'm', 60 },	 { SKYBUS_DURATION, 'h', 3600 },
		{ SKYBUS_DURATION, 'd', 86400 }, { SKYBUS_SIZE, 'K', 1024 },
		{ SKYBUS_SIZE, 'M', 1 << 20 },	 { SKYBUS_SIZE, 'G', 1 << 30 },
	};
	char *end;
	int64_t number = strtoll(text, &end, 10);

	if (kind == SKYBUS_BOOLEAN)
		return strcmp(text, "yes") == 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].kind == kind && units[i].unit == *end)
			return number * units[i].factor;

	return number;
}

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

static struct scripted_value read_setting(struct skybus_link *link,
					  const struct skybus_setting *row)
{
	const struct scripted_setting *given = link->settings;
	const char *text;

	while (given->key && strcmp(given->key, row->key) != 0)
		given++;
	text = given->key ? given->value : row->fallback;
	if (!text && (row->flags & SKYBUS_REQUIRED))
		scripted_fault(link, "the test gives no %s, which is required", row->key);
	if (!text)
		return (struct scripted_value){ 0 };
	if (is_secret(row->kind)) {
		uint32_t len = given->len > 0 ? given->len : (uint32_t)strlen(text);

		return (struct scripted_value){ .secret = scripted_bytes(text, len),
						.secret_len = len };
	}
	if (is_text(row->kind))
		return (struct scripted_value){ .text = scripted_text(text) };

	return (struct scripted_value){ .number = parse_number(row->kind, text) };
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
		link->values[i] = read_setting(link, &plugin->settings[i]);
}

/**
 * scripted_return_settings() - free what was lent; who still reads it shows
 * @link: detached
 */
void scripted_return_settings(struct skybus_link *link)
{
	for (uint32_t i = 0; i < link->plugin->n_settings; i++) {
		free(link->values[i].text);
		free(link->values[i].secret);
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
		scripted_fault(link, "%s(\"%s\"): the setting is of another kind", call, key);
	}
	scripted_fault(link, "%s(\"%s\"): the plugin's table has no such setting", call, key);

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
