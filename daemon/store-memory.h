/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What each link remembers, as last put, without asking the disk. It belongs to the loop's thread.
 */
#include <stddef.h>

#include "daemon/store.h"

/** struct sb_store_memory - embedded in the store */
struct sb_store_memory {
	void *links; /* tsearch(3) */
};

void sb_store_memory_done(struct sb_store_memory *memory);
int sb_store_memory_put(struct sb_store_memory *memory, const char *link, const char *key,
			const void *data, size_t len);
void sb_store_memory_remove(struct sb_store_memory *memory, const char *link, const char *key);
const uint8_t *sb_store_memory_get(const struct sb_store_memory *memory, const char *link,
				   const char *key, size_t *ret_len);
