/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "plugins/aliyun/aliyun-sequence.h"

/**
 * aliyun_sequence_begin() - begin, with no number reserved yet
 * @sequence: embedded in its owner
 * @first: the first number that may ever be used
 */
void aliyun_sequence_begin(struct aliyun_sequence *sequence, uint64_t first)
{
	*sequence = (struct aliyun_sequence){ .next = first, .end = first };
}

/**
 * aliyun_sequence_ready() - is there a number to take
 * @sequence: begun
 *
 * Return: whether.
 */
bool aliyun_sequence_ready(const struct aliyun_sequence *sequence)
{
	return sequence->next < sequence->end;
}

/**
 * aliyun_sequence_take() - use a number up
 * @sequence: begun
 * @ret: the number
 *
 * Return: 0; -EAGAIN if all that are reserved are used up.
 */
int aliyun_sequence_take(struct aliyun_sequence *sequence, uint64_t *ret)
{
	if (!aliyun_sequence_ready(sequence))
		return -EAGAIN;
	*ret = sequence->next++;

	return 0;
}

/**
 * aliyun_sequence_ask() - is it time to reserve the next block
 * @sequence: begun; counts as being written from now on, until aliyun_sequence_stored()
 *
 * It is when half a block is left, so that the disk has time.
 *
 * Return: the end to put on disk; 0 if there is nothing to do.
 */
uint64_t aliyun_sequence_ask(struct aliyun_sequence *sequence)
{
	if (sequence->asked || sequence->end - sequence->next > ALIYUN_SEQUENCE_BLOCK / 2)
		return 0;
	sequence->asked = sequence->end + ALIYUN_SEQUENCE_BLOCK;

	return sequence->asked;
}

/**
 * aliyun_sequence_stored() - what was asked for is on disk, or could not be written
 * @sequence: being written
 * @stored: whether it is
 */
void aliyun_sequence_stored(struct aliyun_sequence *sequence, bool stored)
{
	if (stored && sequence->asked)
		sequence->end = sequence->asked;
	sequence->asked = 0;
}
