/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that survives a restart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/scripted-private.h"

#define KEY_LEN_MAX 64
#define VALUE_LEN_MAX 4096
#define ENTRIES_MAX 64

static struct scripted_entry *find_entry(struct skybus_link *link, const char *key)
{
	struct scripted_entry *entry;

	TAILQ_FOREACH(entry, &link->store, entry) {
		if (strcmp(entry->key, key) == 0)
			return entry;
	}

	return NULL;
}

/**
 * scripted_remove_entry() - take an entry out of the store
 * @link: its link
 * @entry: gone afterwards; may be NULL
 */
void scripted_remove_entry(struct skybus_link *link, struct scripted_entry *entry)
{
	if (!entry)
		return;
	TAILQ_REMOVE(&link->store, entry, entry);
	free(entry->key);
	free(entry->value);
	free(entry);
}

static void add_entry(struct skybus_link *link, const char *key, const void *data, uint32_t len)
{
	struct scripted_entry *entry = scripted_need(calloc(1, sizeof(*entry)));

	entry->key = scripted_text(key);
	entry->value = scripted_bytes(data, len);
	entry->len = len;
	TAILQ_INSERT_TAIL(&link->store, entry, entry);
}

static unsigned int count_entries(struct skybus_link *link)
{
	struct scripted_entry *entry;
	unsigned int n = 0;

	TAILQ_FOREACH(entry, &link->store, entry)
		n++;

	return n;
}

static void add_write(struct skybus_link *link, skybus_stored_fn *done, void *tag)
{
	struct scripted_write *write = scripted_need(calloc(1, sizeof(*write)));

	write->done = done;
	write->tag = tag;
	TAILQ_INSERT_TAIL(&link->writes, write, entry);
}

/* What store_get() lent is lent until the next store call. */
static void begin_store_call(struct skybus_link *link, const char *call)
{
	scripted_check_attached(link, call);
	scripted_take_back(link->kept);
	link->kept = NULL;
}

/** scripted_host_store_get() - host->store_get() */
const uint8_t *scripted_host_store_get(struct skybus_link *link, const char *key, uint32_t *ret_len)
{
	struct scripted_entry *entry = find_entry(link, key);

	begin_store_call(link, "store_get");
	*ret_len = entry ? entry->len : 0;
	if (entry)
		link->kept = scripted_lend(link, SCRIPTED_TO_KEEP, "the value from store_get()",
					   entry->value, entry->len);

	return link->kept;
}

/** scripted_host_store_put() - host->store_put() */
int32_t scripted_host_store_put(struct skybus_link *link, const char *key, const void *data,
				uint32_t len, skybus_stored_fn *done, void *tag)
{
	scripted_check_attached(link, "store_put");
	if (link->refuse.store_put < 0)
		return link->refuse.store_put;
	if (key[0] == '\0' || key[0] == '.' || strlen(key) > KEY_LEN_MAX || len > VALUE_LEN_MAX ||
	    (!data && len > 0)) {
		scripted_fault(link,
			       "store_put(\"%s\") was given %u bytes, or that key: keys of 1 to %d "
			       "bytes that begin with no dot are a plugin's, with at most %d bytes",
			       key, len, KEY_LEN_MAX, VALUE_LEN_MAX);
		return -EINVAL;
	}
	if (!find_entry(link, key) && count_entries(link) == ENTRIES_MAX) {
		scripted_fault(link, "store_put() was called for more than %d values", ENTRIES_MAX);
		return -ENOSPC;
	}
	scripted_remove_entry(link, find_entry(link, key));
	add_entry(link, key, data, len);
	begin_store_call(link, "store_put");
	add_write(link, done, tag);

	return 0;
}

/** scripted_host_store_remove() - host->store_remove() */
int32_t scripted_host_store_remove(struct skybus_link *link, const char *key,
				   skybus_stored_fn *done, void *tag)
{
	begin_store_call(link, "store_remove");
	scripted_remove_entry(link, find_entry(link, key));
	add_write(link, done, tag);

	return 0;
}
