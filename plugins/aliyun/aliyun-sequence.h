/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The sequence numbers of a symmetric session. Each may be used once in a token's life, also if the daemon
 * dies in between. So they are reserved in blocks: a block's end is put on disk before its first number is
 * used, and after a restart they go on behind the last block that was ever reserved.
 */
#include <stdbool.h>
#include <stdint.h>

#define ALIYUN_SEQUENCE_BLOCK 256

/** struct aliyun_sequence - which numbers may be used */
struct aliyun_sequence {
	uint64_t next; /* the next one */
	uint64_t end; /* the first that is not reserved on disk */
	uint64_t asked; /* the end that is being written; 0 for none */
};

void aliyun_sequence_begin(struct aliyun_sequence *sequence, uint64_t first);
bool aliyun_sequence_ready(const struct aliyun_sequence *sequence);
int aliyun_sequence_take(struct aliyun_sequence *sequence, uint64_t *ret);
uint64_t aliyun_sequence_ask(struct aliyun_sequence *sequence);
void aliyun_sequence_stored(struct aliyun_sequence *sequence, bool stored);
