/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The two signatures of EnOS over plain CoAP: the one that a device logs in with, and the one that
 * it puts on every later request in the first generation.
 */
#include <stddef.h>
#include <stdint.h>

#include "sim/cipher.h"
#include "sim/setup.h"

/* Secure modes: whose secret a login or a key is made of. */
enum {
	SIM_ENOS_BY_DEVICE = 2,
	SIM_ENOS_BY_PRODUCT = 3,
};

/** SHA-256 in hex, with its terminating zero. */
#define SIM_ENOS_SIGN_SIZE 65

int sim_enos_sign(const struct sim_device *device, const char *secret, uint32_t lifetime,
		  char ret_sign[SIM_ENOS_SIGN_SIZE]);
int sim_enos_sequence(const uint8_t key[SIM_CIPHER_KEY_LEN], const char *token,
		      const uint8_t *signature, size_t len, uint64_t *ret_sequence);
