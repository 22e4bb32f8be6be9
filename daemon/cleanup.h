/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Owning locals: SB_CLEANUP(sb_message_free) struct sb_message *m = …; frees m when the block ends,
 * on every way out. SB_STEAL(m) hands it on.
 */
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/** The cleanup function @type_free##p for a destructor that takes a pointer and returns NULL. */
#define SB_DEFINE_CLEANUP(type, destroy)                    \
	static inline void destroy##_cleanup(type *pointer) \
	{                                                   \
		if (*pointer)                               \
			(void)destroy(*pointer);            \
	}

#define SB_CLEANUP(destroy) __attribute__((cleanup(destroy##_cleanup)))

/** The value of @pointer, which is NULL from now on: its owner has changed. */
#define SB_STEAL(pointer)                           \
	({                                          \
		__typeof__(pointer) _p = (pointer); \
		(pointer) = NULL;                   \
		_p;                                 \
	})

#define sb_container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer) - (offsetof(type, member))))

#define SB_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static inline void sb_free_cleanup(void *pointer)
{
	free(*(void **)pointer);
}

static inline void sb_close_cleanup(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
