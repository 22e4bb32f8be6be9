/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the rows of commands.c do; each is in the file that is named like its command or its noun.
 */
#include "ctl/ctl.h"

enum ctl_exit ctl_run_help(struct ctl *ctl);
enum ctl_exit ctl_run_complete(struct ctl *ctl);
enum ctl_exit ctl_run_status(struct ctl *ctl);
enum ctl_exit ctl_run_link_show(struct ctl *ctl);
enum ctl_exit ctl_run_link_connect(struct ctl *ctl);
enum ctl_exit ctl_run_link_disconnect(struct ctl *ctl);
enum ctl_exit ctl_run_link_reauth(struct ctl *ctl);
enum ctl_exit ctl_run_publish(struct ctl *ctl);
enum ctl_exit ctl_run_request(struct ctl *ctl);
enum ctl_exit ctl_run_subscribe(struct ctl *ctl);
enum ctl_exit ctl_run_monitor(struct ctl *ctl);
enum ctl_exit ctl_run_ticket(struct ctl *ctl);
enum ctl_exit ctl_run_cancel(struct ctl *ctl);
enum ctl_exit ctl_run_dead_list(struct ctl *ctl);
enum ctl_exit ctl_run_dead_show(struct ctl *ctl);
enum ctl_exit ctl_run_dead_requeue(struct ctl *ctl);
enum ctl_exit ctl_run_dead_discard(struct ctl *ctl);
enum ctl_exit ctl_run_losses(struct ctl *ctl);
enum ctl_exit ctl_run_inboxes(struct ctl *ctl);
enum ctl_exit ctl_run_metrics(struct ctl *ctl);
enum ctl_exit ctl_run_plugins(struct ctl *ctl);
enum ctl_exit ctl_run_plugins_show(struct ctl *ctl);
enum ctl_exit ctl_run_plugins_new(struct ctl *ctl);
enum ctl_exit ctl_run_plugins_lift(struct ctl *ctl);
enum ctl_exit ctl_run_config_check(struct ctl *ctl);
enum ctl_exit ctl_run_config_show(struct ctl *ctl);
enum ctl_exit ctl_run_config_init(struct ctl *ctl);
enum ctl_exit ctl_run_reload(struct ctl *ctl);
enum ctl_exit ctl_run_doctor(struct ctl *ctl);
