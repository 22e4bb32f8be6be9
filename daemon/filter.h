/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Topic filters. They are MQTT's (version 5, section 4.7): levels between slashes, "+" for one level, "#" for
 * the rest.
 */
#include <stdbool.h>

#include "daemon/error.h"

int sb_filter_check(const char *filter, struct sb_error *ret_error);
bool sb_filter_matches(const char *filter, const char *topic);
