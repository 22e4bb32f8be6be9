/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The SIM cards of a 1NCE cloud, each with the key that its device has for DTLS. The card is the
 * credential: who sends from its address is its device.
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/cloud.h"
#include "sim/setup.h"

/** A key that the cloud makes, with its terminating zero. */
#define SIM_1NCE_KEY_SIZE 33

/** An IP address as text, with its terminating zero. */
#define SIM_1NCE_ADDRESS_SIZE INET6_ADDRSTRLEN

/**
 * struct sim_1nce_card - a card as the cloud sees it
 * @id: its ICCID, lent
 * @address: of its user, in the one way to write it; "" for whoever has no other card
 * @inactive: its owner has not accepted the terms
 * @fixed: its owner chose the key
 * @key: text, or "0x" and hex if @fixed; "" before the first onboarding
 * @asked: when it was last asked for, CLOCK_BOOTTIME, µs
 */
struct sim_1nce_card {
	const struct sim_card *id;
	char address[SIM_1NCE_ADDRESS_SIZE];
	bool inactive;
	bool fixed;
	char key[2 * SIM_PSK_MAX + 3];
	uint64_t asked;
};

/** struct sim_1nce_cards - all of them; @all is owned */
struct sim_1nce_cards {
	struct sim_1nce_card *all;
	size_t n_all;
};

int sim_1nce_cards_init(struct sim_1nce_cards *cards, const struct sim_setup *setup);
void sim_1nce_cards_done(struct sim_1nce_cards *cards);
struct sim_1nce_card *sim_1nce_cards_named(const struct sim_1nce_cards *cards, const char *iccid);
struct sim_1nce_card *sim_1nce_cards_at(const struct sim_1nce_cards *cards, const char *peer);

const char *sim_1nce_card_onboard(struct sim_1nce_card *card, uint64_t now);
int sim_1nce_card_fix(struct sim_1nce_card *card, const char *key);
int sim_1nce_card_psk(const struct sim_1nce_card *card, uint8_t ret_key[SIM_PSK_MAX],
		      size_t *ret_len);
