/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ways, since neither is enough: words that are known, such as the device's name at the cloud, are replaced
 * wherever they stand; and behind a word such as "secret" or "psk", whatever it is that stands there.
 */
#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cleanup.h"
#include "ctl/redact.h"

#define WORDS_MAX 256

/* A shorter word would be found everywhere. */
#define WORD_MIN 4

/* A key, what stands between, and the value: in YAML, in JSON, in Environment=, in a URL. */
#define SECRET_KEY "(secret|psk|passw(or)?d|token|api_?key|private_?key|authorization)[\"']?"
#define SECRET SECRET_KEY "[[:space:]]*[:=][[:space:]]*[\"']?([^[:space:]\"',&}{]+)"
#define SECRET_VALUE 3 /* the number of its parenthesis */

/* Settings of plugins that name a device. */
static const char *const naming[] = {
	"product_key", "device_key", "device_name", "identity", "iccid", "imsi", "imei", "asset_id",
};

struct ctl_redaction {
	regex_t secret;
	bool compiled;
	char *words[WORDS_MAX];
	size_t n_words;
};

CTL_DEFINE_CLEANUP(struct ctl_redaction *, ctl_redaction_free)

/**
 * ctl_redaction_new() - nothing to hide yet but what looks like a secret
 * @ret: the caller's
 *
 * Return: 0, or -ENOMEM.
 */
int ctl_redaction_new(struct ctl_redaction **ret)
{
	CTL_CLEANUP(ctl_redaction_free)
	struct ctl_redaction *redaction = calloc(1, sizeof(*redaction));

	if (!redaction || regcomp(&redaction->secret, SECRET, REG_EXTENDED | REG_ICASE) != 0)
		return -ENOMEM;
	redaction->compiled = true;
	*ret = redaction;
	redaction = NULL;

	return 0;
}

/**
 * ctl_redaction_free() - forget it
 * @redaction: may be NULL
 *
 * Return: NULL.
 */
struct ctl_redaction *ctl_redaction_free(struct ctl_redaction *redaction)
{
	if (!redaction)
		return NULL;
	for (size_t i = 0; i < redaction->n_words; i++)
		free(redaction->words[i]);
	if (redaction->compiled)
		regfree(&redaction->secret);
	free(redaction);

	return NULL;
}

/**
 * ctl_redaction_hide() - a word that is not to be seen
 * @redaction: the redaction
 * @word: copied; one that is too short to be found again is ignored
 *
 * Return: 0; -ENOMEM, -ENOSPC when there are too many.
 */
int ctl_redaction_hide(struct ctl_redaction *redaction, const char *word)
{
	char *copy;

	if (strlen(word) < WORD_MIN)
		return 0;
	for (size_t i = 0; i < redaction->n_words; i++)
		if (strcmp(redaction->words[i], word) == 0)
			return 0;
	if (redaction->n_words == WORDS_MAX)
		return -ENOSPC;
	copy = strdup(word);
	if (!copy)
		return -ENOMEM;
	redaction->words[redaction->n_words++] = copy;

	return 0;
}

/* "product/device", and the parts of it. */
static int hide_parts(struct ctl_redaction *redaction, const char *device)
{
	CTL_CLEANUP(free) char *copy = strdup(device);
	char *rest = copy;
	char *part;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (part = strsep(&rest, "/&,;: ")))
		r = ctl_redaction_hide(redaction, part);

	return r;
}

/**
 * ctl_redaction_learn_links() - hide what the clouds call the devices
 * @redaction: the redaction
 * @links: as ctl_links() has them
 *
 * Return: 0, or a negative errno.
 */
int ctl_redaction_learn_links(struct ctl_redaction *redaction, const json_t *links)
{
	const json_t *link;
	size_t i;
	int r = 0;

	json_array_foreach(links, i, link) {
		const char *device = json_string_value(json_object_get(link, "Device"));

		if (r == 0 && device)
			r = hide_parts(redaction, device);
	}

	return r;
}

static bool is_naming(const char *line, const char **ret_value)
{
	const char *key = line + strspn(line, " -\"'");

	for (size_t i = 0; i < CTL_ELEMENTS(naming); i++) {
		size_t len = strlen(naming[i]);

		if (strncmp(key, naming[i], len) != 0)
			continue;
		key += len + strspn(key + len, "\"' ");
		if (*key != ':')
			continue;
		*ret_value = key + 1 + strspn(key + 1, " \"'");
		return true;
	}

	return false;
}

/**
 * ctl_redaction_learn_settings() - hide what the configuration calls the devices
 * @redaction: the redaction
 * @yaml: as Manager.Configuration has it
 *
 * Return: 0, or a negative errno.
 */
int ctl_redaction_learn_settings(struct ctl_redaction *redaction, const char *yaml)
{
	CTL_CLEANUP(free) char *copy = strdup(yaml);
	char *rest = copy;
	const char *value;
	char *line;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (line = strsep(&rest, "\n"))) {
		if (!is_naming(line, &value))
			continue;
		line[(size_t)(value - line) + strcspn(value, " \"'#")] = '\0';
		r = ctl_redaction_hide(redaction, value);
	}

	return r;
}

/* The word that stands here, or 0. */
static size_t word_at(const struct ctl_redaction *redaction, const char *text, size_t *ret_number)
{
	size_t best = 0;

	for (size_t i = 0; i < redaction->n_words; i++) {
		size_t len = strlen(redaction->words[i]);

		if (len <= best || strncmp(text, redaction->words[i], len) != 0)
			continue;
		best = len;
		*ret_number = i + 1;
	}

	return best;
}

static void put_words(const struct ctl_redaction *redaction, const char *text, FILE *out)
{
	size_t number;

	while (*text) {
		size_t len = word_at(redaction, text, &number);

		if (len > 0)
			(void)fprintf(out, "[device-%zu]", number);
		else
			(void)fputc(*text, out);
		text += len > 0 ? len : 1;
	}
}

static char *mask_secrets(const struct ctl_redaction *redaction, const char *text)
{
	char *result = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);
	regmatch_t found[SECRET_VALUE + 1];

	if (!out)
		return NULL;
	while (regexec(&redaction->secret, text, SECRET_VALUE + 1, found, 0) == 0) {
		(void)fprintf(out, "%.*s[secret]", (int)found[SECRET_VALUE].rm_so, text);
		text += found[SECRET_VALUE].rm_eo;
	}
	(void)fputs(text, out);
	if (fclose(out) != 0) {
		free(result);
		return NULL;
	}

	return result;
}

/**
 * ctl_redact() - hide what is to be hidden
 * @redaction: the redaction
 * @text: from anywhere
 *
 * Return: what may be shown, the caller's; NULL without memory.
 */
char *ctl_redact(const struct ctl_redaction *redaction, const char *text)
{
	CTL_CLEANUP(free) char *masked = mask_secrets(redaction, text);
	char *result = NULL;
	size_t size = 0;
	FILE *out = masked ? open_memstream(&result, &size) : NULL;

	if (!out)
		return NULL;
	put_words(redaction, masked, out);
	if (fclose(out) != 0) {
		free(result);
		return NULL;
	}

	return result;
}
