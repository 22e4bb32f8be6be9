/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON and CBOR, the two encodings of Aliyun, seen as one: a jansson value. And what is in a JSON document as
 * it is written, for what is to be passed on without a change.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** struct aliyun_piece - a piece of a JSON document, lent with it */
struct aliyun_piece {
	const char *text;
	size_t len; /* bytes */
};

/** struct aliyun_walk - the way along an object or an array */
struct aliyun_walk {
	const char *at;
	const char *end;
	bool has_keys;
};

json_t *aliyun_document_read(uint32_t format, const uint8_t *data, size_t len);
int aliyun_document_write(uint32_t format, const json_t *object, char **ret_data, size_t *ret_len);
const char *aliyun_document_text(const json_t *object, const char *key, size_t max_len);
bool aliyun_document_is_utf8(const json_t *text);
void aliyun_document_wipe(json_t *object, const char *key);

void aliyun_walk_begin(struct aliyun_walk *walk, const struct aliyun_piece *container);
bool aliyun_walk_next(struct aliyun_walk *walk, struct aliyun_piece *ret_key,
		      struct aliyun_piece *ret_value);
