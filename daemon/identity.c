/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/identity.h"
#include "daemon/message.h"

static int compare_gids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a;
	uint32_t right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/**
 * sb_identity_copy() - keep an identity
 * @ret: the copy, to be undone with sb_identity_done()
 * @identity: may go afterwards
 *
 * Return: 0, or -ENOMEM.
 */
int sb_identity_copy(struct sb_identity *ret, const struct sb_identity *identity)
{
	struct sb_identity copy = { .uid = identity->uid };

	if (identity->unit) {
		copy.unit = strdup(identity->unit);
		if (!copy.unit)
			return -ENOMEM;
	}
	if (sb_identity_set_gids(&copy, identity->gids, identity->n_gids) < 0) {
		sb_identity_done(&copy);
		return -ENOMEM;
	}
	*ret = copy;

	return 0;
}

/**
 * sb_identity_done() - forget an identity
 * @identity: is nobody's afterwards
 */
void sb_identity_done(struct sb_identity *identity)
{
	free(identity->gids);
	free(identity->unit);
	*identity = (struct sb_identity){ .uid = SB_NO_OWNER };
}

/**
 * sb_identity_set_gids() - say which groups it has
 * @identity: those that it had are forgotten
 * @gids: copied, in any order; only root gives groups to a process, so their number needs no bound here
 * @n: how many
 *
 * Return: 0, or -ENOMEM.
 */
int sb_identity_set_gids(struct sb_identity *identity, const uint32_t *gids, size_t n)
{
	uint32_t *copy = NULL;

	if (n > 0) {
		copy = calloc(n, sizeof(*copy));
		if (!copy)
			return -ENOMEM;
		memcpy(copy, gids, n * sizeof(*copy));
		qsort(copy, n, sizeof(*copy), compare_gids);
	}
	free(identity->gids);
	identity->gids = copy;
	identity->n_gids = n;

	return 0;
}

/**
 * sb_identity_has_gid() - is it a member of a group?
 * @identity: who
 * @gid: the group
 *
 * Return: whether it is, as far as anybody can tell.
 */
bool sb_identity_has_gid(const struct sb_identity *identity, uint32_t gid)
{
	return identity->n_gids > 0 && bsearch(&gid, identity->gids, identity->n_gids,
					       sizeof(*identity->gids), compare_gids);
}
