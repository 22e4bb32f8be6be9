/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the clouds hand out at random, and which datagrams suffer: all from one seed, so that a run
 * can be had again. It is no good for secrets, and there are none here.
 */
#include <stddef.h>
#include <stdint.h>

void sim_random_seed(uint64_t seed);
uint32_t sim_random(void);
void sim_random_text(const char *alphabet, char *ret_text, size_t size);
