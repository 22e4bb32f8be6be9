/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a cloud should never say, and what it may say all the same: replies by their number, made of the one
 * that it should give.
 */
#include <stdbool.h>
#include <stddef.h>

#include "check/scripted-host.h"

size_t check_replies_count(uint32_t len);
bool check_replies_make(size_t i, const struct skybus_reply *good, struct skybus_reply *ret,
			char *ret_name, size_t size);
const char *check_replies_body(size_t i);
size_t check_replies_bodies(void);
