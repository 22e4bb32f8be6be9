/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * In a trial's child: what is watched around each call of the plugin.
 */
#include <stdbool.h>

#include "check/death.h"
#include "check/image.h"

/** What one call may take: of processor time, and of any time. */
#define CHECK_CPU_S 4
#define CHECK_WALL_S 30

/** The status with which a child ends in a signal handler. */
#define CHECK_DIED 111

int check_watch_output(void);
void check_watch(struct check_image *image, struct check_death *death, int output);
void check_watch_forget(void);
void check_watch_clocks(unsigned int cpu_s);
void check_watch_printed(int output, char *ret, size_t size);
