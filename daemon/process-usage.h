/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the kernel counts of this process. Read from the kernel's memory: no disk is touched.
 */

double sb_process_cpu_seconds(void);
double sb_process_resident_bytes(void);
double sb_process_open_fds(void);
double sb_process_start_seconds(void);
