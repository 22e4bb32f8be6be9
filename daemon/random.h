/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Random numbers that nobody can foresee: tokens, and whatever libcoap draws. For the loop's thread.
 */
#include <stddef.h>

int sb_random(void *ret, size_t len);
