/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the store knows of each link without asking the disk: the values of its memory as last put,
 * and what waited when the store was opened. It belongs to the loop's thread.
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
int sb_store_memory_set_backlog(struct sb_store_memory *memory, const char *link,
				const struct sb_backlog *backlog);
void sb_store_memory_each_backlog(const struct sb_store_memory *memory, sb_store_backlog_fn *each,
				  void *userdata);
void sb_store_memory_backlog(const struct sb_store_memory *memory, const char *link,
			     struct sb_backlog *ret);
