/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The template of a topic, "/sys/{product_key}/{topic}", and what is left of it when the link's settings are
 * filled in: a pattern, see daemon/route.h.
 */
#include "daemon/config.h"
#include "daemon/problems.h"

int sb_route_template_fill(const char *template, const struct sb_link_config *link,
			   const struct sb_place *place, struct sb_problems *problems,
			   char **ret_pattern);
