/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Processes, by number. The number of one that has ended is given to others. A pidfd stays with its process: while
 * that is alive it has its number, and what was said of the number meanwhile is about it.
 */
#include <stdbool.h>
#include <stdint.h>

/**
 * struct sb_process - a process as somebody tells of it
 * @pid: its number; 0 if that was not told
 * @fd: a pidfd, pidfd_open(2); -1 for none
 */
struct sb_process {
	uint32_t pid;
	int fd;
};

int sb_process_hold(const struct sb_process *told, struct sb_process *ret);
void sb_process_done(struct sb_process *process);
bool sb_process_has_ended(const struct sb_process *process);
