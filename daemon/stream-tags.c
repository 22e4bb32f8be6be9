/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The places are allocated all at once with the stream, so that a message costs no allocation here.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "daemon/stream-tags.h"

struct sb_stream_tag {
	struct sb_stream_tags *tags;
	uint64_t number;
	size_t bytes;
	SLIST_ENTRY(sb_stream_tag) free_entry; /* while it is not in use */
};

struct sb_stream_tags {
	void *stream; /* NULL when it has gone */
	size_t used;
	size_t bytes;
	SLIST_HEAD(, sb_stream_tag) unused;
	LIST_ENTRY(sb_stream_tags) entry; /* of orphans, when the stream has gone */
	struct sb_stream_tag all[SB_STREAM_TAGS_MAX];
};

/*
 * Those whose stream has gone, while completions still hold places in them. Whether these will come is not
 * ours to know (a store may be closed with jobs in it), so they can be neither freed nor forgotten.
 */
static LIST_HEAD(, sb_stream_tags) orphans = LIST_HEAD_INITIALIZER(orphans);

/**
 * sb_stream_tags_new() - room for all that a stream may have on its way
 * @stream: what sb_stream_tag_end() returns
 *
 * Return: the places, the caller's; NULL without memory.
 */
struct sb_stream_tags *sb_stream_tags_new(void *stream)
{
	struct sb_stream_tags *tags = calloc(1, sizeof(*tags));

	if (!tags)
		return NULL;
	tags->stream = stream;
	for (size_t i = 0; i < SB_STREAM_TAGS_MAX; i++) {
		tags->all[i].tags = tags;
		SLIST_INSERT_HEAD(&tags->unused, &tags->all[i], free_entry);
	}

	return tags;
}

/**
 * sb_stream_tags_free() - the stream goes; what is on its way has nobody to tell
 * @tags: may be NULL
 *
 * Return: NULL.
 */
struct sb_stream_tags *sb_stream_tags_free(struct sb_stream_tags *tags)
{
	if (!tags)
		return NULL;

	tags->stream = NULL;
	if (tags->used > 0)
		LIST_INSERT_HEAD(&orphans, tags, entry);
	else
		free(tags);

	return NULL;
}

/**
 * sb_stream_tags_used() - how many are on their way
 * @tags: the places
 *
 * Return: the number.
 */
size_t sb_stream_tags_used(const struct sb_stream_tags *tags)
{
	return tags->used;
}

/**
 * sb_stream_tags_bytes() - how much is on its way
 * @tags: the places
 *
 * Return: bytes.
 */
size_t sb_stream_tags_bytes(const struct sb_stream_tags *tags)
{
	return tags->bytes;
}

/**
 * sb_stream_tag_new() - something goes on its way
 * @tags: of which fewer than SB_STREAM_TAGS_MAX are used
 * @number: under which the app knows it
 * @bytes: its size
 *
 * Return: the place, the completion's.
 */
struct sb_stream_tag *sb_stream_tag_new(struct sb_stream_tags *tags, uint64_t number, size_t bytes)
{
	struct sb_stream_tag *tag = SLIST_FIRST(&tags->unused);

	assert(tag);
	SLIST_REMOVE_HEAD(&tags->unused, free_entry);
	tag->number = number;
	tag->bytes = bytes;
	tags->used++;
	tags->bytes += bytes;

	return tag;
}

/**
 * sb_stream_tag_end() - the completion has come, or will not
 * @tag: ends
 * @ret_number: under which the app knows it; may be NULL
 *
 * Return: the stream; NULL if it has gone.
 */
void *sb_stream_tag_end(struct sb_stream_tag *tag, uint64_t *ret_number)
{
	struct sb_stream_tags *tags = tag->tags;
	void *stream = tags->stream;

	if (ret_number)
		*ret_number = tag->number;
	tags->used--;
	tags->bytes -= tag->bytes;
	SLIST_INSERT_HEAD(&tags->unused, tag, free_entry);
	if (!stream && tags->used == 0) {
		LIST_REMOVE(tags, entry);
		free(tags);
	}

	return stream;
}
