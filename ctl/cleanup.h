/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Owning locals: CTL_CLEANUP(free) char *text = …; frees it when the block ends, on every way out.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define CTL_DEFINE_CLEANUP(type, destroy)                       \
	static inline void destroy##_ctl_cleanup(type *pointer) \
	{                                                       \
		if (*pointer)                                   \
			(void)destroy(*pointer);                \
	}

#define CTL_CLEANUP(destroy) __attribute__((cleanup(destroy##_ctl_cleanup)))

#define CTL_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static inline void free_ctl_cleanup(void *pointer)
{
	free(*(void **)pointer);
}

static inline void json_decref_ctl_cleanup(json_t **pointer)
{
	json_decref(*pointer);
}

CTL_DEFINE_CLEANUP(FILE *, fclose)
CTL_DEFINE_CLEANUP(sd_bus_message *, sd_bus_message_unref)
