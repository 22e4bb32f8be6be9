/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Descriptors below 1024 are left to DTLS, which can use no others: daemon/transport-session.c. What there may be
 * many of is moved out of its way.
 */

int sb_descriptor_move_up(int fd);
