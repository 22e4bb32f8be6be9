/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text for people who are not to know everything: what names the devices is replaced wherever it stands, and what
 * looks like a secret is masked, whoever has written it.
 */
#include <jansson.h>
#include <stddef.h>

struct ctl_redaction;

int ctl_redaction_new(struct ctl_redaction **ret);
struct ctl_redaction *ctl_redaction_free(struct ctl_redaction *redaction);
int ctl_redaction_hide(struct ctl_redaction *redaction, const char *word);
int ctl_redaction_learn_links(struct ctl_redaction *redaction, const json_t *links);
int ctl_redaction_learn_settings(struct ctl_redaction *redaction, const char *yaml);
char *ctl_redact(const struct ctl_redaction *redaction, const char *text);
