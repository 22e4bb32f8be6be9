/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A trial: cases that are run in a child, so that whatever the plugin does to it is a finding and not the
 * end. After a case that ended its child the next one goes on in a new child.
 *
 * The child watches each call into the plugin: system calls that a plugin must not make, signals, memory
 * that is only lent, the plugin's static data, text on standard output and error, and time.
 */
#include <stdbool.h>
#include <stddef.h>

#include "check/finding.h"

#define CHECK_BOARD_SIZE 4096

struct check_plugin;
struct skybus_link;

typedef void check_run_fn(void *arg, size_t i);

void check_run(struct check_plugin *plugin, struct check_findings *findings, check_run_fn *run,
	       void *arg, size_t n);
void check_run_loading(struct check_plugin *plugin, struct check_findings *findings,
		       check_run_fn *run, void *arg);

/* For the cases, in the child. */
void check_when(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check_fault(const char *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool check_muted(void);
void check_link_fault(const struct skybus_link *link);
size_t check_growth(void (*run)(void *arg), void *arg, unsigned int n);
void check_case(void (*run)(void *arg), void *arg);
void *check_board(void);
bool check_calls_watched(void);
