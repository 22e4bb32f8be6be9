/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link that comes back, because its configuration has changed, finds here what its predecessor put
 * a moment ago; on disk that may still be on its way. Values may be secrets and are wiped.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/cleanup.h"
#include "daemon/store-memory.h"

struct value {
	TAILQ_ENTRY(value) entry;
	char *key;
	void *data;
	size_t len;
};

struct remembered {
	char *link;
	TAILQ_HEAD(, value) values;
	size_t n_values;
};

static struct value *value_free(struct value *value)
{
	if (!value)
		return NULL;

	if (value->data)
		explicit_bzero(value->data, value->len);
	free(value->data);
	free(value->key);
	free(value);

	return NULL;
}

SB_DEFINE_CLEANUP(struct value *, value_free)

static struct value *value_new(const char *key, const void *data, size_t len)
{
	SB_CLEANUP(value_free) struct value *value = calloc(1, sizeof(*value));

	if (!value)
		return NULL;
	value->key = strdup(key);
	value->data = malloc(len > 0 ? len : 1);
	if (!value->key || !value->data)
		return NULL;
	if (len > 0)
		memcpy(value->data, data, len);
	value->len = len;

	return SB_STEAL(value);
}

static struct remembered *remembered_free(struct remembered *remembered)
{
	struct value *value;

	if (!remembered)
		return NULL;

	while ((value = TAILQ_FIRST(&remembered->values))) {
		TAILQ_REMOVE(&remembered->values, value, entry);
		(void)value_free(value);
	}
	free(remembered->link);
	free(remembered);

	return NULL;
}

SB_DEFINE_CLEANUP(struct remembered *, remembered_free)

static int compare(const void *a, const void *b)
{
	const struct remembered *left = a;
	const struct remembered *right = b;

	return strcmp(left->link, right->link);
}

static struct remembered *find(const struct sb_store_memory *memory, const char *link)
{
	struct remembered key = { .link = (char *)link };
	struct remembered **node = tfind(&key, &memory->links, compare);

	return node ? *node : NULL;
}

static struct remembered *find_or_add(struct sb_store_memory *memory, const char *link)
{
	SB_CLEANUP(remembered_free) struct remembered *added = NULL;
	struct remembered *known = find(memory, link);

	if (known)
		return known;

	added = calloc(1, sizeof(*added));
	if (!added)
		return NULL;
	TAILQ_INIT(&added->values);
	added->link = strdup(link);
	if (!added->link || !tsearch(added, &memory->links, compare))
		return NULL;

	return SB_STEAL(added);
}

static struct value *find_value(const struct remembered *remembered, const char *key)
{
	struct value *value;

	TAILQ_FOREACH(value, &remembered->values, entry)
		if (strcmp(value->key, key) == 0)
			return value;

	return NULL;
}

static void drop_link(void *remembered)
{
	(void)remembered_free(remembered);
}

/**
 * sb_store_memory_done() - forget everything
 * @memory: zeroed, or in use
 */
void sb_store_memory_done(struct sb_store_memory *memory)
{
	tdestroy(memory->links, drop_link);
	memory->links = NULL;
}

/**
 * sb_store_memory_put() - remember a value
 * @memory: the memory
 * @link: whose it is
 * @key: its name; a value of the same name is replaced
 * @data: @len bytes, copied
 * @len: bytes
 *
 * Return: 0; -ENOSPC when there are SB_MEMORY_VALUES_MAX others, or -ENOMEM, and nothing has changed.
 */
int sb_store_memory_put(struct sb_store_memory *memory, const char *link, const char *key,
			const void *data, size_t len)
{
	SB_CLEANUP(value_free) struct value *value = value_new(key, data, len);
	struct remembered *remembered = find_or_add(memory, link);

	if (!value || !remembered)
		return -ENOMEM;
	if (remembered->n_values >= SB_MEMORY_VALUES_MAX && !find_value(remembered, key))
		return -ENOSPC;
	sb_store_memory_remove(memory, link, key);
	TAILQ_INSERT_TAIL(&remembered->values, value, entry);
	remembered->n_values++;
	(void)SB_STEAL(value);

	return 0;
}

/**
 * sb_store_memory_remove() - forget a value
 * @memory: the memory
 * @link: whose it is
 * @key: its name
 */
void sb_store_memory_remove(struct sb_store_memory *memory, const char *link, const char *key)
{
	struct remembered *remembered = find(memory, link);
	struct value *value = remembered ? find_value(remembered, key) : NULL;

	if (!value)
		return;
	TAILQ_REMOVE(&remembered->values, value, entry);
	remembered->n_values--;
	(void)value_free(value);
}

/**
 * sb_store_memory_get() - a value
 * @memory: the memory
 * @link: whose it is
 * @key: its name
 * @ret_len: bytes, set when there is one
 *
 * Return: lent until the memory of this link changes; NULL when there is none.
 */
const uint8_t *sb_store_memory_get(const struct sb_store_memory *memory, const char *link,
				   const char *key, size_t *ret_len)
{
	const struct remembered *remembered = find(memory, link);
	const struct value *value = remembered ? find_value(remembered, key) : NULL;

	if (!value)
		return NULL;
	*ret_len = value->len;

	return value->data;
}
