/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dead letters: messages that were rejected. They are kept with their payload, so that a person can look at
 * them, send them again when what was wrong is mended, or throw them away.
 */
#include <stddef.h>
#include <stdint.h>

#include "daemon/gateway.h"
#include "daemon/outbox.h"

/** A letter was thrown away (@error NULL), or could not be. */
typedef void sb_letter_done_fn(void *userdata, const struct sb_error *error);

/** The most letters that are listed at once. */
#define SB_LETTERS_MAX 256

int sb_letters_list(struct sb_gateway *gateway, const char *link, uint64_t after_ticket,
		    sb_store_records_fn *done, void *userdata);
int sb_letters_read(struct sb_gateway *gateway, uint64_t ticket, sb_store_records_fn *done,
		    void *userdata);
int sb_letters_requeue(struct sb_gateway *gateway, uint64_t ticket, const char *sender,
		       uint32_t owner, sb_published_fn *done, void *userdata);
int sb_letters_discard(struct sb_gateway *gateway, uint64_t ticket, sb_letter_done_fn *done,
		       void *userdata);
