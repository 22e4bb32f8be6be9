/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cleanup.h"
#include "sim/setup.h"

/** How many there may be of each kind. */
#define MAX_EACH 4096

/**
 * sim_setup_done() - free what a setup holds
 * @setup: all zero afterwards
 */
void sim_setup_done(struct sim_setup *setup)
{
	for (size_t i = 0; i < setup->n_devices; i++)
		free(setup->devices[i].product_key);
	for (size_t i = 0; i < setup->n_products; i++)
		free(setup->products[i].product_key);
	for (size_t i = 0; i < setup->n_cards; i++)
		free(setup->cards[i].iccid);
	for (size_t i = 0; i < setup->n_commands; i++) {
		free(setup->commands[i]->topic);
		free(setup->commands[i]);
	}
	free(setup->devices);
	free(setup->products);
	free(setup->cards);
	free(setup->commands);
	*setup = (struct sim_setup){ 0 };
}

/* Keys become segments of paths and fields of texts that are signed. */
static bool is_key(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len <= SIM_KEY_MAX && !strpbrk(text, "/,");
}

/* Makes room for one more behind the @n that are there; the array stays whole when it cannot. */
static void *room(void *array, size_t n, size_t size)
{
	return n < MAX_EACH ? reallocarray(array, n + 1, size) : NULL;
}

/**
 * sim_setup_add_device() - register a device
 * @setup: where
 * @text: "product key,device key,secret"
 *
 * Return: 0; -EINVAL when @text is not three such parts, -EEXIST when a device has these keys,
 * -ENOMEM, also when there are too many.
 */
int sim_setup_add_device(struct sim_setup *setup, const char *text)
{
	SIM_CLEANUP(free) char *copy = strdup(text);
	struct sim_device *devices, device;
	char *rest = copy;

	if (!copy)
		return -ENOMEM;

	device.product_key = strsep(&rest, ",");
	device.device_key = strsep(&rest, ",");
	device.secret = rest;
	if (!is_key(device.product_key) || !is_key(device.device_key) || !rest || !*rest)
		return -EINVAL;

	for (size_t i = 0; i < setup->n_devices; i++)
		if (strcmp(setup->devices[i].product_key, device.product_key) == 0 &&
		    strcmp(setup->devices[i].device_key, device.device_key) == 0)
			return -EEXIST;

	devices = room(setup->devices, setup->n_devices, sizeof(*devices));
	if (!devices)
		return -ENOMEM;

	setup->devices = devices;
	setup->devices[setup->n_devices++] = device;
	copy = NULL;

	return 0;
}

/**
 * sim_setup_product_secret() - the secret of a product
 * @setup: where
 * @product_key: of any length
 *
 * Return: the secret, lent with the setup; NULL when there is no such product.
 */
const char *sim_setup_product_secret(const struct sim_setup *setup, const char *product_key)
{
	for (size_t i = 0; i < setup->n_products; i++)
		if (strcmp(setup->products[i].product_key, product_key) == 0)
			return setup->products[i].secret;

	return NULL;
}

/**
 * sim_setup_add_product() - register a product, whose devices may ask for their secrets
 * @setup: where
 * @text: "product key,secret"
 *
 * Return: 0; -EINVAL when @text is not two such parts, -EEXIST when a product has this key,
 * -ENOMEM, also when there are too many.
 */
int sim_setup_add_product(struct sim_setup *setup, const char *text)
{
	SIM_CLEANUP(free) char *copy = strdup(text);
	struct sim_product *products, product;
	char *rest = copy;

	if (!copy)
		return -ENOMEM;

	product.product_key = strsep(&rest, ",");
	product.secret = rest;
	if (!is_key(product.product_key) || !rest || !*rest)
		return -EINVAL;

	if (sim_setup_product_secret(setup, product.product_key))
		return -EEXIST;

	products = room(setup->products, setup->n_products, sizeof(*products));
	if (!products)
		return -ENOMEM;

	setup->products = products;
	setup->products[setup->n_products++] = product;
	copy = NULL;

	return 0;
}

static bool is_iccid(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return text[len] == '\0' && len >= SIM_ICCID_MIN && len <= SIM_ICCID_MAX;
}

static bool is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* Two cards are one too many if they have the same number, or the same user. */
static bool clash(const struct sim_card *a, const struct sim_card *b)
{
	if (strcmp(a->iccid, b->iccid) == 0)
		return true;

	return a->address && b->address ? strcmp(a->address, b->address) == 0
					: a->address == b->address;
}

/**
 * sim_setup_add_card() - register a SIM card
 * @setup: where
 * @text: "ICCID", or "ICCID,address of its user"
 *
 * Return: 0; -EINVAL when @text is no such thing, -EEXIST when a card has this ICCID or this
 * address, or is everybody's as this would be; -ENOMEM, also when there are too many.
 */
int sim_setup_add_card(struct sim_setup *setup, const char *text)
{
	SIM_CLEANUP(free) char *copy = strdup(text);
	struct sim_card *cards, card;
	char *rest = copy;

	if (!copy)
		return -ENOMEM;

	card.iccid = strsep(&rest, ",");
	card.address = rest;
	if (!is_iccid(card.iccid) || (rest && !is_address(rest)))
		return -EINVAL;

	for (size_t i = 0; i < setup->n_cards; i++)
		if (clash(&setup->cards[i], &card))
			return -EEXIST;

	cards = room(setup->cards, setup->n_cards, sizeof(*cards));
	if (!cards)
		return -ENOMEM;

	setup->cards = cards;
	setup->cards[setup->n_cards++] = card;
	copy = NULL;

	return 0;
}

/**
 * sim_setup_add_command() - have a command wait for its device
 * @setup: where
 * @text: "topic=payload"; the topic ends at the first equals sign
 * @ret: the command, lent with the setup; may be NULL
 *
 * Return: 0; -EINVAL when @text is not like that, -ENOMEM, also when there are too many.
 */
int sim_setup_add_command(struct sim_setup *setup, const char *text, const struct sim_command **ret)
{
	SIM_CLEANUP(free) char *copy = strdup(text);
	SIM_CLEANUP(free) struct sim_command *command = calloc(1, sizeof(*command));
	struct sim_command **commands;
	char *rest = copy;

	if (!copy || !command)
		return -ENOMEM;

	command->topic = strsep(&rest, "=");
	command->payload = rest;
	if (command->topic[0] != '/' || !rest)
		return -EINVAL;

	commands = room(setup->commands, setup->n_commands, sizeof(struct sim_command *));
	if (!commands)
		return -ENOMEM;

	setup->commands = commands;
	setup->commands[setup->n_commands++] = command;
	if (ret)
		*ret = command;
	copy = NULL;
	command = NULL;

	return 0;
}
