/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a secret comes from when it is not written in the configuration itself: a credential that
 * systemd lends (systemd.exec(5), LoadCredential=), or a file that nobody else can read.
 */
#include <stddef.h>

#include "daemon/problems.h"

/** The longest secret, in bytes. */
#define SB_SECRET_MAX (64 * 1024)

/** struct sb_secret - bytes on their way into the settings; embedded, zeroed is empty */
struct sb_secret {
	char *data;
	size_t len;
};

int sb_secret_from_credential(struct sb_secret *secret, const char *name,
			      const struct sb_place *place, struct sb_problems *problems);
int sb_secret_from_file(struct sb_secret *secret, const char *path, const struct sb_place *place,
			struct sb_problems *problems);
void sb_secret_done(struct sb_secret *secret);
