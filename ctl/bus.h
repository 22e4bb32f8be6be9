/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Calls of the daemon. Whatever goes wrong is said on standard error in a sentence, the daemon's own where it
 * has one, and becomes what skybusctl ends with; so commands only pass it on.
 */
#include <jansson.h>

#include "ctl/body.h"
#include "ctl/cleanup.h"
#include "ctl/ctl.h"

#define CTL_NAME "io.skybus.Gateway1"
#define CTL_ROOT "/io/skybus/Gateway1"
#define CTL_MANAGER CTL_NAME ".Manager"
#define CTL_LINK CTL_NAME ".Link"
#define CTL_ERROR CTL_NAME ".Error."

enum ctl_exit ctl_bus_open(struct ctl *ctl);
void ctl_bus_close(struct ctl *ctl);
enum ctl_exit ctl_bus_fail_at(const struct ctl *ctl, const char *where, const sd_bus_error *error,
			      int r);
enum ctl_exit ctl_bus_fail(const struct ctl *ctl, const sd_bus_error *error, int r);
int ctl_new_call(const struct ctl *ctl, const char *path, const char *interface, const char *member,
		 sd_bus_message **ret);
int ctl_try(const struct ctl *ctl, const char *interface, const char *member,
	    sd_bus_error *ret_error, sd_bus_message **ret, const char *types, ...);
enum ctl_exit ctl_call(struct ctl *ctl, const char *path, const char *interface, const char *member,
		       sd_bus_message **ret, const char *types, ...);
enum ctl_exit ctl_manager(struct ctl *ctl, const char *member, sd_bus_message **ret,
			  const char *types, ...);
enum ctl_exit ctl_value(struct ctl *ctl, const char *path, const char *interface,
			const char *member, json_t **ret, const char *types, ...);
enum ctl_exit ctl_properties(struct ctl *ctl, const char *path, const char *interface,
			     json_t **ret);
enum ctl_exit ctl_no_reply(int r);
enum ctl_exit ctl_not_utf8(void);
void ctl_patience(struct ctl *ctl, uint64_t usec);
