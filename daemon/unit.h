/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which systemd unit a process belongs to. Only units of the system count: those of a user's own manager
 * may have whatever name that user likes, and are all seen as user@UID.service.
 */
#include <stdint.h>
#include <sys/types.h>

int sb_unit_of_process(int process, uint32_t uid, char **ret);
int sb_unit_of_pid(pid_t pid, uint32_t uid, char **ret);
