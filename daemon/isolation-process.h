/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A plugin's process, skybus-plugin-host, as the daemon has it: how it comes, what is sent and received, and how
 * it ends. It inherits its end of a socket and the plugin's file, and nothing else.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/isolation-pack.h"

/**
 * struct sb_plugin_process - one that runs, or has ended and is not reaped yet
 * @number: as the kernel has it
 * @fd: a pidfd; -1 when there is no process
 * @socket: our end
 * @unsent: what its socket had no room for
 * @unsent_bytes: of them
 */
struct sb_plugin_process {
	pid_t number;
	int fd;
	int socket;
	struct sb_packets unsent;
	size_t unsent_bytes;
};

void sb_plugin_process_init(struct sb_plugin_process *process);
int sb_plugin_process_start(struct sb_plugin_process *process, const char *program,
			    const char *plugin, int file);
int sb_plugin_process_send(struct sb_plugin_process *process, const struct sb_packer *packet);
int sb_plugin_process_flush(struct sb_plugin_process *process);
int sb_plugin_process_receive(struct sb_plugin_process *process, struct sb_packet **ret);
void sb_plugin_process_wait(struct sb_plugin_process *process, uint64_t usec);
void sb_plugin_process_kill(struct sb_plugin_process *process);
bool sb_plugin_process_reap(struct sb_plugin_process *process, int patience_ms, siginfo_t *ret);
void sb_plugin_process_forget(struct sb_plugin_process *process);
