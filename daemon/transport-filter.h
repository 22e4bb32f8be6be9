/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A socket that hears certain networks only. Between the parts of the transport; nobody else includes
 * this.
 */
#include "daemon/networks.h"

int sb_filter_attach(int fd, const struct sb_networks *from);
