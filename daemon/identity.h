/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who a caller is: what the access rules look at. Whoever lets programs in fills it with what the kernel or
 * the bus knows, never with what the program says.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct sb_identity - who it is
 * @uid: SB_NO_OWNER if nobody can tell
 * @gids: its groups, the primary one among them, the smallest first; owned; NULL for none
 * @n_gids: how many
 * @unit: systemd's system unit, "app.service"; owned; NULL if it has none, nobody asked, or there is a doubt
 */
struct sb_identity {
	uint32_t uid;
	uint32_t *gids;
	size_t n_gids;
	char *unit;
};

int sb_identity_copy(struct sb_identity *ret, const struct sb_identity *identity);
void sb_identity_done(struct sb_identity *identity);
int sb_identity_set_gids(struct sb_identity *identity, const uint32_t *gids, size_t n);
bool sb_identity_has_gid(const struct sb_identity *identity, uint32_t gid);
