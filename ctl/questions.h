/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The questions for the settings of a link, out of the daemon's tables.
 */
#include "ctl/draft.h"

enum ctl_exit ctl_questions(struct ctl *ctl, struct ctl_draft *draft, const char *plugin);
