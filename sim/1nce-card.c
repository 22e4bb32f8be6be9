/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/1nce-card.h"
#include "sim/cleanup.h"
#include "sim/random.h"

/** How long after it was last asked for a key stays the same, µs: five minutes. */
#define KEY_LIFE (5 * 60 * SIM_USEC_PER_SEC)

/** What a key begins with that its owner chose and its device decodes. */
#define HEX "0x"

/* An address in the one way to write it. */
static bool normalise(const char *text, char ret_address[SIM_1NCE_ADDRESS_SIZE])
{
	static const int families[] = { AF_INET, AF_INET6 };
	uint8_t bytes[sizeof(struct in6_addr)];

	for (size_t i = 0; i < SIM_ELEMENTS(families); i++)
		if (inet_pton(families[i], text, bytes) == 1)
			return inet_ntop(families[i], bytes, ret_address, SIM_1NCE_ADDRESS_SIZE);

	return false;
}

/**
 * sim_1nce_cards_init() - the cards of a setup, none of them onboarded
 * @cards: where
 * @setup: outlives them
 *
 * Return: 0; -EINVAL when an address is none; -ENOMEM.
 */
int sim_1nce_cards_init(struct sim_1nce_cards *cards, const struct sim_setup *setup)
{
	*cards = (struct sim_1nce_cards){ 0 };
	cards->all = calloc(setup->n_cards + 1, sizeof(*cards->all));
	if (!cards->all)
		return -ENOMEM;

	for (; cards->n_all < setup->n_cards; cards->n_all++) {
		struct sim_1nce_card *card = &cards->all[cards->n_all];

		card->id = &setup->cards[cards->n_all];
		if (card->id->address && !normalise(card->id->address, card->address)) {
			sim_1nce_cards_done(cards);
			return -EINVAL;
		}
	}

	return 0;
}

/**
 * sim_1nce_cards_done() - free what the cards hold
 * @cards: all zero afterwards
 */
void sim_1nce_cards_done(struct sim_1nce_cards *cards)
{
	free(cards->all);
	*cards = (struct sim_1nce_cards){ 0 };
}

/**
 * sim_1nce_cards_named() - a card by its ICCID
 * @cards: all of them
 * @iccid: digits
 *
 * Return: the card; NULL when there is no such one.
 */
struct sim_1nce_card *sim_1nce_cards_named(const struct sim_1nce_cards *cards, const char *iccid)
{
	for (size_t i = 0; i < cards->n_all; i++)
		if (strcmp(cards->all[i].id->iccid, iccid) == 0)
			return &cards->all[i];

	return NULL;
}

/* The address in "127.0.0.1:40000" or "[::1]:40000"; "" when there is none. */
static void address_of(const char *peer, char ret_address[SIM_1NCE_ADDRESS_SIZE])
{
	const char *start = peer + (peer[0] == '[');
	size_t len = strcspn(start, peer[0] == '[' ? "]%" : ":");
	char text[SIM_1NCE_ADDRESS_SIZE];

	if (snprintf(text, sizeof(text), "%.*s", (int)len, start) >= (int)sizeof(text) ||
	    !normalise(text, ret_address))
		ret_address[0] = '\0';
}

/**
 * sim_1nce_cards_at() - the card that somebody sends with
 * @cards: all of them
 * @peer: address and port
 *
 * Return: the card with this address, or else the one that has none; NULL when there is neither.
 */
struct sim_1nce_card *sim_1nce_cards_at(const struct sim_1nce_cards *cards, const char *peer)
{
	struct sim_1nce_card *anybody = NULL;
	char address[SIM_1NCE_ADDRESS_SIZE];

	address_of(peer, address);
	for (size_t i = 0; i < cards->n_all; i++) {
		struct sim_1nce_card *card = &cards->all[i];

		if (card->address[0] == '\0')
			anybody = anybody ? anybody : card;
		else if (strcmp(card->address, address) == 0)
			return card;
	}

	return anybody;
}

/* Whether the key is written in hex. One that the cloud made is not, whatever it begins with. */
static bool is_hex(const struct sim_1nce_card *card)
{
	return card->fixed && strncmp(card->key, HEX, strlen(HEX)) == 0;
}

/**
 * sim_1nce_card_onboard() - the key of a card, for its device
 * @card: the card
 * @now: CLOCK_BOOTTIME, µs
 *
 * A key that was last asked for five minutes ago or more gives way to a new one, unless the owner
 * chose it.
 *
 * Return: the key, lent until the next one.
 */
const char *sim_1nce_card_onboard(struct sim_1nce_card *card, uint64_t now)
{
	bool is_old = card->key[0] == '\0' || now >= card->asked + KEY_LIFE;

	if (is_old && !card->fixed)
		sim_random_text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
				card->key, SIM_1NCE_KEY_SIZE);
	card->asked = now;

	return is_hex(card) ? card->key + strlen(HEX) : card->key;
}

/**
 * sim_1nce_card_fix() - let the owner decide
 * @card: the card
 * @key: the key from now on, as text, or as "0x…" in hex; "" takes the acceptance of the terms
 *	back, which any key gives again
 *
 * Return: 0; -EMSGSIZE when the key is too long.
 */
int sim_1nce_card_fix(struct sim_1nce_card *card, const char *key)
{
	size_t most = SIM_PSK_MAX;

	if (strncmp(key, HEX, strlen(HEX)) == 0)
		most = strlen(HEX) + 2 * SIM_PSK_MAX;
	if (strlen(key) > most)
		return -EMSGSIZE;

	card->inactive = key[0] == '\0';
	if (card->inactive)
		return 0;
	card->fixed = true;
	(void)strcpy(card->key, key);

	return 0;
}

/**
 * sim_1nce_card_psk() - the key of a card, for DTLS
 * @card: the card
 * @ret_key: the characters of the key, or what they are in hex
 * @ret_len: how many bytes
 *
 * Return: 0; -ENOENT when it has none; -EINVAL when it is not in hex as it should be.
 */
int sim_1nce_card_psk(const struct sim_1nce_card *card, uint8_t ret_key[SIM_PSK_MAX],
		      size_t *ret_len)
{
	size_t size = SIM_PSK_MAX;
	gnutls_datum_t hex;

	if (card->key[0] == '\0')
		return -ENOENT;
	if (!is_hex(card)) {
		*ret_len = strlen(card->key);
		memcpy(ret_key, card->key, *ret_len);
		return 0;
	}

	hex.data = (unsigned char *)(uintptr_t)card->key + strlen(HEX);
	hex.size = (unsigned int)(strlen(card->key) - strlen(HEX));
	if (hex.size == 0 || gnutls_hex_decode(&hex, ret_key, &size) < 0)
		return -EINVAL;
	*ret_len = size;

	return 0;
}
