/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Accounts: how much of each user of this box waits in all queues together, so that one of them cannot
 * take the room of the others.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/error.h"

struct sb_settings;

/** struct sb_account_limits - the most that one user may have waiting */
struct sb_account_limits {
	uint64_t messages;
	uint64_t bytes;
};

/** struct sb_accounts - embedded in the outbox */
struct sb_accounts {
	struct sb_account_limits limits;
	void *by_owner; /* tsearch(3) */
};

struct sb_account_limits sb_account_limits_of(const struct sb_settings *callers);

void sb_accounts_init(struct sb_accounts *accounts, const struct sb_account_limits *limits);
void sb_accounts_done(struct sb_accounts *accounts);
int sb_accounts_check(const struct sb_accounts *accounts, uint32_t owner, size_t size,
		      struct sb_error *ret_error);
bool sb_accounts_ample(const struct sb_accounts *accounts, uint32_t owner);
int sb_accounts_add(struct sb_accounts *accounts, uint32_t owner, uint64_t messages,
		    uint64_t bytes);
void sb_accounts_subtract(struct sb_accounts *accounts, uint32_t owner, size_t size);
