/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The checks, each in the file of its noun.
 */
#include "check/check.h"

void check_file(struct check_plugin *plugin, struct check_outcome *outcome);
void check_symbols(struct check_plugin *plugin, struct check_outcome *outcome);
void check_attach(struct check_plugin *plugin, struct check_outcome *outcome);
void check_login(struct check_plugin *plugin, struct check_outcome *outcome);
void check_answers(struct check_plugin *plugin, struct check_outcome *outcome);
void check_refusals(struct check_plugin *plugin, struct check_outcome *outcome);
void check_detach(struct check_plugin *plugin, struct check_outcome *outcome);
void check_messages(struct check_plugin *plugin, struct check_outcome *outcome);
void check_verdicts(struct check_plugin *plugin, struct check_outcome *outcome);
void check_commands(struct check_plugin *plugin, struct check_outcome *outcome);
void check_links(struct check_plugin *plugin, struct check_outcome *outcome);

void check_gap(struct check_outcome *outcome, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
