/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Echoes: has everything been dealt with that the bus had for us at some moment?
 *
 * The bus hands us all in one queue. A question to the bus itself is answered behind whatever is in
 * that queue by then, so its answer is a mark. One question at a time serves whoever wants a mark.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/**
 * struct sb_echo - the rounds of questions; embedded in its owner
 * @connection: lent
 * @question: the present round's, on its way; NULL between rounds
 * @again: somebody wants another round
 * @round: the present one, or the last
 * @round_done: the last one that was answered
 */
struct sb_echo {
	sd_bus *connection;
	sd_bus_slot *question;
	bool again;
	uint64_t round;
	uint64_t round_done;
};

void sb_echo_init(struct sb_echo *echo, sd_bus *connection);
void sb_echo_done(struct sb_echo *echo);

uint64_t sb_echo_ask(struct sb_echo *echo);
bool sb_echo_has_come(const struct sb_echo *echo, uint64_t round);
