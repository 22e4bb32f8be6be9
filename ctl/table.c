/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables by libsmartcols, which knows how wide characters are and what the terminal has room for.
 */
#include <libsmartcols/libsmartcols.h>
#include <string.h>

#include "ctl/cleanup.h"
#include "ctl/output.h"
#include "ctl/text.h"

static inline void scols_unref_table_ctl_cleanup(struct libscols_table **table)
{
	scols_unref_table(*table);
}

/* A column that gives way has this part of the terminal, if that is too narrow for all. */
#define PART 0.3

static bool is_number(enum ctl_form form)
{
	return form == CTL_NUMBER || form == CTL_BYTES;
}

static int add_columns(struct libscols_table *table, const struct ctl_column *columns,
		       size_t n_columns)
{
	for (size_t i = 0; i < n_columns; i++) {
		int flags = 0;

		if (!columns[i].heading)
			continue;
		if (is_number(columns[i].form))
			flags |= SCOLS_FL_RIGHT;
		if (columns[i].gives_way)
			flags |= SCOLS_FL_WRAP;
		if (!scols_table_new_column(table, columns[i].heading,
					    columns[i].gives_way ? PART : 0, flags))
			return -1;
	}

	return 0;
}

static int add_row(struct libscols_table *table, const struct ctl *ctl,
		   const struct ctl_column *columns, size_t n_columns, const json_t *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	uint64_t now = ctl_text_now();
	size_t n = 0;
	int r = line ? 0 : -1;

	for (size_t i = 0; i < n_columns && r == 0; i++) {
		CTL_CLEANUP(free) char *text = NULL;

		if (!columns[i].heading)
			continue;
		text = ctl_text_of(json_object_get(row, columns[i].key), columns[i].form, now);
		r = text ? scols_line_set_data(line, n, text) : -1;
		if (r == 0 && columns[i].form == CTL_STATE && ctl->colour)
			r = scols_cell_set_color(scols_line_get_cell(line, n),
						 ctl_colour(ctl, ctl_colour_of_state(text)));
		n++;
	}

	return r;
}

/**
 * ctl_print_table() - rows as a table, or with --json as they are
 * @columns: what of the rows is shown, in this order
 * @n_columns: how many
 * @rows: an array of objects
 *
 * Return: CTL_EXIT_OK, or what to end with when that was said.
 */
enum ctl_exit ctl_print_table(const struct ctl *ctl, const struct ctl_column *columns,
			      size_t n_columns, json_t *rows)
{
	CTL_CLEANUP(scols_unref_table) struct libscols_table *table = NULL;
	const json_t *row;
	size_t i;

	if (ctl->json)
		return ctl_print_json(rows, true);
	if (json_array_size(rows) == 0)
		return CTL_EXIT_OK;

	table = scols_new_table();
	if (!table || add_columns(table, columns, n_columns) < 0)
		return ctl_no_memory();
	(void)scols_table_enable_colors(table, ctl->colour);
	json_array_foreach(rows, i, row)
		if (add_row(table, ctl, columns, n_columns, row) < 0)
			return ctl_no_memory();
	(void)fflush(stdout);
	if (scols_print_table(table) != 0)
		return ctl_no_memory();

	return CTL_EXIT_OK;
}

/**
 * ctl_print_fields() - one row, a line for each column, or with --json as it is
 *
 * Return: as ctl_print_table().
 */
enum ctl_exit ctl_print_fields(const struct ctl *ctl, const struct ctl_column *columns,
			       size_t n_columns, const json_t *row)
{
	uint64_t now = ctl_text_now();
	size_t width = 0;

	if (ctl->json)
		return ctl_print_json(row, true);
	for (size_t i = 0; i < n_columns; i++)
		if (columns[i].heading && strlen(columns[i].heading) > width)
			width = strlen(columns[i].heading);

	for (size_t i = 0; i < n_columns; i++) {
		CTL_CLEANUP(free) char *text = NULL;
		bool is_state = columns[i].form == CTL_STATE;

		if (!columns[i].heading)
			continue;
		text = ctl_text_of(json_object_get(row, columns[i].key), columns[i].form, now);
		if (!text)
			return ctl_no_memory();
		(void)printf("%*s: %s%s%s\n", (int)width, columns[i].heading,
			     is_state ? ctl_colour(ctl, ctl_colour_of_state(text)) : "", text,
			     is_state ? ctl_colour(ctl, CTL_PLAIN) : "");
	}

	return CTL_EXIT_OK;
}
