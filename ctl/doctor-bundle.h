/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * "skybusctl doctor --bundle FILE": an archive for a bug report.
 */
#include "ctl/ctl.h"

enum ctl_exit ctl_doctor_bundle(struct ctl *ctl, const char *path);
