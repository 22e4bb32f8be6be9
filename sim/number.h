/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Numbers as people write them: decimal digits and nothing else.
 */
#include <stdint.h>

int sim_number_read(const char *text, uint64_t max, uint64_t *ret);
