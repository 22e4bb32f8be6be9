/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/seen.h"

struct seen_key {
	struct sb_place place;
	char key[];
};

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct seen_key *)a)->key, ((const struct seen_key *)b)->key);
}

/**
 * sb_seen_add() - add a key, unless it was seen
 * @seen: the keys
 * @key: copied
 * @place: copied; its file name is lent as long as @seen lives
 * @ret_first: set with -EEXIST: where the key was seen first
 *
 * Return: 0; -EEXIST: it was seen; -ENOMEM.
 */
int sb_seen_add(struct sb_seen *seen, const char *key, const struct sb_place *place,
		struct sb_place *ret_first)
{
	struct seen_key *new, **found;
	size_t len = strlen(key);

	new = malloc(sizeof(*new) + len + 1);
	if (!new)
		return -ENOMEM;
	new->place = *place;
	memcpy(new->key, key, len + 1);

	found = tsearch(new, &seen->root, compare_keys);
	if (found && *found == new)
		return 0;

	free(new);
	if (!found)
		return -ENOMEM;
	*ret_first = (*found)->place;

	return -EEXIST;
}

/**
 * sb_seen_done() - forget all keys
 * @seen: is empty afterwards
 */
void sb_seen_done(struct sb_seen *seen)
{
	tdestroy(seen->root, free);
	seen->root = NULL;
}
