/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cleanup.h"
#include "daemon/recent.h"

static void forget(struct sb_settlement *end)
{
	free((char *)end->code);
	free((char *)end->reason);
	*end = (struct sb_settlement){ 0 };
}

/**
 * sb_recent_done() - forget all ends
 * @recent: empty afterwards
 */
void sb_recent_done(struct sb_recent *recent)
{
	for (size_t i = 0; i < recent->n; i++)
		forget(&recent->ends[i]);
	recent->n = 0;
	recent->next = 0;
}

/**
 * sb_recent_add() - remember an end, in the place of the oldest
 * @recent: the ends
 * @settlement: copied
 *
 * Return: 0, or -ENOMEM and nothing has changed.
 */
int sb_recent_add(struct sb_recent *recent, const struct sb_settlement *settlement)
{
	struct sb_settlement *end = &recent->ends[recent->next];
	SB_CLEANUP(sb_free) char *code = strdup(settlement->code);
	SB_CLEANUP(sb_free) char *reason = strdup(settlement->reason);

	if (!code || !reason)
		return -ENOMEM;
	forget(end);
	*end = *settlement;
	end->code = SB_STEAL(code);
	end->reason = SB_STEAL(reason);
	recent->n += recent->n < SB_RECENT_MAX;
	recent->next = (recent->next + 1) % SB_RECENT_MAX;

	return 0;
}

/**
 * sb_recent_find() - how a message ended
 * @recent: the ends
 * @ticket: of the message
 *
 * Return: lent until the next end is added; NULL when it is not among the latest.
 */
const struct sb_settlement *sb_recent_find(const struct sb_recent *recent, uint64_t ticket)
{
	for (size_t i = 0; i < recent->n; i++)
		if (recent->ends[i].ticket == ticket)
			return &recent->ends[i];

	return NULL;
}
