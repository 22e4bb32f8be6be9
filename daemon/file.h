/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A small file, read whole and once: the configuration, a secret.
 */
#include <stddef.h>

int sb_file_read(int fd, size_t max, char **ret, size_t *ret_len);
