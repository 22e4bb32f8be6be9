/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/utf8.h"

/* RFC 3629 section 4: what may come second depends on what came first; the rest is always 80 to bf. */
static const struct form {
	uint8_t first_min;
	uint8_t first_max;
	uint8_t second_min;
	uint8_t second_max;
	uint8_t len;
} forms[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static const struct form *form_of(uint8_t first)
{
	for (size_t i = 0; i < SB_ELEMENTS(forms); i++)
		if (first >= forms[i].first_min && first <= forms[i].first_max)
			return &forms[i];

	return NULL;
}

/* The bytes of the character at @text; 0 for a broken one. */
static size_t character_len(const uint8_t *text, size_t len)
{
	const struct form *form;

	if (text[0] < 0x80)
		return 1;
	form = form_of(text[0]);
	if (!form || len < form->len || text[1] < form->second_min || text[1] > form->second_max)
		return 0;
	for (size_t i = 2; i < form->len; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;

	return form->len;
}

/**
 * sb_utf8_good() - how much of a text is UTF-8
 * @text: @len bytes; zeros are characters as others
 * @len: bytes
 *
 * Return: the bytes before the first that is wrong; @len if all is well.
 */
size_t sb_utf8_good(const void *text, size_t len)
{
	const uint8_t *bytes = text;
	size_t good = 0;

	while (good < len) {
		size_t n = character_len(bytes + good, len - good);

		if (n == 0)
			break;
		good += n;
	}

	return good;
}

static bool is_control(const uint8_t *character, size_t len)
{
	return len == 1 ? character[0] < 0x20 || character[0] == 0x7f
			: len == 2 && character[0] == 0xc2 && character[1] < 0xa0;
}

/**
 * sb_utf8_make_printable() - make one line of a text, and UTF-8
 * @text: control characters and bytes that are no UTF-8 become question marks
 *
 * The bus takes nothing but UTF-8, a terminal obeys control characters, and journalctl shows a line with either
 * as "blob data".
 */
void sb_utf8_make_printable(char *text)
{
	uint8_t *at = (uint8_t *)text;
	size_t left = strlen(text);

	while (left > 0) {
		size_t n = character_len(at, left);
		size_t step = n > 0 ? n : 1;

		if (n == 0 || is_control(at, n))
			memset(at, '?', step);
		at += step;
		left -= step;
	}
}
