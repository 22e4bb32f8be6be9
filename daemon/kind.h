/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The kinds of settings (SKYBUS_TEXT …): one row each says how a text becomes a value, how a value
 * is written, and which words a sentence about it uses.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "skybus/plugin.h"

/** The most choices that a row may have. */
#define SB_CHOICES_MAX 32

/** struct sb_choices - the words of a row's choices, "one|two", apart */
struct sb_choices {
	char text[512];
	const char *words[SB_CHOICES_MAX];
	size_t n;
};

/**
 * struct sb_kind - one kind
 * @word: its name for programs, "boolean"
 * @noun: what it is called, "a boolean"
 * @form: what one writes, "yes or no"
 * @example: a value as one writes it; NULL if @form says all
 * @least, @most: the kind's own bounds: of the value, or of the length in bytes of texts
 * @is_text: the value is the text itself
 * @is_bytes: the value is bytes that come from elsewhere, and there is no default
 * @is_length: what has bounds is the length of the text
 * @parse: from a text to a value, or to a length in bytes; -EINVAL if it is none of this kind
 * @print: a value as one writes it
 */
struct sb_kind {
	const char *word;
	const char *noun;
	const char *form;
	const char *example;
	int64_t least;
	int64_t most;
	bool is_text;
	bool is_bytes;
	bool is_length;
	int (*parse)(const struct skybus_setting *row, const char *text, int64_t *ret);
	void (*print)(int64_t value, char *ret, size_t size);
};

const struct sb_kind *sb_kind_of(const struct skybus_setting *row);
void sb_kind_bounds(const struct skybus_setting *row, int64_t *ret_least, int64_t *ret_most);
int sb_kind_parse(const struct skybus_setting *row, const char *text, int64_t *ret);
void sb_kind_range(const struct skybus_setting *row, char *ret, size_t size);
void sb_kind_expected(const struct skybus_setting *row, char *ret, size_t size);
int sb_choices_split(const char *choices, struct sb_choices *ret);
