/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The control socket: a Unix stream socket for its owner alone, one order a line, one reply a line.
 */
struct sim_control;
struct sim_world;

/** The longest order, with its newline, in bytes. */
#define SIM_CONTROL_LINE_MAX 16384

int sim_control_new(struct sim_world *world, const char *path, struct sim_control **ret);
struct sim_control *sim_control_free(struct sim_control *control);
