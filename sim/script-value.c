/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values in a script that are more than a row of a table can say.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/config-setting.h"
#include "daemon/filter.h"
#include "sim/reply.h"
#include "sim/script-private.h"

/* "2.04" */
static bool read_code(const char *text, uint8_t *ret)
{
	unsigned int class, detail;
	char end;

	if (strlen(text) != 4 || strspn(text, "0123456789.") != 4 ||
	    sscanf(text, "%1u.%2u%c", &class, &detail, &end) != 2 || detail > 31 ||
	    (class != 2 && class != 4 && class != 5))
		return false;
	*ret = SIM_CODE(class, detail);

	return true;
}

/**
 * sim_script_take_code() - a code as people write it
 * @rule: gets it
 * @text: "2.05"
 * @place: where it is written
 * @problems: gets a sentence if it is none
 *
 * Return: 0; -EINVAL.
 */
int sim_script_take_code(struct sim_script_rule *rule, const char *text,
			 const struct sb_place *place, struct sb_problems *problems)
{
	if (read_code(text, &rule->reply.code))
		return 0;
	sb_problems_error(
		problems, place,
		"code \"%.64s\" is none that a cloud answers: write one of class 2, 4 or 5, "
		"such as 2.05 or 4.01",
		text);

	return -EINVAL;
}

/**
 * sim_script_take_format() - a Content-Format by its name, or as a number
 * @rule: gets it
 * @text: "json"; the names are ours, the numbers RFC 7252's (section 12.3), RFC 8949's (section 9.1) and
 *	RFC 8428's (section 12.3.1)
 * @place: where it is written
 * @problems: gets a sentence if it is none
 *
 * Return: 0; -EINVAL.
 */
int sim_script_take_format(struct sim_script_rule *rule, const char *text,
			   const struct sb_place *place, struct sb_problems *problems)
{
	static const struct {
		const char *name;
		uint32_t number;
	} formats[] = {
		{ "text", 0 },	{ "link", 40 }, { "xml", 41 },	       { "bytes", 42 },
		{ "json", 50 }, { "cbor", 60 }, { "senml-json", 110 }, { "senml-cbor", 112 },
	};
	unsigned int number;
	char end;

	for (size_t i = 0; i < SB_ELEMENTS(formats); i++)
		if (strcmp(text, formats[i].name) == 0) {
			rule->reply.content_format = formats[i].number;
			return 0;
		}
	if (strspn(text, "0123456789") == strlen(text) && strlen(text) <= 5 &&
	    sscanf(text, "%u%c", &number, &end) == 1 && number <= UINT16_MAX) {
		rule->reply.content_format = number;
		return 0;
	}
	sb_problems_error(problems, place,
			  "format \"%.64s\" is unknown: write text, json, cbor, bytes, xml, link, "
			  "senml-json, senml-cbor, or a Content-Format's number",
			  text);

	return -EINVAL;
}

/**
 * sim_script_take_path() - is a path one that a rule can have?
 * @rule: the rule
 * @text: the path, a filter as in MQTT
 * @place: where it is written
 * @problems: gets a sentence if it is none
 *
 * Return: 0; -EINVAL.
 */
int sim_script_take_path(struct sim_script_rule *rule, const char *text,
			 const struct sb_place *place, struct sb_problems *problems)
{
	struct sb_error why;

	(void)rule;
	if (text[0] != '/') {
		sb_problems_error(problems, place,
				  "path \"%.64s\" does not begin with a slash: write \"/%.64s\"",
				  text, text);
		return -EINVAL;
	}
	if (sb_filter_check(text, &why) < 0) {
		sb_problems_error(problems, place, "%s", why.text);
		return -EINVAL;
	}

	return 0;
}

/* Spaces are for the eye: digits without them into @ret, which has room for all of @text. */
static void drop_spaces(const char *text, char *ret)
{
	for (; *text; text++)
		if (*text != ' ')
			*ret++ = *text;
	*ret = '\0';
}

static int read_hex(const struct sb_yaml_pair *pair, struct sb_problems *problems, uint8_t **ret,
		    size_t *ret_len)
{
	static const char expected[] = "pairs of hexadecimal digits, such as \"a1 02\"";
	const char *text = sb_yaml_text(pair, expected, problems);
	SB_CLEANUP(sb_free) char *digits = text ? malloc(strlen(text) + 1) : NULL;
	gnutls_datum_t bytes = { .data = NULL, .size = 0 };
	gnutls_datum_t hex;

	if (!digits)
		return text ? -ENOMEM : -EINVAL;
	drop_spaces(text, digits);
	hex = (gnutls_datum_t){ .data = (unsigned char *)digits,
				.size = (unsigned int)strlen(digits) };
	if (strspn(digits, "0123456789abcdefABCDEF") != hex.size ||
	    gnutls_hex_decode2(&hex, &bytes) < 0) {
		sb_problems_error(problems, &pair->place, "%.64s is not hexadecimal: write %s",
				  pair->key, expected);
		return -EINVAL;
	}
	*ret = malloc(bytes.size + 1);
	if (*ret && bytes.size > 0)
		memcpy(*ret, bytes.data, bytes.size);
	*ret_len = bytes.size;
	gnutls_free(bytes.data);

	return *ret ? 0 : -ENOMEM;
}

static bool is_hex(const char *key)
{
	size_t len = strlen(key);

	return len > 4 && strcmp(key + len - 4, "_hex") == 0;
}

/**
 * sim_script_take_bytes() - a value that is written as text or, under the key with "_hex", as digits
 * @yaml: where it is
 * @settings: have a row for the key
 * @pair: the key and its value
 * @max: the most bytes
 * @bytes: get it, unless they have one already
 * @problems: gets a sentence if it will not do
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int sim_script_take_bytes(struct sb_yaml *yaml, struct sb_settings *settings,
			  const struct sb_yaml_pair *pair, size_t max,
			  struct sim_script_bytes *bytes, struct sb_problems *problems)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int r;

	if (is_hex(pair->key)) {
		r = read_hex(pair, problems, &data, &len);
	} else {
		r = sb_config_setting(yaml, settings, pair, problems);
		if (r == 0) {
			data = (uint8_t *)strdup(sb_settings_text(settings, pair->key));
			len = data ? strlen((const char *)data) : 0;
			r = data ? 0 : -ENOMEM;
		}
	}
	if (r == 0 && bytes->data) {
		sb_problems_error(problems, &pair->key_place,
				  "%.64s is the second value here: keep the text or the digits",
				  pair->key);
		r = -EINVAL;
	} else if (r == 0 && len > max) {
		sb_problems_error(problems, &pair->place, "%.64s has %zu bytes: write at most %zu",
				  pair->key, len, max);
		r = -EINVAL;
	}
	if (r < 0) {
		free(data);
		return r;
	}
	*bytes = (struct sim_script_bytes){ data, len };

	return 0;
}
