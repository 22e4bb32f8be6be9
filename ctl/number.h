/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Numbers and spans of time on the command line.
 */
#include <stdint.h>

#include "ctl/ctl.h"

#define CTL_USEC_PER_SEC UINT64_C(1000000)

enum ctl_exit ctl_number(const char *text, const char *what, uint64_t *ret);
enum ctl_exit ctl_span(const char *text, const char *what, uint64_t *ret_usec);
enum ctl_exit ctl_span_option(const struct ctl *ctl, const char *name, uint64_t *usec);
uint64_t ctl_clock(void);
