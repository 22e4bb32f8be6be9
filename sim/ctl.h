/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The client of the control socket: skybus-sim ctl SOCKET ORDER
 */
int sim_ctl(int argc, char **argv);
