/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How a message ended, as a line of output and as what skybusctl ends with.
 */
#include <stdint.h>

#include "ctl/ctl.h"

/** struct ctl_outcome - the texts are somebody else's */
struct ctl_outcome {
	uint64_t ticket;
	const char *outcome; /* "delivered" */
	const char *code; /* "2.04"; "" for none */
	const char *reason; /* a sentence; "" for none */
};

enum ctl_exit ctl_outcome_exit(const char *outcome);
enum ctl_exit ctl_outcome_print(const struct ctl *ctl, const struct ctl_outcome *outcome);
