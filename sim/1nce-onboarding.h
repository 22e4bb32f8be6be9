/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Onboarding with 1NCE over HTTPS, but for whose key it is: formats, pieces, and refusals.
 */
#include <stddef.h>

#include "sim/http.h"

/** In which order the two fields of CSV come; the vendor's own pages have both. */
enum sim_1nce_csv {
	SIM_1NCE_KEY_FIRST, /* bare */
	SIM_1NCE_IDENTITY_FIRST, /* as that page has it: with a blank, and all of it in quotes */
};

int sim_1nce_onboarding_accept(const char *accept, const char **ret_type);
void sim_1nce_onboarding_grant(struct sim_http_reply *reply, const char *type,
			       enum sim_1nce_csv csv, const char *identity, const char *key);
void sim_1nce_onboarding_cut(struct sim_http_reply *reply, const char *range);
void sim_1nce_onboarding_refuse(struct sim_http_reply *reply, unsigned int status,
				const char *error);
