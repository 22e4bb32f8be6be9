/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/interest.h"
#include "dbus/call-options.h"

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

/**
 * sb_interest_read() - read the options of a method that has no others
 * @call: the method call, where they come next
 * @interest: gets them
 * @ret_error: says which option is wrong and what may be written
 *
 * Return: 0, or a negative errno with @ret_error.
 */
int sb_interest_read(sd_bus_message *call, struct sb_interest *interest, struct sb_error *ret_error)
{
	static const struct skybus_setting rows[SB_N_INTEREST] = { SB_INTEREST_ROWS };
	int64_t values[SB_N_INTEREST] = { 0 };
	int r;

	r = sb_call_options_read(call, rows, SB_N_INTEREST, values, ret_error);
	if (r < 0)
		return r;
	sb_interest_set(interest, values);

	return 0;
}
