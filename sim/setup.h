/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the clouds know before the first request: the registered devices, and the commands that wait
 * for them. It comes from the command line and is the same for every cloud.
 */
#include <stddef.h>

/** The longest product key or device key, in bytes. */
#define SIM_KEY_MAX 64

/** The digits of an ICCID, ITU-T E.118: 19 as a rule, 18 and 20 exist. */
#define SIM_ICCID_MIN 18
#define SIM_ICCID_MAX 20

/**
 * struct sim_device - a registered device
 * @product_key: owned, and holds the memory of the other two
 * @device_key: "device name" in some clouds' words
 * @secret: the device's
 */
struct sim_device {
	char *product_key;
	const char *device_key;
	const char *secret;
};

/**
 * struct sim_command - what a cloud wants a device to do
 * @topic: owned, and holds the memory of the payload
 * @payload: text
 */
struct sim_command {
	char *topic;
	const char *payload;
};

/**
 * struct sim_product - what the devices of a product have in common
 * @product_key: owned, and holds the memory of the secret
 * @secret: the product's
 */
struct sim_product {
	char *product_key;
	const char *secret;
};

/**
 * struct sim_card - a SIM card, in clouds that know a device by it
 * @iccid: owned, and holds the memory of the address; digits
 * @address: numeric, of whoever uses it; NULL: of everybody who has no other card
 */
struct sim_card {
	char *iccid;
	const char *address;
};

struct sim_script;

/** struct sim_setup - all of it; all zero is an empty one; @script is lent, and NULL without that cloud */
struct sim_setup {
	struct sim_script *script;
	struct sim_device *devices;
	size_t n_devices;
	struct sim_product *products;
	size_t n_products;
	struct sim_card *cards;
	size_t n_cards;
	struct sim_command **commands; /* each stays where it is when others come */
	size_t n_commands;
};

void sim_setup_done(struct sim_setup *setup);
int sim_setup_add_device(struct sim_setup *setup, const char *text);
int sim_setup_add_product(struct sim_setup *setup, const char *text);
int sim_setup_add_card(struct sim_setup *setup, const char *text);
const char *sim_setup_product_secret(const struct sim_setup *setup, const char *product_key);
int sim_setup_add_command(struct sim_setup *setup, const char *text,
			  const struct sim_command **ret);
