/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host.h"

/* What a plugin may take of memory, bytes: no plugin needs a tenth of it. */
const uint64_t memory_max = 64 * 1024 * 1024;
