/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "sim/random.h"

/** How many numbers a sequence takes to forget that its seed was like another. */
#define WARM_UP 16

/* Of the nrand48() family. */
static unsigned short state[3];

/**
 * sim_random_seed() - begin a sequence
 * @seed: the same one gives the same sequence; its lower 48 bits count
 */
void sim_random_seed(uint64_t seed)
{
	for (size_t i = 0; i < 3; i++)
		state[i] = (unsigned short)(seed >> (16 * i));
	for (size_t i = 0; i < WARM_UP; i++)
		(void)sim_random();
}

/**
 * sim_random() - the next number
 *
 * Return: 32 bits.
 */
uint32_t sim_random(void)
{
	return (uint32_t)jrand48(state);
}

/**
 * sim_random_text() - a text of random characters
 * @alphabet: which ones; not empty
 * @ret_text: filled, and ended by zero
 * @size: of @ret_text, at least 1
 */
void sim_random_text(const char *alphabet, char *ret_text, size_t size)
{
	size_t n = strlen(alphabet);

	for (size_t i = 0; i + 1 < size; i++)
		ret_text[i] = alphabet[sim_random() % n];
	ret_text[size - 1] = '\0';
}
