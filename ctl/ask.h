/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Questions to whoever sits at the terminal, or writes into our standard input. Questions go to standard error, so
 * that standard output has what came of it alone.
 */
#include <stdbool.h>

#include "ctl/ctl.h"

void ctl_ask_begin(void);
void ctl_ask_end(void);
bool ctl_ask_stopped(void);
void ctl_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
enum ctl_exit ctl_ask(const char *question, char **ret);
enum ctl_exit ctl_ask_secret(const char *question, char **ret);
enum ctl_exit ctl_ask_yes(const char *question, bool *ret);
