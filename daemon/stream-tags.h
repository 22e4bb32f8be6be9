/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a stream has handed in and not heard of yet: its messages on their way to disk, and its answers. Each
 * has a place, which is the userdata of the completion to come. The stream may go first: then the
 * completion, if it still comes, has nobody to tell.
 */
#include <stddef.h>
#include <stdint.h>

struct sb_stream_tags;

/** How many a stream may have on their way, and how many bytes of topics and payloads. */
#define SB_STREAM_TAGS_MAX 256
#define SB_STREAM_TAGS_BYTES_MAX (1024 * 1024)

struct sb_stream_tag;

struct sb_stream_tags *sb_stream_tags_new(void *stream);
struct sb_stream_tags *sb_stream_tags_free(struct sb_stream_tags *tags);
size_t sb_stream_tags_used(const struct sb_stream_tags *tags);
size_t sb_stream_tags_bytes(const struct sb_stream_tags *tags);

struct sb_stream_tag *sb_stream_tag_new(struct sb_stream_tags *tags, uint64_t number, size_t bytes);
void *sb_stream_tag_end(struct sb_stream_tag *tag, uint64_t *ret_number);
