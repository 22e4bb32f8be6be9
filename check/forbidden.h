/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The system calls that a plugin must not make, since they wait, or do what only the daemon does. The
 * kernel sends SIGSYS to whoever makes one.
 */
#include <stdbool.h>
#include <stddef.h>

bool check_forbid(void);
const char *check_forbidden_why(int number, char *ret_name, size_t size);
