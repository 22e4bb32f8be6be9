/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The simulator's own certificate authority, and the one certificate that it has issued, which all
 * doors show. Both are made anew at each start and live in memory alone: whoever is to trust them
 * gets a copy of the CA's certificate.
 */
#include "sim/address.h"

struct sim_authority;

int sim_authority_new(const struct sim_address *address, struct sim_authority **ret);
struct sim_authority *sim_authority_free(struct sim_authority *authority);

const char *sim_authority_certificate(const struct sim_authority *authority);
const char *sim_authority_certificate_key(const struct sim_authority *authority);
int sim_authority_write_ca(const struct sim_authority *authority, const char *path);
