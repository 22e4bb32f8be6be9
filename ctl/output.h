/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What people and programs see on standard output: JSON or tables, colour on a terminal, a pager for what is
 * long. Text that comes from outside (topics, sentences of a cloud) is printed without control characters.
 */
#include <jansson.h>

#include "ctl/ctl.h"

/** enum ctl_colour - what a word means; without colour it is the word alone */
enum ctl_colour {
	CTL_PLAIN,
	CTL_GOOD,
	CTL_BAD,
	CTL_WAITING,
	CTL_FAINT,
	CTL_BOLD,
};

/** enum ctl_form - how a value of a column is shown to people */
enum ctl_form {
	CTL_TEXT,
	CTL_STATE, /* of a link or a message, with its colour */
	CTL_NUMBER,
	CTL_BYTES,
	CTL_AGO, /* microseconds since 1970, as how long ago */
	CTL_DATE, /* microseconds since 1970 */
	CTL_USER, /* a uid */
	CTL_YES, /* a boolean */
};

/** struct ctl_column - of a table; @key is that of the JSON objects which are its rows */
struct ctl_column {
	const char *key;
	const char *heading; /* NULL for one that only programs see */
	enum ctl_form form;
	bool gives_way; /* goes on in the next line where the terminal is narrow */
};

void ctl_output_init(struct ctl *ctl);
void ctl_output_pager(const struct ctl *ctl);
enum ctl_exit ctl_output_done(void);

const char *ctl_colour(const struct ctl *ctl, enum ctl_colour colour);
enum ctl_colour ctl_colour_of_state(const char *state);

enum ctl_exit ctl_print_json(const json_t *value, bool pretty);
enum ctl_exit ctl_print_table(const struct ctl *ctl, const struct ctl_column *columns,
			      size_t n_columns, json_t *rows);
enum ctl_exit ctl_print_fields(const struct ctl *ctl, const struct ctl_column *columns,
			       size_t n_columns, const json_t *row);
void ctl_print_line(const char *text);
