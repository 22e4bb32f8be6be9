/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Owning locals: SIM_CLEANUP(free) frees the pointer when the block ends, on every way out.
 * The simulator has its own, because the clouds share nothing with what they are there to test.
 */
#include <stdlib.h>

#define SIM_CLEANUP(destroy) __attribute__((cleanup(sim_##destroy##_cleanup)))

#define sim_container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer) - (offsetof(type, member))))

#define SIM_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static inline void sim_free_cleanup(void *pointer)
{
	free(*(void **)pointer);
}
