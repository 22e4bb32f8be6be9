/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Values as people read them.
 */
#include <jansson.h>
#include <stdint.h>

#include "ctl/output.h"

char *ctl_text_of(const json_t *value, enum ctl_form form, uint64_t now_usec);
char *ctl_text_span(uint64_t usec);
char *ctl_text_bytes(uint64_t bytes);
char *ctl_text_safe(const char *text);
char *ctl_text_safe_lines(const char *text);
const char *ctl_text_at(const json_t *object, const char *key);
uint64_t ctl_text_now(void);
