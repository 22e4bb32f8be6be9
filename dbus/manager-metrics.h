/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The method of io.skybus.Gateway1.Manager that shows what is measured. Its userdata is a struct sb_manager.
 */
#include <systemd/sd-bus.h>

int sb_manager_metrics_list(sd_bus_message *call, void *userdata, sd_bus_error *error);
