/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text from outside: is it UTF-8, as RFC 3629 has it, and can it be shown to people.
 */
#include <stddef.h>

size_t sb_utf8_good(const void *text, size_t len);
void sb_utf8_make_printable(char *text);
