/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/interest.h"

/* In the order of the choices. */
static const unsigned int origins[] = {
	SB_FROM_CLOUD,
	SB_FROM_LOCAL,
	SB_FROM_CLOUD | SB_FROM_LOCAL,
};

/**
 * sb_interest_set() - put the options where they belong
 * @interest: whose link and filter are set elsewhere
 * @values: of SB_INTEREST_ROWS
 */
void sb_interest_set(struct sb_interest *interest, const int64_t *values)
{
	interest->answers = values[SB_INTEREST_ANSWER] != 0;
	interest->origins = origins[values[SB_INTEREST_ORIGIN]];
}
