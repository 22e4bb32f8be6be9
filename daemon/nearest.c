/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/settings.h"

/* Longer words are never near: the rows of the distance live on the stack. */
#define WORD_MAX 63

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * The distance of Damerau and Levenshtein (optimal string alignment): how many letters to insert,
 * leave out, replace or swap with their neighbour. Only three rows of the matrix are alive at a
 * time.
 */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1] = { 0 };
	size_t len_a = strlen(a), len_b = strlen(b);

	for (size_t j = 0; j <= len_b; j++)
		rows[0][j] = j;

	for (size_t i = 1; i <= len_a; i++) {
		const size_t *before = rows[(i + 1) % 3]; /* row i - 2 */
		const size_t *above = rows[(i + 2) % 3]; /* row i - 1 */
		size_t *row = rows[i % 3];

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			row[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = least_of(row[j], least_of(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least_of(row[j], before[j - 2] + 1);
		}
	}

	return rows[len_a % 3][len_b];
}

/**
 * sb_nearest_word() - the word that was probably meant
 * @word: what was written
 * @words: what could have been; NULLs among them are passed over
 * @n_words: how many
 *
 * A slip in a short word, three in a long one are forgiven; the first of equally near ones is
 * taken.
 *
 * Return: one of @words; NULL if none is near.
 */
const char *sb_nearest_word(const char *word, const char *const *words, size_t n_words)
{
	size_t len = strlen(word);
	size_t bound = len < 5 ? 1 : len < 9 ? 2 : 3;
	const char *nearest = NULL;

	if (len > WORD_MAX)
		return NULL;

	for (size_t i = 0; i < n_words; i++) {
		size_t d;

		if (!words[i] || strlen(words[i]) > WORD_MAX)
			continue;
		d = distance(word, words[i]);
		if (d <= bound && d < len) {
			nearest = words[i];
			bound = d > 0 ? d - 1 : 0;
			if (d == 0)
				break;
		}
	}

	return nearest;
}
