/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/echo.h"

static int echo_on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error);

/* Where nothing can be asked, nothing is waited for. */
static void begin_round(struct sb_echo *echo)
{
	echo->round++;
	if (sd_bus_call_method_async(echo->connection, &echo->question, "org.freedesktop.DBus",
				     "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetId",
				     echo_on_answer, echo, NULL) < 0)
		echo->round_done = echo->round;
}

/* Whatever the answer is. */
static int echo_on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
	struct sb_echo *echo = userdata;

	(void)answer;
	(void)error;
	echo->question = sd_bus_slot_unref(echo->question);
	echo->round_done = echo->round;
	if (echo->again) {
		echo->again = false;
		begin_round(echo);
	}

	return 0;
}

/**
 * sb_echo_init() - nothing is asked
 * @echo: to be set up
 * @connection: lent
 */
void sb_echo_init(struct sb_echo *echo, sd_bus *connection)
{
	*echo = (struct sb_echo){ .connection = connection };
}

/**
 * sb_echo_done() - wait for no answer any more
 * @echo: set up, or zeroed
 */
void sb_echo_done(struct sb_echo *echo)
{
	echo->question = sd_bus_slot_unref(echo->question);
}

/**
 * sb_echo_ask() - set a mark behind all that the bus gets from us before, and has for us by then
 * @echo: the echo
 *
 * Return: the mark's round, for sb_echo_has_come().
 */
uint64_t sb_echo_ask(struct sb_echo *echo)
{
	/* The question on its way may be before what the caller has sent since. */
	if (echo->question) {
		echo->again = true;
		return echo->round + 1;
	}
	begin_round(echo);

	return echo->round;
}

/**
 * sb_echo_has_come() - has what was before a mark been dealt with?
 * @echo: the echo
 * @round: what sb_echo_ask() returned
 *
 * Return: whether it has.
 */
bool sb_echo_has_come(const struct sb_echo *echo, uint64_t round)
{
	return round <= echo->round_done;
}
